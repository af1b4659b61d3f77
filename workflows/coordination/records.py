"""What a coordinator remembers of one run, and the events it decides on.

The documents outlive the workflow run that wrote them: a newer version must read what an older one
has written, so keys that are not known are ignored.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from ..model.coordination import Application, Booking, Question, Reservation, Verdict
from ..model.estate_state import Allow, Party
from ..model.recovery import Action, Intervention, Mode


class Remembered(BaseModel):
    """State that is carried from run to run. It changes: no two know the same one."""

    model_config = ConfigDict(extra="ignore")


class Applicant(Remembered):
    """A run that has applied, whatever it was told."""

    party: Party
    number: int
    """Of the application."""
    application: Application
    incident: str
    arrived: int
    """The how-manieth application it was."""
    arrived_at: datetime
    looked_at: datetime
    """When its workflow was last known to run."""
    looking: bool = False
    """Somebody is looking whether it still does."""

    @property
    def emergency(self) -> bool:
        """It recovers a site that is lost: cool-down, hold-down and budget are for these."""
        asked = self.application
        return asked.action is Action.RECOVER and asked.mode is Mode.UNPLANNED

    @property
    def rehearsal(self) -> bool:
        """It acts on isolated copies."""
        return self.application.mode is Mode.TEST


class Holder(Applicant):
    """A run to which its site belongs."""

    since: datetime
    sentence: str
    touches: tuple[str, ...] = ()
    """Other sites that must not be recovered meanwhile: its services come home from there."""
    bookings: tuple[Booking, ...] = ()
    asked: Reservation | None = None
    """The last reservation that was granted, without its room."""
    reserved_number: int = 0
    """Of the last question about room or epochs that was decided."""
    granted: bool = False
    """How it was decided."""
    reserved_sentence: str = ""
    epoch: int = 0
    seen: int = 0
    """The version of the facts when it was admitted: it plans with none that are older."""


class Waiting(Applicant):
    """A run that waits to be granted."""

    verdict: Verdict | None = None
    """None: not decided yet, and not told."""
    sentence: str = ""
    waits_for: str = ""
    until: datetime | None = None
    over_budget: str = ""
    """It met a spent budget, in a sentence: only a person lets it go."""


class Frozen(Remembered):
    """Who froze the estate, and why."""

    actor: str
    reason: str
    since: datetime


class Refused(Remembered):
    """A run that was refused."""

    at: datetime
    sentence: str
    incident: str
    waits_for: str


class DueKind(StrEnum):
    """What kind of answer is due."""

    ADMISSION = "admission"
    RESERVED = "reserved"
    RELEASED = "released"
    LOOKED = "looked"


class Due(Remembered):
    """An answer that is to be sent. It is made when it is sent, so that it is true then."""

    party: Party
    kind: DueKind
    number: int
    concerns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Asked:
    """A run asks or tells."""

    question: Question


@dataclass(frozen=True)
class Freeze:
    """A person freezes the estate."""

    asked: Intervention


@dataclass(frozen=True)
class Thaw:
    """A person lifts the freeze."""

    asked: Intervention


@dataclass(frozen=True)
class Allowed:
    """A person lets sites go on."""

    asked: Allow


@dataclass(frozen=True)
class LookedAfter:
    """It was looked whether these runs still run."""

    runs: tuple[str, ...]
    closed: tuple[str, ...]


@dataclass(frozen=True)
class Untold:
    """An answer could not be delivered to a run."""

    run: str


@dataclass(frozen=True)
class TimePassed:
    """Nothing but time has passed."""


Event = Asked | Freeze | Thaw | Allowed | LookedAfter | Untold | TimePassed
Order = Freeze | Thaw | Allowed
"""What a person asks for."""


@dataclass(frozen=True)
class Sentence:
    """What was decided, and why."""

    text: str
    actor: str | None = None


@dataclass(frozen=True)
class Decision:
    """What follows from events."""

    sentences: tuple[Sentence, ...] = ()
    dues: tuple[Due, ...] = ()
    """Answers to be sent, each once."""
    looks: tuple[Party, ...] = ()
    """Runs that stand in somebody's way: it is to be looked at once whether they still run."""
