"""What the coordinator of an estate knows, as people see it, and what they may ask of it."""

from datetime import datetime

from pydantic import Field, model_validator

from .coordination import Booking, CoordinatorSays, Fact, Verdict
from .document import Answer, Document
from .recovery import Action, Intervention, LogEntry, Mode
from .scalars import Line, Name


class Allow(Intervention):
    """A person lets a site go on, past the budget and the cool-down; or a number, past the budget.

    Exactly one of `site` and `sites` is given.
    """

    site: Name | None = None
    """The site that may be recovered once."""
    sites: int | None = Field(default=None, ge=1, le=10_000)
    """So many sites beyond the budget, those that were lost first."""

    @model_validator(mode="after")
    def _one_of_two(self) -> "Allow":
        if (self.site is None) == (self.sites is None):
            raise ValueError("name a site, or give a number of sites")
        return self


class FrozenState(Answer):
    """The estate is frozen: nothing new is granted."""

    actor: Line
    reason: Line
    since: datetime


class HolderState(Answer):
    """A recovery that was granted."""

    site: str
    workflow_id: str
    action: Action
    mode: Mode
    incident: str
    since: datetime
    actor: str
    epoch: int = 0
    """The last one that it was given; 0 before its reservation."""
    sentence: str = ""
    """The last that it was told."""
    bookings: tuple[Booking, ...] = ()


class WaitingState(Answer):
    """A recovery that is not granted yet."""

    site: str
    workflow_id: str
    action: Action
    mode: Mode
    incident: str
    verdict: Verdict
    sentence: str
    """What it waits for, and who can do something about it."""
    detected_at: datetime
    until: datetime | None = None


class CoolDownState(Answer):
    """A site that is left alone for a while."""

    site: str
    workflow_id: str
    """What recovered it."""
    incident: str
    until: datetime


class BudgetState(Answer):
    """How much of the action budget is used."""

    sites: int | None = None
    """As many in the window, by the last policy that was heard of; null: no limit is known."""
    window_s: float | None = None
    used: tuple[str, ...] = ()
    """Lost sites whose recovery was granted within the window."""
    stopped: bool = False
    """It was spent: nothing unplanned is granted until a person allows it."""
    extra: int = 0
    """Sites allowed beyond it that have not been used yet."""
    allowed_sites: tuple[str, ...] = ()
    """Sites allowed by name that have not been recovered yet."""


class EstateState(Answer):
    """Everything a person may want to know of an estate's coordinator."""

    estate: str
    at: datetime
    frozen: FrozenState | None = None
    holders: tuple[HolderState, ...] = ()
    waiting: tuple[WaitingState, ...] = ()
    """In the order in which they are decided."""
    budget: BudgetState = BudgetState()
    cool_downs: tuple[CoolDownState, ...] = ()
    epochs: int = 0
    """Services that have had an epoch."""
    locations: dict[str, str] = {}
    """By service: the site where it runs, if that is not its own."""
    unfenced: tuple[Fact, ...] = ()
    version: int = 0
    """Of the facts."""
    log: tuple[LogEntry, ...] = ()
    not_shown: int = 0
    """Holders, waiting ones and bookings left out, because they are too many to be told at once."""


class CoordinatorInput(Document):
    """What a coordinator is started with, by others and by itself when it goes on anew."""

    estate: str
    handover: str = ""
    """What the run before it remembers; empty at the first start."""
    inherits: bool = False
    """There was one before that somebody stopped, or there may have been."""
    most_events: int = Field(default=3_000, ge=50)
    """It goes on as a new run when its history is longer."""
    look_every_s: float = Field(default=15.0, gt=0)
    """How often it looks whether the runs that it knows of still run."""


class StartCoordinator(Document):
    """What the activity that starts a coordinator is asked."""

    estate: str


class Party(Document):
    """A run that holds or waits for something."""

    workflow_id: str
    run_id: str
    run: str
    """Stable over resets."""


class LookAtParties(Document):
    """What the activity that looks after runs is asked."""

    parties: tuple[Party, ...]


class PartiesClosed(Answer):
    """What that activity found."""

    closed: tuple[str, ...] = ()
    """Of those asked about, each `run` whose workflow has ended."""


class Letter(Document):
    """An answer and whom it is for."""

    party: Party
    says: CoordinatorSays


class Letters(Document):
    """What the activity that delivers a coordinator's answers is asked."""

    letters: tuple[Letter, ...]


class Undelivered(Answer):
    """What that activity could not do."""

    runs: tuple[str, ...] = ()
    """Each `run` that could not be told."""
