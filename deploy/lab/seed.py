"""The initial world of an estate: which workloads stand where and which traffic profiles exist.

Every workload that a service's recovery speaks of runs at the service's own site and stands scaled
to zero at each of its recovery sites; every Traffic Manager profile has an endpoint per site.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ...workflows.model.estate import Estate, Service
from ...workflows.planning import render_recovery

Kind = Literal["Deployment", "StatefulSet"]


@dataclass(frozen=True, slots=True)
class WorkloadSeed:
    """One workload at one site.

    ``replicas`` is what it runs at the start; ``standby_of`` the replicas it takes over when it is
    a standby (0 for a workload that runs at its own site).
    """

    service: str
    site: str
    kind: Kind
    namespace: str
    name: str
    replicas: int
    standby_of: int


@dataclass(frozen=True, slots=True)
class ProfileSeed:
    """One Traffic Manager profile; ``endpoints`` are sites, with the ``source`` first."""

    service: str
    resource_group: str
    name: str
    routing: Literal["Priority", "Weighted"]
    source: str
    endpoints: tuple[str, ...]
    ttl_s: int


@dataclass(frozen=True, slots=True)
class Seed:
    """The whole initial world."""

    sites: tuple[str, ...]
    workloads: tuple[WorkloadSeed, ...]
    profiles: tuple[ProfileSeed, ...]


@dataclass(frozen=True, slots=True)
class _Rendered:
    run: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Workload:
    namespace: str
    kind: Kind
    name: str


def seed(estate: Estate) -> Seed:
    """Return the initial world of a valid estate.

    Raises:
        TemplateError: a recovery step cannot be rendered; the estate has not been validated.
    """
    workloads: dict[tuple[str, _Workload], WorkloadSeed] = {}
    profiles: dict[tuple[str, str], ProfileSeed] = {}
    for service in estate.services:
        steps = list(_rendered(estate, service))
        for workload in _workloads(estate, service, steps):
            place = (
                workload.site,
                _Workload(workload.namespace, workload.kind, workload.name),
            )
            workloads.setdefault(place, workload)
        for profile in _profiles(estate, service, steps):
            profiles.setdefault((profile.resource_group, profile.name), profile)
    return Seed(
        sites=tuple(site.name for site in estate.sites),
        workloads=tuple(workloads.values()),
        profiles=tuple(profiles.values()),
    )


def _rendered(estate: Estate, service: Service) -> Iterator[_Rendered]:
    source = estate.site(service.site)
    for target in estate.candidates(service):
        for step in render_recovery(estate, service, source, target):
            yield _Rendered(step.run, step.inputs)


def _workloads(estate: Estate, service: Service, steps: list[_Rendered]) -> Iterator[WorkloadSeed]:
    site_of = {site.kubernetes.context: site.name for site in estate.sites if site.kubernetes}
    wanted: dict[_Workload, int] = {}
    spoken_of: dict[str, list[_Workload]] = {}
    for step in steps:
        workload = _spoken_of(step)
        if workload is None:
            continue
        wanted[workload] = max(wanted.get(workload, 1), _replicas(step))
        site = site_of.get(str(step.inputs.get("context")))
        if site is not None:
            spoken_of.setdefault(site, []).append(workload)
    if not wanted:
        wanted = {_Workload(service.name, "Deployment", service.name): 1}
    for workload, replicas in wanted.items():
        standbys = {site.name for site in estate.candidates(service)}
        standbys |= {site for site, there in spoken_of.items() if workload in there}
        yield _seeded(service, service.site, workload, replicas, 0)
        for site in sorted(standbys - {service.site}):
            yield _seeded(service, site, workload, 0, replicas)


def _seeded(
    service: Service, site: str, workload: _Workload, replicas: int, standby_of: int
) -> WorkloadSeed:
    return WorkloadSeed(
        service=service.name,
        site=site,
        kind=workload.kind,
        namespace=workload.namespace,
        name=workload.name,
        replicas=replicas,
        standby_of=standby_of,
    )


def _spoken_of(step: _Rendered) -> _Workload | None:
    if not step.run.startswith("kubernetes.") or step.inputs.get("copied_from"):
        return None
    namespace = str(step.inputs.get("namespace", "default"))
    if name := step.inputs.get("deployment"):
        return _Workload(namespace, "Deployment", str(name))
    if name := step.inputs.get("statefulset"):
        return _Workload(namespace, "StatefulSet", str(name))
    return None


def _replicas(step: _Rendered) -> int:
    replicas = step.inputs.get("replicas")
    return replicas if isinstance(replicas, int) else 1


def _profiles(estate: Estate, service: Service, steps: list[_Rendered]) -> Iterator[ProfileSeed]:
    others = tuple(site.name for site in estate.sites if site.name != service.site)
    for step in steps:
        if not step.run.startswith("azure.traffic_manager."):
            continue
        # Weights mean something only to a profile that routes by them.
        weighted = "weight" in step.inputs
        yield ProfileSeed(
            service=service.name,
            resource_group=str(step.inputs.get("resource_group", "")),
            name=str(step.inputs.get("profile", "")),
            routing="Weighted" if weighted else "Priority",
            source=service.site,
            endpoints=(service.site, *others),
            ttl_s=30,
        )
