"""Whether bookings fit beside the bookings of others. Exact: no two recoveries book one room."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from ..model.coordination import Booking
from ..model.scalars import format_quantity, quantity_value
from .records import Remembered

Sums = dict[str, dict[str, Decimal]]
"""By site and resource."""


class Arrival(Remembered):
    """A service that came to a site: plans that are older take its room for free."""

    booking: Booking
    version: int
    """The version of the facts that tells of it."""


@dataclass(frozen=True)
class Shortage:
    """What does not fit."""

    site: str
    resource: str
    wanted: Decimal
    room: Decimal
    others: Decimal

    def sentence(self, booked_by: str) -> str:
        """In words, for the operator."""
        taken = (
            f", of which {format_quantity(self.others)} is taken by {booked_by}"
            if self.others
            else ""
        )
        return (
            f"{self.site} has room for {format_quantity(self.room)} {self.resource}{taken};"
            f" {format_quantity(self.wanted)} is wanted"
        )


def sums(bookings: Iterable[Booking]) -> Sums:
    """What bookings take."""
    total: Sums = {}
    for booking in bookings:
        at_site = total.setdefault(booking.site, {})
        for resource, quantity in booking.demand.items():
            at_site[resource] = at_site.get(resource, Decimal(0)) + quantity_value(quantity)
    return total


def shortage(
    bookings: Iterable[Booking],
    others: Iterable[Booking],
    room: Mapping[str, Mapping[str, str]],
) -> Shortage | None:
    """The first resource that bookings and those of others do not find room for, if any.

    A site that `room` does not name has room for everything; a resource that a named site does not
    have has room for nothing.
    """
    wanted, taken = sums(bookings), sums(others)
    for site in sorted(wanted):
        if site not in room:
            continue
        for resource, quantity in sorted(wanted[site].items()):
            there = quantity_value(room[site].get(resource, "0"))
            beside = taken.get(site, {}).get(resource, Decimal(0))
            if quantity and quantity + beside > there:
                return Shortage(site, resource, quantity, there, beside)
    return None
