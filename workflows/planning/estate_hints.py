"""What services and sites say of where a service may be recovered: names, company, distance, room.

As in the other checks, nothing is concluded from a key that could not be read.
"""

from collections.abc import Iterator, Mapping

from ..model.estate import Approach, Site
from ..model.scalars import quantity_value
from .cycles import cycles
from .estate_parts import Parts, ServicePart
from .estate_shape import Misfit, nearest
from .yaml_reader import Path

_WEIGHED = {"site", "recovery_sites", "demand", "degraded", "approach"}


def check_hints(parts: Parts) -> Iterator[Misfit]:
    """All that is wrong with the hints for placement."""
    sites = {part.value.name for part in parts.sites} | parts.unread_sites
    services = {part.value.name for part in parts.services} | parts.unread_services
    for site in parts.sites:
        for name in site.value.latency:
            yield from _named("site", (*site.path, "latency", name), name, sites)
    mates = _mates(parts.services)
    for part in parts.services:
        yield from _names(part, sites, services)
        yield from _contradictions(part, mates)
        yield from _degraded(part)
        yield from _too_large(part, parts)
    yield from _fallbacks(parts.services)


def _named(what: str, path: Path, name: str, known: set[str]) -> Iterator[Misfit]:
    if name not in known:
        yield Misfit(path, f"there is no {what} {name!r}{nearest(name, sorted(known))}")


def _names(part: ServicePart, sites: set[str], services: set[str]) -> Iterator[Misfit]:
    service = part.value
    for index, name in enumerate(service.affinity):
        yield from _named("service", (*part.path, "affinity", index), name, services)
    for index, name in enumerate(service.spread.services if service.spread else ()):
        yield from _named("service", (*part.path, "spread", "services", index), name, services)
    if service.near is not None:
        yield from _named("site", (*part.path, "near", "to"), service.near.to, sites)
    if service.fallback is not None:
        yield from _named("service", (*part.path, "fallback"), service.fallback, services)


def _mates(services: tuple[ServicePart, ...]) -> Mapping[str, set[str]]:
    """By service: all that must be at its site, directly or by way of others, itself too."""
    groups: dict[str, set[str]] = {part.value.name: {part.value.name} for part in services}
    for part in services:
        for other in part.value.affinity:
            if other in groups:
                joined = groups[part.value.name] | groups[other]
                groups |= dict.fromkeys(joined, joined)
    return groups


def _contradictions(part: ServicePart, mates: Mapping[str, set[str]]) -> Iterator[Misfit]:
    name = part.value.name
    for index, other in enumerate(part.value.affinity):
        if other == name:
            yield Misfit(
                (*part.path, "affinity", index), f"{name} is with itself anyway; leave it out"
            )
    spread = part.value.spread
    for index, other in enumerate(spread.services if spread else ()):
        path = (*part.path, "spread", "services", index)
        if other == name:
            yield Misfit(path, f"{name} cannot be apart from itself; name other services")
        elif other in mates[name]:
            message = (
                f"{name} must be apart from {other}, but affinity puts both at one site; take one "
                "of the two out"
            )
            yield Misfit(path, message)


def _degraded(part: ServicePart) -> Iterator[Misfit]:
    service = part.value
    if service.degraded is None:
        return
    if service.approach is not Approach.DEGRADED and "approach" not in part.unread:
        message = (
            f"has no effect with approach: {service.approach.value}; write approach: degraded, "
            "or leave it out"
        )
        yield Misfit((*part.path, "degraded"), message)
    for name, text in service.degraded.demand.items() if "demand" not in part.unread else ():
        whole = service.demand.get(name, "0")
        if quantity_value(text) > quantity_value(whole):
            message = (
                f"{text} {name} is more than the whole service needs, which is {whole}; "
                "degraded needs less"
            )
            yield Misfit((*part.path, "degraded", "demand", name), message)


def _too_large(part: ServicePart, parts: Parts) -> Iterator[Misfit]:
    """A demand that no recovery site could hold even if nothing else ran there."""
    service = part.value
    if not parts.sites_complete or part.unread & _WEIGHED:
        return
    candidates = parts.estate.candidates(service)
    least = service.demand
    if service.approach is Approach.DEGRADED and service.degraded is not None:
        least = service.degraded.demand
    lacks = [_lack(site, least) for site in candidates]
    if lacks and all(lacks):
        told = "; ".join(lacks[:3]) + (
            f" and {len(lacks) - 3} more sites" if len(lacks) > 3 else ""
        )
        message = f"no recovery site could ever hold it: {told}; lower it, or add a larger site"
        yield Misfit((*part.path, "demand"), message)


def _lack(site: Site, demand: Mapping[str, str]) -> str:
    """What the site has too little of; nothing, if it states no capacity."""
    for name, text in demand.items() if site.capacity else ():
        there = site.capacity.get(name)
        if quantity_value(text) > quantity_value(there or "0"):
            return f"{site.name} has {there or 'no'} {name}, {text} needed"
    return ""


def _fallbacks(services: tuple[ServicePart, ...]) -> Iterator[Misfit]:
    by_name = {part.value.name: part for part in reversed(services)}
    falls_back = {
        name: (by_name[name].value.fallback or "",)
        for name in reversed(by_name)
        if by_name[name].value.fallback
    }
    for cycle in cycles(falls_back):
        way = " → ".join(cycle)
        what = f"{cycle[0]} falls back to itself" if len(cycle) == 2 else f"a circle: {way}"
        path = (*by_name[cycle[0]].path, "fallback")
        yield Misfit(path, f"{what}; name a service that runs when this one does not")
    for name, (fallback,) in falls_back.items():
        if fallback in by_name and fallback != name and name in by_name[fallback].value.depends_on:
            message = f"{fallback} depends on {name} and cannot stand in for it; name another"
            yield Misfit((*by_name[name].path, "fallback"), message)
