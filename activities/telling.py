"""Tells the workflow, by signals, what became of the steps that share an activity.

Each signal costs a workflow task. So what nobody waits for is gathered for a moment, and only one
signal is on its way at any time: the busier the run, the more each of them says.

What was told is kept in the heartbeat, so that the next attempt leaves it. That a step never began
is a promise about the next attempt too: it is in the heartbeat before it is told.
"""

import asyncio
import contextlib
import contextvars
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from temporalio import activity
from temporalio.client import AsyncActivityCancelledError, Client, WorkflowHandle
from temporalio.exceptions import TemporalError
from temporalio.service import RPCError

from ..workflows.model.together import StepEnd, StepStart, StepToApply, TogetherProgress
from ..workflows.names import STEPS_PROGRESSED, UNWANTED_STEPS

GATHER_S = 1.0
"""How long an end that nothing waits for may stay untold."""
SETTLES_S = 0.03
"""Ends that are waited for come in bursts: what one of them lets start is started together."""
AGAIN_S = 1.0
MOST_AT_ONCE = 300
"""Ends in one signal, or in the result: bounds its size, of which Temporal takes 2 MB."""
ANSWER_WITHIN_S = 5.0


class Teller:
    """What is to be told of an activity's steps, and what has been, over all its attempts."""

    def __init__(self, steps: Sequence[StepToApply]) -> None:
        self._steps = steps
        self._numbers = {step.apply.step: number for number, step in enumerate(steps)}
        self._told, self._returned = _before()
        self._attempt = contextvars.copy_context()
        self._ends: dict[str, StepEnd] = {}
        self._starts: dict[str, StepStart] = {}
        self._news = asyncio.Event()
        self._urgent = asyncio.Event()
        for number in sorted(self._returned - self._told):
            apply = steps[number].apply
            reason = "the worker that had it was lost"
            end = StepEnd(step=apply.step, sequence=apply.token.sequence, reason=reason)
            self.ends(end, urgent=True)

    def speaks_for_this_attempt(self) -> None:
        """The caller is the attempt whose heartbeat counts from now on."""
        self._attempt = contextvars.copy_context()

    def left(self) -> list[StepToApply]:
        """The steps that no earlier attempt has told of or given up."""
        gone = self._told | self._returned
        return [step for number, step in enumerate(self._steps) if number not in gone]

    def begins(self, step: StepToApply, at: datetime) -> None:
        """A step was started."""
        if step.needs:
            id, sequence = step.apply.step, step.apply.token.sequence
            self._starts[id] = StepStart(step=id, sequence=sequence, began=at)
            self._news.set()

    def ends(self, end: StepEnd, *, urgent: bool) -> None:
        """A step has ended."""
        self._starts.pop(end.step, None)
        self._ends[end.step] = end
        if end.began is None:
            self._returned.add(self._numbers[end.step])
        self._news.set()
        if urgent:
            self._urgent.set()

    def beat(self) -> None:
        """Beat the activity's heart."""
        self._attempt.run(activity.heartbeat, *self._details())

    async def tell(self) -> None:
        """Tell what there is to tell, until cancelled."""
        while True:
            await self._news.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._urgent.wait(), GATHER_S)
                await asyncio.sleep(SETTLES_S)
            self._news.clear()
            self._urgent.clear()
            await self._tell_once()
            if self._ends:
                self._news.set()

    async def rest(self) -> TogetherProgress:
        """All that has not been told when the activity ends; what is too much is told before."""
        while len(self._ends) > MOST_AT_ONCE:
            await self._tell_once()
        return self._untold()

    async def _tell_once(self) -> None:
        progress = self._untold()
        try:
            if any(end.began is None for end in progress.ends):
                await self._keep()
            await _workflow().signal(STEPS_PROGRESSED, progress)
        except RPCError:
            # The result tells everything in the end; meanwhile it is tried again.
            self._news.set()
            await asyncio.sleep(AGAIN_S)
        else:
            self._has_told(progress)

    def _untold(self) -> TogetherProgress:
        ends = tuple(islice(self._ends.values(), MOST_AT_ONCE))
        # What runs is told with the last of the ends, that of its needs among them.
        running = tuple(self._starts.values()) if len(ends) == len(self._ends) else ()
        return TogetherProgress(ends=ends, running=running)

    async def unwanted(self) -> list[str]:
        """The steps that the workflow wants stopped; none if it does not answer now."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                steps: list[str] = await _workflow().query(UNWANTED_STEPS, result_type=list[str])
        except (RPCError, TemporalError, TimeoutError):
            return []
        return steps

    async def _keep(self) -> None:
        """Have the heartbeat's details on the server before going on."""
        self.beat()
        token = self._attempt.run(activity.info).task_token
        handle = _client().get_async_activity_handle(task_token=token)
        with contextlib.suppress(AsyncActivityCancelledError):
            await handle.heartbeat(*self._details())

    def _details(self) -> tuple[list[int], list[int]]:
        return sorted(self._told), sorted(self._returned)

    def _has_told(self, progress: TogetherProgress) -> None:
        for end in progress.ends:
            self._ends.pop(end.step, None)
            self._told.add(self._numbers[end.step])
        for start in progress.running:
            self._starts.pop(start.step, None)


def _before() -> tuple[set[int], set[int]]:
    """The numbers of the steps that earlier attempts have told of, and of those given back."""
    match list(activity.info().heartbeat_details):
        case [list() as told, list() as returned]:
            return set(told), set(returned)
    return set(), set()


def _client() -> Client:
    return activity.client()


def _workflow() -> WorkflowHandle[Any, Any]:
    info = activity.info()
    assert info.workflow_id is not None
    return _client().get_workflow_handle(info.workflow_id, run_id=info.workflow_run_id)
