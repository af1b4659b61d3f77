"""What is best, as sums over columns, the most important first."""

from collections.abc import Iterator, Mapping

from .columns import Columns
from .problem import Problem
from .value import tiers_of

Level = Mapping[int, float]
"""By column: what it adds, a whole number."""

WIDEST = 10**6
"""How large a level's sum may become: within what floating point tells apart for sure."""


def service_levels(problem: Problem, columns: Columns) -> list[Level]:
    """Who is served and who gives way: the sums to be made greatest, one after the other.

    Together with `preferences` they order seatings as `value.value_of` does.
    """
    found: list[tuple[dict[int, float], int]] = []
    for part, span in _parts(problem, columns):
        if found and found[-1][1] * span <= WIDEST:
            merged, width = found.pop()
            merged = {column: factor * span for column, factor in merged.items()}
            for column, factor in part.items():
                merged[column] = merged.get(column, 0) + factor
            found.append((merged, width * span))
        else:
            found.append((dict(part), span))
    return [level for level, _ in found]


def preferences(problem: Problem, columns: Columns) -> Level:
    """The last sum: how many sites the items prefer to theirs, the fewer the better."""
    ranked = ((column, problem.items[i].ranks[seat[0]]) for column, (i, seat) in columns.seats())
    return {column: -float(rank) for column, rank in ranked if rank}


def _parts(problem: Problem, columns: Columns) -> Iterator[tuple[dict[int, float], int]]:
    """Each number of the value by itself, and a width greater than its range."""
    for tier in tiers_of(problem):
        for degraded in (False, True):
            counted = {
                column: 1.0
                for column, (item, seat) in columns.seats()
                if problem.items[item].tier == tier and seat[1] == degraded
            }
            if counted:
                yield counted, 1 + sum(item.tier == tier for item in problem.items)
    victims = columns.victims
    if victims:
        yield dict.fromkeys(victims.values(), -1.0), 1 + len(victims)
        tiers = {column: float(problem.victims[v].tier) for v, column in victims.items()}
        yield tiers, 1 + int(sum(tiers.values()))
