"""A made-up activity that steps share, around the product's own walk: it may die at any moment."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from holdfast.workflows.model.errors import PermanentError
from holdfast.workflows.model.step import Evidence
from holdfast.workflows.saga.messages import (
    Apply,
    ApplyFailed,
    ApplyStarted,
    ApplySucceeded,
    ApplyTogether,
    Failure,
    HandedBack,
)
from holdfast.workflows.saga.step_run import PASSED
from holdfast.workflows.saga.walk import Walk

if TYPE_CHECKING:
    from .simulator import Simulation

End = ApplySucceeded | ApplyFailed | HandedBack
FATES = ("refused", "needs_person", "temporary", "hung", "crash_before", "crash_after", "given_up")


class SharedActivity:
    """Steps in one activity: ends that are told late or lost, workers that die and wake up."""

    def __init__(self, simulation: Simulation, effect: ApplyTogether) -> None:
        self._sim = simulation
        self._effects = {apply.step: apply for apply in effect.applies}
        self._told: set[str] = set()
        self._untold: dict[str, End] = {}
        self._running: set[str] = set()
        self._done: set[str] = set()
        self._over = False
        self._dead = False
        needs = simulation.saga.graph.steps
        self._walk = Walk({step: needs[step].needs for step in self._effects})
        self._begin(self._walk.begin())

    def recall(self) -> None:
        """Nothing more is to begin; what runs goes on."""
        if not (self._over or self._dead):
            self._hand_back(self._walk.stop())
            self._maybe_over()

    def cancel(self, step: str) -> None:
        """One step is to be stopped; it may end before it hears of it."""
        self.recall()
        if step in self._running:
            self._sim.later(self._sim.random.uniform(0, 1), partial(self._stop, step))

    def _stop(self, step: str) -> None:
        if step in self._running and not (self._over or self._dead):
            self._running.discard(step)
            self._sometimes_land(step)
            self._end(HandedBack(step, begun=True, reason="stopped"))
            self._maybe_over()

    def _begin(self, steps: list[str]) -> None:
        for step in steps:
            self._check_start(step)
            self._sim.started.append(step)
            self._running.add(step)
            self._sim.later(self._sim.random.uniform(0.05, 1), partial(self._land, step))

    def _check_start(self, step: str) -> None:
        sim = self._sim
        sim.broken += [
            f"{step} started before {need} had passed"
            for need in sim.saga.graph.steps[step].needs
            if need not in self._done and sim.saga.steps[need].state not in PASSED
        ]

    def _land(self, step: str) -> None:
        if self._over or self._dead or step not in self._running:
            return
        fate = self._sim.fate(("ok",) * 6 + FATES, step)
        if fate == "crash_before":
            self._crash()
            return
        effect = self._effects[step]
        refused = None
        landed = fate in ("ok", "crash_after")
        if landed or (fate == "temporary" and self._sim.random.random() < 0.5):
            try:
                self._sim.write(effect)
            except PermanentError as error:
                refused = Failure(type(error).__name__, str(error), True)
        if fate == "crash_after":
            self._crash()
            return
        if fate == "given_up":
            self._give_up()
            return
        self._running.discard(step)
        self._judge(step, fate, refused)
        self._maybe_over()

    def _judge(self, step: str, fate: str, refused: Failure | None) -> None:
        if refused is not None:
            self._fail(step, refused)
        elif fate == "refused":
            self._fail(step, Failure("Conflict", "moved", True))
        elif fate == "needs_person":
            self._fail(step, Failure("VerificationFailed", "unfenced", True, True))
        elif fate == "hung":
            self._sometimes_land(step)
            self._fail(step, Failure("Timeout", "overran", False))
        elif fate in ("temporary", "lost_before"):
            self._end(HandedBack(step, begun=True, reason="Unavailable", alone=True))
            self._hand_back(self._walk.abandon(step))
        else:
            self._done.add(step)
            self._end(ApplySucceeded(step, Evidence(changed=True, sentence="applied")))
            self._begin(self._walk.done(step))

    def _fail(self, step: str, failure: Failure) -> None:
        self._end(ApplyFailed(step, failure))
        self._hand_back(self._walk.stop())

    def _hand_back(self, steps: list[str]) -> None:
        for step in steps:
            self._end(HandedBack(step, begun=False, reason="a step before did not go through"))

    def _end(self, event: End) -> None:
        self._untold[event.step] = event
        self._sim.later(self._sim.random.uniform(0, 0.25), self._tell)

    def _tell(self) -> None:
        """One signal says all that is not told yet."""
        if self._dead:
            return
        untold, self._untold = self._untold, {}
        for event in untold.values():
            self._told.add(event.step)
            self._sim.post(event, self)
        for step in sorted(self._running):
            self._sim.post(ApplyStarted(step, self._sim.now), self)
        self._maybe_over()

    def _crash(self) -> None:
        """The worker dies or stands still: what it did may land late, what it knew be told late."""
        self._dead = True
        for step in self._running:
            self._sometimes_land(step)
        if self._sim.random.random() < 0.3:
            self._sim.later(self._sim.random.uniform(0, 5), partial(self._say, self._untold))
        self._sim.later(2.1, self._lost)

    def _say(self, events: dict[str, End]) -> None:
        for event in events.values():
            self._sim.post(event, self)

    def _lost(self) -> None:
        """The next attempt applies nothing: it hands back all that the workflow awaits."""
        self._over = True
        alone = self._sim.random.random() < 0.2  # it met a worker that does not share
        for step in self._effects:
            back = HandedBack(step, begun=True, reason="its worker was lost", alone=alone)
            self._sim.post(back, self)

    def _give_up(self) -> None:
        """Temporal gives the whole activity up: nothing is known of what was not told."""
        self._over = True
        for step in self._running:
            self._sometimes_land(step)
        for step in self._effects:
            if step not in self._told:
                failure = Failure("Timeout", "no answer", False)
                self._sim.post(ApplyFailed(step, failure), self)

    def _sometimes_land(self, step: str) -> None:
        effect: Apply = self._effects[step]
        if self._sim.random.random() < 0.4:
            self._sim.later(self._sim.random.uniform(0, 60), partial(self._sim.wake_late, effect))

    def _maybe_over(self) -> None:
        """The activity's result tells the rest."""
        if self._over or self._dead or self._running:
            return
        never = self._walk.stop()
        assert not never, f"{never} neither began nor were handed back"
        self._over = True
        self._say(self._untold)
