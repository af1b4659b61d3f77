"""What is done on purpose: a worker is struck, its guards are off, a late step is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Guard(StrEnum):
    """What workers guard their writes with; less than everything is for negative controls."""

    FULL = "full"
    UNMARKED = "unmarked"
    """No idempotency key and no epoch."""
    NONE = "none"
    """Nor any condition: the last writer wins."""


@dataclass(frozen=True)
class Wound:
    """Where a worker is struck, once."""

    step: str
    verb: str
    point: str
    signal: str = "KILL"

    def __str__(self) -> str:
        return f"{self.signal} {self.point} {self.verb} of {self.step}"


@dataclass(frozen=True)
class Refusal:
    """The requests of one late step, which are refused where all else is to be undone."""

    match: Mapping[str, Any]
    throttled_s: float = 0.0
    """How long it is throttled before, so that the others are done by then."""
    times: int = 0
    """How often it is refused; 0 is for good."""


FAILING = Refusal(
    {"method": "PATCH", "site": "plant-milan", "path": "deployments/spooler"},
    throttled_s=1.0,
    times=1,
)
"""In the example estate: the last step of a service nothing depends on."""
