"""Chooses where services are recovered to: what fits, the most critical first, and why."""

from .answer import Assignment, GivesWay, Placed
from .assigning import assign
from .first import Placement, place

__all__ = ["Assignment", "GivesWay", "Placed", "Placement", "assign", "place"]
