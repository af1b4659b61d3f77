"""The choices of a seating as columns of numbers: one, or nought."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .problem import Problem
from .seating import Seat, Seating


@dataclass(frozen=True)
class Columns:
    """Which column stands for which choice."""

    of_item: tuple[dict[Seat, int], ...]
    """By item and seat."""
    of_group: tuple[dict[int, int], ...]
    """By group and site; empty for an item by itself."""
    victims: dict[int, int]
    """By victim."""
    _meaning: dict[int, tuple[int, Seat]] = field(default_factory=dict)

    @classmethod
    def of(cls, problem: Problem) -> "Columns":
        """One column for each seat that there is room for at best, group's site, and victim."""
        roomiest = Seating(problem)
        for victim in range(len(problem.victims)):
            roomiest.give_way(victim)
        count = 0
        of_item: list[dict[Seat, int]] = []
        for i, item in enumerate(problem.items):
            ways = [False] if item.degraded is None else [False, True]
            seats = [(site, way) for site in item.options for way in ways]
            seats = [seat for seat in seats if roomiest.holds(i, seat)]
            of_item.append({seat: count + n for n, seat in enumerate(seats)})
            count += len(seats)
        of_group: list[dict[int, int]] = []
        for group in problem.groups:
            sites = dict.fromkeys(site for i in group for site, _ in of_item[i])
            of_group.append({s: count + n for n, s in enumerate(sites)} if len(group) > 1 else {})
            count += len(of_group[-1])
        victims = {victim: count + victim for victim in range(len(problem.victims))}
        meaning = {c: (i, seat) for i, seats in enumerate(of_item) for seat, c in seats.items()}
        return cls(tuple(of_item), tuple(of_group), victims, meaning)

    def __len__(self) -> int:
        seats = sum(len(part) for part in self.of_item)
        return seats + sum(len(part) for part in self.of_group) + len(self.victims)

    def seats(self) -> Iterator[tuple[int, tuple[int, Seat]]]:
        """Each column of a seat, with the item and the seat."""
        yield from self._meaning.items()

    def values_of(self, seating: Seating) -> list[float]:
        """A seating as the columns' values."""
        values = [0.0] * len(self)
        for columns, seat in zip(self.of_item, seating.seats, strict=True):
            if seat is not None:
                values[columns[seat]] = 1.0
        for group, sites in zip(seating.problem.groups, self.of_group, strict=True):
            for item in group if sites else ():
                if (seat := seating.seats[item]) is not None:
                    values[sites[seat[0]]] = 1.0
        for victim in seating.gone:
            values[self.victims[victim]] = 1.0
        return values

    def seating_of(self, problem: Problem, values: Sequence[float]) -> Seating | None:
        """The seating that the values mean; None if it breaks a rule, counted exactly."""
        seating = Seating(problem)
        for victim, column in self.victims.items():
            if values[column] > 0.5:
                seating.give_way(victim)
        for column, (item, seat) in self.seats():
            if values[column] > 0.5:
                if not seating.fits(item, seat):
                    return None
                seating.sit(item, seat)
        return seating
