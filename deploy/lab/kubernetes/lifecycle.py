"""The controllers of namespaces and CRDs: what they contain goes before they go."""

from __future__ import annotations

from typing import Any, Final

from .kinds import CRDS, NAMESPACES
from .registry import Registry
from .store import Event, Key, Store, now
from .timers import Timers
from .writes import Writer

Document = dict[str, Any]

_CLEANUP: Final = "customresourcecleanup.apiextensions.k8s.io"


class LifecycleController:
    """Establishes CRDs, and empties namespaces and CRDs that are being deleted."""

    def __init__(self, store: Store, writer: Writer, registry: Registry, timers: Timers) -> None:
        """Listen to the store."""
        self._store = store
        self._writer = writer
        self._registry = registry
        self._timers = timers
        store.listen(self._on_event)

    def _on_event(self, event: Event) -> None:
        storage, namespace, name = event.key
        if storage == NAMESPACES.storage and event.type != "DELETED":
            if event.after["metadata"].get("deletionTimestamp"):
                self._timers.after(0, lambda: self._empty_namespace(name))
        elif storage == CRDS.storage:
            self._on_crd(event)
        elif event.type == "DELETED":
            self._timers.after(0, lambda: self._after_deletion(storage, namespace))

    def _on_crd(self, event: Event) -> None:
        if event.type == "DELETED":
            self._registry.withdraw(event.after)
        elif event.after["metadata"].get("deletionTimestamp"):
            self._timers.after(0, lambda: self._empty_crd(event.key))
        else:
            self._timers.after(0, lambda: self._establish(event.key))

    def _after_deletion(self, storage: str, namespace: str) -> None:
        found = self._store.get((NAMESPACES.storage, "", namespace)) if namespace else None
        if found is not None and found["metadata"].get("deletionTimestamp"):
            self._empty_namespace(namespace)
        group, _, plural = storage.partition("/")
        crd = self._store.get((CRDS.storage, "", f"{plural}.{group}"))
        if crd is not None and crd["metadata"].get("deletionTimestamp"):
            self._empty_crd((CRDS.storage, "", f"{plural}.{group}"))

    def _empty_namespace(self, name: str) -> None:
        for key, _ in list(self._store.all()):
            if key[1] == name:
                self._delete(key)
        key = (NAMESPACES.storage, "", name)
        left = any(other[1] == name for other, _ in self._store.all())
        found = self._store.get(key)
        if not left and found is not None and not found["metadata"].get("finalizers"):
            self._store.remove(key)

    def _empty_crd(self, key: Key) -> None:
        crd = self._store.get(key)
        if crd is None:
            return
        storage = f"{crd['spec']['group']}/{crd['spec']['names']['plural']}"
        for instance, _ in self._store.items(storage):
            self._delete(instance)
        if self._store.items(storage):
            return

        def released(document: Document) -> Document:
            metadata = document["metadata"]
            left = [held for held in metadata.get("finalizers") or [] if held != _CLEANUP]
            return {**document, "metadata": {**metadata, "finalizers": left}}

        self._writer.update(CRDS, None, key[2], released)

    def _delete(self, key: Key) -> None:
        resource = self._registry.of_storage(key[0])
        if resource is not None and self._store.get(key) is not None:
            self._writer.delete(resource, key[1] or None, key[2])

    def _establish(self, key: Key) -> None:
        crd = self._store.get(key)
        if crd is None or crd["metadata"].get("deletionTimestamp"):
            return
        if _CLEANUP not in (crd["metadata"].get("finalizers") or []):
            metadata = crd["metadata"]
            held = [*(metadata.get("finalizers") or []), _CLEANUP]
            self._store.put(key, {**crd, "metadata": {**metadata, "finalizers": held}})
            return
        self._registry.serve(crd)
        names = crd["spec"]["names"]
        old = crd.get("status") or {}
        status = {
            "acceptedNames": {
                "listKind": f"{names['kind']}List",
                "singular": names["kind"].lower(),
                **names,
            },
            "conditions": old.get("conditions")
            or [
                _true("NamesAccepted", "NoConflicts", "no conflicts found"),
                _true(
                    "Established", "InitialNamesAccepted", "the initial names have been accepted"
                ),
            ],
            "storedVersions": [v["name"] for v in crd["spec"]["versions"] if v.get("storage")],
        }
        self._writer.write_status(key, status)


def _true(kind: str, reason: str, message: str) -> Document:
    return {
        "type": kind,
        "status": "True",
        "lastTransitionTime": now(),
        "reason": reason,
        "message": message,
    }
