"""The types of the fields that the lab reads, for bodies that no typed client would have sent.

A real API server decodes every body into a typed object and refuses what does not fit with 400;
null fits everywhere and means absent. Fields that are not listed here are kept as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from .kinds import Resource
from .schema import TYPES, Schema, type_faults
from .status import bad_request

_OPEN: Final = "x-kubernetes-preserve-unknown-fields"


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "nullable": True, "properties": properties, _OPEN: True}


def _list(items: Schema) -> Schema:
    return {"type": "array", "nullable": True, "items": items}


def _scalar(kind: str) -> Schema:
    return {"type": kind, "nullable": True}


_TEXT: Final = _scalar("string")
_NUMBER: Final = _scalar("integer")
_FLAG: Final = _scalar("boolean")
_ANY_OBJECT: Final = _object()
_TEXTS: Final = _list({"type": "string"})
_TEXT_MAP: Final[Schema] = {
    "type": "object",
    "nullable": True,
    "additionalProperties": {"type": "string"},
}
_AMOUNT: Final[Schema] = {
    "x-kubernetes-int-or-string": True,
    "nullable": True,
    "pattern": r"^\d+%?$",
}

_BASE64: Final[Schema] = {
    **_scalar("string"),
    "pattern": r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
}
_MICRO_TIME: Final[Schema] = {
    **_scalar("string"),
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$",
}

_METADATA: Final = _object(
    name=_TEXT,
    generateName=_TEXT,
    namespace=_TEXT,
    uid=_TEXT,
    resourceVersion=_TEXT,
    labels=_TEXT_MAP,
    annotations=_TEXT_MAP,
    finalizers=_TEXTS,
    ownerReferences=_list({"type": "object", _OPEN: True}),
)
_ROLLING: Final = _object(
    type=_TEXT, rollingUpdate=_object(maxUnavailable=_AMOUNT, maxSurge=_AMOUNT, partition=_NUMBER)
)
_CONTAINERS: Final = _list(
    {
        "type": "object",
        "properties": {
            "name": _TEXT,
            "image": _TEXT,
            "env": _list({"type": "object", _OPEN: True}),
            "ports": _list({"type": "object", _OPEN: True}),
            "volumeMounts": _list({"type": "object", _OPEN: True}),
        },
        _OPEN: True,
    }
)
_TEMPLATE: Final = _object(
    metadata=_METADATA,
    spec=_object(
        containers=_CONTAINERS,
        initContainers=_CONTAINERS,
        volumes=_list({"type": "object", _OPEN: True}),
    ),
)
_WORKLOAD: Final = _object(
    replicas=_NUMBER,
    paused=_FLAG,
    selector=_object(matchLabels=_TEXT_MAP),
    template=_TEMPLATE,
    strategy=_ROLLING,
    updateStrategy=_ROLLING,
    serviceName=_TEXT,
)
_WORKLOAD_STATUS: Final = _object(
    replicas=_NUMBER,
    readyReplicas=_NUMBER,
    updatedReplicas=_NUMBER,
    observedGeneration=_NUMBER,
    updateRevision=_TEXT,
    conditions=_list(
        {
            "type": "object",
            "required": ["type", "status"],
            "properties": {"type": {"type": "string"}, "status": {"type": "string"}},
            _OPEN: True,
        }
    ),
)
_SCALE_PATHS: Final = _object(
    specReplicasPath=_TEXT, statusReplicasPath=_TEXT, labelSelectorPath=_TEXT
)
_CRD_VERSION: Final[Schema] = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "served": _FLAG,
        "storage": _FLAG,
        "schema": _object(openAPIV3Schema=_ANY_OBJECT),
        "subresources": _object(status=_ANY_OBJECT, scale=_SCALE_PATHS),
    },
    _OPEN: True,
}
_CRD: Final = _object(
    group=_TEXT,
    scope={**_TEXT, "enum": ["Namespaced", "Cluster"]},
    names=_object(plural=_TEXT, kind=_TEXT, singular=_TEXT, listKind=_TEXT, shortNames=_TEXTS),
    versions=_list(_CRD_VERSION),
)

_BODIES: Final[dict[str, Schema]] = {
    "Deployment": _object(metadata=_METADATA, spec=_WORKLOAD, status=_WORKLOAD_STATUS),
    "StatefulSet": _object(metadata=_METADATA, spec=_WORKLOAD, status=_WORKLOAD_STATUS),
    "Service": _object(
        metadata=_METADATA, spec=_object(ports=_list({"type": "object", _OPEN: True}))
    ),
    "Namespace": _object(metadata=_METADATA, spec=_ANY_OBJECT, status=_ANY_OBJECT),
    "ConfigMap": _object(metadata=_METADATA, data=_TEXT_MAP, binaryData=_TEXT_MAP),
    "Secret": _object(
        metadata=_METADATA,
        type=_TEXT,
        data={**_TEXT_MAP, "additionalProperties": _BASE64},
        stringData=_TEXT_MAP,
    ),
    "Lease": _object(
        metadata=_METADATA,
        spec=_object(
            holderIdentity=_TEXT,
            leaseDurationSeconds=_NUMBER,
            leaseTransitions=_NUMBER,
            acquireTime=_MICRO_TIME,
            renewTime=_MICRO_TIME,
        ),
    ),
    "NetworkPolicy": _object(
        metadata=_METADATA,
        spec=_object(
            podSelector=_ANY_OBJECT,
            policyTypes=_TEXTS,
            ingress=_list({"type": "object", _OPEN: True}),
            egress=_list({"type": "object", _OPEN: True}),
        ),
    ),
    "CustomResourceDefinition": _object(
        metadata=_METADATA,
        spec=_CRD,
        status=_object(conditions=_list({"type": "object", _OPEN: True})),
    ),
    "Scale": _object(metadata=_METADATA, spec=_object(replicas=_NUMBER), status=_ANY_OBJECT),
    "DeleteOptions": _object(
        preconditions=_object(uid=_TEXT, resourceVersion=_TEXT), dryRun=_TEXTS
    ),
}
_ANY_KIND: Final = _object(metadata=_METADATA)


def check_body(resource: Resource, document: Any) -> None:
    """Refuse a body that cannot be decoded as an object of its kind."""
    check_kind(resource.kind if resource.builtin else "", document)


def check_kind(kind: str, document: Any) -> None:
    """Refuse a body that cannot be decoded as a kind; for an unknown one, look at the metadata."""
    for _, field, message in type_faults(_BODIES.get(kind, _ANY_KIND), document):
        raise bad_request(
            f"{kind or 'the object'} cannot be handled: json: cannot unmarshal into Go struct "
            f"field {field}: {message}"
        )


def schema_faults(schema: Any, path: str) -> Iterator[tuple[str, str]]:
    """Return what makes a CRD's schema unusable, as field and message."""
    if not isinstance(schema, dict):
        yield path, "must be an object"
        return
    kind = schema.get("type")
    if kind is not None and (not isinstance(kind, str) or kind not in TYPES):
        yield f"{path}.type", f"Unsupported value: {kind!r}"
    for field, wanted in (("required", list), ("enum", list), ("properties", dict)):
        if field in schema and not isinstance(schema[field], wanted):
            yield f"{path}.{field}", "has the wrong type"
            return
    if not all(isinstance(name, str) for name in schema.get("required", ())):
        yield f"{path}.required", "must be names"
    for field in ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"):
        if field in schema and not isinstance(schema[field], int | float):
            yield f"{path}.{field}", "must be a number"
    yield from _pattern_faults(schema, path)
    for name, below in schema.get("properties", {}).items():
        yield from schema_faults(below, f"{path}.properties[{name}]")
    if "items" in schema:
        yield from schema_faults(schema["items"], f"{path}.items")
    extra = schema.get("additionalProperties")
    if extra is not None and not isinstance(extra, bool):
        yield from schema_faults(extra, f"{path}.additionalProperties")


def _pattern_faults(schema: Schema, path: str) -> Iterator[tuple[str, str]]:
    pattern = schema.get("pattern")
    if pattern is None:
        return
    try:
        re.compile(pattern)
    except (re.error, TypeError):
        yield f"{path}.pattern", "must be a valid regular expression"
