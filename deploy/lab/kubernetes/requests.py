"""Bodies and queries of mutating requests: decoding, patch formats, fencing marks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import yaml

from .kinds import Resource
from .patches import json_patch, merge_patch, strategic_merge_patch
from .status import ApiError, bad_request, unsupported_media

Document = dict[str, Any]

JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"
APPLY: Final = "application/apply-patch+yaml"
_BODIES: Final = ("application/json", "application/yaml")

_KEY: Final = "holdfast.dev/idempotency-key"
_EPOCH: Final = "holdfast.dev/epoch"
_BELOW: Final = ".isolated.holdfast.dev/"
"""Marks that a namespace carries about another one have a prefix of their own."""


@dataclass(frozen=True, slots=True)
class Marks:
    """The idempotency key and the epoch of a request, each null where it carries none."""

    key: str | None
    epoch: int | None


def decoded(content_type: str, raw: bytes) -> Document:
    """Return the object in the body of a creation or replacement; an empty body is no object."""
    if content_type not in ("", "application/octet-stream", *_BODIES):
        raise unsupported_media(_BODIES)
    document = _parsed(content_type, raw)
    if not isinstance(document, dict):
        raise bad_request("the object provided is unrecognized: a JSON object is wanted")
    return document


def patch_body(resource: Resource, content_type: str, raw: bytes, *, scale: bool) -> Any:
    """Return the parsed body of a patch; raise ``UnsupportedMediaType`` where it is not taken."""
    accepted = [JSON_PATCH, MERGE_PATCH]
    if resource.builtin or scale:
        accepted.append(STRATEGIC)
    if not scale:
        accepted.append(APPLY)
    if content_type not in accepted:
        raise unsupported_media(tuple(accepted))
    body = _parsed("application/yaml" if content_type == APPLY else "", raw)
    if content_type != JSON_PATCH and not isinstance(body, dict):
        raise bad_request("error decoding patch: a JSON object is wanted")
    return body


def patch_change(content_type: str, body: Any) -> Callable[[Document], Document]:
    """Return the function that applies a patch (not an apply patch) to a document."""
    formats = {
        JSON_PATCH: json_patch,
        MERGE_PATCH: merge_patch,
        STRATEGIC: strategic_merge_patch,
    }
    return partial(_changed, formats[content_type], body)


def apply_change(resource: Resource, body: Document) -> Callable[[Document], Document]:
    """Return the function that merges an applied configuration into a document."""
    merge = strategic_merge_patch if resource.builtin else merge_patch
    return partial(_changed, merge, body)


def check_apply(resource: Resource, name: str, body: Document, query: Mapping[str, str]) -> None:
    """Refuse an apply without a field manager, or one for another object."""
    if not query.get("fieldManager"):
        why = "fieldManager: Required value: is required for apply patch"
        raise ApiError(
            422,
            "Invalid",
            f'PatchOptions.meta.k8s.io "" is invalid: {why}',
            details={"group": "meta.k8s.io", "kind": "PatchOptions"},
        )
    metadata = body.get("metadata")
    if body.get("kind") != resource.kind or body.get("apiVersion") != resource.api_version:
        raise bad_request("apply: kind and apiVersion must be set and match the URL")
    if not isinstance(metadata, dict) or metadata.get("name", name) != name:
        raise bad_request("apply: metadata.name must match the name on the URL")
    if metadata.get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")


def dry_run(query: Mapping[str, str]) -> bool:
    """Return whether nothing is to be stored; raise ``Invalid`` on any value but ``All``."""
    value = query.get("dryRun")
    if value in (None, ""):
        return False
    if value != "All":
        raise ApiError(
            422,
            "Invalid",
            f'invalid: dryRun: Unsupported value: "{value}": supported values: "All"',
            details={"causes": [{"reason": "FieldValueNotSupported", "field": "dryRun"}]},
        )
    return True


def marks_of(body: Any) -> Marks:
    """Return the fencing marks in a body: in its annotations, or in a JSON patch that sets them."""
    annotations: dict[str, Any] = {}
    if isinstance(body, list):
        for operation in body:
            annotations |= _annotations_set_by(operation)
    elif isinstance(body, dict):
        metadata = body.get("metadata")
        given = metadata.get("annotations") if isinstance(metadata, dict) else None
        annotations = given if isinstance(given, dict) else {}
    annotations = {
        f"holdfast.dev/{name.partition(_BELOW)[2]}" if _BELOW in name else name: value
        for name, value in annotations.items()
    }
    key, epoch = annotations.get(_KEY), annotations.get(_EPOCH)
    return Marks(
        key=key if isinstance(key, str) else None,
        epoch=epoch_of(annotations) if epoch is not None else None,
    )


def epoch_of(annotations: Mapping[str, Any]) -> int | None:
    """Return the epoch that an object's annotations carry, null where it is absent or no number."""
    text = str(annotations.get(_EPOCH, ""))
    return int(text) if text.isdecimal() else None


def _annotations_set_by(operation: Any) -> dict[str, Any]:
    if not isinstance(operation, dict) or operation.get("op") not in ("add", "replace"):
        return {}
    path, value = str(operation.get("path")), operation.get("value")
    if path == "/metadata/annotations" and isinstance(value, dict):
        return value
    if path.startswith("/metadata/annotations/"):
        name = path.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
        return {name: value}
    return {}


def _changed(merge: Callable[[Any, Any], Any], body: Any, current: Document) -> Document:
    changed = merge(current, body)
    if not isinstance(changed, dict):
        raise bad_request("the patched object is not a JSON object")
    return changed


def _parsed(content_type: str, raw: bytes) -> Any:
    try:
        if content_type == "application/yaml":
            return yaml.safe_load(raw)
        return json.loads(raw)
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"couldn't get version/kind; json parse error: {error}") from error
