"""Which sites a service cannot go to, however much room there is, and why."""

from collections.abc import Iterable, Iterator, Mapping

from ...model.estate import Service, Site, SiteSelector, Spread
from ...model.scalars import format_duration
from .distance import UNKNOWN, round_trip
from .problem import Barred, together
from .whereabouts import Whereabouts


def candidates(at: Whereabouts, service: Service) -> tuple[Site, ...]:
    """The sites that may take `service`, the preferred first.

    A list says its order itself. A selector says none: the nearest first if the service wants to be
    near a site, else the order of the file.
    """
    chosen = tuple({site.name: site for site in at.estate.candidates(service)}.values())
    if service.near is None or not isinstance(service.recovery_sites, SiteSelector):
        return chosen
    there = at.site(service.near.to)
    return tuple(sorted(chosen, key=lambda site: round_trip(site, there)))


class Bars:
    """Says of a service and a site whether, and why, the one cannot go to the other."""

    def __init__(self, at: Whereabouts) -> None:
        self._at = at
        self._unfenced = frozenset(fact.site for fact in at.facts.unfenced)
        self._kept_apart: dict[str, list[tuple[str, Spread]]] = {}
        for service in at.services.values():
            for other in service.spread.services if service.spread else ():
                if service.spread and other in at.moving and service.name not in at.moving:
                    kept = self._kept_apart.setdefault(other, [])
                    kept.append((service.name, service.spread))

    def divide(
        self, service: Service, sites: Iterable[Site], *, fixed: bool
    ) -> tuple[tuple[Site, ...], tuple[Barred, ...]]:
        """The sites that may take it, and the others; of a fixed target less is asked."""
        admitted: list[Site] = []
        barred: list[Barred] = []
        for site in sites:
            if site.name in self._at.lost:
                barred.append(Barred(site.name, "lost", lost=True))
                continue
            why = next(self._reasons(service, site, fixed=fixed), None)
            if why is None:
                admitted.append(site)
            else:
                barred.append(Barred(site.name, why))
        return tuple(admitted), tuple(barred)

    def _reasons(self, service: Service, site: Site, *, fixed: bool) -> Iterator[str]:
        if not fixed and self._at.location(service) == site.name:
            yield "it runs there now"
        if not fixed and site.name in self._unfenced:
            yield "not fenced since it was lost, so it may not be back"
        if service.residency and site.jurisdiction not in service.residency:
            where = site.jurisdiction or "not stated"
            yield f"jurisdiction {where}, residency {' or '.join(service.residency)}"
        if fixed:
            return
        yield from self._too_far(service, site)
        for name in service.affinity:
            there = self._at.stays_at(name)
            if there is not None and there != site.name:
                yield f"it belongs with {name}, which runs at {there}"
        yield from self._too_close(service, site)

    def _too_far(self, service: Service, site: Site) -> Iterator[str]:
        if service.near is None:
            return
        way = round_trip(site, self._at.site(service.near.to))
        limit = format_duration(service.near.within)
        if way is UNKNOWN:
            yield f"its round trip to {service.near.to} is not known, {limit} is the limit"
        elif way > service.near.within:
            yield f"{format_duration(way)} from {service.near.to}, {limit} is the limit"

    def _too_close(self, service: Service, site: Site) -> Iterator[str]:
        kept = list(self._kept_apart.get(service.name, ()))
        if service.spread:
            kept = [(name, service.spread) for name in service.spread.services] + kept
        for name, spread in kept:
            there = self._at.site(self._at.stays_at(name))
            if there is not None and together(site, there, spread.across):
                yield f"it must not share a {spread.across} with {name} at {there.name}"


def pairs_apart(moving: Mapping[str, Service]) -> Iterator[tuple[str, str, Spread]]:
    """The moving services that must not fall together."""
    for service in moving.values():
        for other in service.spread.services if service.spread else ():
            if service.spread and other in moving and other != service.name:
                yield service.name, other, service.spread
