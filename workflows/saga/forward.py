"""Going forward: which step may start, and what the end of each one means."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..model.estate import OnFailure
from ..model.policy import RollbackScope
from ..model.recovery import StepState
from ..model.step import Applied, Observation, Qualification
from .assessment import blind, lacks_before_image
from .messages import Apply, ApplySucceeded, Failure, HandedBack, Probe
from .sharing import Sharing
from .step_run import IN_FLIGHT, PASSED, StepRun

if TYPE_CHECKING:
    from .saga import Saga

MOST_GO_ON = 100
"""Steps that one decision has go on: a workflow task is short. Their ends let the next go on."""
LOOK_AGAIN_AFTER = timedelta(seconds=2)
LOOK_AGAIN_LATEST = timedelta(seconds=30)
"""Looks at what does not answer grow apart up to this: each costs the history a dozen events."""


class Forward:
    """The part of a saga that goes forward."""

    def __init__(self, saga: Saga) -> None:
        self._saga = saga
        steps = saga.plan.steps
        self._of_key = {saga.key(step.id): saga.steps[step.id] for step in steps}
        self.waiting_on = {step.id: len(step.needs) for step in steps}
        """For each step, how many of those it needs have not passed."""
        self.ready = dict.fromkeys(step.id for step in steps if not step.needs)
        """Steps whose turn has come."""
        self.interrupted: dict[str, None] = {}
        """Steps that began in an activity that they shared, and are to go on by themselves."""
        self.sharing = Sharing(saga, self)

    def startable(self) -> bool:
        """A step could start if nothing held it back."""
        self.ready = dict.fromkeys(id for id in self.ready if self._waits(self._run(id)))
        return bool(self.ready)

    def start_ready(self, at: datetime) -> None:
        """Start the steps whose turn has come, the most critical tier first."""
        services = self._saga.graph.services
        sharing: list[StepRun] = []
        closed: list[str] = []
        while self.ready and self._saga.room:
            # A step that is passed over at once makes others ready: they are sorted anew.
            turn = sorted(self.ready, key=lambda id: services[self._run(id).step.service].tier)
            self.ready = {}
            for id in turn:
                run = self._run(id)
                if not self._saga.room:
                    self.ready[id] = None
                elif not self._saga.tiers.admits(run.step.service):
                    closed.append(id)
                elif self.may_start(run) and self.sharing.may_share(run):
                    sharing.append(run)
                elif self.may_start(run):
                    self.begin(run, at)
        self.sharing.start(sharing, at)
        self.ready |= dict.fromkeys(closed)

    def may_start(self, run: StepRun) -> bool:
        """The step waits for its turn, its tier is open and its service is not being undone."""
        return self._waits(run) and self._saga.tiers.admits(run.step.service)

    def _waits(self, run: StepRun) -> bool:
        undone = run.step.service in self._saga.rollback.services
        return run.state is StepState.PENDING and not undone

    def begin(self, run: StepRun, at: datetime) -> None:
        """Start a step whose turn has come; look at it first where that is needed."""
        if run.skip_when_stopped:
            self.pass_over(run, at)
            return
        run.started_at = run.started_at or at
        if run.late or lacks_before_image(run.observation) or blind(run.observation):
            run.look_from(at)
            run.to(StepState.PROBING, "is looked at before it is changed")
            self._saga.perform(Probe(run.step.id))
        else:
            self.apply(run)

    def apply(self, run: StepRun) -> None:
        """Apply a step in an activity of its own."""
        run.hand_out()
        run.to(StepState.APPLYING, run.observation.change or "is being applied")
        self._saga.perform(self.apply_of(run))

    def apply_of(self, run: StepRun) -> Apply:
        """The effect of applying a step: under the next token, or its own if it was interrupted."""
        if run.token is None or not run.resumes:
            run.token = self._saga.token(self._saga.key(run.step.id))
        run.resumes = False
        return Apply(run.step.id, run.token, run.observation)

    def go_on_interrupted(self, at: datetime) -> None:
        """Have steps go on that began elsewhere, even in a paused run: what runs goes on."""
        fit = 0
        while self.interrupted and self._saga.room and fit < MOST_GO_ON:
            run = self._run(next(iter(self.interrupted)))
            del self.interrupted[run.step.id]
            if self.may_start(run):
                run.started_at = run.started_at or at
                self._go_on(run)
                fit += 1

    def _go_on(self, run: StepRun) -> None:
        """Apply a step again: one more attempt, under the same token."""
        run.attempts += 1
        run.to(StepState.APPLYING, run.observation.change or "is being applied")
        self._saga.perform(self.apply_of(run))

    def succeeded(self, run: StepRun, success: ApplySucceeded, at: datetime) -> None:
        """An apply returned its evidence."""
        run.evidence = success.evidence
        run.known_applied = True
        # The clock of a worker may be ahead: nothing ends later than it is told.
        ended = min(success.ended or at, at)
        run.started_at = run.started_at or min(success.began or at, ended)
        self._applied(run, success.evidence.sentence, ended, at)

    def _applied(self, run: StepRun, sentence: str, ended: datetime, at: datetime) -> None:
        run.ended_at = ended
        run.to(StepState.APPLIED, sentence)
        self._saga.source.applied(run)
        self._saga.say(f"{run.step.id}: {sentence}")
        self._settle(run, at)

    def _settle(self, run: StepRun, at: datetime) -> None:
        """A step's forward work has ended: go on with what needs it, or undo it."""
        if run.step.service in self._saga.rollback.services:
            self._saga.rollback.settled(run, at)
        elif run.state in PASSED and not run.passed:
            run.passed = True
            self._saga.source.passed(run)
            for dependent in self._saga.graph.dependents[run.step.id]:
                self.waiting_on[dependent] -= 1
                if self.waiting_on[dependent] == 0:
                    self.ready[dependent] = None

    def failed(self, run: StepRun, failure: Failure, at: datetime) -> None:
        """An apply ended without evidence."""
        run.fails(failure)
        if run.state is StepState.CANCELLING:
            self.stopped(run, at)
        elif run.state is StepState.QUEUED and self.waiting_on[run.step.id]:
            # Its activity is lost, but its turn has not come as far as anybody knows.
            back = HandedBack(run.step.id, begun=True, reason=str(failure))
            self.sharing.handed_back(run, back, at)
        elif failure.outcome_known:
            self._decide(run, at)
        else:
            run.look_from(at)
            run.to(StepState.UNKNOWN, f"{failure}; it is looked at before anything is decided")
            self._saga.say(f"{run.step.id} is unknown: {failure}")
            self._saga.perform(Probe(run.step.id))

    def observed(self, run: StepRun, seen: Observation, at: datetime) -> None:
        """A step was looked at: before it is changed, or after its apply was lost."""
        if run.state is StepState.PROBING:
            self._looked(run, seen, at)
        else:
            self._resolved(run, seen, at)

    def _looked(self, run: StepRun, seen: Observation, at: datetime) -> None:
        """A step was looked at right before it is changed."""
        if (earlier := self._of_key.get(seen.last_key)) is not None and earlier is not run:
            # Its apply was given up as lost, but had landed on the resource the two share.
            earlier.known_applied = True
        if run.step.service in self._saga.rollback.services:
            self._saga.rollback.settled(run, at)
        elif run.skip_when_stopped:
            self.pass_over(run, at)
        elif seen.qualification is Qualification.NOT_QUALIFIED:
            run.failure = Failure("NotQualified", seen.reason, outcome_known=True)
            self._decide(run, at)
        elif not lacks_before_image(seen):
            if not (run.started and seen.touched):
                run.observation = seen
            self._apply_unless_paused(run)
        elif self._look_again(run, at):
            run.sentence = f"cannot be seen: {seen.reason}"
        else:
            run.failure = Failure("Unavailable", seen.reason, outcome_known=True)
            self._decide(run, at)

    def _apply_unless_paused(self, run: StepRun) -> None:
        if self._saga.paused_by:
            # It is looked at once more when the run is resumed: that may be much later.
            run.late = True
            run.to(StepState.PENDING, "waits until the run is resumed")
            self.ready[run.step.id] = None
        else:
            self.apply(run)

    def _resolved(self, run: StepRun, seen: Observation, at: datetime) -> None:
        """An apply was lost; this is what it left."""
        failure = run.failure or Failure("Unknown", seen.reason, outcome_known=False)
        if seen.state is Applied.UNKNOWN and self._look_again(run, at):
            run.sentence = f"cannot be seen after {failure}: {seen.reason}"
        elif run.state is StepState.CANCELLING or run.step.service in self._saga.rollback.services:
            run.known_applied = run.known_applied or seen.touched
            self.stopped(run, at)
        elif seen.state is Applied.APPLIED:
            run.known_applied = seen.touched
            self._applied(run, f"seen applied after {failure.kind}: {seen.reason}", at, at)
        else:
            self._decide(run, at)

    def _look_again(self, run: StepRun, at: datetime) -> bool:
        since = run.looking_since or at
        if at - since >= run.step.timeout or run.step.service in self._saga.rollback.services:
            return False
        wait = min(LOOK_AGAIN_AFTER * 2**run.looks, LOOK_AGAIN_LATEST)
        run.looks += 1
        self._saga.perform(Probe(run.step.id, wait))
        return True

    def _decide(self, run: StepRun, at: datetime) -> None:
        """What a step's failure means."""
        step, failure = run.step, run.failure
        run.ended_at = at
        if run.passed and step.service not in self._saga.rollback.services:
            self._saga.source.not_fenced(run, failure)
            return
        scope = self._scope(step.service)
        stays = self._saga.rollback.refusal(scope)
        if step.service in self._saga.rollback.services:
            self._saga.rollback.settled(run, at)
        elif run.skip_when_stopped:
            self.pass_over(run, at)
        elif self._saga.holds and (
            (failure and failure.needs_person)
            or step.on_failure is OnFailure.HOLD
            or (step.on_failure is OnFailure.ROLLBACK and stays)
        ):
            because = f"; {stays}" if stays and step.on_failure is OnFailure.ROLLBACK else ""
            run.to(StepState.HELD, f"{failure}{because}")
            self._saga.say(
                f"{step.id} is held for a person: {failure}{because};"
                " retry-step, skip-step or roll-back"
            )
        elif step.on_failure is OnFailure.CONTINUE:
            run.to(StepState.FAILED, f"{failure}; passed over by its policy")
            self._saga.say(f"{step.id} failed and is passed over by its policy: {failure}")
            self._settle(run, at)
        else:
            run.to(StepState.FAILED, str(failure))
            self._saga.rollback.begin(scope, f"{step.id} failed: {failure}", at)

    def stopped(self, run: StepRun, at: datetime) -> None:
        """A running step has stopped because it was asked to."""
        run.ended_at = at
        if run.step.service in self._saga.rollback.services:
            self._saga.rollback.settled(run, at)
        elif run.skip_when_stopped:
            self.pass_over(run, at)
        else:
            run.failure = run.failure or Failure("Cancelled", "its apply was stopped", False)
            self._decide(run, at)

    def _scope(self, service: str) -> list[str]:
        if self._saga.plan.rollback is RollbackScope.SITE:
            return list(self._saga.graph.services)
        return self._saga.graph.with_dependents([service])

    def retry(self, run: StepRun, by: str) -> None:
        """Try a held step again, after a fresh look at its resource."""
        run.failure, run.ended_at = None, None
        run.late = True
        run.to(StepState.PENDING, f"is tried again by {by}")
        self.ready[run.step.id] = None

    def skip(self, run: StepRun, at: datetime) -> None:
        """Pass a step over: if it runs, once it has stopped; if not yet, when its turn comes."""
        if run.state is StepState.PENDING and self.waiting_on[run.step.id]:
            run.skip_when_stopped = True
            run.sentence = "will be skipped when its turn comes"
        elif run.state in IN_FLIGHT:
            run.skip_when_stopped = True
            if run.state in (StepState.APPLYING, StepState.QUEUED):
                self._saga.cancel(run.step.id)
        else:
            self.pass_over(run, at)

    def pass_over(self, run: StepRun, at: datetime) -> None:
        """Skip a step that stands still."""
        run.ended_at = at
        run.to(StepState.SKIPPED, "skipped by an operator")
        self._settle(run, at)

    def _run(self, id: str) -> StepRun:
        return self._saga.steps[id]
