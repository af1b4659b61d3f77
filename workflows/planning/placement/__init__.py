"""Chooses where services are recovered to: what fits, the most critical first, and why."""

from .answer import Assignment, GivesWay, Placed
from .assigning import assign

__all__ = ["Assignment", "GivesWay", "Placed", "assign"]
