"""Reading typed fields out of an ARM body, with the 400 that names the field when one is wrong.

A field that is absent or null reads as None: in these bodies null means "not given".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .errors import bad_request


def child(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object inside the body; empty when it is not given."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad_request(f"The value of '{name}' must be an object.")
    return value


def text(body: Mapping[str, Any], name: str) -> str | None:
    """A string that is not empty."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise bad_request(f"The value of '{name}' must be a string that is not empty.")
    return value


def enum(body: Mapping[str, Any], name: str, allowed: Sequence[str]) -> str | None:
    """One of the allowed words, whatever its case, in canonical case."""
    value = body.get(name)
    if value is None:
        return None
    for word in allowed:
        if isinstance(value, str) and value.lower() == word.lower():
            return word
    raise bad_request(
        f"The value '{value}' is invalid for '{name}'. Allowed values are {', '.join(allowed)}."
    )


def integer(body: Mapping[str, Any], name: str, low: int, high: int) -> int | None:
    """A whole number within both bounds."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise bad_request(
            f"The value '{value}' is invalid for '{name}'. It must be a whole number from {low} "
            f"to {high}."
        )
    return value


def items(body: Mapping[str, Any], name: str) -> list[Any] | None:
    """A list, of whatever it lists."""
    value = body.get(name)
    if value is not None and not isinstance(value, list):
        raise bad_request(f"The value of '{name}' must be a list.")
    return value


def tags(body: Mapping[str, Any]) -> dict[str, str] | None:
    """The tags of a resource: strings by name."""
    value = body.get("tags")
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(tag, str) for tag in value.values()):
        raise bad_request("The value of 'tags' must be an object of strings.")
    return dict(value)
