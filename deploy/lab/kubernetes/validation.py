"""What the API server refuses: wrong types as 400, wrong values as 422 with the field's path."""

from __future__ import annotations

import re
from typing import Any, Final

from .kinds import Resource
from .status import bad_request, invalid

Document = dict[str, Any]
Cause = tuple[str, str, str]

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
    _check_types(resource, document)
    causes = _name_causes(resource, name)
    if resource.kind in ("Deployment", "StatefulSet"):
        causes += _workload_causes(document, before)
        if resource.kind == "StatefulSet" and before is not None:
            causes += _stateful_causes(document, before)
    elif resource.kind == "CustomResourceDefinition":
        causes += _crd_causes(document)
    if causes:
        raise invalid(resource, name, *causes)


def _check_types(resource: Resource, document: Document) -> None:
    metadata = document["metadata"]
    for field in ("labels", "annotations"):
        values = metadata.get(field)
        if values is None:
            continue
        if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
            raise _undecodable(resource, f"ObjectMeta.metadata.{field}", "string")
    if not isinstance(metadata.get("finalizers") or [], list):
        raise _undecodable(resource, "ObjectMeta.metadata.finalizers", "[]string")
    spec = document.get("spec")
    if spec is not None and not isinstance(spec, dict) and resource.builtin:
        raise _undecodable(resource, f"{resource.kind}.spec", f"v1.{resource.kind}Spec")
    if resource.kind in ("Deployment", "StatefulSet") and spec is not None:
        replicas = spec.get("replicas")
        if isinstance(replicas, bool) or not isinstance(replicas, int | None):
            raise _undecodable(resource, f"{resource.kind}Spec.spec.replicas", "int32")


def _undecodable(resource: Resource, field: str, kind: str) -> Exception:
    return bad_request(
        f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: '
        f"json: cannot unmarshal into Go struct field {field} of type {kind}"
    )


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
                f'Invalid value: "{name}": a {what} must consist of lower case alphanumeric characters '
                "or '-', and must start and end with an alphanumeric character"
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
    old, new = before["spec"], document["spec"]
    changed = {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}
    if changed <= _STATEFUL_MUTABLE | {"selector"}:
        return []
    return [
        (
            "FieldValueForbidden",
            "spec",
            (
                "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', "
                "'template', 'updateStrategy', 'revisionHistoryLimit', "
                "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
            ),
        )
    ]


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
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            causes.append(
                (
                    "FieldValueRequired",
                    f"spec.versions[{index}].schema.openAPIV3Schema",
                    "Required value: schemas are required",
                )
            )
    return causes
