"""The status of Deployments and StatefulSets, field for field as their controllers write it.

Counts of zero are absent where the real types leave them out: ``readyReplicas`` of a workload
without a ready pod does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .store import now

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Counts:
    """What a workload's pods amount to at one moment."""

    generation: int
    replicas: int
    ready: int
    updated: int


def counts_of(document: Document) -> Counts:
    """Read the counts back from a status; a workload without one has nothing observed."""
    status = document.get("status") or {}
    return Counts(
        generation=status.get("observedGeneration", 0),
        replicas=status.get("replicas", 0),
        ready=status.get("readyReplicas", 0),
        updated=status.get("updatedReplicas", 0),
    )


def status_for(document: Document, counts: Counts) -> Document:
    """Return the status of a workload with such counts."""
    old = document.get("status") or {}
    if document["kind"] == "StatefulSet":
        return _stateful_set(document, counts, old)
    return _deployment(document, counts, old)


def _deployment(document: Document, counts: Counts, old: Document) -> Document:
    wanted = document["spec"]["replicas"]
    numbers = {
        "replicas": counts.replicas,
        "updatedReplicas": counts.updated,
        "readyReplicas": counts.ready,
        "availableReplicas": counts.ready,
        "unavailableReplicas": max(0, wanted - counts.ready),
    }
    status = {"observedGeneration": counts.generation}
    status |= {name: number for name, number in numbers.items() if number}
    enough = counts.ready >= wanted - _may_miss(document, wanted)
    rolled_out = counts.updated >= wanted and counts.ready >= wanted
    was_rolled_out = any(
        c["type"] == "Progressing" and c.get("reason") == "NewReplicaSetAvailable"
        for c in (old.get("conditions") or [])
    )
    # A rollout that was complete stays so while it is only scaled; a new template starts a new one.
    complete = rolled_out or (was_rolled_out and counts.updated >= counts.replicas)
    name = document["metadata"]["name"]
    conditions = [
        (
            "Available",
            enough,
            "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
            f"Deployment {'has' if enough else 'does not have'} minimum availability.",
        ),
        (
            "Progressing",
            True,
            "NewReplicaSetAvailable" if complete else "ReplicaSetUpdated",
            (
                f'ReplicaSet "{name}" '
                f"{'has successfully progressed' if complete else 'is progressing'}."
            ),
        ),
    ]
    known = {condition["type"]: condition for condition in (old.get("conditions") or [])}
    return {**status, "conditions": [_condition(known.get(c[0]), *c) for c in conditions]}


def _condition(old: Document | None, kind: str, true: bool, reason: str, message: str) -> Document:
    status = "True" if true else "False"
    if old is not None and (old["status"], old.get("reason")) == (status, reason):
        return old
    moment = now()
    since = moment
    if old is not None and old["status"] == status:
        since = old.get("lastTransitionTime", moment)
    return {
        "type": kind,
        "status": status,
        "lastUpdateTime": moment,
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    }


def _may_miss(document: Document, wanted: int) -> int:
    rolling = document["spec"]["strategy"].get("rollingUpdate") or {}
    most = rolling.get("maxUnavailable", 0)
    if isinstance(most, str) and most.endswith("%"):
        return wanted * int(most[:-1]) // 100
    return int(most)


def _stateful_set(document: Document, counts: Counts, old: Document) -> Document:
    revision = old.get("updateRevision") or f"{document['metadata']['name']}-1"
    numbers = {
        "readyReplicas": counts.ready,
        "currentReplicas": counts.updated,
        "updatedReplicas": counts.updated,
    }
    return {
        "observedGeneration": counts.generation,
        "replicas": counts.replicas,
        "availableReplicas": counts.ready,
        "currentRevision": revision,
        "updateRevision": revision,
        "collisionCount": 0,
        **{name: number for name, number in numbers.items() if number},
    }
