"""All that is known of one run: the workflow writes it, everyone else reads it."""

from collections import deque
from datetime import datetime, timedelta

from .consent.approvals import ApprovalRequest
from .consent.commit import CommitWindow
from .model.consent import ApprovalState
from .model.coordination import Admission, Facts, Verdict
from .model.plan import RecoveryPlan
from .model.recovery import (
    Action,
    LogEntry,
    Mode,
    Outcome,
    Phase,
    Progress,
    RecoveryRequest,
    ServiceOutcome,
    StepState,
)
from .model.step import Observation, Qualification
from .rto_clock import RtoClock, predicted
from .saga.durations import finish_times
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
        self.detected_at = request.detected_at or at
        self.clock = self._clock(_objectives_at_stake(request))
        self.admission: Admission | None = None
        self.facts = Facts()
        self.approval: ApprovalRequest | None = None
        self.prediction = ""
        self.commit: CommitWindow | None = None
        self.test_passed: bool | None = None
        self.ended_at: datetime | None = None
        self.phase = Phase.WAITING
        self.outcome: Outcome | None = None
        self.graph: PlanGraph | None = None
        self.saga: Saga | None = None
        self.observations: dict[str, Observation] = {}
        self.epoch: int | None = None
        self.refusals: tuple[str, ...] = ()
        self.stopped = ""
        """Why a run ended before its saga began: `refused` or `cancelled`."""
        self.last_sentence = "the estate's coordinator is asked"
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
        saga = self.saga
        if saga is None:
            return self._progress_before()
        if saga.paused_by and saga.idle:
            return Progress.OPERATOR, f"{saga.paused_by.actor} to resume: {saga.paused_by.reason}"
        if saga.idle and (held := saga.held):
            return Progress.OPERATOR, f"a person to decide on {', '.join(held)}"
        if self.phase is Phase.COMMIT_WINDOW and self.commit is not None:
            return Progress.COMMIT, self.commit.asking(self.workflow_id)
        if saga.rollback.services:
            return Progress.COMPENSATIONS, "the compensations"
        if saga.idle and saga.tiers.waiting:
            return Progress.TIERS, "the other sites of the region to finish their tiers before"
        return Progress.STEPS, "the steps in flight"

    def _progress_before(self) -> tuple[Progress, str]:
        if self.phase is Phase.WAITING:
            admission = self.admission
            waits_for = admission.waits_for if admission else ""
            by_person = admission is not None and admission.verdict is Verdict.HELD
            kind = Progress.OPERATOR if by_person else Progress.COORDINATOR
            return kind, waits_for or "the estate's coordinator"
        if self.phase is Phase.COMPILING:
            return Progress.PLAN, "the recovery plan, and room for it"
        if self.approval is not None and self.approval.state is ApprovalState.PENDING:
            return Progress.APPROVAL, self.approval.asking(self.workflow_id)
        if self.phase is Phase.APPROVING:
            return Progress.COORDINATOR, "the estate's coordinator to take note of the decision"
        return Progress.PROBES, "the probes of all steps"

    @property
    def waits_long(self) -> bool:
        """The coordinator has not said until when it is waited for."""
        return self.admission is not None and self.admission.until is None

    def asks_for(self, asked: ApprovalRequest) -> str:
        """What people are asked, in one sentence."""
        predicted = f"; {self.prediction}" if self.prediction else ""
        return f"waits for {asked.asking(self.workflow_id)}{predicted}"

    def planned(self, plan: RecoveryPlan) -> None:
        """There is a plan: the objectives of its services count."""
        self.graph = PlanGraph(plan)
        objectives = {s.name: s.rto for s in plan.services if s.rto is not None}
        if self.request.mode is Mode.UNPLANNED and objectives != self._objectives:
            self.clock = self._clock(objectives)

    def predict(self, at: datetime) -> None:
        """Compare how long it is going to take with the objectives."""
        if self.graph is None:
            return
        expected = {
            id: seen.expected_duration.total_seconds()
            for id, seen in self.observations.items()
            if seen.expected_duration is not None
        }
        done = finish_times(self.graph, expected) if expected else {}
        by_service = {
            name: max(done[id] for id in ids if id in done)
            for name, ids in self.graph.steps_of.items()
            if any(id in done for id in ids)
        }
        past_s = {name: self.facts.past_s.get(name, ()) for name in self.graph.services}
        prediction = predicted(past_s, by_service)
        if prediction is not None:
            self.prediction = self.clock.foretell(prediction, at)

    def noticed(self, service: str, at: datetime) -> None:
        """A step of the service has ended: it may be back, or gone again."""
        if self.service_outcome(service) is ServiceOutcome.RECOVERED:
            self.clock.came_back(service, at)
        else:
            self.clock.went_again(service)

    def _clock(self, objectives: dict[str, timedelta]) -> RtoClock:
        self._objectives = objectives
        escalate_to = self.request.estate.policy.approval.escalate_to
        return RtoClock(self.detected_at, self.started_at, objectives, escalate_to)

    def acted(self, at: datetime) -> None:
        """Nothing more is to be done: what was done last, and what was only looked at after it."""
        if self.saga is None:
            return
        ends = [run.ended_at for run in self.saga.steps.values() if run.ended_at and run.mutates]
        self.clock.acted(max(ends, default=at))
        self.clock.verified(at)

    def changed(self, service: str) -> bool:
        """A step of the service has changed something: it was not there already."""
        if self.saga is None or self.graph is None:
            return False
        runs = [self.saga.steps[id] for id in self.graph.steps_of[service]]
        return any(run.evidence.changed for run in runs if run.evidence)

    def back_after_s(self, service: str, since: datetime) -> float | None:
        """Seconds from then to the end of a service's last step."""
        if self.saga is None or self.graph is None:
            return None
        runs = [self.saga.steps[id] for id in self.graph.steps_of[service]]
        ends = [run.ended_at for run in runs if run.ended_at]
        return (max(ends) - since).total_seconds() if ends else None

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
        moved = self.graph.services
        kept = [
            name
            for name in names
            if name not in self.saga.rollback.services and moved[name].source != moved[name].target
        ]
        if outcome is Outcome.RECOVERED:
            return f"recovered {_count(kept)} of {self.request.site}"
        stays = f"; {', '.join(kept)} stay recovered" if kept else ""
        if outcome is Outcome.ROLLED_BACK_WITH_RESIDUE:
            left = ", ".join(residue.step for residue in self.saga.rollback.residue)
            return f"rolled back {_count(undone)}, except {left}: see the residue{stays}"
        return f"rolled back {_count(undone)}: all is as it was before{stays}"


def _count(services: list[str]) -> str:
    return f"{len(services)} service{'' if len(services) == 1 else 's'}"


def _objectives_at_stake(request: RecoveryRequest) -> dict[str, timedelta]:
    """By service: the objectives that count from the start. What is moved has not failed."""
    if request.mode is not Mode.UNPLANNED or request.action is not Action.RECOVER:
        return {}
    return {
        service.name: service.objectives.rto
        for service in request.estate.services_at(request.site)
        if service.objectives.rto is not None and service.recovery
    }
