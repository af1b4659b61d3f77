"""What keeps a returning site on standby, after the recovery that could not fence it has ended."""

from datetime import datetime, timedelta

from pydantic import JsonValue

from .document import Document
from .recovery import LogEntry


class StandbyStep(Document):
    """One fence that is owed."""

    step: str
    service: str
    run: str
    """The action's dotted name."""
    inputs: dict[str, JsonValue]
    key: str
    timeout: timedelta


class StandbyRequest(Document):
    """Fence what comes back of a site, whenever it does."""

    estate: str
    site: str
    recovery: str
    """The workflow id of the recovery that owes the fences."""
    run: str
    epoch: int
    sequence: int
    """The last one that the recovery gave out."""
    steps: tuple[StandbyStep, ...]
    since: datetime


class StandbyStatus(Document):
    """How far the fencing is."""

    estate: str
    site: str
    owed: tuple[str, ...]
    """Steps whose source has not come back."""
    fenced: tuple[str, ...]
    superseded: tuple[str, ...]
    """Steps whose resource belongs to a newer recovery."""
    log: tuple[LogEntry, ...]
