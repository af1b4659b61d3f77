"""Says why: each sentence is read off the final seating, with its real numbers."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from ...model.scalars import format_quantity
from .problem import Amount, Barred, Item
from .seating import Seat, Seating
from .whereabouts import Whereabouts

SHOWN = 3
"""How many sites or services a sentence names before it only counts them."""


class Explanation:
    """The sentences of one seating."""

    def __init__(self, seating: Seating, order: Iterable[int], home: Mapping[str, str]) -> None:
        self._seating = seating
        self._problem = seating.problem
        self._turn = {item: turn for turn, item in enumerate(order)}
        self._home = home

    def placed(self, index: int, seat: Seat) -> str:
        """Why an item sits where it sits."""
        item = self._problem.items[index]
        site = self._problem.sites[seat[0]]
        passed_over = item.options[: item.ranks[seat[0]]]
        if item.name in self._home:
            head = f"{site.name}: its own site"
        else:
            head = f"{site.name}: the first recovery site"
            head += " that takes it" if passed_over else ""
        lost = [barred.site for barred in item.barred if barred.lost]
        if lost:
            head += f" after {_listed(lost)} (lost)"
        parts = [head]
        if seat[1]:
            parts.append(f"degraded: {self._short_of(index, seat[0], item.whole)} for all of it")
        elif room := self._room_for(index, seat[0]):
            parts.append(room)
        return "; ".join([*parts, *self._refused(index, passed_over), *_excluded(item.barred)])

    def left_out(self, index: int, at: Whereabouts) -> str:
        """Why an item has no seat."""
        item = self._problem.items[index]
        unmet = self._seating.unmet(index)
        if item.vain:
            sentence = f"{item.name} is of no use anywhere: {item.vain}"
        elif not item.options:
            sentence = _nowhere(item)
        elif unmet is not None:
            needed = self._problem.items[unmet].name
            sentence = f"{item.name} is of no use: it depends on {needed}, which is left out"
        else:
            tried = [*self._refused(index, item.options), *_excluded(item.barred)]
            sentence = f"{item.name} finds no room: {'; '.join(tried)}"
        return sentence + self._stands_in(item, at)

    def gives_way(self, victim: int) -> str:
        """For whom a running service goes, and what that costs besides."""
        gone = self._problem.victims[victim]
        takers = [
            f"{self._problem.items[i].name} (tier {self._problem.items[i].tier})"
            for i in self._seating.at[gone.site]
            if self._problem.items[i].tier < gone.tier
        ]
        where = self._problem.sites[gone.site].name
        needs = "needs" if len(takers) == 1 else "need"
        return (
            f"{gone.service.name} (tier {gone.tier}) gives way at {where}: "
            f"{_listed(takers)} {needs} the room"
        )

    def _refused(self, index: int, options: Sequence[int]) -> list[str]:
        """What keeps an item from each of some sites, the telling ones first."""
        company = {
            seat[0]
            for mate in self._seating.group_of(index)
            if mate != index and (seat := self._seating.seats[mate]) is not None
        }
        first = [site for site in options if site in company]
        telling = [*first, *(site for site in options if site not in company)]
        names = self._problem.sites
        return [
            *(f"{names[site].name} {self._obstacle(index, site)}" for site in telling[:SHOWN]),
            *_more(len(options)),
        ]

    def _room_for(self, index: int, site: int) -> str:
        """The tightest resource as it was found at its turn: `8 of 40 cpu free after x`."""
        demand = self._problem.items[index].whole
        if not any(demand):
            return ""
        if not self._problem.sites[site].capacity:
            return f"{self._problem.sites[site].name} states no capacity, so it counts as unlimited"
        before = [i for i in self._seating.at[site] if self._turn[i] < self._turn[index]]
        left = list(self._seating.free(site))
        for i in self._seating.at[site]:
            if self._turn[i] >= self._turn[index]:
                left = [a + b for a, b in zip(left, self._demand(i), strict=True)]
        wanted = [r for r, want in enumerate(demand) if want]
        tightest = max(wanted, key=lambda r: demand[r] / max(left[r], demand[r]))
        after = self._beside(before, tightest, "after")
        return f"{self._of(site, tightest, left[tightest])} free{after}"

    def _obstacle(self, index: int, site: int) -> str:
        """What keeps an item from a site as all the others sit."""
        seating, sites = self._seating, self._problem.sites
        mate = seating.parted_from(index, site)
        if mate is not None:
            seat = seating.seats[mate]
            where = sites[seat[0]].name if seat else ""
            return f"is not where {self._problem.items[mate].name} goes, which is {where}"
        pair = seating.too_close_to(index, site)
        if pair is not None:
            other = pair.other if pair.one == index else pair.one
            seat = seating.seats[other]
            where = sites[seat[0]].name if seat else ""
            return f"shares its {pair.across} with {self._problem.items[other].name} at {where}"
        item = self._problem.items[index]
        seat = seating.seats[index]
        return f"has {self._short_of(index, site, item.demand(seat is None or seat[1]))}"

    def _short_of(self, index: int, site: int, want: Amount) -> str:
        """The resource that is missing most: `2 of 40 cpu free beside x, 8 needed`."""
        left = list(self._seating.free(site))
        if index in self._seating.at[site]:
            left = [a + b for a, b in zip(left, self._demand(index), strict=True)]
        missing = [r for r in range(len(left)) if want[r] > left[r]]
        if not missing:
            return "room only for what is more critical"
        most = max(missing, key=lambda r: (want[r] - left[r]) / want[r])
        if not self._problem.capacity[site][most]:
            return f"no {self._problem.resources[most]}, {format_quantity(want[most])} needed"
        others = [i for i in self._seating.at[site] if i != index]
        free = f"{self._of(site, most, left[most])} free{self._beside(others, most, 'beside')}"
        return f"{free}, {format_quantity(want[most])} needed"

    def _demand(self, index: int) -> Amount:
        seat = self._seating.seats[index]
        return self._problem.items[index].demand(seat is not None and seat[1])

    def _of(self, site: int, resource: int, left: Decimal) -> str:
        capacity = self._problem.capacity[site][resource]
        name = self._problem.resources[resource]
        return f"{format_quantity(left)} of {format_quantity(capacity)} {name}"

    def _beside(self, others: list[int], resource: int, word: str) -> str:
        takers = sorted(
            (i for i in others if self._demand(i)[resource]), key=self._turn.__getitem__
        )
        names = [self._problem.items[i].name for i in takers]
        return f" {word} {_listed(names)}" if names else ""

    def _stands_in(self, item: Item, at: Whereabouts) -> str:
        fallback = item.service.fallback
        if fallback is None:
            return ""
        for other, seat in zip(self._problem.items, self._seating.seats, strict=True):
            if other.name == fallback and seat is not None:
                return f"; {fallback} stands in at {self._problem.sites[seat[0]].name}"
        where = at.stays_at(fallback)
        return f"; {fallback} stands in at {where}" if where else ""


def _nowhere(item: Item) -> str:
    if not item.barred:
        return f"{item.name} names no recovery site; give it `recovery_sites`"
    lost = [barred.site for barred in item.barred if barred.lost]
    if len(lost) == len(item.barred):
        return f"{item.name} has no recovery site left: {_listed(lost)} lost"
    parts = [f"{_listed(lost)} lost"] if lost else []
    parts += _excluded(item.barred)
    return f"{item.name} has no recovery site left: {'; '.join(parts)}"


def _excluded(barred: Iterable[Barred]) -> list[str]:
    bars = [bar for bar in barred if not bar.lost]
    told = [f"{bar.site} excluded: {bar.why}" for bar in bars[:SHOWN]]
    return [*told, *_more(len(bars), " excluded")]


def _more(count: int, what: str = "") -> list[str]:
    left = count - SHOWN
    return [f"{left} more {'site' if left == 1 else 'sites'}{what}"] if left > 0 else []


def _listed(names: list[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:SHOWN])} and {more} more"
