"""A made-up world and a made-up Temporal, both seeded, around the product's own saga and fencing.

Every effect of the saga meets one of the fates that a real one can meet, the lost answer and the
attempt that wakes up late included. The journal of what really changed is the oracle.
"""

import heapq
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from holdfast.workflows.model.errors import PermanentError
from holdfast.workflows.model.recovery import Outcome, StepState
from holdfast.workflows.model.step import (
    Applied,
    Evidence,
    Observation,
    Qualification,
)
from holdfast.workflows.saga.assessment import assess
from holdfast.workflows.saga.graph import PlanGraph
from holdfast.workflows.saga.messages import (
    Apply,
    ApplyCancelled,
    ApplyFailed,
    ApplyStarted,
    ApplySucceeded,
    ApplyTogether,
    CancelApply,
    Effect,
    Event,
    Failure,
    HandedBack,
    Intervention,
    Observed,
    PauseRequested,
    Probe,
    Recall,
    ResumeRequested,
    RetryRequested,
    Revert,
    RevertFailed,
    RevertSucceeded,
    RollbackRequested,
    SkipRequested,
)
from holdfast.workflows.saga.saga import Saga
from holdfast.workflows.saga.step_run import PASSED

from .random_plans import random_plan
from .simulated_sharing import SharedActivity
from .simulated_world import Resource, World

EPOCH_START = datetime(2026, 1, 1, tzinfo=UTC)
APPLY_FATES = (
    *("ok",) * 6,
    "slow",
    "refused",
    "unproved",
    "needs_person",
    "lost_before",
    "lost_after",
    "late",
    "crash_before",
    "crash_after",
)
"""`lost`: a timeout before or after the effect; `crash`: the worker dies, another repeats it."""
REVERT_FATES = (
    *("ok",) * 5,
    "slow",
    "refused",
    "lost_before",
    "lost_after",
    "crash_before",
    "crash_after",
)
AGAIN_AFTER_S = {"slow": 30.0, "crash_before": 2.1, "crash_after": 2.1}


class Simulation:
    """One plan carried out in one seeded world."""

    def __init__(self, seed: int, *, faults: float = 0.3, fenced: bool = True) -> None:
        self.random = random.Random(seed)
        self.faults = faults
        self.plan = random_plan(self.random)
        self.world = World(fenced)
        self.resource_of = self._resources()
        self.now = EPOCH_START
        self._queue: list[tuple[datetime, int, Callable[[], None]]] = []
        self._count = 0
        self._inbox: list[Event] = []
        self._running: dict[str, Apply] = {}
        self._shared: dict[str, SharedActivity] = {}
        self._awaited: dict[str, SharedActivity] = {}
        often = self.random.random() < 0.7
        self._brief = {
            step.id for step in self.plan.steps if self.random.random() < (0.95 if often else 0.1)
        }
        self.started: list[str] = []
        self.broken: list[str] = []
        self._partition = self._random_partition()
        graph = PlanGraph(self.plan)
        self.ancestors: dict[str, set[str]] = {}
        for id, step in graph.steps.items():
            above = (self.ancestors[need] | {need} for need in step.needs)
            self.ancestors[id] = set().union(*above)
        seen = {id: self.look(id, "") for id in graph.steps}
        assessment = assess(graph, seen)
        self.assessment = assessment
        self.saga = Saga(self.plan, seen, run="run", epoch=assessment.epoch, late=assessment.late)

    def run(self) -> Outcome:
        """Carry the plan out to its end; people decide on what is held."""
        self._perform(self.saga.start(self.now).effects)
        for _ in range(100_000):
            if self.saga.over:
                self._drain_late()
                return self.saga.outcome
            if self._inbox and (not self._queue or self.random.random() < 0.8):
                together = self.random.randint(1, len(self._inbox))
                events, self._inbox = self._inbox[:together], self._inbox[together:]
                self._take(*events)
            elif self.saga.idle:
                self._decide()
            else:
                if self.random.random() < 0.01:
                    self._meddle()
                self._advance()
        raise AssertionError("the run does not end")

    def look(self, step: str, key: str) -> Observation:
        """What a probe sees."""
        name = self.resource_of.get(step)
        if name is None:
            return Observation(
                step=step,
                state=Applied.NOT_APPLIED,
                qualification=Qualification.QUALIFIED,
                reason="only looks",
                expected_duration=self._expected(step),
            )
        resource = self.world.resources[name]
        return Observation(
            step=step,
            state=Applied.APPLIED if resource.value == step else Applied.NOT_APPLIED,
            qualification=Qualification.QUALIFIED,
            reason=f"is {resource.value}",
            resource=name,
            before_image=resource.value,
            epoch=resource.mark.epoch if resource.mark else 0,
            last_key=resource.mark.last_change if resource.mark else "",
            touched=bool(resource.mark and resource.mark.key == key),
            expected_duration=self._expected(step),
            undo_command=f"restore {name}",
        )

    def _expected(self, step: str) -> timedelta:
        return timedelta(seconds=0.2 if step in self._brief else 3)

    def _random_partition(self) -> tuple[set[str], datetime, datetime]:
        """Services whose systems cannot be reached for a while; often none."""
        if self.random.random() > self.faults:
            return set(), self.now, self.now
        cut_off = {each.name for each in self.plan.services if self.random.random() < 0.4}
        begins = self.now + timedelta(seconds=self.random.uniform(0, 20))
        return cut_off, begins, begins + timedelta(seconds=self.random.uniform(1, 30))

    def _cut_off(self, step: str) -> bool:
        services, begins, ends = self._partition
        return begins <= self.now < ends and step.partition("/")[0] in services

    # Time

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        """Have something happen after a while."""
        self._count += 1
        heapq.heappush(self._queue, (self.now + timedelta(seconds=seconds), self._count, what))

    def _advance(self) -> None:
        self.now, _, what = heapq.heappop(self._queue)
        what()

    def _drain_late(self) -> None:
        while self._queue:
            self._advance()

    # The saga

    def _take(self, *events: Event) -> None:
        self._perform(self.saga.handle_all(events, self.now).effects)

    def _perform(self, effects: tuple[Effect, ...]) -> None:
        stopped_again = {effect.step for effect in effects if isinstance(effect, CancelApply)}
        for effect in effects:
            match effect:
                case Apply():
                    if effect.step not in stopped_again:
                        self._check_start(effect.step)
                    self.started.append(effect.step)
                    self._running[effect.step] = effect
                    self.later(self.random.uniform(0.1, 5), partial(self._apply, effect))
                case ApplyTogether():
                    shared = SharedActivity(self, effect)
                    self._shared |= {each.step: shared for each in effect.applies}
                    self._awaited |= {each.step: shared for each in effect.applies}
                case CancelApply() if effect.step in self._awaited:
                    stop = partial(self._shared[effect.step].cancel, effect.step)
                    self.later(self.random.uniform(0, 1), stop)
                case Recall():
                    self.later(self.random.uniform(0, 1), self._shared[effect.step].recall)
                case CancelApply():
                    self.later(self.random.uniform(0, 1), partial(self._cancel, effect.step))
                case Probe():
                    wait = effect.after.total_seconds() + self.random.uniform(0, 1)
                    self.later(wait, partial(self._probe, effect))
                case Revert():
                    self.later(self.random.uniform(0.1, 5), partial(self._revert, effect))

    def post(
        self,
        event: ApplyStarted | ApplySucceeded | ApplyFailed | HandedBack,
        told_by: SharedActivity,
    ) -> None:
        """What a shared activity tells of a step; it counts once, and only while awaited."""
        if self._awaited.get(event.step) is told_by:
            if not isinstance(event, ApplyStarted):
                del self._awaited[event.step]
            self._inbox.append(event)

    def _check_start(self, step: str) -> None:
        if self.saga.paused_by and self.saga.steps[step].attempts < 2:
            self.broken.append(f"{step} started while the run was paused")
        if self.saga.steps[step].step.service in self.saga.rollback.services:
            self.broken.append(f"{step} started while its service was undone")
        self.broken += [
            f"{step} started before {need} had passed"
            for need in self.ancestors[step]
            if self.saga.steps[need].state not in PASSED
        ]

    def _apply(self, effect: Apply) -> None:
        if self._running.get(effect.step) is not effect:
            return
        fate = self.fate(APPLY_FATES, effect.step)
        step = effect.step
        if fate == "crash_after":
            self.wake_late(effect)
        if fate in AGAIN_AFTER_S:
            self.later(AGAIN_AFTER_S[fate], partial(self._apply, effect))
            return
        del self._running[effect.step]
        if fate in ("ok", "unproved", "lost_after"):
            try:
                self.write(effect)
            except PermanentError as error:
                failure = Failure(type(error).__name__, str(error), True)
                self._inbox.append(ApplyFailed(step, failure))
                return
        if fate == "late":
            self.later(self.random.uniform(0, 60), partial(self.wake_late, effect))
        match fate:
            case "ok":
                self._inbox.append(ApplySucceeded(step, Evidence(changed=True, sentence="applied")))
            case "refused":
                self._inbox.append(ApplyFailed(step, Failure("Conflict", "moved", True)))
            case "unproved":
                self._inbox.append(
                    ApplyFailed(step, Failure("VerificationFailed", "not ready", True))
                )
            case "needs_person":
                self._inbox.append(
                    ApplyFailed(step, Failure("VerificationFailed", "unfenced", True, True))
                )
            case _:
                self._inbox.append(ApplyFailed(step, Failure("Timeout", "no answer", False)))

    def write(self, effect: Apply) -> None:
        """Change the step's resource; raises what the fencing rule does."""
        if (name := self.resource_of.get(effect.step)) is not None:
            before = str(effect.before.before_image)
            self.world.apply(name, effect.step, effect.token, before)

    def wake_late(self, effect: Apply) -> None:
        """An attempt that everyone has given up goes on."""
        try:
            self.write(effect)
        except PermanentError:
            return

    def _cancel(self, step: str) -> None:
        effect = self._running.pop(step, None)
        if effect is None:
            return
        if self.random.random() < 0.5:
            self.wake_late(effect)
        if self.random.random() < 0.3:
            self.later(self.random.uniform(0, 60), partial(self.wake_late, effect))
        self._inbox.append(ApplyCancelled(step))

    def _probe(self, effect: Probe) -> None:
        if self._cut_off(effect.step) or self.random.random() < self.faults / 3:
            seen = Observation(
                step=effect.step,
                state=Applied.UNKNOWN,
                qualification=Qualification.UNKNOWN,
                reason="no answer",
            )
        else:
            seen = self.look(effect.step, self.saga.key(effect.step))
        self._inbox.append(Observed(effect.step, seen))

    def _revert(self, effect: Revert) -> None:
        fate = self.fate(REVERT_FATES, effect.step)
        name = self.resource_of[effect.step]
        if fate in ("ok", "lost_after", "crash_after"):
            before = str(effect.before.before_image)
            self.world.revert(name, before, effect.token, effect.apply_key, effect.known_applied)
        if fate in AGAIN_AFTER_S:
            self.later(AGAIN_AFTER_S[fate], partial(self._revert, effect))
            return
        if fate == "ok":
            done = Evidence(changed=True, sentence="put back")
            self._inbox.append(RevertSucceeded(effect.step, done))
        else:
            known = fate == "refused"
            failure = Failure("Conflict" if known else "Timeout", "not put back", known)
            self._inbox.append(RevertFailed(effect.step, failure))

    def fate(self, fates: tuple[str, ...], step: str) -> str:
        """What befalls an attempt."""
        if self._cut_off(step):
            return "lost_before"
        return self.random.choice(fates) if self.random.random() < self.faults else "ok"

    # People

    def _decide(self) -> None:
        """Nothing moves: a person must say something that is accepted."""
        held = self.saga.held
        choices: list[Intervention] = [ResumeRequested("op", "go on")]
        choices += [RetryRequested("op", "again", step) for step in held]
        choices += [SkipRequested("op", "without it", step) for step in held]
        choices.append(RollbackRequested("op", "enough"))
        accepted = [each for each in choices if self.saga.refusal(each) is None]
        assert accepted, "the run waits, and there is nothing that a person could say"
        self._take(self.random.choice(accepted))

    def _meddle(self) -> None:
        any_step = self.random.choice(list(self.saga.steps))
        choices: list[Intervention] = [
            PauseRequested("op", "wait"),
            ResumeRequested("op", "go on"),
            SkipRequested("op", "without it", any_step),
            RollbackRequested("op", "enough"),
        ]
        event = self.random.choice(choices)
        if self.saga.refusal(event) is None:
            self._take(event)

    def _resources(self) -> dict[str, str]:
        resources: dict[str, str] = {}
        for service in self.plan.services:
            own = [step.id for step in self.plan.steps if step.service == service.name]
            shared = self.random.random() < 0.3
            for id in own:
                if self.random.random() < 0.2:
                    continue
                resources[id] = f"{service.name}/shared" if shared else id
        self.world.resources = {name: Resource() for name in resources.values()}
        return resources

    def unfinished(self) -> list[str]:
        """Steps in a state that no ended run may leave."""
        ends = {
            StepState.APPLIED,
            StepState.SKIPPED,
            StepState.FAILED,
            StepState.REVERTED,
            StepState.RESIDUE,
            StepState.NOT_RUN,
        }
        return [id for id, run in self.saga.steps.items() if run.state not in ends]
