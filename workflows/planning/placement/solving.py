"""Solves a problem: at a glance where there is room enough, else by search."""

from dataclasses import dataclass

from . import exact
from .filling import filled, is_best
from .problem import Problem
from .seating import Seating
from .splitting import join, split
from .value import least_ranks, ranks

LARGEST = 6000
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
        seating = filled(part.problem)
        if not is_best(seating):
            found = exact.improve(seating)
            seating, proven = found.seating, proven and found.proven
        join(whole, part, seating)
    return Solution(whole, "" if proven else _gap(whole))


def _gap(seating: Seating) -> str:
    missing = sum(seat is None or seat[1] for seat in seating.seats)
    excess = ranks(seating) - least_ranks(seating.problem)
    return (
        f"not proven to be the best: at most {missing} more could be placed whole, and preferences "
        f"met better by at most {excess} places"
    )
