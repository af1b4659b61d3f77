"""One site's Kubernetes: its store, what it serves, and the controllers that keep it moving."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ..seed import WorkloadSeed
from .kinds import DEPLOYMENTS, NAMESPACES, STATEFULSETS, Resource
from .lifecycle import LifecycleController
from .registry import Registry
from .store import Key, Store, key_of
from .timers import Timers
from .workloads import WorkloadController
from .writes import Writer

Document = dict[str, Any]

_ALWAYS_THERE: Final = ("default", "kube-node-lease", "kube-public", "kube-system")
_KINDS: Final = {"Deployment": DEPLOYMENTS, "StatefulSet": STATEFULSETS}


class Cluster:
    """The control plane of one site; its controllers need a running event loop."""

    def __init__(
        self,
        site: str,
        workloads: Sequence[WorkloadSeed],
        *,
        ready_after: float,
        window: int = 2000,
    ) -> None:
        """Build the seeded world of a site; pods take ``ready_after`` seconds to become ready."""
        self.site = site
        self._seeds = tuple(workloads)
        self._ready_after = ready_after
        self._window = window
        self._timers = Timers()
        self._build(Store(site, window=window))

    def reset(self) -> None:
        """Go back to the seeded world; versions go on rising, open watches end as expired."""
        old = self.store
        self._timers.cancel()
        self._build(Store(self.site, window=self._window, first_version=old.version + 1))
        old.compact()

    def close(self) -> None:
        """Stop the controllers."""
        self._timers.cancel()

    def workload(self, seed: WorkloadSeed) -> Document | None:
        """Return the object of a seeded workload, null if it has been deleted."""
        return self.store.get(_key(seed))

    def place(self, seed: WorkloadSeed) -> tuple[Resource, Key]:
        """Return the kind of a seeded workload, and where its object is stored."""
        return _KINDS[seed.kind], _key(seed)

    def seeds(self) -> tuple[WorkloadSeed, ...]:
        """Return the seeds of this site's workloads."""
        return self._seeds

    def _build(self, store: Store) -> None:
        self.store = store
        self.registry = Registry()
        self.writer = Writer(store)
        self._workloads = WorkloadController(store, self.writer, self._timers, self._ready_after)
        LifecycleController(store, self.writer, self.registry, self._timers)
        namespaces = {*_ALWAYS_THERE, *(seed.namespace for seed in self._seeds)}
        for name in sorted(namespaces):
            self.writer.create(NAMESPACES, None, {"metadata": {"name": name}})
        for seed in self._seeds:
            self.writer.create(_KINDS[seed.kind], seed.namespace, _manifest(seed))
            self._workloads.settle(_key(seed))


def _key(seed: WorkloadSeed) -> Key:
    return key_of(_KINDS[seed.kind], seed.namespace, seed.name)


def _manifest(seed: WorkloadSeed) -> Document:
    labels = {"app.kubernetes.io/name": seed.name, "holdfast.dev/service": seed.service}
    selector = {"app.kubernetes.io/name": seed.name}
    spec: Document = {
        "replicas": seed.replicas,
        "selector": {"matchLabels": selector},
        "template": {
            "metadata": {"labels": labels},
            "spec": {
                "containers": [
                    {
                        "name": seed.name,
                        "image": f"registry.example/{seed.service}/{seed.name}:1.0.0",
                        "ports": [{"name": "http", "containerPort": 8080}],
                    }
                ]
            },
        },
    }
    if seed.kind == "StatefulSet":
        spec["serviceName"] = seed.name
    return {"metadata": {"name": seed.name, "labels": labels}, "spec": spec}
