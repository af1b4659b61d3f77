"""What the API server refuses as 422: wrong values, each with the path of its field."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from .kinds import Resource
from .schema import Cause
from .shapes import schema_faults
from .status import invalid

Document = dict[str, Any]

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_STATEFUL_MUTABLE: Final = frozenset(
    {
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    }
)
_SELECTOR_FIELD: Final = "spec.selector"


def check(resource: Resource, document: Document, before: Document | None) -> None:
    """Refuse a document that a real API server would not store."""
    name = document["metadata"].get("name", "")
    causes = _name_causes(resource, name)
    if resource.kind in ("Deployment", "StatefulSet"):
        causes += _workload_causes(document, before)
        if resource.kind == "StatefulSet" and before is not None:
            causes += _stateful_causes(document, before)
    elif resource.kind == "CustomResourceDefinition":
        causes += _crd_causes(document)
    elif resource.kind == "Lease":
        causes += _lease_causes(document)
    elif resource.kind in ("Secret", "ConfigMap") and before is not None:
        causes += _sealed_causes(document, before)
    if causes:
        raise invalid(resource, name, *causes)


def _name_causes(resource: Resource, name: str) -> list[Cause]:
    label = resource.kind in ("Namespace", "Service")
    rule = _LABEL if label else _SUBDOMAIN
    if rule.fullmatch(name) and len(name) <= 253:
        return []
    what = "lowercase RFC 1123 label" if label else "lowercase RFC 1123 subdomain"
    return [
        (
            "FieldValueInvalid",
            "metadata.name",
            (
                f'Invalid value: "{name}": a {what} must consist of lower case alphanumeric '
                "characters or '-', and must start and end with an alphanumeric character"
            ),
        )
    ]


def _workload_causes(document: Document, before: Document | None) -> list[Cause]:
    spec = document.get("spec") or {}
    causes: list[Cause] = []
    replicas = spec.get("replicas") or 0
    if replicas < 0:
        causes.append(
            (
                "FieldValueInvalid",
                "spec.replicas",
                f"Invalid value: {replicas}: must be greater than or equal to 0",
            )
        )
    selector = spec.get("selector")
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not selector:
        causes.append(("FieldValueRequired", _SELECTOR_FIELD, "Required value"))
    elif not (selector.get("matchLabels") or {}).items() <= labels.items():
        causes.append(
            (
                "FieldValueInvalid",
                "spec.template.metadata.labels",
                "Invalid value: `selector` does not match template `labels`",
            )
        )
    if not (template.get("spec") or {}).get("containers"):
        causes.append(("FieldValueRequired", "spec.template.spec.containers", "Required value"))
    if before is not None and selector != before["spec"].get("selector"):
        causes.append(("FieldValueInvalid", _SELECTOR_FIELD, "Invalid value: field is immutable"))
    return causes


def _stateful_causes(document: Document, before: Document) -> list[Cause]:
    old, new = before["spec"], document.get("spec") or {}
    changed = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    if changed <= _STATEFUL_MUTABLE | {"selector"}:
        return []
    return [
        (
            "FieldValueForbidden",
            "spec",
            (
                "Forbidden: updates to statefulset spec for fields other than 'replicas', "
                "'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
                "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
            ),
        )
    ]


def _lease_causes(document: Document) -> Iterator[Cause]:
    spec = document.get("spec") or {}
    for field, least, rule in (
        ("leaseDurationSeconds", 1, "greater than 0"),
        ("leaseTransitions", 0, "greater than or equal to 0"),
    ):
        number = spec.get(field)
        if number is not None and number < least:
            why = f"Invalid value: {number}: must be {rule}"
            yield "FieldValueInvalid", f"spec.{field}", why


def _sealed_causes(document: Document, before: Document) -> Iterator[Cause]:
    if document.get("type") != before.get("type"):
        why = f'Invalid value: "{document.get("type")}": field is immutable'
        yield "FieldValueInvalid", "type", why
    if not before.get("immutable"):
        return
    for field in ("immutable", "data", "binaryData"):
        if document.get(field) != before.get(field):
            why = "Forbidden: field is immutable when `immutable` is set"
            yield "FieldValueForbidden", field, why


def _crd_causes(document: Document) -> list[Cause]:
    spec = document.get("spec") or {}
    names = spec.get("names") or {}
    causes: list[Cause] = [
        ("FieldValueRequired", f"spec.{field}", "Required value")
        for field in ("group", "scope", "versions", "names")
        if not spec.get(field)
    ]
    causes += [
        ("FieldValueRequired", f"spec.names.{field}", "Required value")
        for field in ("plural", "kind")
        if not names.get(field)
    ]
    if causes:
        return causes
    wanted = f"{names['plural']}.{spec['group']}"
    if document["metadata"].get("name") != wanted:
        causes.append(
            (
                "FieldValueInvalid",
                "metadata.name",
                (
                    f'Invalid value: "{document["metadata"].get("name")}": '
                    f'must be spec.names.plural+"."+spec.group'
                ),
            )
        )
    stored = [version for version in spec["versions"] if version.get("storage")]
    if len(stored) != 1:
        causes.append(
            (
                "FieldValueInvalid",
                "spec.versions",
                "Invalid value: must have exactly one version marked as storage version",
            )
        )
    for index, version in enumerate(spec["versions"]):
        causes += _version_causes(version, f"spec.versions[{index}]")
    return causes


def _version_causes(version: Document, path: str) -> Iterator[Cause]:
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    where = f"{path}.schema.openAPIV3Schema"
    if not schema:
        yield "FieldValueRequired", where, "Required value: schemas are required"
    else:
        for field, message in schema_faults(schema, where):
            yield "FieldValueInvalid", field, f"Invalid value: {message}"
    scale = (version.get("subresources") or {}).get("scale")
    if scale is not None and not (
        scale.get("specReplicasPath") and scale.get("statusReplicasPath")
    ):
        where = f"{path}.subresources.scale"
        yield "FieldValueRequired", where, "Required value: both replicas paths are required"
