"""Where services have come to: what the estate file does not say, from the ends of recoveries."""

from collections.abc import Iterable, Sequence

from ..model.coordination import Booking, Fact, Facts, Release
from .capacity import Arrival
from .records import Remembered

MOST_PAST = 5
"""Recovery times kept for each service."""


class Location(Remembered):
    """Where a service runs that is not at home."""

    site: str
    home: str
    """Where it was when it was first heard of; empty if nobody said."""


class Places(Remembered):
    """What is known of services, with a version that rises whenever it changes."""

    version: int = 0
    locations: dict[str, Location] = {}
    unfenced: dict[str, Fact] = {}
    """By service and site, as `service@site`: where it may still run."""
    past_s: dict[str, tuple[float, ...]] = {}
    homes: dict[str, str] = {}
    """By service with past times: the site from which it was recovered last."""
    arrivals: dict[str, Arrival] = {}
    """By service and site, as `service@site`."""

    def changed(self) -> None:
        """Something that facts tell is different now."""
        self.version += 1

    def release(self, release: Release, bookings: Iterable[Booking]) -> None:
        """Take what a recovery that has ended says of its services."""
        if not release.moved:
            return
        self.changed()
        booked = {(each.service, each.site): each for each in bookings}
        for fact in release.moved:
            self._move(fact)
            if (booking := booked.get((fact.service, fact.site))) is not None:
                key = f"{fact.service}@{fact.site}"
                self.arrivals[key] = Arrival(booking=booking, version=self.version)

    def _move(self, fact: Fact) -> None:
        service = fact.service
        known = self.locations.pop(service, None)
        home = known.home if known and known.home else fact.was_at
        if not fact.at_home and fact.site != home:
            self.locations[service] = Location(site=fact.site, home=home)
        # Where it runs now, it runs by right; where it was, there is evidence or there is none.
        self.unfenced.pop(f"{service}@{fact.site}", None)
        self.unfenced.pop(f"{service}@{fact.was_at}", None)
        if not fact.fenced:
            at = fact.was_at or home
            still = Fact(service=service, site=at, fenced=False)
            self.unfenced[f"{service}@{at}"] = still
        if fact.took_s is not None:
            self.past_s[service] = (*self.past_s.get(service, ()), fact.took_s)[-MOST_PAST:]
            self.homes[service] = fact.was_at

    def fenced(self, services: Iterable[str], site: str) -> list[str]:
        """Services are fenced at a site now; those of them that were not before."""
        found = [each for each in services if self.unfenced.pop(f"{each}@{site}", None)]
        if found:
            self.changed()
        return found

    def came_since(self, seen: int) -> list[Booking]:
        """Services that came to a site after a plan had seen the facts of version `seen`."""
        return [each.booking for each in self.arrivals.values() if each.version > seen]

    def forget_arrivals(self, seen: int) -> None:
        """Forget those of which every plan that may still come knows."""
        known = [key for key, each in self.arrivals.items() if each.version <= seen]
        for key in known:
            del self.arrivals[key]

    def sites_away(self, home: str) -> list[str]:
        """The sites where services of a home are now."""
        found = {each.site: None for each in self.locations.values() if each.home == home}
        return list(found)

    def told(
        self, concerns: Sequence[str], booked: tuple[Booking, ...], lost: tuple[str, ...]
    ) -> Facts:
        """The facts that concern these sites; of no sites, all of them."""
        if not concerns:
            locations, past_s = self.locations, self.past_s
            unfenced = tuple(self.unfenced.values())
        else:
            near = frozenset(concerns)
            locations = {
                service: at
                for service, at in self.locations.items()
                if at.site in near or at.home in near
            }
            past_s = {
                service: times
                for service, times in self.past_s.items()
                if self.homes.get(service) in near or service in locations
            }
            unfenced = tuple(
                each
                for each in self.unfenced.values()
                if each.site in near or each.service in locations
            )
            lost = tuple(site for site in lost if site in near)
        return Facts(
            version=self.version,
            locations={service: at.site for service, at in locations.items()},
            unfenced=unfenced,
            booked=booked,
            lost=lost,
            past_s=past_s,
        )
