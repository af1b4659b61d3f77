"""A site's objects as the admin API shows them, whole or reduced to what somebody decided.

The canonical form leaves out what changes by itself (versions, uids, generations, times, the status
of built-in kinds, events and leases) and the fencing marks: an epoch never goes back, so a world
that was rolled back keeps it and must nevertheless equal the world before.
"""

from __future__ import annotations

from typing import Any, Final

from .kinds import BUILT_IN
from .store import Key, Store

Document = dict[str, Any]

FENCING_PREFIXES: Final = ("holdfast.dev/", "holdfast-")
_FENCING_DOMAIN: Final = ".isolated.holdfast.dev/"
"""Below it, a namespace carries the marks about its isolated copies."""
_BY_ITSELF: Final = frozenset(
    {
        "resourceVersion",
        "uid",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "managedFields",
    }
)
_TRANSIENT: Final = frozenset({"/events", "coordination.k8s.io/leases"})
_BUILT_IN: Final = frozenset(resource.storage for resource in BUILT_IN)


def objects(store: Store, *, canonical: bool) -> dict[str, Document]:
    """Return everything at a site by ``group/plural/namespace/name``."""
    shown: dict[str, Document] = {}
    for key, document in store.all():
        if canonical and key[0] in _TRANSIENT:
            continue
        shown["/".join(key)] = _reduced(key, document) if canonical else document
    return shown


def _reduced(key: Key, document: Document) -> Document:
    metadata = {
        name: value for name, value in document["metadata"].items() if name not in _BY_ITSELF
    }
    annotations = {
        name: value
        for name, value in (metadata.pop("annotations", None) or {}).items()
        if not (name.startswith(FENCING_PREFIXES) or _FENCING_DOMAIN in name)
    }
    if annotations:
        metadata["annotations"] = annotations
    left_out = ("metadata", "status") if key[0] in _BUILT_IN else ("metadata",)
    kept = {name: value for name, value in document.items() if name not in left_out}
    return {**kept, "metadata": metadata}
