"""A seating: which item sits where, and what room that leaves; every step keeps to the rules.

Whether an item fits is asked of the seating; what is best is not its concern.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from .problem import Amount, Apart, Problem, together

Seat = tuple[int, bool]
"""A site's index, and whether the item sits there degraded."""


class Seating:
    """Where the items of a problem sit, and which victims have given way."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.seats: list[Seat | None] = [None] * len(problem.items)
        self.gone: dict[int, None] = {}
        """The victims that gave way, by index."""
        self.at: list[dict[int, None]] = [{} for _ in problem.sites]
        """By site: the items that sit there, by index."""
        self._free = [list(room) for room in problem.room]
        self._group_of = {i: group for group in problem.groups for i in group}
        self._apart: dict[int, list[Apart]] = {}
        for pair in problem.apart:
            for member in dict.fromkeys((pair.one, pair.other)):
                self._apart.setdefault(member, []).append(pair)

    def sit(self, item: int, seat: Seat) -> None:
        """Seat an item that has no seat; whether it may sit there has been asked before."""
        self.seats[item] = seat
        self.at[seat[0]][item] = None
        self._change(seat[0], self.problem.items[item].demand(seat[1]), -1)

    def stand(self, item: int) -> Seat | None:
        """Take an item's seat from it, if it has one; yields the seat it had."""
        seat = self.seats[item]
        if seat is not None:
            self.seats[item] = None
            del self.at[seat[0]][item]
            self._change(seat[0], self.problem.items[item].demand(seat[1]), 1)
        return seat

    def give_way(self, victim: int) -> None:
        """Free the room of a victim."""
        self.gone[victim] = None
        self._change(self.problem.victims[victim].site, self.problem.victims[victim].frees, 1)

    def stay(self, victim: int) -> None:
        """Let a victim keep its room after all."""
        del self.gone[victim]
        self._change(self.problem.victims[victim].site, self.problem.victims[victim].frees, -1)

    def free(self, site: int) -> Amount:
        """What is left at a site."""
        return tuple(self._free[site])

    def holds(self, item: int, seat: Seat) -> bool:
        """Whether there is room for the item on that seat."""
        demand = self.problem.items[item].demand(seat[1])
        if any(want > left for want, left in zip(demand, self._free[seat[0]], strict=True)):
            return False
        return not self.gone or self._rightful(seat[0], item, demand)

    def overfull(self, site: int) -> bool:
        """Whether a site holds more than it can, or somebody sits in room not freed for them."""
        return any(left < 0 for left in self._free[site]) or not self._rightful(site)

    def fits(self, item: int, seat: Seat) -> bool:
        """Whether the item may sit there beside all that are seated."""
        return (
            self.holds(item, seat)
            and self.parted_from(item, seat[0]) is None
            and self.too_close_to(item, seat[0]) is None
        )

    def group_of(self, item: int) -> tuple[int, ...]:
        """The items that go where this one goes, itself among them."""
        return self._group_of[item]

    def parted_from(self, item: int, site: int) -> int | None:
        """One that the item belongs with and that sits elsewhere."""
        for other in self._group_of[item]:
            seat = self.seats[other]
            if other != item and seat is not None and seat[0] != site:
                return other
        return None

    def too_close_to(self, item: int, site: int) -> Apart | None:
        """What forbids the item to sit at the site because of another one's seat."""
        for pair in self.pairs_of(item):
            seat = self.seats[pair.other if pair.one == item else pair.one]
            sites = self.problem.sites
            if seat is not None and together(sites[site], sites[seat[0]], pair.across):
                return pair
        return None

    def unmet(self, item: int) -> int | None:
        """A dependency of the item that is not seated and that nothing stands in for."""
        for need in self.problem.items[item].needs:
            if all(self.seats[other] is None for other in need):
                return need[0]
        return None

    def pairs_of(self, item: int) -> Sequence[Apart]:
        """Whom the item must be kept apart from."""
        return self._apart.get(item, ())

    def become(self, other: "Seating") -> None:
        """Seat everybody as in another seating of the same problem."""
        self.__dict__.update(other.clone().__dict__)

    def clone(self) -> "Seating":
        """The same seating, to be changed by itself."""
        twin = Seating.__new__(Seating)
        twin.__dict__.update(self.__dict__)
        twin.seats = list(self.seats)
        twin.gone = dict(self.gone)
        twin.at = [dict(items) for items in self.at]
        twin._free = [list(room) for room in self._free]
        return twin

    def _change(self, site: int, demand: Amount, sign: int) -> None:
        free = self._free[site]
        for i, amount in enumerate(demand):
            if amount:
                free[i] += sign * amount

    def _rightful(self, site: int, item: int | None = None, demand: Amount = ()) -> bool:
        """Whether room that a victim freed goes to more critical items alone.

        Items of a tier and below must fit into the site's own room and what still less critical
        victims freed. Since these sets are nested, that is also enough.
        """
        freed = [self.problem.victims[v] for v in self.gone]
        freed = [victim for victim in freed if victim.site == site]
        for level in sorted({victim.tier for victim in freed}):
            left = list(self.problem.room[site])
            for victim in freed:
                if victim.tier > level:
                    left = [a + b for a, b in zip(left, victim.frees, strict=True)]
            for want in self._demands(site, level, item, demand):
                left = [a - b for a, b in zip(left, want, strict=True)]
            if any(amount < 0 for amount in left):
                return False
        return True

    def _demands(
        self, site: int, level: int, item: int | None, demand: Amount
    ) -> Iterable[tuple[Decimal, ...]]:
        items = self.problem.items
        for other in self.at[site]:
            seat = self.seats[other]
            if items[other].tier >= level and seat is not None:
                yield items[other].demand(seat[1])
        if item is not None and items[item].tier >= level:
            yield demand
