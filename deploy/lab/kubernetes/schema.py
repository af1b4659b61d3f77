"""Structural schemas of custom resources: the unknown is pruned, the forbidden refused.

CEL rules (``x-kubernetes-validations``) are not evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final

Schema = dict[str, Any]
Cause = tuple[str, str, str]

TYPES: Final[dict[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_KEPT: Final = frozenset({"apiVersion", "kind", "metadata"})
_OPEN: Final = "x-kubernetes-preserve-unknown-fields"


def pruned(schema: Schema, document: dict[str, Any]) -> dict[str, Any]:
    """Return the object without unknown fields and with the schema's defaults."""
    root = {name: value for name, value in document.items() if name in _KEPT}
    return {**_prune(schema, document), **root}


def faults(schema: Schema, document: dict[str, Any]) -> list[Cause]:
    """Return everything in which the object breaks its schema, as reason, field and message."""
    body = {name: value for name, value in document.items() if name not in _KEPT}
    required = [name for name in schema.get("required", ()) if name not in _KEPT]
    return list(_check({**schema, "required": required}, body, ""))


def type_faults(schema: Schema, document: Any) -> Iterator[Cause]:
    """Return in what a value, metadata included, breaks a schema."""
    return _check(schema, document, "")


def _prune(schema: Schema, value: Any) -> Any:
    if isinstance(value, dict):
        return _prune_object(schema, value)
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [_prune(schema["items"], item) for item in value]
    return value


def _prune_object(schema: Schema, value: dict[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    extra = schema.get("additionalProperties")
    kept: dict[str, Any] = {}
    for name, item in value.items():
        if name in properties:
            kept[name] = _prune(properties[name], item)
        elif isinstance(extra, dict):
            kept[name] = _prune(extra, item)
        elif extra is True or schema.get(_OPEN):
            kept[name] = item
    for name, below in properties.items():
        if name not in kept and "default" in below:
            kept[name] = _prune(below, deepcopy(below["default"]))
    return kept


def _check(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    if value is None and schema.get("nullable"):
        return
    if not _right_type(schema, value):
        wanted = schema.get("type") or "integer or string"
        kind = "null" if value is None else type(value).__name__
        yield (
            "FieldValueTypeInvalid",
            path or "<nil>",
            f'Invalid value: "{kind}": {path} in body must be of type {wanted}: "{kind}"',
        )
        return
    yield from _check_value(schema, value, path)
    if isinstance(value, dict):
        yield from _check_object(schema, value, path)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, item in enumerate(value):
            yield from _check(schema["items"], item, f"{path}[{index}]")


def _right_type(schema: Schema, value: Any) -> bool:
    if schema.get("x-kubernetes-int-or-string"):
        return isinstance(value, int | str) and not isinstance(value, bool)
    wanted = schema.get("type")
    if wanted is None:
        return True
    if isinstance(value, bool) and wanted != "boolean":
        return False
    return isinstance(value, TYPES[wanted])


def _check_object(schema: Schema, value: dict[str, Any], path: str) -> Iterator[Cause]:
    properties = schema.get("properties") or {}
    extra = schema.get("additionalProperties")
    for name in schema.get("required", ()):
        if name not in value:
            yield ("FieldValueRequired", f"{path}.{name}".lstrip("."), "Required value")
    for name, item in value.items():
        below = properties.get(name, extra)
        if isinstance(below, dict):
            yield from _check(below, item, f"{path}.{name}".lstrip("."))


def _check_value(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    if "enum" in schema and value not in schema["enum"]:
        allowed = ", ".join(f'"{item}"' for item in schema["enum"])
        yield (
            "FieldValueNotSupported",
            path,
            f"Unsupported value: {shown}: supported values: {allowed}",
        )
    size = len(value) if isinstance(value, str | list | dict) else None
    bounds = (
        ("minimum", value, -1, "should be greater than or equal to"),
        ("maximum", value, 1, "should be less than or equal to"),
        ("minLength", size, -1, "should be at least as long as"),
        ("maxLength", size, 1, "may not be longer than"),
        ("minItems", size, -1, "should have at least as many items as"),
        ("maxItems", size, 1, "must have at most as many items as"),
    )
    for keyword, measured, sign, said in bounds:
        if keyword not in schema or not isinstance(measured, int | float):
            continue
        if (measured - schema[keyword]) * sign > 0:
            yield (
                "FieldValueInvalid",
                path,
                f"Invalid value: {shown}: {path} in body {said} {schema[keyword]}",
            )
    pattern = schema.get("pattern")
    if pattern and isinstance(value, str) and not re.search(pattern, value):
        yield (
            "FieldValueInvalid",
            path,
            f"Invalid value: {shown}: {path} in body should match '{pattern}'",
        )
