"""The estate: all sites and services, as one file says them; their policies are in `policy.py`."""

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, JsonValue

from .document import Document
from .policy import Policy
from .scalars import Duration, Name, Quantity, parse_duration

API_VERSION = "holdfast.dev/v1"


class Approach(StrEnum):
    """How ready a service stands at its recovery site before it is needed."""

    HOT_STANDBY = "hot_standby"
    WARM_STANDBY = "warm_standby"
    COLD_STANDBY = "cold_standby"
    DEGRADED = "degraded"


class OnFailure(StrEnum):
    """What happens when a step fails: undo, go on without it, or wait for a person."""

    ROLLBACK = "rollback"
    CONTINUE = "continue"
    HOLD = "hold"


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
    latency: dict[Name, Duration] = {}
    """How far other sites are, as a round trip, by their names; what is not named is not known."""
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


class Nearness(Document):
    """How near its recovery site must be to another site."""

    to: Name
    """The other site."""
    within: Duration
    """The longest round trip, by the `latency` of either site; what is not known is too long."""


class Spread(Document):
    """What must not fall together with this service."""

    across: Literal["site", "zone", "region"]
    """No two of them share this."""
    services: tuple[Name, ...] = Field(min_length=1)
    """The services to keep apart from."""


class Degraded(Document):
    """How a service runs where there is not room for all of it."""

    demand: dict[str, Quantity]
    """What it needs then, in place of `demand`."""
    vars: dict[str, JsonValue] = {}
    """What `service.vars` says then: fewer replicas, say. Keys left out keep their values."""


class Replication(Document):
    """How far the copy at the recovery site is behind; PromQL, with the templates of steps."""

    lag: str = Field(min_length=1, max_length=10_000)
    """Yields the lag of the target behind the source, seconds."""
    divergence: str | None = Field(default=None, min_length=1, max_length=10_000)
    """Yields how many writes the target holds that the source does not: what a failback loses."""


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
    graceful: bool = False
    """Only for a planned move: a drain, a final sync. An unplanned recovery leaves it out, and
    go-ungraceful passes it over."""
    test: bool | None = None
    """Whether a test recovery does it. Unless said, one that acts on the source or on traffic is
    left out, and one that acts on a workload is done on its isolated copy."""


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
    affinity: tuple[Name, ...] = ()
    """Services that must be at the same recovery site."""
    spread: Spread | None = None
    """Services that must not fall together with this one."""
    near: Nearness | None = None
    """A site that its recovery site must be near."""
    vars: dict[str, JsonValue] = {}
    """Whatever the service's templates need to know, as `service.vars`."""
    degraded: Degraded | None = None
    """What there must be room for, where there is not room for all; for `approach: degraded`."""
    fallback: Name | None = None
    """The service that stands in where there is room for none of it."""
    give_way: tuple[Step, ...] = ()
    """The steps that free its demand where it runs, when a more critical service needs the room."""
    replication: Replication | None = None
    """How its data follows to its recovery sites."""
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
