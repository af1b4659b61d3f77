"""A workload as the API server describes it, reduced to what the actions judge by."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ..fencing import Mark, from_labels

ANNOTATION_PREFIX = "holdfast.dev/"
FENCED = f"{ANNOTATION_PREFIX}fenced"
"""The annotation that says which run has fenced the workload."""
USUAL_START = timedelta(seconds=10)
USUAL_STOP = timedelta(seconds=5)


@dataclass(frozen=True)
class Workload:
    """A Deployment or a StatefulSet."""

    replicas: int
    """As its spec wants them."""
    current: int
    """Pods it has, ending ones included where the server counts them."""
    ready: int
    observed: bool
    """Its controller has seen the present spec."""
    version: str
    """The resourceVersion: a write on the condition of it changes nothing else."""
    annotations: Mapping[str, str]
    slowest_start: timedelta | None
    """How long a pod takes to count as ready at the least, as its template says."""

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> "Workload":
        """Read an object of the API."""
        metadata, spec = document["metadata"], document.get("spec") or {}
        status = document.get("status") or {}
        return cls(
            replicas=spec.get("replicas", 1),
            current=(status.get("replicas") or 0) + (status.get("terminatingReplicas") or 0),
            ready=status.get("readyReplicas") or 0,
            observed=(status.get("observedGeneration") or 0) >= (metadata.get("generation") or 0),
            version=metadata["resourceVersion"],
            annotations=metadata.get("annotations") or {},
            slowest_start=_slowest_start(spec),
        )

    @property
    def mark(self) -> Mark | None:
        """What the last mutation of a recovery left."""
        return from_labels(self.annotations, ANNOTATION_PREFIX)

    @property
    def fenced(self) -> str | None:
        """The run that has fenced it; None if it is not fenced."""
        return self.annotations.get(FENCED)

    def runs(self, wanted: int) -> bool:
        """Whether exactly `wanted` replicas are wanted and ready; for zero, if all are gone."""
        if self.replicas != wanted or not self.observed:
            return False
        return self.ready == wanted if wanted else self.current == 0

    def shrunk_to(self, wanted: int) -> bool:
        """Whether no more than `wanted` replicas are left, ready or not."""
        return self.replicas == wanted and self.observed and self.current <= wanted

    def shows(self, wanted: int) -> str:
        """How far it is from `wanted` replicas, in a few words."""
        if self.replicas != wanted:
            return f"its spec wants {self.replicas} replicas, not {wanted}"
        if not self.observed:
            return "its controller has not seen the change"
        return f"{self.ready} of {wanted} ready" if wanted else f"{self.current} pods still there"

    def time_to(self, wanted: int) -> timedelta:
        """How long it is expected to take until `wanted` replicas are ready."""
        if self.runs(wanted):
            return timedelta(0)
        return (self.slowest_start or USUAL_START) if wanted else USUAL_STOP


def _slowest_start(spec: Mapping[str, Any]) -> timedelta | None:
    template = (spec.get("template") or {}).get("spec") or {}
    delays = [
        (container.get("readinessProbe") or {}).get("initialDelaySeconds") or 0
        for container in template.get("containers") or ()
    ]
    seconds = (spec.get("minReadySeconds") or 0) + max(delays, default=0)
    return timedelta(seconds=seconds) if seconds else None


__all__ = ["ANNOTATION_PREFIX", "FENCED", "Workload"]
