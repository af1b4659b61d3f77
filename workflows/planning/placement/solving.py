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

LARGEST = 3000
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
    missing = excess = 0
    for part in split(problem):
        found = _solved(part.problem)
        join(whole, part, found.seating)
        if not found.serves_best:
            missing += sum(seat is None or seat[1] for seat in found.seating.seats)
        if not found.is_best:
            excess += ranks(found.seating) - least_ranks(part.problem)
    return Solution(whole, _gap(missing, excess))


def _solved(problem: Problem) -> exact.Found:
    seating = filled(problem)
    if is_best(seating):
        return exact.Found(seating, serves_best=True, is_best=True)
    serves_best = False
    if _is_small(problem):
        found = exact.improve(seating)
        if found.is_best:
            return found
        seating, serves_best = found.seating, found.serves_best
    else:
        windows.improve(seating)
    settle(seating)
    best = is_best(seating)
    return exact.Found(seating, serves_best=serves_best or best, is_best=best)


def _is_small(problem: Problem) -> bool:
    # Counting the columns tells which seats are too small even when empty: not for a great many.
    seats = sum(len(item.options) for item in problem.items)
    return seats <= 10 * LARGEST and len(Columns.of(problem)) <= LARGEST


def _gap(missing: int, excess: int) -> str:
    gaps = []
    if missing:
        gaps.append(f"at most {missing} more could be placed whole")
    if excess > 0:
        gaps.append(f"preferences could be met better by at most {excess} places in sum")
    return f"not proven to be the best: {' and '.join(gaps)}" if gaps else ""
