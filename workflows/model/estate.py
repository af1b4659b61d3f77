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
    """For a site that is lost."""
    planned: Approval = Approval.ONE
    """For a site that is moved on purpose."""
    failback: Approval = Approval.ONE
    """For the way back."""


class BudgetPolicy(Document):
    """How many sites may be recovered in a window before a person is asked."""

    sites: int = Field(ge=1, le=10_000)
    """As many at most."""
    window: Duration
    """Within this time."""


class CommitPolicy(Document):
    """How long the way back is kept after a recovery, and what happens then."""

    window: Duration
    """How long after the last step."""
    on_timeout: Literal["commit", "roll_back"] = "commit"
    """What happens if nobody decides within the window."""


class Policy(Document):
    """The estate's rules for recoveries."""

    approval: ApprovalPolicy = ApprovalPolicy()
    """Who must agree before a recovery acts."""
    budget: BudgetPolicy | None = None
    """More lost sites than this: stop, and ask a person."""
    commit: CommitPolicy | None = None
    """How long the way back is kept."""
    cooldown: Duration | None = None
    """How long after a recovery the same site is left alone."""
    rollback: RollbackScope = RollbackScope.SERVICE
    """How much a failed step undoes."""


class KubernetesCluster(Document):
    """How a site's cluster is reached: the name of a kubeconfig context."""

    context: str = Field(min_length=1, max_length=253)
    """The kubeconfig context of the workers that act on this site."""


class Site(Document):
    """A plant, store or data centre that runs services."""

    name: Name
    """Unique among the sites."""
    region: Name
    """What fails together: sites of one region may be lost at once."""
    zone: str | None = None
    """The zone within the region."""
    jurisdiction: str | None = Field(default=None, min_length=1, max_length=63)
    """Whose law the site's data is under, as `residency` names it."""
    capacity: dict[str, Quantity] = {}
    """What the site can carry, by resource: cpu, memory, gpu."""
    kubernetes: KubernetesCluster | None = None
    """The site's cluster, if it has one."""
    task_queue: str | None = Field(default=None, min_length=1, max_length=200)
    """Where workers at the site listen, if steps for it are to run there."""
    vars: dict[str, JsonValue] = {}
    """Whatever templates need to know of the site, as `target.vars` and `source.vars`."""


class Objectives(Document):
    """Recovery time and recovery point objectives."""

    rto: Duration | None = None
    """Within this time after its loss the service must be back."""
    rpo: Duration | None = None
    """At most this much of the latest data may be lost."""


class SiteSelector(Document):
    """Chooses recovery sites by what they are: one value of every key given must match."""

    name: Name | tuple[Name, ...] = ()
    """The site's name, or names."""
    region: str | tuple[str, ...] = ()
    """Its region, or regions."""
    zone: str | tuple[str, ...] = ()
    """Its zone, or zones."""
    jurisdiction: str | tuple[str, ...] = ()
    """Its jurisdiction, or jurisdictions."""

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
    """Unique in the service."""
    run: str = Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$", max_length=100)
    """The action's dotted name, such as kubernetes.scale."""
    inputs: dict[str, JsonValue] = Field(default={}, alias="with")
    """The action's inputs. `{{ target.* }}`, `{{ source.* }}`, `{{ service.* }}` are filled in."""
    timeout: Duration = parse_duration("5m")
    """How long the step may take."""
    needs: tuple[Name, ...] = ()
    """Steps of this service that must be done before; without any, it starts with the service."""
    on_failure: OnFailure = OnFailure.ROLLBACK
    """What happens when it fails."""
    pivot: bool = False
    """After this step there is no way back, only forward."""


class Service(Document):
    """A service of the estate and how it is recovered."""

    name: Name
    """Unique among the services."""
    tier: int = Field(default=3, ge=0, le=9)
    """0 is the most critical."""
    site: Name
    """The protected site, where the service runs."""
    depends_on: tuple[Name, ...] = ()
    """Services that must be back before this one's first step."""
    demand: dict[str, Quantity] = {}
    """What the service needs of its site, by resource: cpu, memory, gpu."""
    objectives: Objectives = Objectives()
    """How soon it must be back, with how little lost."""
    approach: Approach = Approach.COLD_STANDBY
    """How ready it stands at its recovery sites."""
    recovery_sites: tuple[Name, ...] | SiteSelector = ()
    """Where it may go, in order of preference: names of sites, or a selector."""
    residency: tuple[str, ...] = ()
    """The jurisdictions that its data may be in; none named means any."""
    recovery: tuple[Step, ...] = ()
    """The steps that bring it back."""


class Metadata(Document):
    """What names the estate."""

    name: Name
    """The estate's name; recoveries are found by it."""
    labels: dict[str, str] = {}
    """Free text by key, for people."""


class Estate(Document):
    """All sites and services of one organisation, with the policy of their recovery."""

    api_version: Literal["holdfast.dev/v1"] = Field(alias="apiVersion")
    """The form of this file."""
    kind: Literal["Estate"]
    """Says that this is an estate."""
    metadata: Metadata
    """What names the estate."""
    policy: Policy = Policy()
    """The rules for recoveries."""
    sites: tuple[Site, ...] = Field(min_length=1)
    """All sites; at least one."""
    services: tuple[Service, ...] = ()
    """All services, wherever they run."""

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
