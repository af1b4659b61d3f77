"""Keeps one worker process running: one that dies is replaced at once."""

import asyncio
import contextlib
import time

from .child import Child, ChildFailed

_START_WITHIN_S = 60.0
_MOST_FAILED_STARTS = 5
"""In a row; then the supervisor gives up."""


class Supervisor:
    """Runs a worker process again and again."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._watch: asyncio.Task[None] | None = None
        self.kills = 0
        """How often `kill` was called."""
        self.starts = 0
        self.died_at = 0.0
        """When the worker died last, seconds since the epoch."""

    @property
    def pid(self) -> int:
        """The process id of the worker that runs now."""
        return self._child.pid

    async def start(self) -> None:
        """Start the worker, wait until it polls, and watch over it from then on.

        Raises:
            ChildFailed: the first start failed.
        """
        await self._start()
        await self._child.ready_line(_START_WITHIN_S)
        self._watch = asyncio.create_task(self._replace_again_and_again())

    async def gave_up(self) -> None:
        """Wait until the worker cannot be kept running; return only by raising ChildFailed."""
        assert self._watch is not None
        await self._watch

    async def kill(self) -> float:
        """Kill the worker with SIGKILL, and return when it was dead, in seconds since the epoch.

        The supervisor knows nothing of it: it sees a worker die.
        """
        starts = self.starts
        self._child.kill()
        self.kills += 1
        while self.starts == starts:
            await asyncio.sleep(0.002)
        return self.died_at

    async def stop(self, grace_s: float) -> None:
        """Stop the worker, and watch no more."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self._child.stop(grace_s)

    async def _start(self) -> None:
        await self._child.start()
        self.starts += 1

    async def _replace_again_and_again(self) -> None:
        failures = 0
        while True:
            with contextlib.suppress(ChildFailed):
                await self._child.ready_line(_START_WITHIN_S)
                failures = 0
                await self._child.ended()
            self.died_at = time.time()
            self._child.kill()
            await self._child.ended()
            if (failures := failures + 1) > _MOST_FAILED_STARTS:
                raise ChildFailed(
                    f"the worker died {_MOST_FAILED_STARTS} times in a row before it was ready"
                    f"{self._child.last_words()}"
                )
            await asyncio.sleep(0.5 * (failures - 1))
            await self._start()
