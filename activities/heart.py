"""The heart of a running activity: it beats, and it knows how much of the step's time is spent.

The time spent travels from attempt to attempt in the heartbeat, so that what counts against a
step's deadline is the time somebody worked or waited on it, not the time that no worker was there.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from datetime import timedelta

from temporalio import activity

BEAT_S = 0.8
"""A heartbeat is one write of the server: as rare as the timeout of 2 s allows."""
LONGEST_GAP_S = 10.0
"""Of the time between two attempts at most this much counts: more is a missing worker; but the
wait that a system asked for counts in full."""
OVERRUN_S = 5.0
"""What a verb may take beyond its time before it is stopped."""
LEAST_PROOF = timedelta(seconds=30)
"""A new attempt gets this long, or the step's timeout, to prove what an earlier one did."""


class Heart:
    """Beats while an activity runs. `timeout` is the step's; None if the verb has no deadline."""

    def __init__(self, timeout: timedelta | None = None) -> None:
        self._timeout = timeout
        self._said = ""
        self._asked_wait_s = 0.0
        self._began = time.monotonic()
        self._spent_before = _spent_before()

    @property
    def overdue(self) -> bool:
        """The step's time is spent: what fails now is not tried again."""
        return self._timeout is not None and self._spent() >= self._timeout.total_seconds()

    def remaining(self) -> timedelta:
        """How long this attempt may still take; never negative."""
        if self._timeout is None:
            return timedelta.max
        left = self._timeout.total_seconds() - self._spent()
        floor = min(self._timeout, LEAST_PROOF).total_seconds() - (time.monotonic() - self._began)
        return timedelta(seconds=max(left, floor, 0.0))

    @property
    def given_up(self) -> bool:
        """An earlier attempt overran the step's time as well: another one would hang like it."""
        limit = self._timeout.total_seconds() + OVERRUN_S if self._timeout else float("inf")
        return self._spent_before >= limit

    def leaves_time_for(self, wait: timedelta) -> bool:
        """Whether the step's time outlasts a wait that the system asks for; it is remembered."""
        self._asked_wait_s = wait.total_seconds()
        if self._timeout is None:
            return True
        return self._spent() + self._asked_wait_s < self._timeout.total_seconds()

    def say(self, text: str) -> None:
        """Tell whoever looks at the step what it waits for."""
        self._said = text
        self.beat()

    def beat(self) -> None:
        """Beat once."""
        activity.heartbeat(self._said, self._spent(), time.time(), self._asked_wait_s)

    @contextlib.contextmanager
    def beating(self) -> Iterator[None]:
        """Beat until the activity has ended."""

        async def forever() -> None:
            while True:
                await asyncio.sleep(BEAT_S)
                self.beat()

        task = asyncio.create_task(forever())
        try:
            yield
        except BaseException:
            # The next attempt is to know how much of the time is spent.
            self.beat()
            raise
        finally:
            task.cancel()

    def _spent(self) -> float:
        return self._spent_before + time.monotonic() - self._began


def _spent_before() -> float:
    match list(activity.info().heartbeat_details):
        case [_, int() | float() as spent, int() | float() as at, int() | float() as asked]:
            return float(spent) + min(max(time.time() - at, 0.0), asked + LONGEST_GAP_S)
    return 0.0
