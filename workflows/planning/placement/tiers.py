"""How critical a service really is: as critical as the most critical service that depends on it."""

from collections.abc import Callable, Iterable, Mapping

from ...model.estate import Service


def effective(
    services: Iterable[Service], needs: Callable[[Service], Iterable[str]]
) -> Mapping[str, int]:
    """By service: the lowest of its own tier and the tiers of those that need it, seen through."""
    known = {service.name: service for service in services}
    tiers: dict[str, int] = {}
    for service in sorted(known.values(), key=lambda service: service.tier):
        frontier = [service.name]
        while frontier:
            name = frontier.pop()
            if name in known and name not in tiers:
                tiers[name] = service.tier
                frontier.extend(needs(known[name]))
    return tiers


def reached(start: Iterable[str], known: Mapping[str, Service], stop: Iterable[str]) -> list[str]:
    """The names of `stop` that dependencies lead to, seen through services that are not of it."""
    ends = frozenset(stop)
    found: dict[str, None] = {}
    seen: set[str] = set()
    frontier = list(reversed(list(start)))
    while frontier:
        name = frontier.pop()
        if name in seen or name not in known:
            continue
        seen.add(name)
        if name in ends:
            found[name] = None
        else:
            frontier.extend(reversed(known[name].depends_on))
    return list(found)
