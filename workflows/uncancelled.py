"""What a workflow does before it has changed anything, until somebody cancels it."""

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
