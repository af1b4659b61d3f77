"""Durations, quantities and names, as the estate file writes them."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, StringConstraints, WithJsonSchema

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII)
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei)?", re.ASCII)
_SUFFIX: dict[str | None, Decimal] = {
    None: Decimal(1),
    "m": Decimal("0.001"),
    **{unit: Decimal(1000 ** (power + 1)) for power, unit in enumerate("kMGTPE")},
    **{f"{unit}i": Decimal(1024 ** (power + 1)) for power, unit in enumerate("KMGTPE")},
}
LONGEST_DURATION = timedelta(days=365)


def parse_duration(value: Any) -> Any:
    """Read `15m`, `1h30m`, `90s`, `250ms`, `2d`; leave a timedelta as it is.

    Raises:
        ValueError: not a duration in that form, zero, or longer than a year.
    """
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) and len(value) <= 32 else None
    if not match or not value:
        raise ValueError("not a duration; write it like 30s, 15m or 1h30m")
    days, hours, minutes, seconds, millis = (int(part or 0) for part in match.groups())
    if days > LONGEST_DURATION.days or max(hours, minutes, seconds, millis) > 10**9:
        raise ValueError("a duration of more than a year; write at most 365d")
    total = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=millis)
    if total > LONGEST_DURATION:
        raise ValueError("a duration of more than a year; write at most 365d")
    if not total:
        raise ValueError("a duration of zero; write one that is longer")
    return total


def format_duration(value: timedelta) -> str:
    """Write a duration in the form that `parse_duration` reads: `1h30m`."""
    millis = round(value.total_seconds() * 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, millis = divmod(millis, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_quantity(value: Any) -> Any:
    """Check a Kubernetes quantity (`64`, `500m`, `256Gi`) and return it as text.

    Raises:
        ValueError: not a non-negative quantity.
    """
    text = str(value) if isinstance(value, int | float | str) and value is not True else ""
    if value is False or len(text) > 32 or not _QUANTITY.fullmatch(text):
        raise ValueError("not a Kubernetes quantity; write it like 8, 500m or 256Gi")
    return text


def quantity_value(text: str) -> Decimal:
    """The number a quantity stands for, in its plain unit (cores, bytes, pieces).

    Raises:
        ValueError: not a quantity.
    """
    match = _QUANTITY.fullmatch(text)
    if not match:
        raise ValueError(f"not a Kubernetes quantity: {text!r}")
    number: str = match[1]
    return Decimal(number) * _SUFFIX[match[2]]


def format_quantity(value: Decimal) -> str:
    """Write a number so that `quantity_value` reads the same: `36`, `0.5`, `12Gi`."""
    for unit in "EPTGM":
        size = _SUFFIX[f"{unit}i"]
        if value and not value % size:
            return f"{value // size:f}{unit}i"
    return f"{value.normalize():f}"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(?=.)(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$",
            "examples": ["15m", "1h30m"],
            "description": "a duration such as 30s, 15m or 1h30m",
        }
    ),
]
"""A duration: `15m`, `1h30m`."""

Quantity = Annotated[
    str,
    BeforeValidator(parse_quantity),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"^(\d+(\.\d+)?|\.\d+)(m|k|Ki|[MGTPE]i?)?$"},
                {"type": "number", "minimum": 0},
            ],
            "description": "a Kubernetes quantity such as 8, 500m or 256Gi",
        }
    ),
]
"""A Kubernetes quantity, kept as it was written; `quantity_value` gives its number."""

Name = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=63),
]
"""A lower-case name of letters, digits, dots and dashes, as Kubernetes and DNS take it."""

Line = Annotated[str, StringConstraints(min_length=1, max_length=1000, strip_whitespace=True)]
"""What a person writes in one go: a name, a reason."""
