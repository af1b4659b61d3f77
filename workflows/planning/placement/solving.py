"""Solves a problem: at a glance where there is room enough, else by search."""

from dataclasses import dataclass

from . import exact, windows
from .columns import Columns
from .filling import filled, is_best
from .problem import Problem
from .seating import Seating
from .settling import settle
from .splitting import join, split
from .value import least_ranks, ranks

LARGEST = 1000
"""Columns of a problem that is searched as a whole; see the benchmark for what that takes."""


@dataclass(frozen=True)
class Solution:
    """A seating, and how far from the best it may be."""

    seating: Seating
    gap: str = ""


def solve(problem: Problem) -> Solution:
    """Find the best seating; where that would take too long, a good one, and say how good."""
    first = filled(problem)
    if is_best(first):
        return Solution(first)
    whole = Seating(problem)
    proven = True
    for part in split(problem):
        seating, best = _solved(part.problem)
        proven = proven and best
        join(whole, part, seating)
    return Solution(whole, "" if proven else _gap(whole))


def _solved(problem: Problem) -> tuple[Seating, bool]:
    """A part's seating, and whether it is proven that there is none better."""
    seating = filled(problem)
    if is_best(seating):
        return seating, True
    if _is_small(problem):
        found = exact.improve(seating)
        if found.proven:
            return found.seating, True
        seating = found.seating
    else:
        windows.improve(seating)
    settle(seating)
    return seating, is_best(seating)


def _is_small(problem: Problem) -> bool:
    # Counting the columns tells which seats are too small even when empty: not for a great many.
    seats = sum(len(item.options) for item in problem.items)
    return seats <= 10 * LARGEST and len(Columns.of(problem)) <= LARGEST


def _gap(seating: Seating) -> str:
    missing = sum(seat is None or seat[1] for seat in seating.seats)
    excess = ranks(seating) - least_ranks(seating.problem)
    return (
        f"not proven to be the best: at most {missing} more could be placed whole, and preferences "
        f"met better by at most {excess} places"
    )
