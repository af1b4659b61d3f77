"""The one way in which an action changes a resource.

Read it, judge its mark, decide, then write change and mark in one conditional write. A write that
the system refuses because the resource is no longer the one that was read starts again from the
reading, so the judgement always belongs to what is overwritten. A process stopped between any two
of these lines and woken late is refused by the system, and then by the mark.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ..workflows.model.errors import Unavailable
from ..workflows.model.step import FencingToken
from .action import Call, Undo
from .fencing import Admission, Mark, judge

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 1.0

AGAIN = "if the step is held, holdfast retry-step; else recover again"
"""What a person does once the resource is in order: the policy may have rolled the step back."""

ResourceT = TypeVar("ResourceT")
ChangeT = TypeVar("ChangeT")


class Moved(Exception):
    """A conditional write was refused: the resource is not the one that was read."""


async def mutate(
    call: Call[Any],
    resource: str,
    *,
    read: Callable[[], Awaitable[ResourceT]],
    mark: Callable[[ResourceT], Mark | None],
    decide: Callable[[ResourceT, Admission], ChangeT | None],
    write: Callable[[ResourceT, ChangeT], Awaitable[ResourceT]],
) -> ResourceT:
    """Change a resource once, however often and however late this runs.

    Args:
        call: the apply or revert; its token decides whether the resource admits it.
        resource: names the resource in messages.
        read: reads the resource as it is now.
        mark: finds the mark on what was read.
        decide: what to write, the mark included; None if there is nothing (more) to write. It may
            raise, and is asked again after each reading.
        write: writes that, on the condition that the resource is still what was read; raises
            `Moved` if it is not.

    Returns:
        The resource after the write, or as it was read where nothing had to be written.

    Raises:
        FencedOut: the resource carries a newer token.
        Unavailable: the step's deadline passed before the write could be sent; says what the
            last write was refused with, if one was.
    """
    pause = FIRST_PAUSE_S
    refused: Moved | None = None
    while True:
        now = await read()
        change = decide(now, judge(mark(now), call.token, resource))
        if change is None:
            return now
        # A system without conditional writes has only this line against a process woken late.
        if not call.remaining():
            so_far = f"every write was refused, last: {refused}" if refused else "nothing was sent"
            raise Unavailable(
                f"the step's deadline passed before {resource} could be written; {so_far}"
            ) from refused
        try:
            return await write(now, change)
        except Moved as error:
            refused = error
            call.heartbeat(f"{resource} moved meanwhile; reading it again")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)


def is_own(mark: Mark | None, token: FencingToken) -> bool:
    """Whether the mark was left by an earlier try of the very step and verb that holds `token`."""
    return mark is not None and mark.run == token.run and mark.key == token.key


def was_applied(undo: Undo[Any], mark: Mark | None) -> bool:
    """Whether this run's apply changed the resource: by the evidence, or by its mark."""
    return undo.known_applied or (mark is not None and mark.last_change == undo.apply_key)


__all__ = ["AGAIN", "Moved", "is_own", "mutate", "was_applied"]
