"""Who has booked what, by site: an index over the bookings of all holders."""

from collections.abc import Iterable

from ..model.coordination import Booking


class Booked:
    """Bookings by site and run. It is made anew from the holders when a coordinator goes on."""

    def __init__(self) -> None:
        self._by_site: dict[str, dict[str, list[Booking]]] = {}
        self._sites: dict[str, tuple[str, ...]] = {}

    def replace(self, run: str, bookings: Iterable[Booking]) -> None:
        """A run has these bookings now, and no others."""
        for site in self._sites.pop(run, ()):
            del self._by_site[site][run]
            if not self._by_site[site]:
                del self._by_site[site]
        sites: dict[str, None] = {}
        for booking in bookings:
            self._by_site.setdefault(booking.site, {}).setdefault(run, []).append(booking)
            sites[booking.site] = None
        if sites:
            self._sites[run] = tuple(sites)

    def others(self, run: str, sites: Iterable[str] = ()) -> tuple[Booking, ...]:
        """What other runs have booked at these sites; of no sites, at all of them."""
        found: list[Booking] = []
        for site in dict.fromkeys(sites) or tuple(self._by_site):
            for holder, bookings in self._by_site.get(site, {}).items():
                if holder != run:
                    found += bookings
        return tuple(found)

    def holders_at(self, site: str, but: str) -> list[str]:
        """The other runs that have booked something at a site."""
        return [run for run in self._by_site.get(site, {}) if run != but]
