"""The scale subresource: the replicas of a workload or a custom resource as a ``Scale``."""

from __future__ import annotations

from typing import Any

from .kinds import Resource
from .shapes import check_kind
from .status import bad_request, conflict, invalid

Document = dict[str, Any]


def scale_of(resource: Resource, document: Document) -> Document:
    """Return the ``Scale`` of an object; a wanted zero is left out, as the real type does."""
    spec_path, status_path, selector_path = _paths(resource)
    metadata = document["metadata"]
    wanted = _read(document, spec_path) or 0
    status: Document = {"replicas": _read(document, status_path) or 0}
    selector = _read(document, selector_path)
    if isinstance(selector, dict):
        selector = ",".join(f"{k}={v}" for k, v in (selector.get("matchLabels") or {}).items())
    if selector:
        status["selector"] = selector
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            name: metadata[name]
            for name in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
            if name in metadata
        },
        "spec": {"replicas": wanted} if wanted else {},
        "status": status,
    }


def scaled(resource: Resource, document: Document, scale: Document) -> Document:
    """Return the object with the replicas of a ``Scale``; ``Conflict`` on an older version."""
    check_kind("Scale", scale)
    metadata = document["metadata"]
    name = metadata["name"]
    asked = scale.get("metadata") or {}
    if asked.get("name", name) != name:
        raise bad_request(
            f"the name of the object ({asked.get('name')}) does not match the name on the URL "
            f"({name})"
        )
    version = asked.get("resourceVersion")
    if version and version != metadata["resourceVersion"]:
        raise conflict(resource, name)
    replicas = (scale.get("spec") or {}).get("replicas") or 0
    if replicas < 0:
        why = f"Invalid value: {replicas}: must be greater than or equal to 0"
        raise invalid(resource, name, ("FieldValueInvalid", "spec.replicas", why))
    return _written(document, _paths(resource)[0], replicas)


def _paths(resource: Resource) -> tuple[list[str], list[str], list[str]]:
    if resource.builtin:
        return ["spec", "replicas"], ["status", "replicas"], ["spec", "selector"]
    spec, status, selector = ([p for p in path.split(".") if p] for path in resource.scale_paths)
    return spec, status, selector


def _read(document: Any, path: list[str]) -> Any:
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return document if path else None


def _written(document: Document, path: list[str], value: int) -> Document:
    head, *rest = path
    there = document.get(head)
    below = _written(there if isinstance(there, dict) else {}, rest, value) if rest else value
    return {**document, head: below}
