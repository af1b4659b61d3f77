"""Looking at many profiles in as few calls as serve: one list where a group's profiles are many."""

import asyncio
from collections.abc import Iterable, Mapping

from ...workflows.model.errors import ActionError, NotFound, TemporaryError
from .connections import TrafficManagerConnections
from .inputs import ProfileRef
from .profile import Profile

READ_ONE_BY_ONE_MAX = 3

Found = Mapping[ProfileRef, Profile | ActionError]


async def find(connections: TrafficManagerConnections, refs: Iterable[ProfileRef]) -> Found:
    """Each profile asked for, or the error that says why it could not be seen.

    Raises:
        TemporaryError: Azure does not answer for now.
    """
    groups: dict[str, list[ProfileRef]] = {}
    for ref in dict.fromkeys(refs):
        groups.setdefault(ref.resource_group, []).append(ref)
    found: dict[ProfileRef, Profile | ActionError] = {}
    for part in await asyncio.gather(*(_of_group(connections, each) for each in groups.values())):
        found.update(part)
    return found


async def _of_group(connections: TrafficManagerConnections, refs: list[ProfileRef]) -> Found:
    try:
        if len(refs) > READ_ONE_BY_ONE_MAX:
            listed = await connections.list(refs[0].resource_group)
            return {ref: listed.get(ref.resource) or _missing(ref) for ref in refs}
    except TemporaryError:
        raise
    except ActionError as error:
        return dict.fromkeys(refs, error)
    seen = await asyncio.gather(*(_of_one(connections, ref) for ref in refs))
    return dict(zip(refs, seen, strict=True))


async def _of_one(connections: TrafficManagerConnections, ref: ProfileRef) -> Profile | ActionError:
    try:
        return await connections.read(ref)
    except TemporaryError:
        raise
    except ActionError as error:
        return error


def _missing(ref: ProfileRef) -> NotFound:
    return NotFound(
        f"{ref} does not exist; check the step's resource group and profile, and the worker's"
        " subscription"
    )


__all__ = ["Found", "find"]
