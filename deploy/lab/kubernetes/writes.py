"""Creating, changing and deleting objects, with the rules of a real API server.

Optimistic concurrency, generations, the separation of status from spec, finalizers and dry runs are
kept here; what each kind allows is asked of the validation, what it implies is done by the
controllers. A write that changes nothing makes no new version.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from . import schema
from .defaults import filled_in
from .identity import check_identity, typed
from .kinds import NAMESPACES, Resource
from .shapes import check_body
from .status import (
    already_exists,
    bad_request,
    conflict,
    forbidden,
    invalid,
    not_found,
)
from .store import Key, Store, key_of, now
from .validation import check

Document = dict[str, Any]
Change = Callable[[Document], Document]

_SERVERS_OWN: Final = (
    "uid",
    "creationTimestamp",
    "generation",
    "resourceVersion",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a write did: the object before and after (null where there is none)."""

    before: Document | None
    after: Document | None
    applied: bool


class Writer:
    """The writes of one site's store."""

    def __init__(self, store: Store) -> None:
        """Write to this store."""
        self._store = store

    def create(
        self, resource: Resource, namespace: str | None, body: Document, *, dry_run: bool = False
    ) -> Outcome:
        """Create an object; raise ``AlreadyExists``, ``NotFound`` (namespace), ``Invalid``."""
        check_body(resource, body)
        metadata = self._new_metadata(resource, namespace, body)
        key = key_of(resource, namespace, metadata["name"])
        if self._store.get(key) is not None:
            raise already_exists(resource, metadata["name"])
        document = typed(resource, {**deepcopy(body), "metadata": metadata})
        if "status" in resource.subresources:
            document.pop("status", None)
        document = _shaped(resource, document, None)
        metadata = document["metadata"]
        metadata["uid"] = self._store.uid(key)
        metadata["creationTimestamp"] = now()
        if resource.generation:
            metadata["generation"] = 1
        if dry_run:
            return Outcome(None, document, applied=False)
        return Outcome(None, self._store.put(key, document), applied=True)

    def update(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        change: Change,
        *,
        status: bool = False,
        versioned: bool = False,
        dry_run: bool = False,
    ) -> Outcome:
        """Replace an object by what ``change`` makes of it.

        Args:
            resource: its kind.
            namespace: where it is, null for cluster-wide kinds.
            name: its name.
            change: from the current object to the wanted one; must not change its argument.
            status: only its status may change; otherwise everything but its status.
            versioned: the wanted object must carry a resource version.
            dry_run: check and answer, and store nothing.
        """
        key = key_of(resource, namespace, name)
        current = self._store.get(key)
        if current is None:
            raise not_found(resource, name)
        wanted = change(current)
        check_body(resource, wanted)
        check_identity(resource, current, wanted, versioned=versioned)
        document = _merged(resource, current, wanted, status=status)
        document = _shaped(resource, document, current)
        if document == current:
            return Outcome(current, current, applied=False)
        if _counts(resource, current, document):
            generation = current["metadata"].get("generation", 1) + 1
            document["metadata"]["generation"] = generation
        if dry_run:
            return Outcome(current, document, applied=False)
        if _may_go(document):
            self._store.put(key, document)
            self._store.remove(key)
            return Outcome(current, document, applied=True)
        return Outcome(current, self._store.put(key, document), applied=True)

    def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        version: str | None = None,
        dry_run: bool = False,
    ) -> Outcome:
        """Delete an object, or mark it where finalizers hold it (then ``after`` is the object)."""
        key = key_of(resource, namespace, name)
        current = self._store.get(key)
        if current is None:
            raise not_found(resource, name)
        metadata = current["metadata"]
        for what, wanted, there in (
            ("UID", uid, metadata["uid"]),
            ("ResourceVersion", version, metadata["resourceVersion"]),
        ):
            if wanted is not None and wanted != there:
                why = (
                    f"Precondition failed: {what} in precondition: {wanted}, "
                    f"{what} in object meta: {there}"
                )
                raise conflict(resource, name, why)
        held = bool(metadata.get("finalizers")) or resource == NAMESPACES
        if dry_run:
            return Outcome(current, current if held else None, applied=False)
        if not held:
            self._store.remove(key)
            return Outcome(current, None, applied=True)
        if metadata.get("deletionTimestamp"):
            return Outcome(current, current, applied=False)
        marked = {**current, "metadata": {**metadata, "deletionTimestamp": now()}}
        if resource == NAMESPACES:
            marked["status"] = {**current.get("status", {}), "phase": "Terminating"}
        return Outcome(current, self._store.put(key, marked), applied=True)

    def write_status(self, key: Key, status: Document) -> None:
        """Set the status of an object, as a controller does; the same status is no write."""
        current = self._store.get(key)
        if current is not None and current.get("status") != status:
            self._store.put(key, {**current, "status": status})

    def _new_metadata(self, resource: Resource, namespace: str | None, body: Document) -> Document:
        given = body.get("metadata")
        if not isinstance(given, dict):
            given = {}
        metadata = {
            field: value
            for field, value in deepcopy(given).items()
            if field not in _SERVERS_OWN and field != "managedFields"
        }
        if given.get("resourceVersion"):
            raise bad_request("resourceVersion should not be set on objects to be created")
        if resource.namespaced:
            if metadata.get("namespace", namespace) != namespace:
                raise bad_request(
                    "the namespace of the provided object does not match the namespace sent on the "
                    "request"
                )
            metadata["namespace"] = namespace
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = f"{metadata['generateName']}{self._store.version + 1:05x}"
        if not metadata.get("name"):
            why = "Required value: name or generateName is required"
            raise invalid(resource, "", ("FieldValueRequired", "metadata.name", why))
        if resource.namespaced:
            self._check_namespace(resource, namespace or "", metadata["name"])
        return metadata

    def _check_namespace(self, resource: Resource, namespace: str, name: str) -> None:
        found = self._store.get(key_of(NAMESPACES, None, namespace))
        if found is None:
            raise not_found(NAMESPACES, namespace)
        if found["metadata"].get("deletionTimestamp"):
            why = (
                f"unable to create new content in namespace {namespace} because it is being "
                "terminated"
            )
            raise forbidden(resource, name, why)


def _shaped(resource: Resource, document: Document, before: Document | None) -> Document:
    """Fill in defaults, prune and check; return a document whose metadata may still be changed."""
    document = filled_in(resource, document)
    check(resource, document, before)
    if resource.schema is not None:
        document = schema.pruned(resource.schema, document)
        causes = schema.faults(resource.schema, document)
        if causes:
            raise invalid(resource, document["metadata"]["name"], *causes)
    return {**document, "metadata": dict(document["metadata"])}


def _merged(resource: Resource, current: Document, wanted: Document, *, status: bool) -> Document:
    if status:
        document = dict(current)
        document.pop("status", None)
        if wanted.get("status") is not None:
            document["status"] = wanted["status"]
        return document
    as_read = current["apiVersion"] if "apiVersion" not in wanted else wanted["apiVersion"]
    if as_read == current["apiVersion"]:
        as_read = resource.api_version
    document = typed(resource, {"kind": current["kind"], **wanted, "apiVersion": as_read})
    have = current["metadata"]
    metadata = {
        field: value
        for field, value in wanted["metadata"].items()
        if field not in _SERVERS_OWN and field != "managedFields" and value is not None
    }
    metadata |= {"name": have["name"]}
    metadata |= {field: have[field] for field in ("namespace", *_SERVERS_OWN) if field in have}
    document["metadata"] = metadata
    if "status" in resource.subresources:
        document.pop("status", None)
        if "status" in current:
            document["status"] = current["status"]
    return document


def _counts(resource: Resource, before: Document, after: Document) -> bool:
    if not resource.generation:
        return False
    ignored = {"metadata"}
    if "status" in resource.subresources:
        ignored.add("status")
    fields = (before.keys() | after.keys()) - ignored
    return any(before.get(field) != after.get(field) for field in fields)


def _may_go(document: Document) -> bool:
    metadata = document["metadata"]
    finalized = bool(metadata.get("finalizers")) or document["kind"] == "Namespace"
    return bool(metadata.get("deletionTimestamp")) and not finalized
