"""The recovery of a region: what is asked of it, and what its sites tell it."""

from datetime import datetime

from .document import Answer, Document
from .estate import Estate
from .recovery import LogEntry, Mode, Outcome
from .scalars import Line


class RegionRequest(Document):
    """Recover every site of a lost region."""

    estate: Estate
    region: str
    mode: Mode = Mode.UNPLANNED
    sites: tuple[str, ...] = ()
    """Only these of the region's sites; all where none is named."""
    lost_sites: tuple[str, ...] = ()
    """Other sites known to be lost; all of the region's always count as lost."""
    incident: str = ""
    actor: Line = "unknown"
    reason: Line = "not given"
    detected_at: datetime | None = None


class SiteProgress(Answer):
    """How far one site's recovery has come: its signal to the region's."""

    site: str
    tiers: tuple[int, ...]
    """The tiers that have services there, the most critical first."""
    through: int
    """Nothing of this tier, or of one before it, can go on by itself any more; -1 before any."""
    held: bool = False
    """It has not begun, and waits for a person or for another recovery: the others go on."""


class SiteOutcome(Document):
    """What became of one site."""

    site: str
    workflow_id: str
    phase: str
    outcome: Outcome | None = None
    sentence: str = ""
    services: int = 0
    recovered: int = 0
    """Services that are back."""
    waits_for: str = ""
    actual_recovery_time_s: float | None = None


class RegionStatus(Document):
    """The recovery of a region, as it stands or as it ended."""

    workflow_id: str
    run_id: str
    estate: str
    region: str
    mode: Mode
    open_tier: int
    """The least critical tier that may act by now; -1 before any."""
    sites: tuple[SiteOutcome, ...]
    outcome: str | None = None
    """`recovered`, `partially_recovered`, `rolled_back`, `rolled_back_with_residue`; null while it
    runs; `held` while it waits for a person."""
    sentence: str = ""
    waits_for: str = ""
    started_at: datetime
    ended_at: datetime | None = None
    log: tuple[LogEntry, ...] = ()
