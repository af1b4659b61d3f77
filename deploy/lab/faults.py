"""The faults of the lab: which request gets which trouble.

A fault is matched in the order in which it was added; the first that fits a request is taken and
its ``times`` counts down at that moment, so that two requests can never share the last one. What a
fault *does* is the server's business; here is what it *is*.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _compiles(pattern: Any) -> Any:
    if isinstance(pattern, str):
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
    return pattern


class _Match(BaseModel):
    """Which requests a fault is for; an absent key fits everything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    system: str | None = None
    site: str | None = None
    method: str | None = None
    path: Annotated[str, BeforeValidator(_compiles)] | None = None


class Fault(BaseModel):
    """One fault, as ``POST /_lab/faults`` takes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: _Match = _Match()
    behaviour: Literal["error", "throttle", "delay", "hang", "drop_answer"]
    status: Annotated[int, Field(ge=400, le=599)] = 500
    seconds: Annotated[float, Field(ge=0)] = 1.0
    times: Annotated[int, Field(ge=0)] = 0
    when: Literal["before", "after"] = "before"

    def fits(self, system: str, site: str | None, method: str, path: str) -> bool:
        """Return whether this fault is for such a request; ``path`` includes the query."""
        return (
            self.match.system in (None, system)
            and self.match.site in (None, site)
            and self.match.method in (None, method)
            and (self.match.path is None or re.search(self.match.path, path) is not None)
        )


@dataclass(slots=True)
class _Armed:
    fault: Fault
    left: int | None


class Faults:
    """The faults that are armed."""

    def __init__(self) -> None:
        """Start without any."""
        self._armed: list[_Armed] = []
        self._lifted = asyncio.Event()

    def add(self, fault: Fault) -> None:
        """Arm a fault; ``times`` 0 means for ever."""
        self._armed.append(_Armed(fault, fault.times or None))

    def take(self, system: str, site: str | None, method: str, path: str) -> Fault | None:
        """Return the first fault for this request and use it up once."""
        for armed in self._armed:
            if not armed.fault.fits(system, site, method, path):
                continue
            if armed.left is not None:
                armed.left -= 1
                if armed.left == 0:
                    self._armed.remove(armed)
            return armed.fault
        return None

    def clear(self) -> None:
        """Disarm everything and let go of the requests that hang."""
        self._armed.clear()
        self._lifted.set()
        self._lifted = asyncio.Event()

    @property
    def lifted(self) -> asyncio.Event:
        """Return the event that is set when the faults armed now are deleted."""
        return self._lifted

    def documents(self) -> list[dict[str, Any]]:
        """Return what is armed, with the times left."""
        return [
            {**armed.fault.model_dump(exclude_none=True), "times": armed.left or 0}
            for armed in self._armed
        ]
