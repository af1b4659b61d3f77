"""The controllers of Deployments and StatefulSets, in the small: pods are counted, not run.

A change of the spec is observed at once; pods that were asked for become ready after
``ready_after`` seconds, pods that are no longer wanted are gone after a fifth of it. A workload
annotated ``lab.holdfast.dev/ready: never`` never gets a ready pod.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from .kinds import DEPLOYMENTS, STATEFULSETS
from .store import Event, Key, Store
from .timers import Timers
from .workload_status import Counts, counts_of, status_for
from .writes import Writer

Document = dict[str, Any]

_STORAGES: Final = frozenset({DEPLOYMENTS.storage, STATEFULSETS.storage})
_READY: Final = "lab.holdfast.dev/ready"


class WorkloadController:
    """Moves the status of one site's workloads towards their specs."""

    def __init__(self, store: Store, writer: Writer, timers: Timers, ready_after: float) -> None:
        """Listen to the store."""
        self._store = store
        self._writer = writer
        self._timers = timers
        self._ready_after = ready_after
        self._templates: dict[Key, Any] = {}
        store.listen(self._on_event)

    def settle(self, key: Key) -> None:
        """Put a workload's status where it will end up, without waiting."""
        document = self._store.get(key)
        if document is not None:
            wanted = document["spec"]["replicas"]
            generation = document["metadata"]["generation"]
            self._templates[key] = document["spec"]["template"]
            self._write(key, document, Counts(generation, wanted, wanted, wanted))

    def _on_event(self, event: Event) -> None:
        if event.key[0] not in _STORAGES:
            return
        if event.type == "DELETED":
            self._templates.pop(event.key, None)
        elif event.after["metadata"]["generation"] != counts_of(event.after).generation:
            self._timers.after(0, lambda: self._observe(event.key))

    def _observe(self, key: Key) -> None:
        document = self._store.get(key)
        if document is None:
            return
        wanted = document["spec"]["replicas"]
        generation = document["metadata"]["generation"]
        counts = counts_of(document)
        if counts.generation == generation:
            return
        template = document["spec"]["template"]
        if self._templates.get(key, template) != template:
            counts = replace(counts, updated=0)
        self._templates[key] = template
        self._write(
            key,
            document,
            replace(counts, generation=generation, replicas=max(counts.replicas, wanted)),
        )
        if wanted < counts.replicas:
            self._timers.after(self._ready_after / 5, lambda: self._shrink(key, wanted))
        if wanted > counts.ready or counts.updated < wanted:
            self._timers.after(self._ready_after, lambda: self._grow(key, wanted))

    def _shrink(self, key: Key, wanted: int) -> None:
        document = self._store.get(key)
        if document is None:
            return
        counts = counts_of(document)
        left = Counts(
            counts.generation,
            min(counts.replicas, wanted),
            min(counts.ready, wanted),
            min(counts.updated, wanted),
        )
        now_wanted = document["spec"]["replicas"]
        if now_wanted > left.replicas:
            # Asked for again while they were going: the old pods still go, new ones have to come.
            left = replace(left, replicas=now_wanted)
            self._timers.after(self._ready_after, lambda: self._grow(key, now_wanted))
        self._write(key, document, left)

    def _grow(self, key: Key, asked: int) -> None:
        document = self._store.get(key)
        if document is None:
            return
        if (document["metadata"].get("annotations") or {}).get(_READY) == "never":
            return
        counts = counts_of(document)
        come = min(asked, document["spec"]["replicas"])
        self._write(
            key,
            document,
            replace(counts, ready=max(counts.ready, come), updated=max(counts.updated, come)),
        )

    def _write(self, key: Key, document: Document, counts: Counts) -> None:
        self._writer.write_status(key, status_for(document, counts))
