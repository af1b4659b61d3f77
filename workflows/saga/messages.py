"""What happens to a saga (events) and what it wants done (effects)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from ..model.step import Evidence, FencingToken, Observation

NO_WORKER = "NoWorker"
"""The kind of failure of what nobody works on."""


@dataclass(frozen=True)
class Failure:
    """Why an apply or a revert did not succeed."""

    kind: str
    """The error's type: one of `model.errors`, or `Timeout`, or an unexpected exception's name."""
    message: str
    outcome_known: bool
    """The action itself said no; otherwise its effect may have landed all the same."""
    needs_person: bool = False

    @property
    def never_begun(self) -> bool:
        """No worker has ever picked it up."""
        return self.kind == NO_WORKER and self.outcome_known

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


@dataclass(frozen=True)
class Observed:
    """A step was looked at."""

    step: str
    observation: Observation


@dataclass(frozen=True)
class ApplyStarted:
    """A queued step's turn has come."""

    step: str
    began: datetime


@dataclass(frozen=True)
class ApplySucceeded:
    """A step's apply returned its evidence."""

    step: str
    evidence: Evidence
    began: datetime | None = None
    ended: datetime | None = None
    """When it ran by the clock of its worker, where it is told later."""


@dataclass(frozen=True)
class ApplyFailed:
    """A step's apply ended without evidence."""

    step: str
    failure: Failure


@dataclass(frozen=True)
class ApplyCancelled:
    """A step's apply stopped because it was asked to; its effect may have landed."""

    step: str


@dataclass(frozen=True)
class HandedBack:
    """A step that shared an activity is given back without an end."""

    step: str
    begun: bool
    """Its apply may have begun: it goes on by itself. If not, nothing was done for it."""
    reason: str
    alone: bool = False
    """It is not to share an activity again."""


@dataclass(frozen=True)
class RevertSucceeded:
    """A step's before-image is back."""

    step: str
    evidence: Evidence


@dataclass(frozen=True)
class RevertFailed:
    """A step could not be undone."""

    step: str
    failure: Failure


@dataclass(frozen=True)
class PauseRequested:
    """An operator wants nothing new to start."""

    actor: str
    reason: str


@dataclass(frozen=True)
class ResumeRequested:
    """An operator lets a paused run go on."""

    actor: str
    reason: str


@dataclass(frozen=True)
class RetryRequested:
    """An operator wants a held step tried again."""

    actor: str
    reason: str
    step: str


@dataclass(frozen=True)
class SkipRequested:
    """An operator wants a step passed over, as if it were done."""

    actor: str
    reason: str
    step: str


@dataclass(frozen=True)
class RollbackRequested:
    """An operator, or a cancellation of the workflow, wants everything undone."""

    actor: str
    reason: str


@dataclass(frozen=True)
class UngracefulRequested:
    """An operator gives up what only a living source can do; the rest goes on."""

    actor: str
    reason: str


@dataclass(frozen=True)
class TierOpened:
    """The services up to this tier may act."""

    tier: int


@dataclass(frozen=True)
class SourceReturned:
    """What did not answer when it was to be fenced does so now."""

    step: str
    observation: Observation


Intervention = (
    PauseRequested
    | ResumeRequested
    | RetryRequested
    | SkipRequested
    | RollbackRequested
    | UngracefulRequested
)
Event = (
    Observed
    | ApplyStarted
    | ApplySucceeded
    | ApplyFailed
    | ApplyCancelled
    | HandedBack
    | RevertSucceeded
    | RevertFailed
    | TierOpened
    | SourceReturned
    | Intervention
)


@dataclass(frozen=True)
class Probe:
    """Look at one step, after a wait."""

    step: str
    after: timedelta = timedelta()


@dataclass(frozen=True)
class Apply:
    """Apply one step."""

    step: str
    token: FencingToken
    before: Observation


@dataclass(frozen=True)
class ApplyTogether:
    """Apply brief steps in one activity, each as soon as those that it needs are done.

    For each of them comes an event of its own: that it succeeded, failed, or was handed back.
    """

    applies: tuple[Apply, ...]
    """Each after those it needs."""
    awaited: frozenset[str]
    """Steps that something outside waits for: their ends are to be told at once."""


@dataclass(frozen=True)
class CancelApply:
    """Ask a running apply to stop; its end comes as an event like any other.

    What waits for its turn in the same activity is handed back.
    """

    step: str


@dataclass(frozen=True)
class Recall:
    """Fetch back what waits for its turn in the activity that carries a step; what runs goes on."""

    step: str


@dataclass(frozen=True)
class Revert:
    """Undo one step."""

    step: str
    token: FencingToken
    before: Observation
    apply_key: str
    known_applied: bool


Effect = Probe | Apply | ApplyTogether | CancelApply | Recall | Revert


@dataclass(frozen=True)
class Decision:
    """What to do, and one sentence for each thing decided."""

    effects: tuple[Effect, ...] = ()
    sentences: tuple[str, ...] = ()
