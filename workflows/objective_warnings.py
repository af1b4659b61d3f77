"""Says in time when an objective is about to be missed."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from .rto_clock import Due
    from .story import Story

SHORTEST = timedelta(milliseconds=1)


class ObjectiveWarnings:
    """The warnings of one run, from its start to its end."""

    def __init__(self, story: Story, say: Callable[[str], None]) -> None:
        self._story = story
        self._say = say
        self._task = asyncio.create_task(self._warn())

    def stop(self) -> None:
        """Nothing more is to be warned of."""
        self._task.cancel()

    async def _warn(self) -> None:
        while True:
            # A service that was back may be rolled back, and is to be warned of again.
            await workflow.wait_condition(lambda: self._next() is not None)
            due = self._next()
            assert due is not None
            await workflow.sleep(
                max(due.at - workflow.now(), SHORTEST),
                summary=f"{due.fraction:.0%} of the objective of {due.services[0]}",
            )
            _, waits_for = self._story.progress()
            for sentence in self._story.clock.warn(workflow.now(), waits_for):
                self._say(sentence)

    def _next(self) -> Due | None:
        return self._story.clock.next_warning(workflow.now())
