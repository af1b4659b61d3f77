"""What people agree to: approvals, commits, and the clock of the objectives, as others see them."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from .document import Document
from .policy import Approval
from .scalars import Line


class Approve(Document):
    """A person agrees to one plan, in answer to one request."""

    actor: Line
    reason: Line
    plan_hash: Line
    """The plan that was looked at; another one is not approved by it."""
    request: Line
    """The request that is answered, as the status shows it; an older one is not repeated by it."""
    break_glass: bool = False
    """Alone and at once, whoever it is; a review of it becomes due."""


class Reject(Document):
    """A person wants it left undone."""

    actor: Line
    reason: Line


class ApprovalState(StrEnum):
    """What became of a request for approval."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


class GivenApproval(Document):
    """Who agreed, when and why."""

    actor: str
    at: datetime
    reason: str


class Review(Document):
    """What is owed for a broken glass."""

    owner: str
    due: datetime


class ApprovalStatus(Document):
    """A request for approval, as it stands."""

    needed: Approval
    given: tuple[GivenApproval, ...] = ()
    requester: str
    plan_hash: str
    request: str
    """To be handed back with an approval."""
    asked_at: datetime
    expires_at: datetime
    escalated_to: str | None = None
    """Who was asked too, once nobody had answered for long."""
    state: ApprovalState
    sentence: str
    """What is waited for, or how it was decided."""
    break_glass: bool = False
    """One person approved alone."""
    review: Review | None = None


class CommitState(StrEnum):
    """What became of the way back."""

    OPEN = "open"
    COMMITTED = "committed"
    ROLLED_BACK = "rolled_back"


class CommitStatus(Document):
    """A commit window, as it stands."""

    until: datetime
    on_timeout: Literal["commit", "roll_back"]
    state: CommitState
    sentence: str
    by: str | None = None
    """Who decided; `the policy` where nobody did in time."""


PredictedFrom = Literal["probes", "past runs"]


class RtoClockStatus(Document):
    """How the time of a recovery was used, seconds, against the objectives of its services."""

    detected_at: datetime
    decided_at: datetime | None = None
    acted_at: datetime | None = None
    verified_at: datetime | None = None
    detect_s: float
    """From the detection of the loss to the start of the recovery."""
    decide_s: float | None = None
    """From there until the first step was free to act."""
    act_s: float | None = None
    """From there to the end of the last step that changes anything."""
    verify_s: float | None = None
    """From there until all was verified."""
    objective_s: float | None = None
    """The tightest objective of the services that are not back yet."""
    used: float | None = None
    """How much of it is gone: 1 is all."""
    left_s: float | None = None
    """What is left of it; below zero once it is missed."""
    missed: tuple[str, ...] = ()
    """Services that came back too late, or are not back though their objective has passed."""
    predicted_s: float | None = None
    """How long acting takes until the last service is back, as predicted before it began."""
    predicted_from: PredictedFrom | None = None
    warnings: tuple[str, ...] = ()
