"""An event loop whose time leaps to the next timer, so that hours of waiting take no time."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

ResultT = TypeVar("ResultT")


class _Leap(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("everything waits, and for nothing that time would bring")
        self.now += max(timeout, 0.0)
        return super().select(0)


class LeapingLoop(asyncio.SelectorEventLoop):
    """A loop that never sleeps; its `time` is the only clock."""

    def __init__(self) -> None:
        self._leap = _Leap()
        super().__init__(self._leap)

    def time(self) -> float:
        return self._leap.now


def run_leaping(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Run to the end on a loop of its own; inside, the running loop's `time` is the clock."""
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        return runner.run(work)
