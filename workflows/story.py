"""All that is known of one run: the workflow writes it, everyone else reads it."""

from collections import deque
from datetime import datetime

from .model.recovery import (
    LogEntry,
    Outcome,
    Phase,
    Progress,
    RecoveryRequest,
    ServiceOutcome,
    StepState,
)
from .model.step import Observation, Qualification
from .saga.graph import PlanGraph
from .saga.saga import Saga
from .saga.step_run import PASSED, UNDONE

LONGEST_LOG = 500


class Story:
    """All that is known of one run; the workflow writes it, everyone else reads."""

    def __init__(
        self, workflow_id: str, run_id: str, request: RecoveryRequest, at: datetime
    ) -> None:
        self.workflow_id = workflow_id
        self.run_id = run_id
        self.request = request
        self.started_at = at
        self.ended_at: datetime | None = None
        self.phase = Phase.COMPILING
        self.outcome: Outcome | None = None
        self.graph: PlanGraph | None = None
        self.saga: Saga | None = None
        self.observations: dict[str, Observation] = {}
        self.epoch: int | None = None
        self.refusals: tuple[str, ...] = ()
        self.stopped = ""
        """Why a run ended before its saga began: `refused` or `cancelled`."""
        self.last_sentence = "the recovery plan is being compiled"
        self.log: deque[LogEntry] = deque(maxlen=LONGEST_LOG)

    def say(self, at: datetime, sentence: str, actor: str | None = None) -> None:
        """Add a sentence to the run's log."""
        self.last_sentence = sentence
        self.log.append(LogEntry(at=at, sentence=sentence, actor=actor))

    def saw(self, seen: Observation) -> None:
        """A step was looked at again."""
        self.observations[seen.step] = seen

    def assessed(self, epoch: int, refusals: tuple[str, ...]) -> None:
        """The probes have been judged."""
        self.epoch, self.refusals = epoch, refusals

    def ended(self, outcome: Outcome, at: datetime) -> None:
        """The run is over."""
        self.outcome, self.ended_at = outcome, at

    @property
    def held(self) -> tuple[str, ...]:
        """Steps that wait for a person."""
        return self.saga.held if self.saga else ()

    def service_outcome(self, service: str) -> ServiceOutcome:
        """What became of one service so far."""
        if self.saga is None:
            return ServiceOutcome.WAITING if self.outcome is None else ServiceOutcome.NOT_RUN
        states = {self.saga.steps[id].state for id in self.saga.graph.steps_of[service]}
        if service in self.saga.rollback.services:
            if not states <= UNDONE:
                return ServiceOutcome.ROLLING_BACK
            residue = StepState.RESIDUE in states
            return ServiceOutcome.RESIDUE if residue else ServiceOutcome.ROLLED_BACK
        if StepState.HELD in states:
            return ServiceOutcome.HELD
        if states <= {StepState.PENDING, StepState.QUEUED}:
            return ServiceOutcome.WAITING
        return ServiceOutcome.RECOVERED if states <= PASSED else ServiceOutcome.RECOVERING

    def progress(self) -> tuple[Progress, str]:
        """What the run waits for, and the same in words."""
        if self.outcome is not None:
            return Progress.NOTHING, "nothing: the run has ended"
        if self.phase is Phase.COMPILING:
            return Progress.PLAN, "the recovery plan"
        saga = self.saga
        if saga is None:
            return Progress.PROBES, "the probes of all steps"
        if saga.paused_by and saga.idle:
            return Progress.OPERATOR, f"{saga.paused_by.actor} to resume: {saga.paused_by.reason}"
        if saga.idle and (held := saga.held):
            return Progress.OPERATOR, f"a person to decide on {', '.join(held)}"
        if saga.rollback.services:
            return Progress.COMPENSATIONS, "the compensations"
        return Progress.STEPS, "the steps in flight"

    def closing_sentence(self, outcome: Outcome) -> str:
        """The run's end in one sentence."""
        if self.graph is None:
            return f"{self.stopped or 'refused'}: there is no plan; nothing was changed"
        names = list(self.graph.services)
        if self.saga is None:
            fit = sum(
                seen.qualification is Qualification.QUALIFIED for seen in self.observations.values()
            )
            looked = f"{fit} of {len(self.graph.steps)} steps are qualified"
            stopped = f"{self.stopped}: " if self.stopped else ""
            return f"{stopped}{looked}; nothing was changed"
        undone = list(self.saga.rollback.services)
        kept = [name for name in names if name not in self.saga.rollback.services]
        if outcome is Outcome.RECOVERED:
            return f"recovered {_count(kept)} of {self.request.site}"
        stays = f"; {', '.join(kept)} stay recovered" if kept else ""
        if outcome is Outcome.ROLLED_BACK_WITH_RESIDUE:
            left = ", ".join(residue.step for residue in self.saga.rollback.residue)
            return f"rolled back {_count(undone)}, except {left}: see the residue{stays}"
        return f"rolled back {_count(undone)}: all is as it was before{stays}"


def _count(services: list[str]) -> str:
    return f"{len(services)} service{'' if len(services) == 1 else 's'}"
