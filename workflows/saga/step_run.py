"""One step of a run: where it is, and what is known of it."""

from dataclasses import dataclass
from datetime import datetime

from ..model.plan import PlannedStep
from ..model.recovery import StepState
from ..model.step import Evidence, FencingToken, Observation
from .messages import Failure

MOST_IN_FLIGHT = 500
"""Temporal takes 2,000 pending activities of one run; this leaves room for everything else."""

IN_FLIGHT = frozenset(
    {
        StepState.QUEUED,
        StepState.PROBING,
        StepState.APPLYING,
        StepState.CANCELLING,
        StepState.UNKNOWN,
        StepState.REVERTING,
    }
)
"""States in which an event about the step is on its way."""

PASSED = frozenset({StepState.APPLIED, StepState.SKIPPED, StepState.FAILED})
"""States that let the steps which need this one go on."""

UNDONE = frozenset({StepState.REVERTED, StepState.RESIDUE, StepState.NOT_RUN})
"""States that let the steps which this one needs be undone."""


@dataclass(slots=True)
class StepRun:
    """The state of one step; changed by the saga alone."""

    step: PlannedStep
    observation: Observation
    late: bool
    """Its before-image is to be taken right before it is applied."""
    state: StepState = StepState.PENDING
    sentence: str = "waits for its turn"
    started: bool = False
    """An apply was scheduled: its effect may have landed, now or later."""
    known_applied: bool = False
    """The run holds proof that it changed the resource."""
    passed: bool = False
    """The steps that need it have been let go on."""
    skip_when_stopped: bool = False
    shares: int | None = None
    """The number of the activity that its running apply shares with others."""
    alone: bool = False
    """From now on it is applied in an activity of its own."""
    attempts: int = 0
    token: FencingToken | None = None
    """Of the apply handed out last."""
    resumes: bool = False
    """That apply was interrupted, and the next one is to carry it on under the same token."""
    failure: Failure | None = None
    evidence: Evidence | None = None
    looking_since: datetime | None = None
    looks: int = 0
    reverting_since: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None

    def hand_out(self) -> None:
        """An apply is handed to a worker: from here on its effect may have landed."""
        self.started = True
        self.attempts += 1

    def take_back(self) -> None:
        """The apply handed out last is known never to have begun."""
        self.attempts -= 1
        self.started = self.attempts > 0

    def fails(self, failure: Failure) -> None:
        """The apply handed out last has ended without evidence, or never found a worker."""
        self.failure = failure
        if failure.never_begun:
            self.take_back()

    @property
    def mutates(self) -> bool:
        """Whether the step changes a resource: a step that only looks has nothing to undo."""
        return self.observation.resource is not None

    def look_from(self, at: datetime) -> None:
        """Looking begins: how long and how often is counted from here."""
        self.looking_since, self.looks = at, 0

    def to(self, state: StepState, sentence: str) -> None:
        """Move to `state`, for the reason that `sentence` gives."""
        self.state = state
        self.sentence = sentence
