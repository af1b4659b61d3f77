"""The places of a profile's endpoints: how they should be, how they differ, how to put them back.

Pure functions, endpoint in and endpoint out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from shlex import quote

from .inputs import ProfileRef
from .profile import ENABLED, Endpoint, Profile

HEAVIEST, LIGHTEST = 1000, 1

Endpoints = Mapping[str, Endpoint]
"""Endpoints by lower-case name."""


def prioritised(places: Endpoints, preferred: str) -> dict[str, Endpoint]:
    """The endpoints with `preferred` first and the others in their order behind it.

    The priorities there are stay in use as long as they are unique.
    """
    order = sorted(places, key=lambda name: (name != preferred, _priority(places[name])))
    values = sorted({each.priority for each in places.values() if each.priority is not None})
    if len(values) < len(order):
        values = list(range(1, len(order) + 1))
    wanted = {
        name: replace(places[name], priority=value)
        for name, value in zip(order, values, strict=True)
    }
    return {**wanted, preferred: replace(wanted[preferred], status=ENABLED)}


def weighted(places: Endpoints, preferred: str) -> dict[str, Endpoint]:
    """The endpoints with all the weight on `preferred`."""
    return {
        name: replace(each, weight=HEAVIEST, status=ENABLED)
        if name == preferred
        else replace(each, weight=LIGHTEST)
        for name, each in places.items()
    }


def _priority(endpoint: Endpoint) -> float:
    return float("inf") if endpoint.priority is None else endpoint.priority


def by_name(endpoints: Iterable[Endpoint]) -> dict[str, Endpoint]:
    """The endpoints by lower-case name."""
    return {endpoint.name.lower(): endpoint for endpoint in endpoints}


def holds(profile: Profile, wanted: Endpoints) -> bool:
    """Whether the profile's endpoints are as wanted."""
    now = by_name(profile.endpoints)
    return all(now.get(name) == endpoint for name, endpoint in wanted.items())


def put_back(before: Endpoints, wanted: Endpoints, now: Profile) -> dict[str, Endpoint]:
    """The endpoints to restore: of each, only what was to change is as it was before."""
    present = by_name(now.endpoints)
    restored = {}
    for name in wanted.keys() & present.keys():
        was, moved, endpoint = before[name], wanted[name], present[name]
        if was != moved:
            restored[name] = replace(
                endpoint,
                status=was.status if was.status != moved.status else endpoint.status,
                priority=was.priority if was.priority != moved.priority else endpoint.priority,
                weight=was.weight if was.weight != moved.weight else endpoint.weight,
            )
    return restored


def differences(before: Endpoints, now: Profile) -> str:
    """What is not as it was; empty if nothing."""
    present = by_name(now.endpoints)
    texts = []
    for name in sorted(before.keys() | present.keys()):
        was, there = before.get(name), present.get(name)
        if was != there:
            texts.append(
                f"{name} was {_place(was) if was else 'absent'} and is"
                f" {_place(there) if there else 'absent'}"
            )
    return "; ".join(texts)


def text_of(endpoints: Iterable[Endpoint]) -> str:
    """The endpoints in one line."""
    return ", ".join(f"{endpoint.name} {_place(endpoint)}" for endpoint in endpoints)


def undo_command(
    ref: ProfileRef, before: Endpoints, wanted: Endpoints, profile: Profile
) -> str | None:
    """What a person types to put the endpoints back; None if nothing changes.

    Priorities must be unique after each command, so the endpoint that moved furthest first makes
    way, the others follow from the front, and it comes last.
    """
    changed = [name for name, endpoint in wanted.items() if before[name] != endpoint]
    if not changed:
        return None
    changed.sort(key=lambda name: (_priority(before[name]), name))
    commands = [_update(ref, before[name], profile) for name in changed]
    swapped = [name for name in changed if before[name].priority != wanted[name].priority]
    if len(swapped) > 1:
        first = min(swapped, key=lambda name: _priority(wanted[name]))
        out_of_the_way = max(each.priority or 0 for each in before.values()) + 1
        commands.remove(last := _update(ref, before[first], profile))
        away = replace(before[first], priority=out_of_the_way)
        commands = [_update(ref, away, profile), *commands, last]
    return " && ".join(commands)


def _update(ref: ProfileRef, before: Endpoint, profile: Profile) -> str:
    parts = [
        ref.az,
        f"-n {quote(before.name)}",
        f"--type {before.type[:1].lower()}{before.type[1:]}",
        f"--endpoint-status {before.status}",
    ]
    if before.priority is not None and profile.routing == "Priority":
        parts.append(f"--priority {before.priority}")
    if before.weight is not None and profile.routing == "Weighted":
        parts.append(f"--weight {before.weight}")
    return " ".join(parts)


def _place(endpoint: Endpoint) -> str:
    return f"{endpoint.status} (priority {endpoint.priority}, weight {endpoint.weight})"


__all__ = [
    "Endpoints",
    "by_name",
    "differences",
    "holds",
    "prioritised",
    "put_back",
    "text_of",
    "undo_command",
    "weighted",
]
