"""Which services wait for which others of the plan."""

from collections.abc import Iterator, Mapping, Sequence, Set

from ..model.estate import Service


def waits(
    services: Mapping[str, Service], planned: Sequence[str], left_out: Set[str]
) -> dict[str, tuple[str, ...]]:
    """By service of the plan: those of the plan that must be back before it, by name.

    A dependency that is not in the plan is seen through: what it depends on counts. One that was
    left out of it is stood in for by its fallback, unless that one waits for the service itself.
    """
    within = set(planned)
    found = {name: set(_reached(services, name, within)) for name in planned}
    for name in planned:
        for missing in _seen_through(services, name, within):
            stand_in = _stand_in(services, missing, within) if missing in left_out else None
            if stand_in is not None and not _waits_for(stand_in, name, found):
                found[name].add(stand_in)
    return {name: tuple(sorted(found[name])) for name in planned}


def _reached(services: Mapping[str, Service], name: str, within: Set[str]) -> Iterator[str]:
    for other in _walk(services, name, within):
        if other in within:
            yield other


def _seen_through(services: Mapping[str, Service], name: str, within: Set[str]) -> Iterator[str]:
    for other in _walk(services, name, within):
        if other not in within:
            yield other


def _walk(services: Mapping[str, Service], name: str, within: Set[str]) -> Iterator[str]:
    """All dependencies, up to and with the first of the plan on each way."""
    seen = {name}
    frontier = list(reversed(services[name].depends_on))
    while frontier:
        other = frontier.pop()
        if other in seen or other not in services:
            continue
        seen.add(other)
        yield other
        if other not in within:
            frontier.extend(reversed(services[other].depends_on))


def _stand_in(services: Mapping[str, Service], name: str, within: Set[str]) -> str | None:
    """The first of the plan among the fallback of a service, the fallback's own, and so on."""
    seen = {name}
    fallback = services[name].fallback
    while fallback is not None and fallback in services and fallback not in seen:
        if fallback in within:
            return fallback
        seen.add(fallback)
        fallback = services[fallback].fallback
    return None


def _waits_for(name: str, other: str, found: Mapping[str, set[str]]) -> bool:
    seen = {name}
    frontier = [name]
    while frontier:
        current = frontier.pop()
        if current == other:
            return True
        # Only whether it is reached counts, not the way.
        for needed in sorted(found[current] - seen):
            seen.add(needed)
            frontier.append(needed)
    return False
