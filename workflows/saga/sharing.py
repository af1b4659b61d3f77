"""Which steps share an activity.

An activity costs milliseconds of the server and of the worker, whatever it does, and some more for
each heartbeat. In a plan that a person can follow, a step that takes a while has an activity of its
own, with its own line in Temporal's timeline. Steps that take no longer than a call share one when
there are enough of them, and so do all steps of a large plan. What shares is the simple case alone:
what needs a look right before, a decision right after, or a second attempt, leaves the others.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..model.recovery import StepState
from .assessment import blind, lacks_before_image
from .messages import ApplyTogether, HandedBack
from .step_run import StepRun

if TYPE_CHECKING:
    from .forward import Forward
    from .saga import Saga

BRIEF = timedelta(seconds=1)
"""A step expected to take less is brief: a single call, not a wait."""
LEAST_TOGETHER = 8
"""Fewer steps than this cost so little that each rather has its own line in the timeline; unless
others share one at that moment, and the timeline does not show each step anyway."""
LARGE_PLAN = 100
"""Steps. Hundreds of activities that each beat their heart every second keep a server busy, and
nobody reads a timeline of that length."""
MOST_BYTES = 1_400_000
"""Of the inputs of all activities that one decision starts: Temporal takes 2 MB an input, and 4 MB
a workflow task."""
BYTES_BESIDES = 320
"""Of a step in such an input, besides what its action is told and the ids of steps."""
MOST_SHARED = 20
"""Activities. While so many are in flight, steps gather for the next: single steps, each in one of
its own, would end in more events than Temporal keeps for a workflow task, which is a hundred."""


Place = tuple[str, str] | None
"""The task queue and site whose workers a step runs in; None for the common queue."""


class Sharing:
    """The steps of a run that share activities: how they start, and how they come back."""

    def __init__(self, saga: Saga, forward: Forward) -> None:
        self._saga = saga
        self._forward = forward
        self._large = len(saga.plan.steps) >= LARGE_PLAN

    def may_share(self, run: StepRun) -> bool:
        """Its activity may be shared: it is brief, or one of many, and simple.

        Simple means: its before-image is known, and no decision hangs on its end.
        """
        expected = run.observation.expected_duration
        return (
            (self._large or (expected is not None and expected < BRIEF))
            and not (run.alone or run.late or run.step.pivot or run.skip_when_stopped)
            and not lacks_before_image(run.observation)
            and not blind(run.observation)
        )

    def start(self, ready: Sequence[StepRun], at: datetime) -> None:
        """Start steps that may share and whose turn has come, with all that can follow them."""
        places: dict[Place, list[StepRun]] = {}
        for run in ready:
            places.setdefault(place_of(run), []).append(run)
        room = MOST_BYTES
        for runs in places.values():
            room -= self._start_at_one_place(runs, room, at)

    def _start_at_one_place(self, ready: Sequence[StepRun], room: int, at: datetime) -> int:
        """Start steps that run in the same workers; how many bytes of inputs that takes."""
        if len(self._saga.shared) >= MOST_SHARED:
            self._wait(ready)
            return 0
        runs, size = self._group(ready, room)
        if len(runs) >= (2 if self._saga.sharing else LEAST_TOGETHER):
            self._apply_together(runs, at)
            return size
        for run in runs:
            if not self._forward.waiting_on[run.step.id]:
                self._forward.begin(run, at)
        return 0

    def _apply_together(self, runs: Sequence[StepRun], at: datetime) -> None:
        applies = []
        for run in runs:
            run.hand_out()
            if self._forward.waiting_on[run.step.id]:
                run.to(StepState.QUEUED, "starts as soon as the steps it needs are done")
            else:
                run.started_at = run.started_at or at
                run.to(StepState.APPLYING, run.observation.change or "is being applied")
            applies.append(self._forward.apply_of(run))
        together = {run.step.id for run in runs}
        dependents = self._saga.graph.dependents
        awaited = frozenset(id for id in together if not together.issuperset(dependents[id]))
        self._saga.perform_together(runs, ApplyTogether(tuple(applies), awaited))

    def _group(self, ready: Sequence[StepRun], room: int) -> tuple[list[StepRun], int]:
        """What one activity is to apply: the ready steps, and all that can follow them there.

        A step follows if it may share, runs in the same workers, and everything that it still
        waits for is in the group. `room` is how many bytes the inputs may take; the second value
        is how many they do.
        """
        size, fit = 0, 0
        for run in ready:
            more = _bytes(run)
            # What is larger than an input may be goes by itself, to be refused in its own name.
            if size + more > room and (fit or room < MOST_BYTES):
                break
            size += more
            fit += 1
        self._wait(ready[fit:])
        group = list(ready[:fit])
        left: dict[str, int] = {}
        for run in group:  # grows while it is walked
            for id in self._saga.graph.dependents[run.step.id]:
                left[id] = left.get(id, self._forward.waiting_on[id]) - 1
                follower = self._saga.steps[id]
                if (
                    left[id] == 0
                    and place_of(follower) == place_of(run)
                    and self._forward.may_start(follower)
                    and self.may_share(follower)
                    and (size := size + _bytes(follower)) <= room
                ):
                    group.append(follower)
        return group, size

    def _wait(self, runs: Sequence[StepRun]) -> None:
        """Leave steps for the next decision; one follows, for something is in flight."""
        self._forward.ready |= dict.fromkeys(run.step.id for run in runs)

    def began(self, run: StepRun, at: datetime) -> None:
        """A queued step has been started by its worker."""
        if run.state is StepState.QUEUED:
            run.started_at = run.started_at or at
            run.to(StepState.APPLYING, run.observation.change or "is being applied")

    def handed_back(self, run: StepRun, event: HandedBack, at: datetime) -> None:
        """A step came back without an end."""
        forward = self._forward
        run.alone = run.alone or event.alone
        run.resumes = event.begun
        if not event.begun:
            run.take_back()
        if run.step.service in self._saga.rollback.services:
            forward.stopped(run, at)
        elif forward.waiting_on[run.step.id] or not event.begun:
            # What a lost worker may have begun waits for its needs all the same.
            skipped = "will be skipped when its turn comes"
            run.to(StepState.PENDING, skipped if run.skip_when_stopped else "waits for its turn")
            if not forward.waiting_on[run.step.id]:
                forward.ready[run.step.id] = None
        elif run.skip_when_stopped:
            forward.pass_over(run, at)
        else:
            self._saga.say(f"{run.step.id} goes on by itself: {event.reason}")
            run.to(StepState.PENDING, f"goes on by itself: {event.reason}")
            forward.interrupted[run.step.id] = None

    def recall(self) -> None:
        """Nothing new is to start: fetch back what waits for its turn at a worker."""
        for id, run in self._saga.steps.items():
            if run.state is StepState.QUEUED:
                self._saga.recall(id)


def place_of(run: StepRun) -> Place:
    """Where a step runs: only steps of one place can share an activity."""
    step = run.step
    return (step.task_queue, step.site) if step.task_queue is not None else None


def _bytes(run: StepRun) -> int:
    """About so many bytes does the step add to the activity's input."""
    step = run.step
    told = json.dumps([step.inputs, run.observation.before_image])
    return BYTES_BESIDES + len(told) + 2 * len(step.id) + sum(len(need) + 3 for need in step.needs)
