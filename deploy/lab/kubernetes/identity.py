"""Which object a request body speaks of: type, name, uid, and the version it was based on."""

from __future__ import annotations

from typing import Any

from .kinds import Resource
from .status import bad_request, conflict, invalid

Document = dict[str, Any]


def typed(resource: Resource, document: Document) -> Document:
    """Return the document with the kind and version it is stored in; refuse another kind's."""
    kind = document.get("kind", resource.kind)
    version = document.get("apiVersion", resource.api_version)
    if not resource.builtin and not ("kind" in document and "apiVersion" in document):
        raise bad_request("Object 'Kind' and 'apiVersion' must be set")
    if (kind, version) != (resource.kind, resource.api_version):
        raise bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): "
            f"{version}, Kind={kind} does not match the expected {resource.api_version}, "
            f"Kind={resource.kind}"
        )
    stored = resource.api_version
    if resource.storage_version:
        stored = f"{resource.group}/{resource.storage_version}"
    return {**document, "apiVersion": stored, "kind": resource.kind}


def check_identity(
    resource: Resource, current: Document, wanted: Document, *, versioned: bool
) -> None:
    """Refuse a wanted object that is not the current one, or that was based on an older version."""
    have = current["metadata"]
    name = have["name"]
    asked = wanted.get("metadata")
    if not isinstance(asked, dict):
        raise bad_request("the object has no metadata")
    if asked.get("name", name) != name:
        raise bad_request(
            f"the name of the object ({asked.get('name')}) does not match the name on the URL "
            f"({name})"
        )
    if asked.get("namespace", have.get("namespace")) != have.get("namespace"):
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if asked.get("uid") not in (None, "", have["uid"]):
        why = (
            f"Precondition failed: UID in precondition: {asked['uid']}, "
            f"UID in object meta: {have['uid']}"
        )
        raise conflict(resource, name, why)
    version = asked.get("resourceVersion") or ""
    if not version and versioned:
        why = "Invalid value: 0x0: must be specified for an update"
        raise invalid(resource, name, ("FieldValueInvalid", "metadata.resourceVersion", why))
    if version and version != have["resourceVersion"]:
        raise conflict(resource, name)
