"""The estate's rules for recoveries: who agrees, how many at once, when a way back ends."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from .document import Document
from .scalars import Duration, parse_duration


class Approval(StrEnum):
    """How many people must agree before a recovery acts; `two` never counts the requester."""

    NONE = "none"
    ONE = "one"
    TWO = "two"


class RollbackScope(StrEnum):
    """What a failure undoes: the service and what depends on it, or the whole site."""

    SERVICE = "service"
    SITE = "site"


class Shortage(StrEnum):
    """What happens when the recovery sites cannot hold everything."""

    REFUSE = "refuse"
    """Nothing is recovered: a person decides."""
    SHED = "shed"
    """The most critical tiers first; what runs degraded may, what finds no room is left out."""
    PREEMPT = "preempt"
    """As `shed`; and services of lower tiers that run at a recovery site give way."""


class ApprovalPolicy(Document):
    """Who must agree, by kind of recovery, and what becomes of a request that nobody answers."""

    unplanned: Approval = Approval.NONE
    """For a site that is lost."""
    planned: Approval = Approval.ONE
    """For a site that is moved on purpose."""
    failback: Approval = Approval.ONE
    """For the way back."""
    test: Approval = Approval.NONE
    """For a rehearsal in isolation."""
    expires_after: Duration = parse_duration("1h")
    """How long a request waits, and how long an approval counts."""
    on_timeout: Literal["reject", "approve"] = "reject"
    """What happens to a request that nobody answered in time."""
    escalate_after: Duration | None = None
    """How long until those of `escalate_to` are asked too."""
    escalate_to: str | None = Field(default=None, min_length=1, max_length=200)
    """Who is asked then."""


class BudgetPolicy(Document):
    """How many sites may be recovered in a window before a person is asked."""

    sites: int = Field(ge=1, le=10_000)
    """As many at most."""
    window: Duration
    """Within this time."""


class CommitPolicy(Document):
    """How long the way back is kept after a recovery, and what happens then."""

    window: Duration
    """How long after the last step."""
    on_timeout: Literal["commit", "roll_back"] = "commit"
    """What happens if nobody decides within the window."""


class EdgePolicy(Document):
    """What happens when no worker polls the task queue of a site."""

    no_worker: Literal["central", "hold"] = "hold"
    """Steps for the site run in a central worker, or wait for a person."""


class Policy(Document):
    """The estate's rules for recoveries."""

    approval: ApprovalPolicy = ApprovalPolicy()
    """Who must agree before a recovery acts."""
    budget: BudgetPolicy | None = None
    """More lost sites than this: stop, and ask a person."""
    commit: CommitPolicy | None = None
    """How long the way back is kept."""
    holddown: Duration | None = None
    """How long after a loss was detected an unplanned recovery waits before it acts."""
    cooldown: Duration | None = None
    """How long after a recovery the same site is left alone."""
    rollback: RollbackScope = RollbackScope.SERVICE
    """How much a failed step undoes."""
    shortage: Shortage = Shortage.SHED
    """What happens when the recovery sites cannot hold everything."""
    edge: EdgePolicy = EdgePolicy()
    """What happens when no worker polls the task queue of a site."""
