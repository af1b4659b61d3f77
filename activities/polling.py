"""Looking again, less and less often, until what is expected is there.

For systems that have no watch. A look that fails for now counts as not there yet.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from ..workflows.model.errors import TemporaryError

FIRST_PAUSE_S, LONGEST_PAUSE_S, GROWTH = 0.2, 2.0, 1.5


@dataclass(frozen=True)
class Look:
    """What one look saw."""

    held: bool
    """What is expected was there."""
    seen: str
    """What was there, in a few words."""


async def poll(
    look: Callable[[], Awaitable[Look]],
    remaining: Callable[[], timedelta],
    heartbeat: Callable[[str], None],
    *,
    longest_pause_s: float = LONGEST_PAUSE_S,
) -> Look:
    """Look until what is expected holds or no time remains; returns the last look.

    At least one look is made. Permanent errors of a look are raised.
    """
    pause = FIRST_PAUSE_S
    last = Look(False, "no answer in time")
    while True:
        try:
            async with asyncio.timeout(max(remaining().total_seconds(), 0.1)):
                last = await look()
        except TimeoutError:
            return last
        except TemporaryError as error:
            last = Look(False, str(error))
            pause = max(pause, _asked(error))
        left = remaining().total_seconds()
        if last.held or left <= 0:
            return last
        heartbeat(last.seen)
        await asyncio.sleep(min(pause, left))
        pause = min(GROWTH * pause, longest_pause_s)


def _asked(error: TemporaryError) -> float:
    return error.retry_after.total_seconds() if error.retry_after else 0.0


__all__ = ["Look", "poll"]
