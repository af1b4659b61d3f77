"""The world: every site's cluster and the network to it, and what that means for the services.

Losing a site is losing the network to it: its controllers go on, and what ran there still runs when
it comes back.
"""

from __future__ import annotations

from typing import Any, Final

from .kubernetes.canonical import objects
from .kubernetes.cluster import Cluster
from .kubernetes.requests import epoch_of
from .link import Link
from .seed import Seed, WorkloadSeed

Document = dict[str, Any]

_FENCED: Final = "holdfast.dev/fenced"


class World:
    """All sites: a :class:`~.parts.Part`, served per site, and :class:`~.parts.Health`."""

    system = "kubernetes"

    def __init__(self, seed: Seed, *, ready_after: float, window: int = 2000) -> None:
        """Build the seeded world; needs a running event loop."""
        self.links = {site: Link() for site in seed.sites}
        self.clusters = {
            site: Cluster(
                site,
                [workload for workload in seed.workloads if workload.site == site],
                ready_after=ready_after,
                window=window,
            )
            for site in seed.sites
        }
        self._services = sorted({workload.service for workload in seed.workloads})
        self._by_place: dict[tuple[str, str], list[WorkloadSeed]] = {}
        for workload in seed.workloads:
            self._by_place.setdefault((workload.service, workload.site), []).append(workload)

    def routes(self) -> tuple[()]:
        """Return nothing: each site is served on a port of its own."""
        return ()

    def reset(self) -> None:
        """Go back to the seeded world, with every site reachable."""
        for cluster in self.clusters.values():
            cluster.reset()
        for link in self.links.values():
            link.restore()

    def close(self) -> None:
        """Stop the controllers."""
        for cluster in self.clusters.values():
            cluster.close()

    def state(self, *, canonical: bool) -> Document:
        """Return the sites with their workloads and objects, and the epochs seen on them."""
        sites: Document = {}
        epochs: dict[str, int] = {}
        for site, cluster in self.clusters.items():
            workloads = [_shown(cluster, seed) for seed in cluster.seeds()]
            for workload in workloads:
                epoch = workload["epoch"]
                if epoch is not None:
                    service = workload["service"]
                    epochs[service] = max(epoch, epochs.get(service, 0))
                if canonical:
                    del workload["readyReplicas"], workload["epoch"]
            sites[site] = {
                "reachable": self.reachable(site),
                "workloads": workloads,
                "objects": objects(cluster.store, canonical=canonical),
            }
        return {"sites": sites} if canonical else {"sites": sites, "epochs": epochs}

    def healthy(self, service: str, site: str) -> bool:
        """Return whether the service answers at the site: reachable, and ready as wanted."""
        found = self._workloads(service, site)
        return (
            self.reachable(site)
            and bool(found)
            and all(1 <= wanted == ready for wanted, ready in found)
        )

    def active(self, service: str, site: str) -> bool:
        """Return whether the service takes writes at the site, for a client who is at the site.

        It does where every workload has a ready pod and none is fenced. Pods that are ending take
        writes until they are gone, unless they were fenced; a fence counts until somebody scales
        the workload up again.
        """
        found = self._documents(service, site)
        return bool(found) and all(_takes_writes(document) for document in found)

    def ready_replicas(self, service: str, site: str) -> int:
        """Return the ready replicas of the service's workloads at the site."""
        return sum(ready for _, ready in self._workloads(service, site))

    def wanted_replicas(self, service: str, site: str) -> int:
        """Return the replicas that the service's workloads at the site ask for."""
        return sum(wanted for wanted, _ in self._workloads(service, site))

    def reachable(self, site: str) -> bool:
        """Return whether the site's network answers; false for a site that does not exist."""
        link = self.links.get(site)
        return link is not None and link.lost is None

    def services(self) -> list[str]:
        """Return the names of all services that have workloads, sorted."""
        return list(self._services)

    def sites(self) -> list[str]:
        """Return the names of all sites, in the estate's order."""
        return list(self.links)

    def _workloads(self, service: str, site: str) -> list[tuple[int, int]]:
        found = self._documents(service, site)
        return [(0, 0) if document is None else _replicas(document) for document in found]

    def _documents(self, service: str, site: str) -> list[Document | None]:
        seeds = self._by_place.get((service, site), ())
        return [self.clusters[site].workload(seed) for seed in seeds]


def _takes_writes(document: Document | None) -> bool:
    if document is None:
        return False
    wanted, ready = _replicas(document)
    fenced = (document["metadata"].get("annotations") or {}).get(_FENCED)
    return ready > 0 and not (fenced and wanted == 0)


def _replicas(document: Document) -> tuple[int, int]:
    return document["spec"]["replicas"], (document.get("status") or {}).get("readyReplicas", 0)


def _shown(cluster: Cluster, seed: WorkloadSeed) -> Document:
    document = cluster.workload(seed)
    shown: Document = {
        "kind": seed.kind,
        "namespace": seed.namespace,
        "name": seed.name,
        "service": seed.service,
        "replicas": None,
        "readyReplicas": None,
        "epoch": None,
    }
    if document is not None:
        wanted, ready = _replicas(document)
        epoch = epoch_of(document["metadata"].get("annotations") or {})
        shown |= {"replicas": wanted, "readyReplicas": ready, "epoch": epoch}
    return shown
