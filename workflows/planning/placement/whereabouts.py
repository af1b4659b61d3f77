"""What runs where, by the estate file and the coordinator; and what room that leaves."""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from decimal import Decimal

from ...model.coordination import Facts
from ...model.estate import Estate, Service, Site
from ...model.scalars import quantity_value

Amounts = Mapping[str, Decimal]


@dataclass(frozen=True)
class Whereabouts:
    """The services of an estate while some of them move."""

    estate: Estate
    moving: Mapping[str, Service]
    lost: Set[str]
    facts: Facts
    services: Mapping[str, Service]
    sites: Mapping[str, Site]
    booked: Mapping[str, str]
    """By service that is on its way, with another recovery: the site that it goes to."""

    @classmethod
    def of(
        cls, estate: Estate, moving: Sequence[Service], lost: Set[str], facts: Facts
    ) -> "Whereabouts":
        """Read them from the estate file and the facts."""
        going = {service.name: service for service in moving}
        return cls(
            estate,
            going,
            lost | set(facts.lost),
            facts,
            {service.name: service for service in estate.services},
            {site.name: site for site in estate.sites},
            {b.service: b.site for b in facts.booked if b.service not in going},
        )

    def site(self, name: str | None) -> Site | None:
        """The site of that name, if the file has it."""
        return self.sites.get(name) if name is not None else None

    def location(self, service: Service) -> str:
        """The site where a service runs, or ran until the site was lost."""
        return self.facts.locations.get(service.name, service.site)

    def stays_at(self, name: str) -> str | None:
        """The living site where a service that does not move runs, or soon will; else None."""
        service = self.services.get(name)
        if service is None or name in self.moving:
            return None
        site = self.booked.get(name) or self.location(service)
        return None if site in self.lost else site

    def residents(self) -> Iterable[tuple[Service, str]]:
        """The services that run at living sites and stay there, in the file's order."""
        for service in self.services.values():
            site = self.location(service)
            stays = service.name not in self.moving and site != self.booked.get(service.name)
            if stays and site not in self.lost:
                yield service, site

    def left(
        self, *, beside_bookings: bool, without: Collection[str] = ()
    ) -> dict[str, dict[str, Decimal]]:
        """By site that states a capacity: what residents leave of it; below zero, if too little.

        Args:
            beside_bookings: Count what other recoveries have booked as taken.
            without: Residents that are not counted.
        """
        free = {
            site.name: {name: quantity_value(text) for name, text in site.capacity.items()}
            for site in self.estate.sites
            if site.capacity
        }
        for service, site in self.residents():
            if service.name not in without:
                _take(free.get(site), service.demand)
        for booking in self.facts.booked if beside_bookings else ():
            if booking.service not in self.moving:
                _take(free.get(booking.site), booking.demand)
        return free


def _take(free: dict[str, Decimal] | None, demand: Mapping[str, str]) -> None:
    for name, text in demand.items() if free is not None else ():
        if free is not None and name in free:
            free[name] -= quantity_value(text)
