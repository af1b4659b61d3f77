"""What makes one seating better than another."""

from collections.abc import Iterator

from .problem import Problem
from .seating import Seating

Value = tuple[int, ...]


def tiers_of(problem: Problem) -> tuple[int, ...]:
    """The tiers of the items, the most critical first."""
    return tuple(sorted({item.tier for item in problem.items}))


def value_of(seating: Seating) -> Value:
    """Compared number by number, the greater is the better.

    For each tier, the most critical first: how many are whole, then how many are degraded. Then:
    the fewest that give way, of the least critical tiers; and the sites that are preferred.
    """
    problem = seating.problem
    whole = dict.fromkeys(tiers_of(problem), 0)
    degraded = dict(whole)
    for item, seat in zip(problem.items, seating.seats, strict=True):
        if seat is not None:
            counted = degraded if seat[1] else whole
            counted[item.tier] += 1
    served = (count for tier in whole for count in (whole[tier], degraded[tier]))
    gone = sum(problem.victims[victim].tier for victim in seating.gone)
    return (*served, -len(seating.gone), gone, -ranks(seating))


def ranks(seating: Seating) -> int:
    """How many sites the seated items prefer to theirs, in sum."""
    return sum(
        seating.problem.items[item].ranks[seat[0]]
        for item, seat in enumerate(seating.seats)
        if seat is not None
    )


def least_ranks(problem: Problem) -> int:
    """The sum that no seating of all items, whole, can be below."""
    lowest = 0
    empty = Seating(problem)
    for group in problem.groups:
        rooms = [_roomy(empty, item) for item in group if problem.items[item].options]
        if len(rooms) == 1:
            lowest += next((rank for _, rank in rooms[0]), 0)
        elif rooms:
            one, *others = (dict(room) for room in rooms)
            common = [site for site in one if all(site in other for other in others)]
            lowest += min((one[s] + sum(o[s] for o in others) for s in common), default=0)
    return lowest


def _roomy(empty: Seating, item: int) -> Iterator[tuple[int, int]]:
    """The sites that hold all of an item, if it is there alone, with their ranks."""
    for site, rank in empty.problem.items[item].ranks.items():
        if empty.holds(item, (site, False)):
            yield site, rank
