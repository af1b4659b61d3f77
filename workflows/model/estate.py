"""The estate: all sites and services, and the policies of their recovery, as one file says them."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, JsonValue

from .document import Document
from .scalars import Duration, Name, Quantity, parse_duration

API_VERSION = "holdfast.dev/v1"


class Approval(StrEnum):
    """How many people must agree before a recovery acts; `two` never counts the requester."""

    NONE = "none"
    ONE = "one"
    TWO = "two"


class Approach(StrEnum):
    """How ready a service stands at its recovery site before it is needed."""

    HOT_STANDBY = "hot_standby"
    WARM_STANDBY = "warm_standby"
    COLD_STANDBY = "cold_standby"
    DEGRADED = "degraded"


class RollbackScope(StrEnum):
    """What a failure undoes: the service and what depends on it, or the whole site."""

    SERVICE = "service"
    SITE = "site"


class OnFailure(StrEnum):
    """What happens when a step fails: undo, go on without it, or wait for a person."""

    ROLLBACK = "rollback"
    CONTINUE = "continue"
    HOLD = "hold"


class ApprovalPolicy(Document):
    """Who must agree, by kind of recovery."""

    unplanned: Approval = Approval.NONE
    planned: Approval = Approval.ONE
    failback: Approval = Approval.ONE


class BudgetPolicy(Document):
    """How many sites may be recovered in a window before a person is asked."""

    sites: int = Field(ge=1, le=10_000)
    window: Duration


class CommitPolicy(Document):
    """How long the way back is kept after a recovery, and what happens then."""

    window: Duration
    on_timeout: Literal["commit", "roll_back"] = "commit"


class Policy(Document):
    """The estate's rules for recoveries."""

    approval: ApprovalPolicy = ApprovalPolicy()
    budget: BudgetPolicy | None = None
    commit: CommitPolicy | None = None
    cooldown: Duration | None = None
    rollback: RollbackScope = RollbackScope.SERVICE


class KubernetesCluster(Document):
    """How a site's cluster is reached: the name of a kubeconfig context."""

    context: str = Field(min_length=1, max_length=253)


class Site(Document):
    """A plant, store or data centre that runs services."""

    name: Name
    region: Name
    zone: str | None = None
    jurisdiction: str | None = Field(default=None, min_length=1, max_length=63)
    capacity: dict[str, Quantity] = {}
    kubernetes: KubernetesCluster | None = None
    task_queue: str | None = Field(default=None, min_length=1, max_length=200)
    vars: dict[str, JsonValue] = {}


class Objectives(Document):
    """Recovery time and recovery point objectives."""

    rto: Duration | None = None
    rpo: Duration | None = None


class SiteSelector(Document):
    """Chooses recovery sites by what they are: one value of every key given must match."""

    name: Name | tuple[Name, ...] = ()
    region: str | tuple[str, ...] = ()
    zone: str | tuple[str, ...] = ()
    jurisdiction: str | tuple[str, ...] = ()

    def admits(self, site: Site) -> bool:
        """Whether `site` fits every key that is given."""
        for key in ("name", "region", "zone", "jurisdiction"):
            wanted = getattr(self, key)
            accepted = (wanted,) if isinstance(wanted, str) else wanted
            if accepted and getattr(site, key) not in accepted:
                return False
        return True


class Step(Document):
    """One step of a service's recovery: an action, its inputs and its place in the order."""

    id: Name
    run: str = Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$", max_length=100)
    inputs: dict[str, JsonValue] = Field(default={}, alias="with")
    timeout: Duration = parse_duration("5m")
    needs: tuple[Name, ...] = ()
    on_failure: OnFailure = OnFailure.ROLLBACK
    pivot: bool = False


class Service(Document):
    """A service of the estate and how it is recovered."""

    name: Name
    tier: int = Field(default=3, ge=0, le=9)
    site: Name
    depends_on: tuple[Name, ...] = ()
    demand: dict[str, Quantity] = {}
    objectives: Objectives = Objectives()
    approach: Approach = Approach.COLD_STANDBY
    recovery_sites: tuple[Name, ...] | SiteSelector = ()
    residency: tuple[str, ...] = ()
    recovery: tuple[Step, ...] = ()


class Metadata(Document):
    """What names the estate."""

    name: Name
    labels: dict[str, str] = {}


class Estate(Document):
    """All sites and services of one organisation, with the policy of their recovery."""

    api_version: Literal["holdfast.dev/v1"] = Field(alias="apiVersion")
    kind: Literal["Estate"]
    metadata: Metadata
    policy: Policy = Policy()
    sites: tuple[Site, ...] = Field(min_length=1)
    services: tuple[Service, ...] = ()

    @property
    def name(self) -> str:
        """The estate's name."""
        return self.metadata.name

    def site(self, name: str) -> Site:
        """The site of that name; KeyError if there is none."""
        for site in self.sites:
            if site.name == name:
                return site
        raise KeyError(name)

    def service(self, name: str) -> Service:
        """The service of that name; KeyError if there is none."""
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)

    def services_at(self, site: str) -> tuple[Service, ...]:
        """The services that run at `site`, in the file's order."""
        return tuple(service for service in self.services if service.site == site)

    def candidates(self, service: Service) -> tuple[Site, ...]:
        """The sites that may take `service`, in order of preference, its own left out."""
        wanted = service.recovery_sites
        if isinstance(wanted, SiteSelector):
            chosen = [site for site in self.sites if wanted.admits(site)]
        else:
            by_name = {site.name: site for site in self.sites}
            chosen = [by_name[name] for name in wanted if name in by_name]
        return tuple(site for site in chosen if site.name != service.site)

    def document(self) -> dict[str, Any]:
        """The estate as plain data, in the form of the file."""
        return self.model_dump(mode="json", by_alias=True)
