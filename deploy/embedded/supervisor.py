"""Keeps one worker process running: one that dies is replaced at once by one that stands by."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from .child import Child, ChildFailed

_START_WITHIN_S = 60.0
_MOST_FAILED_STARTS = 5
"""In a row; then the supervisor gives up."""


class Supervisor:
    """Runs one worker after another; the next is loaded while the present one works."""

    def __init__(self, new_worker: Callable[[], Child]) -> None:
        """Supervise workers that `new_worker` makes; each waits to be called after its start."""
        self._new_worker = new_worker
        self._present = new_worker()
        self._next: Child | None = None
        self._watch: asyncio.Task[None] | None = None
        self.kills = 0
        """How often `kill` was called."""
        self._replaced = asyncio.Event()
        self.died_at = 0.0
        """When a worker died last, seconds since the epoch."""

    @property
    def pid(self) -> int:
        """The process id of the worker that runs now."""
        return self._present.pid

    async def start(self) -> None:
        """Start the worker, wait until it polls, and watch over it from then on.

        Raises:
            ChildFailed: the first start failed.
        """
        await self._present.start()
        self._present.call()
        await self._present.ready_line(_START_WITHIN_S)
        self._watch = asyncio.create_task(self._replace_again_and_again())

    async def gave_up(self) -> None:
        """Wait until the worker cannot be kept running; end only by raising ChildFailed."""
        assert self._watch is not None
        await self._watch

    async def kill(self) -> float:
        """Kill the worker with SIGKILL; return when it was dead, in seconds since the epoch.

        The supervision knows nothing of it: it sees a worker die.
        """
        self._replaced.clear()
        self._present.kill()
        self.kills += 1
        await self._replaced.wait()
        return self.died_at

    async def stop(self, grace_s: float) -> None:
        """Stop the worker, and watch no more."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if self._next is not None:
            self._next.kill()
        await self._present.stop(grace_s)

    async def _replace_again_and_again(self) -> None:
        failures = 0
        while True:
            with contextlib.suppress(ChildFailed):
                await self._present.ready_line(_START_WITHIN_S)
                failures = 0
                if self._next is None:
                    self._next = await self._started()
                await self._present.ended()
            self._present.kill()
            await self._present.ended()
            self.died_at = time.time()
            if (failures := failures + 1) > _MOST_FAILED_STARTS:
                raise ChildFailed(
                    f"the worker died {_MOST_FAILED_STARTS} times in a row before it was ready"
                    f"{self._present.last_words()}"
                )
            await asyncio.sleep(0.5 * (failures - 1))
            standing_by, self._next = self._next, None
            alive = standing_by is not None and standing_by.exit_code is None
            self._present = standing_by if standing_by and alive else await self._started()
            self._present.call()
            self._replaced.set()

    async def _started(self) -> Child:
        child = self._new_worker()
        await child.start()
        return child
