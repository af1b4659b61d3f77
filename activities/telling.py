"""Tells the workflow, by signals, what became of the steps that share an activity.

Each signal costs a workflow task. So what nobody waits for is gathered for a moment, and only one
signal is on its way at any time: the busier the run, the more each of them says.
"""

import asyncio
import contextlib
from datetime import datetime
from typing import Any, ClassVar

from temporalio import activity
from temporalio.client import WorkflowHandle

from ..workflows.model.together import StepEnd, StepStart, StepToApply, TogetherProgress
from ..workflows.names import STEPS_PROGRESSED, UNWANTED_STEPS

GATHER_S = 0.1
LONGEST_GATHER_S = 1.0
"""How long an end that nothing waits for may stay untold: so often the first for every activity
that its worker tells of at the time, up to the second."""
SETTLES_S = 0.03
"""Ends that are waited for come in bursts: what one of them lets start is started together."""
AGAIN_S = 1.0
MOST_TRIES = 5
MOST_BYTES = 400_000
"""Of one signal, or of the result: Temporal takes 2 MB and warns from 512 KB."""
ANSWER_WITHIN_S = 5.0
TOO_LARGE = "its evidence is too large to be told with others"


class Teller:
    """What is to be told of an activity's steps."""

    telling: ClassVar[int] = 0
    """Activities of this process that are being told of."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._ends: dict[str, StepEnd] = {}
        self._bytes: dict[str, int] = {}
        self._starts: dict[str, StepStart] = {}
        self._news = asyncio.Event()
        self._urgent = asyncio.Event()

    def begins(self, step: StepToApply, at: datetime) -> None:
        """A step was started."""
        if step.needs:
            id = step.apply.step
            self._starts[id] = StepStart(step=id, began=at)
            self._news.set()

    def ends(self, end: StepEnd, *, urgent: bool) -> None:
        """A step has ended."""
        size = len(end.model_dump_json())
        if size > MOST_BYTES:
            # By itself it may fit: it is asked again, and answers what it has done already.
            lean = {"evidence": None, "failure": None, "reason": TOO_LARGE, "alone": True}
            end = end.model_copy(update=lean)
            size = len(end.model_dump_json())
        self._starts.pop(end.step, None)
        self._ends[end.step], self._bytes[end.step] = end, size
        self._news.set()
        if urgent:
            self._urgent.set()

    async def tell(self) -> None:
        """Tell what there is to tell, until cancelled."""
        Teller.telling += 1
        try:
            await self._tell_again_and_again()
        finally:
            Teller.telling -= 1

    async def _tell_again_and_again(self) -> None:
        while True:
            await self._news.wait()
            with contextlib.suppress(TimeoutError):
                gather = min(GATHER_S * Teller.telling, LONGEST_GATHER_S)
                await asyncio.wait_for(self._urgent.wait(), gather)
                await asyncio.sleep(SETTLES_S)
            self._news.clear()
            self._urgent.clear()
            if not await self._tell_once():
                await asyncio.sleep(AGAIN_S)
            if self._ends:
                self._news.set()

    async def rest(self) -> TogetherProgress:
        """All that has not been told when the activity ends; what is too much is told before.

        Raises:
            RuntimeError: it cannot be told. The next attempt hands back what the workflow awaits.
        """
        tries = 0
        while len(self._untold().ends) < len(self._ends):
            tries = 0 if await self._tell_once() else tries + 1
            if tries == MOST_TRIES:
                raise RuntimeError("what became of the steps cannot be told")
            await asyncio.sleep(AGAIN_S if tries else 0)
        return self._untold()

    async def unwanted(self) -> list[str]:
        """The steps that the workflow wants stopped; none if it does not answer now."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                steps: list[str] = await _workflow().query(UNWANTED_STEPS, result_type=list[str])
        except Exception as error:
            activity.logger.warning("what is to be stopped is not known: %s", type(error).__name__)
            return []
        return steps

    async def _tell_once(self) -> bool:
        progress = self._untold()
        try:
            await _workflow().signal(STEPS_PROGRESSED, progress)
        except Exception as error:
            activity.logger.warning("steps cannot be told of: %s", type(error).__name__)
            return False
        for end in progress.ends:
            del self._ends[end.step], self._bytes[end.step]
        for start in progress.running:
            self._starts.pop(start.step, None)
        return True

    def _untold(self) -> TogetherProgress:
        ends: list[StepEnd] = []
        size = 0
        for end in self._ends.values():
            size += self._bytes[end.step]
            if ends and size > MOST_BYTES:
                # What runs is told with the last of the ends, that of its needs among them.
                return TogetherProgress(number=self._number, ends=tuple(ends))
            ends.append(end)
        running = tuple(self._starts.values())
        return TogetherProgress(number=self._number, ends=tuple(ends), running=running)


def _workflow() -> WorkflowHandle[Any, Any]:
    info = activity.info()
    assert info.workflow_id is not None
    return activity.client().get_workflow_handle(info.workflow_id, run_id=info.workflow_run_id)
