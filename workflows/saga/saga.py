"""The saga of one plan: which step may start, what a failure means, when the run is over.

Deterministic and without input or output: `handle` takes one event and the time it came, changes
the state, and returns what to do and why. Undoing is in `rollback.py`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from ..model.estate import OnFailure, RollbackScope
from ..model.plan import RecoveryPlan
from ..model.recovery import Outcome, StepState
from ..model.step import Applied, FencingToken, Observation, Qualification
from .assessment import lacks_before_image
from .graph import PlanGraph
from .messages import (
    Apply,
    ApplyCancelled,
    ApplyFailed,
    ApplySucceeded,
    CancelApply,
    Decision,
    Effect,
    Event,
    Failure,
    Intervention,
    Observed,
    PauseRequested,
    Probe,
    ResumeRequested,
    RetryRequested,
    RevertFailed,
    RevertSucceeded,
    RollbackRequested,
    SkipRequested,
)
from .rollback import Rollback
from .step_run import IN_FLIGHT, PASSED, StepRun

MOST_IN_FLIGHT = 500
"""Temporal takes 2,000 pending activities of one run; this leaves room for everything else."""
LOOK_AGAIN_AFTER = timedelta(seconds=2)


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
    ) -> None:
        self.graph = PlanGraph(plan)
        self.plan = plan
        self.run = run
        self.epoch = epoch
        self.sequence = 0
        self.paused_by: PauseRequested | None = None
        self.steps = {
            step.id: StepRun(step, observations[step.id], step.id in late) for step in plan.steps
        }
        self.rollback = Rollback(self)
        self._of_key = {self.key(id): step_run for id, step_run in self.steps.items()}
        self._waiting_on = {step.id: len(step.needs) for step in plan.steps}
        self._ready = [step.id for step in plan.steps if not step.needs]
        self._in_flight = 0
        self._effects: list[Effect] = []
        self._sentences: list[str] = []

    # What others ask

    @property
    def over(self) -> bool:
        """Nothing is in flight and nothing can start, not even by an operator's word."""
        return self.idle and not (self._startable() or self.rollback.ready or self.held)

    @property
    def held(self) -> tuple[str, ...]:
        """Steps that wait for a person."""
        return tuple(id for id, run in self.steps.items() if run.state is StepState.HELD)

    @property
    def idle(self) -> bool:
        """Nothing is in flight: the run waits for a person, or is over."""
        return self._in_flight == 0

    @property
    def outcome(self) -> Outcome:
        """How the run ended, once it is over."""
        states = [run.state for run in self.steps.values()]
        if StepState.RESIDUE in states:
            return Outcome.ROLLED_BACK_WITH_RESIDUE
        return Outcome.ROLLED_BACK if self.rollback.services else Outcome.RECOVERED

    def key(self, step: str) -> str:
        """The idempotency key of a step: plan, run, step."""
        return f"{self.plan.hash[:12]}/{self.run}/{step}"

    def refusal(self, event: Intervention) -> str | None:
        """Why an operator's request cannot be met now; None if it can."""
        if isinstance(event, RollbackRequested):
            return self.rollback.refusal(list(self.graph.services))
        if isinstance(event, PauseRequested):
            return f"already paused by {self.paused_by.actor}" if self.paused_by else None
        if isinstance(event, ResumeRequested):
            return None if self.paused_by else "the run is not paused"
        run = self.steps.get(event.step)
        if run is None:
            return f"{event.step} is no step of this plan; name it as service/step"
        if run.step.service in self.rollback.services:
            return f"{run.step.service} is being rolled back"
        allowed = {StepState.HELD}
        if isinstance(event, SkipRequested):
            allowed |= {StepState.PENDING, StepState.APPLYING, StepState.PROBING}
        if run.state not in allowed:
            return f"{event.step} is {run.state}, not {' or '.join(sorted(allowed))}"
        return None

    # What happens

    def start(self, at: datetime) -> Decision:
        """The first steps."""
        return self._decided(at)

    def handle(self, event: Event, at: datetime) -> Decision:
        """Take one event into account; the effects are to be performed at once, all together."""
        match event:
            case Observed():
                self._in_flight -= 1
                self._observed(self.steps[event.step], event.observation, at)
            case ApplySucceeded():
                self._in_flight -= 1
                self._succeeded(event, at)
            case ApplyFailed():
                self._in_flight -= 1
                self._failed(self.steps[event.step], event.failure, at)
            case ApplyCancelled():
                self._in_flight -= 1
                self._stopped(self.steps[event.step], at)
            case RevertSucceeded():
                self._in_flight -= 1
                self.rollback.reverted(self.steps[event.step], event.evidence, at)
            case RevertFailed():
                self._in_flight -= 1
                self.rollback.not_reverted(self.steps[event.step], event.failure, at)
            case _:
                self._intervene(event, at)
        return self._decided(at)

    def _decided(self, at: datetime) -> Decision:
        self._start_ready(at)
        decision = Decision(tuple(self._effects), tuple(self._sentences))
        self._effects, self._sentences = [], []
        return decision

    def _startable(self) -> bool:
        self._ready = [id for id in self._ready if self.steps[id].state is StepState.PENDING]
        return bool(self._ready)

    # Forward

    def _start_ready(self, at: datetime) -> None:
        if self.paused_by:
            return
        self.rollback.start_ready(at)
        self._ready.sort(key=lambda id: self.graph.services[self.steps[id].step.service].tier)
        while self._ready and self._in_flight < MOST_IN_FLIGHT:
            run = self.steps[self._ready.pop(0)]
            if run.state is StepState.PENDING:
                self._begin(run, at)

    def _begin(self, run: StepRun, at: datetime) -> None:
        run.started_at = run.started_at or at
        if run.late or lacks_before_image(run.observation) or _blind(run.observation):
            run.looking_since = at
            run.to(StepState.PROBING, "is looked at before it is changed")
            self.perform(Probe(run.step.id))
        else:
            self._apply(run)

    def _apply(self, run: StepRun) -> None:
        run.started = True
        run.attempts += 1
        run.to(StepState.APPLYING, run.observation.change or "is being applied")
        self.perform(Apply(run.step.id, self.token(self.key(run.step.id)), run.observation))

    def _succeeded(self, event: ApplySucceeded, at: datetime) -> None:
        run = self.steps[event.step]
        run.evidence = event.evidence
        run.known_applied = True
        self._applied(run, event.evidence.sentence, at)

    def _applied(self, run: StepRun, sentence: str, at: datetime) -> None:
        run.ended_at = at
        run.to(StepState.APPLIED, sentence)
        self.say(f"{run.step.id}: {sentence}")
        self._settle(run, at)

    def _settle(self, run: StepRun, at: datetime) -> None:
        """A step's forward work has ended: go on with what needs it, or undo it."""
        if run.step.service in self.rollback.services:
            self.rollback.settled(run, at)
        elif run.state in PASSED:
            for dependent in self.graph.dependents[run.step.id]:
                self._waiting_on[dependent] -= 1
                if self._waiting_on[dependent] == 0:
                    self._ready.append(dependent)

    def _failed(self, run: StepRun, failure: Failure, at: datetime) -> None:
        run.failure = failure
        if run.state is StepState.CANCELLING:
            self._stopped(run, at)
        elif failure.outcome_known:
            self._decide(run, at)
        else:
            run.looking_since = at
            run.to(StepState.UNKNOWN, f"{failure}; it is looked at before anything is decided")
            self.say(f"{run.step.id} is unknown: {failure}")
            self.perform(Probe(run.step.id))

    def _observed(self, run: StepRun, seen: Observation, at: datetime) -> None:
        if run.state is StepState.PROBING:
            self._looked(run, seen, at)
        else:
            self._resolved(run, seen, at)

    def _looked(self, run: StepRun, seen: Observation, at: datetime) -> None:
        """A step was looked at right before it is changed."""
        if (earlier := self._of_key.get(seen.last_key)) is not None and earlier is not run:
            # Its apply was given up as lost, but had landed on the resource the two share.
            earlier.known_applied = True
        if run.step.service in self.rollback.services:
            self.rollback.settled(run, at)
        elif run.skip_when_stopped:
            self._skip(run, at)
        elif seen.qualification is Qualification.NOT_QUALIFIED:
            run.failure = Failure("NotQualified", seen.reason, outcome_known=True)
            self._decide(run, at)
        elif not lacks_before_image(seen):
            if not (run.started and seen.touched):
                run.observation = seen
            self._apply(run)
        elif self._look_again(run, at):
            run.sentence = f"cannot be seen: {seen.reason}"
        else:
            run.failure = Failure("Unavailable", seen.reason, outcome_known=True)
            self._decide(run, at)

    def _resolved(self, run: StepRun, seen: Observation, at: datetime) -> None:
        """An apply was lost; this is what it left."""
        failure = run.failure or Failure("Unknown", seen.reason, outcome_known=False)
        if seen.state is Applied.UNKNOWN and self._look_again(run, at):
            run.sentence = f"cannot be seen after {failure}: {seen.reason}"
        elif run.state is StepState.CANCELLING or run.step.service in self.rollback.services:
            run.known_applied = run.known_applied or seen.touched
            self._stopped(run, at)
        elif seen.state is Applied.APPLIED:
            run.known_applied = seen.touched
            self._applied(run, f"seen applied after {failure.kind}: {seen.reason}", at)
        else:
            self._decide(run, at)

    def _look_again(self, run: StepRun, at: datetime) -> bool:
        since = run.looking_since or at
        if at - since >= run.step.timeout or run.step.service in self.rollback.services:
            return False
        self.perform(Probe(run.step.id, LOOK_AGAIN_AFTER))
        return True

    def _decide(self, run: StepRun, at: datetime) -> None:
        """What a step's failure means."""
        step, failure = run.step, run.failure
        run.ended_at = at
        scope = self._scope(step.service)
        stays = self.rollback.refusal(scope)
        if step.service in self.rollback.services:
            self.rollback.settled(run, at)
        elif run.skip_when_stopped:
            self._skip(run, at)
        elif (
            (failure and failure.needs_person)
            or step.on_failure is OnFailure.HOLD
            or (step.on_failure is OnFailure.ROLLBACK and stays)
        ):
            because = f"; {stays}" if stays and step.on_failure is OnFailure.ROLLBACK else ""
            run.to(StepState.HELD, f"{failure}{because}")
            self.say(
                f"{step.id} is held for a person: {failure}{because};"
                " retry-step, skip-step or roll-back"
            )
        elif step.on_failure is OnFailure.CONTINUE:
            run.to(StepState.FAILED, f"{failure}; passed over by its policy")
            self.say(f"{step.id} failed and is passed over by its policy: {failure}")
            self._settle(run, at)
        else:
            run.to(StepState.FAILED, str(failure))
            self.rollback.begin(scope, f"{step.id} failed: {failure}", at)

    def _stopped(self, run: StepRun, at: datetime) -> None:
        """A running step has stopped because it was asked to."""
        run.ended_at = at
        if run.step.service in self.rollback.services:
            self.rollback.settled(run, at)
        elif run.skip_when_stopped:
            self._skip(run, at)
        else:
            run.failure = run.failure or Failure("Cancelled", "its apply was stopped", False)
            self._decide(run, at)

    def _scope(self, service: str) -> list[str]:
        if self.plan.rollback is RollbackScope.SITE:
            return list(self.graph.services)
        return self.graph.with_dependents([service])

    # Operators

    def _intervene(self, event: Event, at: datetime) -> None:
        match event:
            case PauseRequested():
                self.paused_by = event
                self.say(f"{event.actor} paused the run: {event.reason}")
            case ResumeRequested():
                self.paused_by = None
                self.say(f"{event.actor} resumed the run: {event.reason}")
            case RetryRequested():
                run = self.steps[event.step]
                self.say(f"{event.actor} retries {event.step}: {event.reason}")
                run.failure, run.ended_at = None, None
                run.late = True
                run.to(StepState.PENDING, f"is tried again by {event.actor}")
                self._ready.append(event.step)
            case SkipRequested():
                self.say(f"{event.actor} skips {event.step}: {event.reason}")
                self._skip_requested(self.steps[event.step], at)
            case RollbackRequested():
                self.paused_by = None
                scope = list(self.graph.services)
                self.rollback.begin(scope, f"{event.actor} asked for it: {event.reason}", at)

    def _skip_requested(self, run: StepRun, at: datetime) -> None:
        if run.state in IN_FLIGHT:
            run.skip_when_stopped = True
            if run.state is StepState.APPLYING:
                self._effects.append(CancelApply(run.step.id))
        else:
            self._skip(run, at)

    def _skip(self, run: StepRun, at: datetime) -> None:
        run.ended_at = at
        run.to(StepState.SKIPPED, "skipped by an operator")
        self._settle(run, at)

    # For both directions

    def token(self, key: str) -> FencingToken:
        """The next fencing token: later ones shut out earlier ones."""
        self.sequence += 1
        return FencingToken(epoch=self.epoch, sequence=self.sequence, run=self.run, key=key)

    def perform(self, effect: Effect) -> None:
        """Have an effect performed whose end comes back as an event."""
        self._in_flight += 1
        self._effects.append(effect)

    def cancel(self, step: str) -> None:
        """Ask a running apply to stop."""
        self._effects.append(CancelApply(step))

    def say(self, sentence: str) -> None:
        """Put a sentence into the run's story."""
        self._sentences.append(sentence)


def _blind(seen: Observation) -> bool:
    """Nothing was read, though the step may be applied all the same: look again just before."""
    return seen.state is Applied.UNKNOWN
