"""The messages of steps that share one activity."""

from datetime import datetime

from .document import Answer, Document
from .step import ApplyInput, Evidence


class StepToApply(Document):
    """One of the steps that share an activity."""

    run: str
    """The action's dotted name."""
    apply: ApplyInput
    needs: tuple[str, ...] = ()
    """Steps of the same activity that must be applied before."""
    awaited: bool = False
    """Something outside waits for it: its end is to be told at once."""
    tier: int | None = None
    """Its service's, for what has to wait at a system's request limit; None for the activity's."""


class TogetherInput(Document):
    """Apply these steps, each as soon as what it needs is done. Each stands after its needs."""

    number: int
    """Which of the run's shared activities this is: what it tells counts for this one alone."""
    steps: tuple[StepToApply, ...]


class StepFailure(Document):
    """Why a step's apply failed for good."""

    kind: str
    message: str
    outcome_known: bool = True
    needs_person: bool = False


class StepEnd(Answer):
    """What became of one step: evidence, a failure, or neither where it is handed back."""

    step: str
    began: datetime | None = None
    """Null if it is handed back and was never begun."""
    ended: datetime | None = None
    evidence: Evidence | None = None
    failure: StepFailure | None = None
    reason: str = ""
    """Why it is handed back."""
    alone: bool = False
    """It is not to share an activity again."""


class StepStart(Answer):
    """A step is running."""

    step: str
    began: datetime


class TogetherProgress(Answer):
    """What happened since the last time; told by a signal, and at last as the result."""

    number: int
    ends: tuple[StepEnd, ...] = ()
    running: tuple[StepStart, ...] = ()
