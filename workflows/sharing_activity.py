"""Performs steps that share an activity, and reads what it tells of each of them."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from .activity_options import UNREGISTERED, mutation_options, priority_of
    from .edge_workers import EdgeWorkers, NoWorker, SiteActivity
    from .failures import failure_of, never_picked_up
    from .model.step import ApplyInput
    from .model.together import (
        StepEnd,
        StepToApply,
        TogetherInput,
        TogetherProgress,
    )
    from .names import APPLY_TOGETHER
    from .saga.durations import finish_times
    from .saga.graph import PlanGraph
    from .saga.messages import (
        NO_WORKER,
        Apply,
        ApplyFailed,
        ApplyStarted,
        ApplySucceeded,
        ApplyTogether,
        Event,
        Failure,
        HandedBack,
    )
    from .saga.step_run import MOST_IN_FLIGHT

UNTOLD = "the activity ended without a word of this step"


class SharedActivities:
    """The activities in flight that steps share. Each step's end is posted once."""

    def __init__(self, graph: PlanGraph, post: Callable[[Event], None], edge: EdgeWorkers) -> None:
        self._graph = graph
        self._post = post
        self._edge = edge
        self._number = 0
        self._awaited: dict[str, int] = {}
        """Step → number of the activity from which its end is awaited."""
        self._activities: dict[str, SiteActivity] = {}
        self._unwanted: dict[str, None] = {}

    def start(self, effect: ApplyTogether) -> int:
        """Start an activity for these steps; its number."""
        self._number += 1
        ids = [apply.step for apply in effect.applies]
        services = {self._graph.steps[id].service for id in ids}
        request = self._request(effect)

        def start(where: dict[str, Any]) -> workflow.ActivityHandle[Any]:
            return workflow.start_activity(
                APPLY_TOGETHER,
                request,
                result_type=Any,
                summary=f"{len(ids)} brief steps of {len(services)} services",
                priority=priority_of(self._graph, ids),
                **mutation_options(self._longest(ids)),
                **where,
            )

        # All of them have their workers on the same queue, at the same site.
        activity = SiteActivity(self._edge, self._graph.steps[ids[0]], start, repeats=False)
        for apply in effect.applies:
            self._awaited[apply.step] = self._number
            self._activities[apply.step] = activity
        return self._number

    def carries(self, step: str) -> bool:
        """Whether a step's end is awaited from a shared activity."""
        return step in self._activities

    def cancel(self, step: str) -> None:
        """Stop a step; what waits for its turn in the same activity is handed back."""
        self._unwanted[step] = None
        self._activities[step].cancel()

    def recall(self, step: str) -> None:
        """Have what waits for its turn handed back by the activity that carries a step."""
        if step in self._activities:
            self._activities[step].cancel()

    def unwanted(self) -> tuple[str, ...]:
        """Steps that are to be stopped. A cancelled activity asks for them, again and again."""
        return tuple(self._unwanted)

    async def ends(self, effect: ApplyTogether, number: int) -> None:
        """Wait for an activity's end; whatever it did not tell of is posted with what is known."""
        activity = self._activities[effect.applies[0].step]
        try:
            self.told(await activity.result())
        except NoWorker as gone:
            self._nowhere(number, str(gone))
        except asyncio.CancelledError:
            for step in self._left(number):
                self._post(HandedBack(step, begun=False, reason="its activity was stopped"))
        except ActivityError as error:
            self._lost(number, error)
        else:
            self._fail(number, Failure("Unreadable", UNTOLD, outcome_known=False))

    def told(self, progress: Any) -> None:
        """Take what an activity tells. What cannot be read counts as not told."""
        try:
            told = TogetherProgress.model_validate(progress)
        except ValidationError as error:
            workflow.logger.warning("progress with %d faults is left aside", error.error_count())
            return
        for end in told.ends:
            if self._awaited.get(end.step) == told.number:
                self._forget(end.step)
                self._post(_event(end))
        for start in told.running:
            if self._awaited.get(start.step) == told.number:
                self._post(ApplyStarted(start.step, start.began))

    def _forget(self, step: str) -> None:
        del self._awaited[step]
        del self._activities[step]
        self._unwanted.pop(step, None)

    def _lost(self, number: int, error: ActivityError) -> None:
        failure = failure_of(error)
        if failure.kind == UNREGISTERED:
            reason = "no worker of the queue carries out several steps at once"
            for step in self._left(number):
                # An earlier attempt may have begun it, on a worker that does.
                self._post(HandedBack(step, begun=True, reason=reason, alone=True))
        elif is_cancelled_exception(error):
            for step in self._left(number):
                self._post(HandedBack(step, begun=True, reason="its activity was stopped"))
        elif never_picked_up(error):
            # By now an earlier attempt has begun it: otherwise it would have been sent again.
            for step in self._left(number):
                self._post(HandedBack(step, begun=True, reason="its worker is gone"))
        else:
            self._fail(number, failure)

    def _nowhere(self, number: int, reason: str) -> None:
        """No worker has ever had it: what starts it fails, and what would follow still waits."""
        left = self._left(number)
        together = set(left)
        failure = Failure(NO_WORKER, reason, outcome_known=True, needs_person=True)
        for step in left:
            if together.isdisjoint(self._graph.steps[step].needs):
                self._post(ApplyFailed(step, failure))
            else:
                self._post(HandedBack(step, begun=False, reason=reason))

    def _fail(self, number: int, failure: Failure) -> None:
        for step in self._left(number):
            self._post(ApplyFailed(step, failure))

    def _left(self, number: int) -> list[str]:
        """Steps that an activity did not tell of; they are no longer awaited from it."""
        left = [step for step, of in self._awaited.items() if of == number]
        for step in left:
            self._forget(step)
        return left

    def _request(self, effect: ApplyTogether) -> TogetherInput:
        together = {apply.step for apply in effect.applies}
        return TogetherInput(
            number=self._number,
            steps=tuple(
                StepToApply(
                    run=self._graph.steps[apply.step].run,
                    apply=apply_input(self._graph, apply),
                    needs=tuple(
                        need for need in self._graph.steps[apply.step].needs if need in together
                    ),
                    awaited=apply.step in effect.awaited,
                    tier=self._graph.services[self._graph.steps[apply.step].service].tier,
                )
                for apply in effect.applies
            ),
        )

    def _longest(self, ids: Iterable[str]) -> timedelta:
        """The longest chain of the steps' own deadlines, as often as they have to take turns."""
        timeouts = {id: self._graph.steps[id].timeout.total_seconds() for id in ids}
        turns = 1 + len(timeouts) // MOST_IN_FLIGHT
        return timedelta(seconds=turns * max(finish_times(self._graph, timeouts).values()))


def apply_input(graph: PlanGraph, effect: Apply) -> ApplyInput:
    """What an action is told to apply."""
    step = graph.steps[effect.step]
    return ApplyInput(
        step=step.id,
        inputs=step.inputs,
        before_image=effect.before.before_image,
        token=effect.token,
        timeout=step.timeout,
    )


def _event(end: StepEnd) -> Event:
    if end.evidence is not None:
        return ApplySucceeded(end.step, end.evidence, end.began, end.ended)
    if end.failure is not None:
        told = end.failure
        failure = Failure(told.kind, told.message, told.outcome_known, told.needs_person)
        return ApplyFailed(end.step, failure)
    return HandedBack(end.step, end.began is not None, end.reason, end.alone)
