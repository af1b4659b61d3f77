"""A saga carried out without Temporal: each call meets a fate that the real server can give too."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from holdfast.workflows.model.plan import RecoveryPlan
from holdfast.workflows.model.recovery import Outcome, StepState
from holdfast.workflows.model.step import Applied, Evidence, Observation, Qualification
from holdfast.workflows.saga.assessment import assess
from holdfast.workflows.saga.graph import PlanGraph
from holdfast.workflows.saga.messages import (
    Apply,
    ApplyCancelled,
    ApplyFailed,
    ApplySucceeded,
    CancelApply,
    Effect,
    Event,
    Failure,
    Revert,
    RevertFailed,
    RevertSucceeded,
    SkipRequested,
)
from holdfast.workflows.saga.saga import Saga

AT = datetime(2026, 1, 1, tzinfo=UTC)
CANCELLED = "cancelled"
KINDS = {"conflict": "Conflict", "unauthorized": "Unauthorized", "unproved": "VerificationFailed"}
FATES = ("ok",) * 9 + tuple(KINDS)


@dataclass(frozen=True)
class Ending:
    """How one call of a verb ended."""

    step: str
    verb: str
    fate: str

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


def play(plan: RecoveryPlan, chance: random.Random) -> Played:
    """Carry a plan out: what is in flight ends in random order, each with a random fate."""
    return _Play(plan, chance).to_its_end()


class _Play:
    def __init__(self, plan: RecoveryPlan, chance: random.Random) -> None:
        graph = PlanGraph(plan)
        seen = {id: _observed(id) for id in graph.steps}
        assessment = assess(graph, seen)
        self._chance = chance
        self._saga = Saga(plan, seen, run="run", epoch=assessment.epoch, late=assessment.late)
        self._flying: dict[tuple[str, str], bool] = {}
        """Calls in flight, and whether each has been asked to stop."""
        self._endings: list[Ending] = []
        self._skipped: list[str] = []

    def to_its_end(self) -> Played:
        self._perform(self._saga.start(AT).effects)
        while not self._saga.over:
            if self._flying:
                self._take(self._end_one())
            else:
                held = self._saga.held[0]
                self._skipped.append(held)
                self._take(SkipRequested("op", "script", held))
        states = {id: run.state for id, run in self._saga.steps.items()}
        return Played(self._saga.outcome, states, self._endings, self._skipped)

    def _take(self, event: Event) -> None:
        self._perform(self._saga.handle(event, AT).effects)

    def _perform(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Apply():
                    self._flying[effect.step, "apply"] = False
                case Revert():
                    self._flying[effect.step, "revert"] = False
                case CancelApply():
                    self._flying[effect.step, "apply"] = True
                case _:
                    raise NotImplementedError(f"{type(effect).__name__} cannot be scripted")

    def _end_one(self) -> Event:
        step, verb = self._chance.choice(list(self._flying))
        stopping = self._flying.pop((step, verb))
        fate = CANCELLED if stopping else self._chance.choice(FATES)
        self._endings.append(Ending(step, verb, fate))
        if fate == CANCELLED:
            return ApplyCancelled(step)
        done = Evidence(changed=True, sentence="done")
        if fate == "ok":
            return ApplySucceeded(step, done) if verb == "apply" else RevertSucceeded(step, done)
        failure = Failure(KINDS[fate], f"scripted {fate}", outcome_known=True)
        return ApplyFailed(step, failure) if verb == "apply" else RevertFailed(step, failure)


def _observed(step: str) -> Observation:
    return Observation(
        step=step,
        state=Applied.NOT_APPLIED,
        qualification=Qualification.QUALIFIED,
        reason="is before",
        resource=step,
        before_image="before",
    )
