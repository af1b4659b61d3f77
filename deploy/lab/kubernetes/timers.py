"""Deferred work of the controllers, all of which can be called off at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Timers:
    """Callbacks that will run later on the event loop."""

    def __init__(self) -> None:
        """Start with none."""
        self._handles: set[asyncio.TimerHandle] = set()

    def after(self, seconds: float, callback: Callable[[], None]) -> None:
        """Run a callback after so many seconds, never before the caller has returned."""

        def run() -> None:
            self._handles.discard(handle)
            callback()

        handle = asyncio.get_running_loop().call_later(seconds, run)
        self._handles.add(handle)

    def cancel(self) -> None:
        """Call everything off."""
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()
