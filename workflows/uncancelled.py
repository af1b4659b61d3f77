"""What a cancellation stops, and what it does not."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

ResultT = TypeVar("ResultT")


class Cancelled(Exception):
    """It was cancelled: whatever it waited for has stopped."""


async def uncancelled(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Do the work to its end.

    Raises:
        Cancelled: the workflow was cancelled; the work has been stopped, and the workflow goes on.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if (current := asyncio.current_task()) is not None:
            current.uncancel()
        raise Cancelled from None


async def to_the_end(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Do work that no cancellation may stop: one that comes meanwhile comes too late to matter."""
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if (current := asyncio.current_task()) is not None:
                current.uncancel()
    return task.result()
