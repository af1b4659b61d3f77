"""Tells the workflow, by signals, what became of the steps that share an activity.

Each signal costs a workflow task. So what nobody waits for is gathered for a moment, and only one
signal is on its way at any time: the busier the run, the more each of them says.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import datetime

from temporalio import activity
from temporalio.service import RPCError

from ..workflows.model.together import StepEnd, StepStart, StepToApply, TogetherProgress
from ..workflows.names import STEPS_PROGRESSED

GATHER_S = 0.25
"""How long an end that nothing waits for may stay untold."""
AGAIN_S = 1.0


class Teller:
    """What is to be told, and what has been."""

    def __init__(self, numbers: Mapping[str, int], told: set[int]) -> None:
        """`numbers` says which step of the activity's input each is; `told` ended and was told."""
        self._numbers = numbers
        self._told = told
        self._ends: dict[str, StepEnd] = {}
        self._starts: dict[str, StepStart] = {}
        self._news = asyncio.Event()
        self._urgent = asyncio.Event()

    @property
    def told(self) -> list[int]:
        """The numbers of the steps whose ends have been told: the next attempt leaves them."""
        return sorted(self._told)

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
        self._news.set()
        if urgent:
            self._urgent.set()

    async def tell(self) -> None:
        """Tell what there is to tell, until cancelled."""
        info = activity.info()
        assert info.workflow_id is not None
        handle = activity.client().get_workflow_handle(
            info.workflow_id, run_id=info.workflow_run_id
        )
        while True:
            await self._news.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._urgent.wait(), GATHER_S)
            self._news.clear()
            self._urgent.clear()
            progress = self.rest()
            try:
                await handle.signal(STEPS_PROGRESSED, progress)
            except RPCError:
                # The result tells everything in the end; meanwhile it is tried again.
                self._news.set()
                await asyncio.sleep(AGAIN_S)
            else:
                self._has_told(progress)

    def rest(self) -> TogetherProgress:
        """All that has not been told yet."""
        return TogetherProgress(
            ends=tuple(self._ends.values()), running=tuple(self._starts.values())
        )

    def _has_told(self, progress: TogetherProgress) -> None:
        for end in progress.ends:
            self._ends.pop(end.step, None)
            self._told.add(self._numbers[end.step])
        for start in progress.running:
            self._starts.pop(start.step, None)
