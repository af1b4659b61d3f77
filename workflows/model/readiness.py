"""Readiness: whether every site's plan could be carried out now, as asked for and as answered.

A site's verdict is the worst of its services', a service's the worst of its steps', its place's and
its data's. What is kept of a site is small, so that a thousand fit into one answer.
"""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from .coordination import Facts
from .document import Answer, Document
from .failback import ReplicationChecks
from .plan import RecoveryPlan
from .policy import EdgePolicy
from .scalars import Line
from .step import Qualification

STALE_AFTER = timedelta(minutes=30)
"""A verdict that is older counts as unknown."""
SHORTEST_INTERVAL = timedelta(seconds=10)

EveryS = Annotated[float, Field(ge=SHORTEST_INTERVAL.total_seconds(), le=31 * 24 * 3600)]


class PackedEstate(Document):
    """An estate as compressed text: a thousand sites in one message, again and again."""

    name: str
    hash: str
    """Of the estate's content; another text with the same content has the same."""
    text: str
    sites: tuple[str, ...]
    """The names of all its sites, in the file's order."""


class Evaluate(Document):
    """Evaluate the plans of an estate's sites."""

    estate: PackedEstate
    sites: tuple[str, ...] = ()
    """Only these; none means all. Those named are evaluated first, and their details are kept."""
    every_s: EveryS | None = None
    """From now on evaluate all of them again and again, so often; None leaves that as it is."""
    only_if_changed: bool = False
    """Not if the estate is the one that was evaluated last."""
    stale_after_s: float = Field(default=STALE_AFTER.total_seconds(), gt=0)
    """A verdict older than this counts as unknown when it is read."""


class Begun(Answer):
    """The answer to `Evaluate`."""

    number: int
    """Of the evaluation; they rise."""
    at: datetime
    """Verdicts from then on answer what was asked."""
    sentence: str


class Proved(Document):
    """A recovery, or its rehearsal, has shown that plans work."""

    services: dict[str, str] = {}
    """By service: what its part of the plan was made from; see `readiness.definitions`."""
    how: Line
    """Such as `test` or `recovery`."""
    at: datetime
    moved: tuple[str, ...] = ()
    """Sites whose plans may be others now."""


class CompileSites(Document):
    """Compile the plans of the loss of each of these sites."""

    estate: PackedEstate
    sites: tuple[str, ...]
    facts: Facts = Facts()


class SitePlan(Answer):
    """The plan of the loss of one site, or why there is none."""

    site: str
    plan: RecoveryPlan | None = None
    refusals: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    """Those that run there and say how they are recovered."""
    away: dict[str, str] = {}
    """Of those, by name, the home of each whose home is another site."""
    without: tuple[str, ...] = ()
    """Those that run there and do not say how they are recovered."""
    definitions: dict[str, str] = {}
    """By service that the plan moves: what its part of the plan was made from."""


class SitePlans(Answer):
    """The plans of the first of the sites asked for, as many as fit into one answer."""

    plans: tuple[SitePlan, ...]
    checks: ReplicationChecks = ReplicationChecks(checks=(), without=())
    """How far the data of the services that move is behind."""
    edge: EdgePolicy = EdgePolicy()


class StepReadiness(Document):
    """The verdict on one step."""

    step: str
    """`service/step`."""
    run: str
    site: str
    verdict: Qualification
    sentence: str


class ServiceReadiness(Document):
    """The verdict on one service."""

    name: str
    tier: int = 0
    target: str = ""
    """Where it would go; empty if there is nowhere."""
    verdict: Qualification
    reasons: tuple[str, ...] = ()
    """Why it is not better, the worst first."""
    remarks: tuple[str, ...] = ()
    """What does not count against it, but should be known."""
    steps: int = 0
    steps_qualified: int = 0
    predicted_s: float | None = None
    rto_s: float | None = None
    rpo_s: float | None = None
    in_step: bool | None = None
    """Its copy is within its recovery point objective; None: not known, or not asked."""


class SiteReadiness(Document):
    """The verdict on one site: small, whatever the site is."""

    site: str
    verdict: Qualification
    observed_at: datetime
    reasons: tuple[str, ...] = ()
    """The worst, the worst first."""
    more_reasons: int = 0
    """How many more there are."""
    remarks: tuple[str, ...] = ()
    services: int = 0
    services_qualified: int = 0
    steps: int = 0
    steps_qualified: int = 0
    predicted_s: float | None = None
    """Until its last service would be back."""
    rto_s: float | None = None
    """The tightest objective of its services."""
    late: tuple[str, ...] = ()
    """Services that are predicted to miss their objective, the first few."""
    replicated: int = 0
    """Services that say how their data follows."""
    in_step: int = 0
    """Of those, how many are within their objective."""
    plan: str = ""
    """The beginning of the plan's hash."""
    verified_at: datetime | None = None
    """When every service's part of this plan, or of its rehearsal, was last carried out."""
    changed_since: datetime | None = None
    """It was carried out then, but has changed since, so that it proves nothing now."""


class SiteDetails(Document):
    """One site's services and steps, each with its verdict."""

    site: str
    services: tuple[ServiceReadiness, ...] = ()
    steps: tuple[StepReadiness, ...] = ()


class AskReadiness(Document):
    """Of which sites the readiness is asked; none means all. Of one alone, details are told."""

    sites: tuple[str, ...] = ()
    brief: bool = False
    """Only how far it is: no site is told."""


class EstateReadiness(Answer):
    """The verdict on an estate, and how far its evaluation is."""

    estate: str
    estate_hash: str = ""
    verdict: Qualification
    """The worst of the sites asked for."""
    sentence: str
    sites: tuple[SiteReadiness, ...] = ()
    """The worst first, else in the file's order."""
    details: SiteDetails | None = None
    number: int = 0
    """Of the evaluation that runs, or ran last."""
    running: bool = False
    done: int = 0
    total: int = 0
    """Of the evaluation that runs: sites."""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    every_s: float | None = None
    due_at: datetime | None = None
    """When it evaluates all sites again."""
    stale_after_s: float = STALE_AFTER.total_seconds()


class EvaluationInput(Document):
    """What an evaluation is started with, by others and by itself when it goes on anew."""

    estate: str
    memory: str = ""
    """What the run before it remembers; empty at the first start."""
    most_events: int = Field(default=6_000, ge=50)
    """It goes on as a new run when its history is longer."""
    portion: int = Field(default=50, ge=1, le=1_000)
    """Sites evaluated together; the more, the more of their steps share a probe."""
