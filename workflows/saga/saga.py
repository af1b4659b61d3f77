"""The saga of one plan: which step may start, what a failure means, when the run is over.

Deterministic and without input or output: `handle` takes one event and the time it came, changes
the state, and returns what to do and why. The two directions are in `forward.py` and
`rollback.py`; both work on the state that is held here.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from ..model.plan import RecoveryPlan
from ..model.recovery import Outcome, StepState
from ..model.step import FencingToken, Observation
from .forward import Forward
from .graph import PlanGraph
from .messages import (
    ApplyCancelled,
    ApplyFailed,
    ApplyStarted,
    ApplySucceeded,
    ApplyTogether,
    CancelApply,
    Decision,
    Effect,
    Event,
    HandedBack,
    Intervention,
    Observed,
    PauseRequested,
    Recall,
    ResumeRequested,
    RetryRequested,
    RevertFailed,
    RevertSucceeded,
    RollbackRequested,
    SkipRequested,
    SourceReturned,
    TierOpened,
    UngracefulRequested,
)
from .rollback import Rollback
from .source import Source
from .step_run import MOST_IN_FLIGHT, StepRun
from .tiers import Tiers


class Saga:
    """One plan being carried out, forward or back."""

    def __init__(
        self,
        plan: RecoveryPlan,
        observations: Mapping[str, Observation],
        *,
        run: str,
        epoch: int,
        late: frozenset[str] = frozenset(),
        open_tier: int | None = None,
        holds: bool = True,
    ) -> None:
        self.graph = PlanGraph(plan)
        self.tiers = Tiers(self, self.graph, open_tier)
        self.plan = plan
        self.run = run
        self.holds = holds
        """A step that cannot be done may wait for a person; in a rehearsal it is undone."""
        self.epoch = epoch
        self.sequence = 0
        self.paused_by: PauseRequested | None = None
        self.steps = {
            step.id: StepRun(step, observations[step.id], step.id in late) for step in plan.steps
        }
        self.source = Source(self)
        self.rollback = Rollback(self)
        self.forward = Forward(self)
        self.in_flight = 0
        self.sharing = 0
        """Those in flight that share an activity."""
        self._activities = 0
        self.shared: dict[int, int] = {}
        """Activities in flight that steps share, by number: how many steps each still carries."""
        self._effects: list[Effect] = []
        self._sentences: list[str] = []

    # What others ask

    @property
    def over(self) -> bool:
        """Nothing is in flight and nothing can start, not even by an operator's word."""
        return self.idle and not (self.forward.startable() or self.rollback.ready or self.held)

    @property
    def held(self) -> tuple[str, ...]:
        """Steps that wait for a person."""
        return tuple(id for id, run in self.steps.items() if run.state is StepState.HELD)

    @property
    def idle(self) -> bool:
        """Nothing is in flight: the run waits for a person, or is over."""
        return self.in_flight == 0

    @property
    def passed_over(self) -> tuple[str, ...]:
        """Steps that were skipped, or failed and were passed over."""
        states = (StepState.SKIPPED, StepState.FAILED)
        return tuple(id for id, run in self.steps.items() if run.state in states)

    @property
    def outcome(self) -> Outcome:
        """How the run ended, once it is over."""
        states = [run.state for run in self.steps.values()]
        if StepState.RESIDUE in states:
            return Outcome.ROLLED_BACK_WITH_RESIDUE
        return Outcome.ROLLED_BACK if self.rollback.services else Outcome.RECOVERED

    def key(self, step: str) -> str:
        """The idempotency key of a step: plan, run, step."""
        return self.plan.key(self.run, step)

    def refusal(self, event: Intervention) -> str | None:
        """Why an operator's request cannot be met now; None if it can."""
        if isinstance(event, RollbackRequested):
            return self.rollback.refusal(list(self.graph.services))
        if isinstance(event, PauseRequested):
            return f"already paused by {self.paused_by.actor}" if self.paused_by else None
        if isinstance(event, ResumeRequested):
            return None if self.paused_by else "the run is not paused"
        if isinstance(event, UngracefulRequested):
            return None if self.source.graceful() else "no graceful step is left to pass over"
        run = self.steps.get(event.step)
        if run is None:
            return f"{event.step} is no step of this plan; name it as service/step"
        if run.step.service in self.rollback.services:
            return f"{run.step.service} is being rolled back"
        allowed = {StepState.HELD}
        if isinstance(event, SkipRequested):
            allowed |= {StepState.PENDING, StepState.APPLYING, StepState.PROBING, StepState.QUEUED}
        if run.state not in allowed:
            return f"{event.step} is {run.state}, not {' or '.join(sorted(allowed))}"
        return None

    # What happens

    def start(self, at: datetime) -> Decision:
        """The first steps."""
        return self._decided(at)

    def handle(self, event: Event, at: datetime) -> Decision:
        """Take one event into account; the effects are to be performed at once, all together."""
        return self.handle_all((event,), at)

    def handle_all(self, events: Iterable[Event], at: datetime) -> Decision:
        """Decide on what came together: the steps that it lets start can share an activity."""
        for event in events:
            self._take(event, at)
        return self._decided(at)

    def _take(self, event: Event, at: datetime) -> None:
        match event:
            case ApplyStarted():
                self.forward.sharing.began(self.steps[event.step], min(event.began, at))
            case Observed():
                self.forward.observed(self._landed(event.step), event.observation, at)
            case ApplySucceeded():
                self.forward.succeeded(self._landed(event.step), event, at)
            case ApplyFailed():
                self.forward.failed(self._landed(event.step), event.failure, at)
            case ApplyCancelled():
                self.forward.stopped(self._landed(event.step), at)
            case HandedBack():
                self.forward.sharing.handed_back(self._landed(event.step), event, at)
            case RevertSucceeded():
                self.rollback.reverted(self._landed(event.step), event.evidence, at)
            case RevertFailed():
                self.rollback.not_reverted(self._landed(event.step), event.failure, at)
            case TierOpened():
                self.tiers.opened = max(self.tiers.opened or 0, event.tier)
            case SourceReturned():
                self.source.fence_late(self.steps[event.step], event.observation)
            case _:
                self._intervene(event, at)

    def _decided(self, at: datetime) -> Decision:
        self.forward.go_on_interrupted(at)
        if not self.paused_by:
            self.rollback.start_ready(at)
            self.forward.start_ready(at)
        decision = Decision(tuple(self._effects), tuple(self._sentences))
        self._effects, self._sentences = [], []
        return decision

    # Operators

    def _intervene(self, event: Event, at: datetime) -> None:
        match event:
            case PauseRequested():
                self.paused_by = event
                self.forward.sharing.recall()
                self.say(f"{event.actor} paused the run: {event.reason}")
            case ResumeRequested():
                self.paused_by = None
                self.say(f"{event.actor} resumed the run: {event.reason}")
            case RetryRequested():
                self.say(f"{event.actor} retries {event.step}: {event.reason}")
                self.forward.retry(self.steps[event.step], event.actor)
            case SkipRequested():
                self.say(f"{event.actor} skips {event.step}: {event.reason}")
                self.forward.skip(self.steps[event.step], at)
            case UngracefulRequested():
                passed_over = self.source.graceful()
                names = ", ".join(run.step.id for run in passed_over)
                self.say(f"{event.actor} gives up {names}: {event.reason}")
                for run in passed_over:
                    self.forward.skip(run, at)
            case RollbackRequested():
                self.paused_by = None
                scope = list(self.graph.services)
                self.rollback.begin(scope, f"{event.actor} asked for it: {event.reason}", at)

    # For both directions

    @property
    def room(self) -> bool:
        """Another activity may be started."""
        return self.in_flight - self.sharing < MOST_IN_FLIGHT

    def _landed(self, step: str) -> StepRun:
        """The step whose effect has come to its end."""
        run = self.steps[step]
        self.in_flight -= 1
        if (number := run.shares) is not None:
            run.shares = None
            self.sharing -= 1
            self.shared[number] -= 1
            if not self.shared[number]:
                del self.shared[number]
        return run

    def token(self, key: str) -> FencingToken:
        """The next fencing token: later ones shut out earlier ones."""
        self.sequence += 1
        return FencingToken(epoch=self.epoch, sequence=self.sequence, run=self.run, key=key)

    def perform(self, effect: Effect) -> None:
        """Have an effect performed whose end comes back as an event."""
        self.in_flight += 1
        self._effects.append(effect)

    def perform_together(self, runs: Sequence[StepRun], effect: ApplyTogether) -> None:
        """Have steps applied in one activity; the end of each comes as an event of its own."""
        self.in_flight += len(runs)
        self.sharing += len(runs)
        self._activities += 1
        self.shared[self._activities] = len(runs)
        for run in runs:
            run.shares = self._activities
        self._effects.append(effect)

    def cancel(self, step: str) -> None:
        """Ask a running apply to stop."""
        self._effects.append(CancelApply(step))

    def recall(self, step: str) -> None:
        """Fetch a queued step back from its worker."""
        self._effects.append(Recall(step))

    def say(self, sentence: str) -> None:
        """Put a sentence into the run's story."""
        self._sentences.append(sentence)
