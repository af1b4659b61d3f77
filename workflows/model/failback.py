"""The way home: what is asked, and how it stands."""

from datetime import datetime
from enum import StrEnum

from .document import Answer, Document
from .estate import Estate
from .recovery import LogEntry, Outcome
from .scalars import Line


class FailbackRequest(Document):
    """Bring the services of a site home."""

    estate: Estate
    site: str
    actor: Line = "unknown"
    reason: Line = "not given"


class FailbackPhase(StrEnum):
    """Where a failback is."""

    LOOKING = "looking"
    REPROTECTING = "reprotecting"
    """The home site has come back, or is awaited; what still runs there is fenced."""
    RESYNCING = "resyncing"
    """The data follows home."""
    DIVERGED = "diverged"
    """The home site holds writes that nobody else has: a person decides."""
    SWITCHING = "switching"
    VERIFYING = "verifying"
    """The services are home; they are to be protected again."""
    ENDED = "ended"


class ReplicationCheck(Document):
    """How far the copy of one service is behind, as a query."""

    service: str
    source: str
    target: str
    lag: str
    """PromQL; seconds."""
    within_s: float
    divergence: str | None = None
    """PromQL; writes that the target holds and the source does not."""


class ReplicationInput(Document):
    """Render the replication checks of services between where they are and where they go."""

    estate: Estate
    moves: dict[str, tuple[str, str]]
    """By service: the site it is at, and the site it goes to."""


class ReplicationChecks(Answer):
    """The checks of those services that say how they are replicated."""

    checks: tuple[ReplicationCheck, ...]
    without: tuple[str, ...]
    """Services that do not say: nobody knows how far their data is."""


class ServiceReplication(Document):
    """How far one service's data is behind, as last seen."""

    service: str
    source: str
    target: str
    in_step: bool | None
    """None: not known."""
    sentence: str
    diverged: bool = False
    divergence: str = ""


class FailbackStatus(Document):
    """A failback, as it stands or as it ended."""

    workflow_id: str
    run_id: str
    estate: str
    site: str
    phase: FailbackPhase
    services: tuple[str, ...] = ()
    """Those that are away."""
    replication: tuple[ServiceReplication, ...] = ()
    recovery: str | None = None
    """The workflow id of the planned move, once it has begun: approvals and commits go there."""
    outcome: Outcome | None = None
    protected: bool | None = None
    """The services are home, and their copies are in step again; None: not known yet."""
    sentence: str = ""
    waits_for: str = ""
    started_at: datetime
    ended_at: datetime | None = None
    log: tuple[LogEntry, ...] = ()
