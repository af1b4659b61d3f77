"""The part of an estate on which the plan of one site's loss depends.

To compile a plan takes time that grows with the estate, for the room at every site is counted. For
the plans of all its sites that would grow with the square; so each is compiled from the part that
matters: its services, where they may go, who runs there or will, and whatever any of these names.
"""

from collections.abc import Iterable

from ..model.coordination import Facts
from ..model.estate import Estate, Service


class Narrowing:
    """Looks up, again and again, what one site's plan depends on."""

    def __init__(self, estate: Estate, facts: Facts) -> None:
        self._estate = estate
        self._services = {service.name: service for service in estate.services}
        self._order = {service.name: number for number, service in enumerate(estate.services)}
        self._site_order = {site.name: number for number, site in enumerate(estate.sites)}
        self._sites = {site.name: site for site in estate.sites}
        self._places: dict[str, list[str]] = {}
        """By service: its home, where it runs, and where it is on its way to."""
        self._near: dict[str, list[str]] = {}
        """By site: the services that have it among their places."""
        self._named_by: dict[str, list[str]] = {}
        booked = {each.service: each.site for each in facts.booked}
        for service in estate.services:
            name = service.name
            at = [service.site, facts.locations.get(name, service.site), booked.get(name, "")]
            self._places[name] = [site for site in dict.fromkeys(at) if site in self._sites]
            for site in self._places[name]:
                self._near.setdefault(site, []).append(name)
            for other in _names(service):
                self._named_by.setdefault(other, []).append(name)

    def of(self, site: str, moving: Iterable[str]) -> Estate:
        """The part on which the plan of the loss of `site` depends, if these services move."""
        own = [self._services[name] for name in moving]
        sites: dict[str, None] = {site: None}
        for service in own:
            sites.update(dict.fromkeys(each.name for each in self._estate.candidates(service)))
            if service.near is not None:
                sites[service.near.to] = None
        kept = {name: None for place in sites for name in self._near.get(place, ())}
        for service in own:
            kept.update(dict.fromkeys([service.name, *self._named_by.get(service.name, ())]))
        frontier = list(kept)
        while frontier:
            for name in _names(self._services[frontier.pop()]):
                if name in self._services and name not in kept:
                    kept[name] = None
                    frontier.append(name)
        for name in kept:
            sites.update(dict.fromkeys(self._places[name]))
        found = [name for name in sites if name in self._sites]
        return self._estate.model_copy(
            update={
                "sites": tuple(
                    self._sites[name] for name in sorted(found, key=self._site_order.__getitem__)
                ),
                "services": tuple(
                    self._services[name] for name in sorted(kept, key=self._order.__getitem__)
                ),
            }
        )


def _names(service: Service) -> tuple[str, ...]:
    """The services that a service names."""
    apart = service.spread.services if service.spread else ()
    fallback = (service.fallback,) if service.fallback else ()
    return (*service.depends_on, *service.affinity, *apart, *fallback)
