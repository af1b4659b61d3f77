"""Label and field selectors, parsed as the API server parses them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from .status import bad_request

Matches = Callable[[dict[str, Any]], bool]
_Labels = dict[str, str]
_Requirement = Callable[[_Labels], bool]

_KEY: Final = r"(?:[A-Za-z0-9.-]+/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?"
_VALUE: Final = r"(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?)?"
_SET: Final = re.compile(rf"({_KEY})\s+(in|notin)\s*\(\s*([^()]*)\s*\)")
_EQUALITY: Final = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})")
_EXISTENCE: Final = re.compile(rf"(!?)\s*({_KEY})")
_FIELD: Final = re.compile(r"([^=!]+)(==|=|!=)(.*)")


def by_labels(text: str) -> Matches:
    """Return the test of a ``labelSelector``; raise ``BadRequest`` where it cannot be parsed."""
    requirements = [_requirement(part) for part in _parts(text)]

    def matches(document: dict[str, Any]) -> bool:
        labels = document["metadata"].get("labels") or {}
        return all(requirement(labels) for requirement in requirements)

    return matches


def by_fields(text: str) -> Matches:
    """Return the test of a ``fieldSelector`` on ``metadata.name`` and ``metadata.namespace``."""
    tests: list[tuple[str, bool, str]] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        parsed = _FIELD.fullmatch(part)
        if parsed is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        path, operator, value = parsed.groups()
        if path not in ("metadata.name", "metadata.namespace"):
            raise bad_request(f"field label not supported: {path}")
        tests.append((path.removeprefix("metadata."), operator != "!=", value))

    def matches(document: dict[str, Any]) -> bool:
        metadata = document["metadata"]
        return all((metadata.get(name, "") == value) is wanted for name, wanted, value in tests)

    return matches


def _parts(text: str) -> list[str]:
    depth = 0
    parts = [""]
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def _requirement(part: str) -> _Requirement:
    if parsed := _SET.fullmatch(part):
        return _in_set(parsed[1], parsed[2], {value.strip() for value in parsed[3].split(",")})
    if parsed := _EQUALITY.fullmatch(part):
        return _equal(parsed[1], parsed[2], parsed[3])
    if parsed := _EXISTENCE.fullmatch(part):
        return _exists(parsed[2], not parsed[1])
    raise bad_request(f"unable to parse requirement: {part!r}")


def _in_set(key: str, operator: str, values: set[str]) -> _Requirement:
    if operator == "in":
        return lambda labels: key in labels and labels[key] in values
    return lambda labels: labels.get(key) not in values


def _equal(key: str, operator: str, value: str) -> _Requirement:
    if operator == "!=":
        return lambda labels: labels.get(key) != value
    return lambda labels: labels.get(key) == value


def _exists(key: str, wanted: bool) -> _Requirement:
    return lambda labels: (key in labels) is wanted
