"""A saga carried out without Temporal: each call meets a fate that the real server can give too."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from holdfast.workflows.model.plan import RecoveryPlan
from holdfast.workflows.model.recovery import Outcome, StepState
from holdfast.workflows.model.step import Applied, Evidence, Observation, Qualification
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
    Revert,
    RevertFailed,
    RevertSucceeded,
    SkipRequested,
)
from holdfast.workflows.saga.saga import Saga
from holdfast.workflows.saga.walk import Walk

AT = datetime(2026, 1, 1, tzinfo=UTC)
CANCELLED = "cancelled"
KINDS = {"conflict": "Conflict", "unauthorized": "Unauthorized", "unproved": "VerificationFailed"}
FATES = ("ok",) * 9 + tuple(KINDS)
LONG, BRIEF = timedelta(seconds=10), timedelta(milliseconds=10)
"""What a step is expected to take: by itself, and if it may share an activity."""
SETTLES_S = 0.05
"""What a call's end gets to reach the workflow, and what that decides to reach the worker."""
GATHERED_S = 1.3
"""The same, where an end that nothing waits for is told with others a second later."""
STOPPED_S = 2.6
"""The same, where the decision is a stop of a shared activity: its heartbeat brings it there."""


@dataclass(frozen=True)
class Ending:
    """How one call of a verb ended."""

    step: str
    verb: str
    fate: str
    settles_s: float = SETTLES_S
    """The next call ends no earlier after this one."""

    def but(self, fate: str) -> "Ending":
        """The same call with another fate."""
        return replace(self, fate=fate)


@dataclass
class Played:
    """A saga that is over."""

    outcome: Outcome
    states: dict[str, StepState]
    endings: list[Ending] = field(default_factory=list)
    """All calls in the order in which they ended."""
    skipped: list[str] = field(default_factory=list)
    """Held steps that a person passed over, in that order."""
    shared: int = 0
    """How often a step was handed to an activity together with others."""


def play(plan: RecoveryPlan, chance: random.Random, takes: timedelta = LONG) -> Played:
    """Carry a plan out: what is in flight ends in random order, each with a random fate."""
    return _Play(plan, chance, takes).to_its_end()


class _Shared:
    """An activity that steps share."""

    def __init__(self, effect: ApplyTogether, graph: PlanGraph) -> None:
        self.awaited = effect.awaited
        self.walk = Walk({each.step: graph.steps[each.step].needs for each in effect.applies})
        self.running: set[str] = set()

    def handed_back(self) -> list[Event]:
        """Nothing more is to begin here."""
        return [HandedBack(step, begun=False, reason="script") for step in self.walk.stop()]


class _Play:
    def __init__(self, plan: RecoveryPlan, chance: random.Random, takes: timedelta) -> None:
        graph = PlanGraph(plan)
        seen = {id: _observed(id, takes) for id in graph.steps}
        assessment = assess(graph, seen)
        self._chance = chance
        self._saga = Saga(plan, seen, run="run", epoch=assessment.epoch, late=assessment.late)
        self._flying: dict[tuple[str, str], bool] = {}
        """Calls in flight, and whether each has been asked to stop."""
        self._shared: dict[str, _Shared] = {}
        """Steps in activities that they share, queued ones included."""
        self._sharing = 0
        self._told: list[Event] = []
        """What shared activities tell besides: they hand back, or begin."""
        self._endings: list[Ending] = []
        self._skipped: list[str] = []

    def to_its_end(self) -> Played:
        self._perform(self._saga.start(AT).effects)
        while not self._saga.over:
            if self._flying:
                self._end_one()
            else:
                held = self._saga.held[0]
                self._skipped.append(held)
                self._take(SkipRequested("op", "script", held))
        states = {id: run.state for id, run in self._saga.steps.items()}
        return Played(self._saga.outcome, states, self._endings, self._skipped, self._sharing)

    def _take(self, event: Event) -> list[Effect]:
        """Take an event, and what shared activities tell because of it."""
        performed: list[Effect] = []
        self._told.insert(0, event)
        while self._told:
            event = self._told.pop(0)
            if isinstance(event, HandedBack):
                del self._shared[event.step]
            effects = self._saga.handle(event, AT).effects
            self._perform(effects)
            performed += effects
        return performed

    def _perform(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Apply():
                    self._flying[effect.step, "apply"] = False
                case Revert():
                    self._flying[effect.step, "revert"] = False
                case ApplyTogether():
                    shared = _Shared(effect, self._saga.graph)
                    self._shared |= {each.step: shared for each in effect.applies}
                    self._sharing += len(effect.applies)
                    self._begin(shared, shared.walk.begin())
                case CancelApply():
                    if (effect.step, "apply") in self._flying:
                        self._flying[effect.step, "apply"] = True
                    if effect.step in self._shared:
                        self._told += self._shared[effect.step].handed_back()
                case _:
                    raise NotImplementedError(f"{type(effect).__name__} cannot be scripted")

    def _begin(self, shared: _Shared, steps: Iterable[str]) -> None:
        for step in steps:
            shared.running.add(step)
            self._flying[step, "apply"] = False

    def _end_one(self) -> None:
        """Have one call end, and carry out what follows from it."""
        step, verb = self._chance.choice(list(self._flying))
        stopping = self._flying.pop((step, verb))
        fate = CANCELLED if stopping else self._chance.choice(FATES)
        self._endings.append(Ending(step, verb, fate))
        if step not in self._shared:
            effects, gathered = self._take(_end(step, verb, fate)), False
        else:
            shared = self._shared[step]
            effects = self._end_shared(shared, step, fate)
            gathered = fate == "ok" and step not in shared.awaited and bool(shared.running)
        if any(isinstance(each, CancelApply) and each.step in self._shared for each in effects):
            self._settles(STOPPED_S)
        elif gathered and effects:
            self._settles(GATHERED_S)

    def _end_shared(self, shared: _Shared, step: str, fate: str) -> list[Effect]:
        shared.running.discard(step)
        if fate == CANCELLED:
            return self._take(HandedBack(step, begun=True, reason="script"))
        del self._shared[step]
        if fate == "ok":
            following = shared.walk.done(step)
            self._begin(shared, following)
            self._told += [ApplyStarted(each, AT) for each in following]
        else:
            self._told += shared.handed_back()
        return self._take(_end(step, "apply", fate))

    def _settles(self, seconds: float) -> None:
        self._endings[-1] = replace(self._endings[-1], settles_s=seconds)


def _end(step: str, verb: str, fate: str) -> Event:
    if fate == CANCELLED:
        return ApplyCancelled(step)
    done = Evidence(changed=True, sentence="done")
    if fate == "ok":
        return ApplySucceeded(step, done) if verb == "apply" else RevertSucceeded(step, done)
    failure = Failure(KINDS[fate], f"scripted {fate}", outcome_known=True)
    return ApplyFailed(step, failure) if verb == "apply" else RevertFailed(step, failure)


def _observed(step: str, takes: timedelta) -> Observation:
    return Observation(
        step=step,
        state=Applied.NOT_APPLIED,
        qualification=Qualification.QUALIFIED,
        reason="is before",
        resource=step,
        before_image="before",
        expected_duration=takes,
    )
