"""The question that placement answers, as numbers: who may go where, what there is room for."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Literal

from ...model.estate import Service, Site

Amount = tuple[Decimal, ...]
"""How much of each resource, in the order of `Problem.resources`."""
UNLIMITED = Decimal("Infinity")


@dataclass(frozen=True)
class Barred:
    """A recovery site that a service cannot go to, however much room there is."""

    site: str
    why: str
    lost: bool = False


@dataclass(frozen=True)
class Item:
    """A service that needs a site."""

    service: Service
    tier: int
    """Its own, or that of a more critical service which depends on it."""
    options: tuple[int, ...]
    """Indices of the sites that it may go to, the preferred first."""
    barred: tuple[Barred, ...]
    whole: Amount
    degraded: Amount | None
    """What it needs at least, if less than `whole` will do."""
    needs: tuple[tuple[int, ...], ...] = ()
    """Of the items of each entry one must be placed: a dependency, or what stands in for it."""
    vain: str = ""
    """Why it is of no use anywhere, if so: it depends on what nothing can bring back."""

    @property
    def name(self) -> str:
        """The service's name."""
        return self.service.name

    @cached_property
    def ranks(self) -> Mapping[int, int]:
        """By each of its options: how many sites it prefers to that."""
        return {site: rank for rank, site in enumerate(self.options)}

    def demand(self, degraded: bool) -> Amount:
        """What it needs of its site."""
        return self.degraded if degraded and self.degraded is not None else self.whole


@dataclass(frozen=True)
class Apart:
    """Two items that must not share a site, zone or region."""

    one: int
    other: int
    across: Literal["site", "zone", "region"]


@dataclass(frozen=True)
class Victim:
    """A running service whose room more critical ones may take."""

    service: Service
    tier: int
    """The most critical of its own and of what depends on it."""
    site: int
    frees: Amount


@dataclass(frozen=True)
class Problem:
    """Everything that an assignment has to hold to."""

    sites: tuple[Site, ...]
    resources: tuple[str, ...]
    capacity: tuple[Amount, ...]
    """By site; unlimited where a site states none."""
    room: tuple[Amount, ...]
    """By site: the capacity less what runs there, stays, and is on its way there."""
    items: tuple[Item, ...]
    groups: tuple[tuple[int, ...], ...]
    """The items of each group go to one site; each item is in one group, maybe alone."""
    apart: tuple[Apart, ...] = ()
    victims: tuple[Victim, ...] = ()


def together(one: Site, other: Site, across: str) -> bool:
    """Whether two sites share what must not be shared; an unknown zone is every zone."""
    if across == "site":
        return one.name == other.name
    if one.region != other.region:
        return False
    return across == "region" or one.zone == other.zone or None in (one.zone, other.zone)
