"""What recoveries ask the coordinator of their estate, and what it answers.

A recovery asks by signal and is answered by signal: an update would be refused when more than ten
are under way, and a storm has a thousand. Each question has a number that rises within its run, so
that one asked twice is answered twice but counted once.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from .document import Answer, Document
from .policy import BudgetPolicy
from .recovery import Action, Mode


class Verdict(StrEnum):
    """What the coordinator says to a recovery that wants to begin."""

    GRANTED = "granted"
    """It may begin: the site is its own until it is released."""
    QUEUED = "queued"
    """It waits for another recovery to end, or for a time; it will be told."""
    HELD = "held"
    """A person must decide: the budget is spent, or the estate is frozen. It will be told."""
    REFUSED = "refused"
    """It must not begin: a cool-down, or another recovery of the same incident did the work."""


class Application(Document):
    """A recovery wants to begin."""

    kind: Literal["application"] = "application"
    site: str
    action: Action
    mode: Mode
    incident: str = ""
    actor: str
    reason: str
    lost_sites: tuple[str, ...] = ()
    detected_at: datetime
    budget: BudgetPolicy | None = None
    cooldown: timedelta | None = None
    holddown: timedelta | None = None
    """As the estate file that the recovery was started with has them."""
    also: tuple[str, ...] = ()
    """Other sites that it touches: for a way home, those that services may come home from."""
    concerns: tuple[str, ...] = ()
    """Sites of which it wants to know the facts; its own is always one of them. None: all."""
    regains: str = ""
    """The incident for which it was granted before, by a coordinator that has lost its memory."""


class Booking(Document):
    """Room for one service at one site."""

    service: str
    site: str
    demand: dict[str, str] = {}
    """Kubernetes quantities by resource."""


class Reservation(Document):
    """A recovery wants room for its services, and the epoch under which it may act."""

    kind: Literal["reservation"] = "reservation"
    plan_hash: str
    bookings: tuple[Booking, ...]
    """One for each service of the plan; they replace the bookings made before by this run."""
    frees: tuple[str, ...] = ()
    """Services that give way: their room is counted as free for this run."""
    room: dict[str, dict[str, str]]
    """By site of the bookings: what it can carry, less what runs there by this run's knowledge and
    does not belong to any recovery; Kubernetes quantities. The coordinator takes off what other
    recoveries have booked."""
    seen: int
    """The version of the facts that the plan was made from."""
    epoch_at_least: int = 1


class EpochClaim(Document):
    """A recovery met a resource with a higher epoch than the coordinator knew of."""

    kind: Literal["epoch_claim"] = "epoch_claim"
    services: tuple[str, ...]
    at_least: int


class Fact(Document):
    """Where one service has come to."""

    service: str
    site: str
    took_s: float | None = None
    """Its actual recovery time, if it was recovered."""
    fenced: bool = True
    """There is evidence that it no longer runs where it was before."""
    was_at: str = ""
    """Where it was before, in a release."""
    at_home: bool = False
    """It is back at its own site, in a release."""


class Release(Document):
    """A recovery has ended."""

    kind: Literal["release"] = "release"
    outcome: str
    """The recovery's outcome; `refused` or `cancelled` if it never acted."""
    acted: bool
    moved: tuple[Fact, ...] = ()
    """Services that are now elsewhere than they were."""


class StandbyReached(Document):
    """A site that could not be fenced has come back, and runs these services no longer."""

    kind: Literal["standby_reached"] = "standby_reached"
    services: tuple[str, ...]
    site: str


class Look(Document):
    """Somebody wants to know the facts, and nothing else: a dry run."""

    kind: Literal["look"] = "look"
    concerns: tuple[str, ...] = ()
    """Sites of which it wants to know the facts. None: all."""


class Question(Document):
    """What a recovery asks, or tells, its coordinator."""

    workflow_id: str
    run_id: str
    """The run to answer to."""
    run: str
    """The recovery, stable over resets: what it was granted belongs to this."""
    number: int
    ask: Annotated[
        Application | Reservation | EpochClaim | Release | StandbyReached | Look,
        Field(discriminator="kind"),
    ]


class Facts(Answer):
    """What the coordinator knows that the estate file does not say."""

    version: int = 0
    """Rises whenever what is below changes."""
    locations: dict[str, str] = {}
    """By service: the site where it runs, if that is not its own."""
    unfenced: tuple[Fact, ...] = ()
    """Services that may still run where they were before: `site` is that one."""
    booked: tuple[Booking, ...] = ()
    """Room that other recoveries have reserved for services that are on their way."""
    lost: tuple[str, ...] = ()
    """Sites that other recoveries which run now hold for lost."""
    past_s: dict[str, tuple[float, ...]] = {}
    """By service: its last recovery times, seconds, the latest last; five at the most."""


class Admission(Answer):
    """The answer to an application."""

    kind: Literal["admission"] = "admission"
    number: int
    verdict: Verdict
    sentence: str
    """Why, in one sentence."""
    incident: str = ""
    waits_for: str = ""
    """Whom or what, where it is not granted."""
    until: datetime | None = None
    """When it is told at the latest, if that is known."""
    facts: Facts = Facts()


class Reserved(Answer):
    """The answer to a reservation or an epoch claim."""

    kind: Literal["reserved"] = "reserved"
    number: int
    granted: bool
    sentence: str
    epoch: int = 0
    """Greater than every epoch that any of the services had before, and the same for all of them:
    two of them may change one resource."""
    facts: Facts = Facts()
    """Where it is not granted: what to plan with instead."""
    admitted: bool = True
    """False: the coordinator knows of no admission of this run; it must apply again."""


class Released(Answer):
    """The answer to a release."""

    kind: Literal["released"] = "released"
    number: int


class Known(Answer):
    """The answer to a look."""

    kind: Literal["known"] = "known"
    number: int
    facts: Facts = Facts()


class CoordinatorSays(Answer):
    """The coordinator's signal to a recovery."""

    answer: Annotated[Admission | Reserved | Released | Known, Field(discriminator="kind")]
