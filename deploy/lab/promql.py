"""The part of PromQL that the lab understands, as expressions evaluated at one instant.

Selectors with the four matchers, comparisons with a number (with or without ``bool``), the
aggregations sum, min, max, avg and count with ``by`` or ``without``, numbers and parentheses.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Labels = Mapping[str, str]
Sample = tuple[dict[str, str], float]
Source = Callable[[Sequence["Matcher"]], Iterable[Sample]]
"""Yields every series that may match; its labels include ``__name__``."""

NAME: Final = "__name__"
COMPARISONS: Final[dict[str, Callable[[float, float], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
AGGREGATIONS: Final[dict[str, Callable[[list[float]], float]]] = {
    "sum": math.fsum,
    "min": min,
    "max": max,
    "avg": lambda values: math.fsum(values) / len(values),
    "count": lambda values: float(len(values)),
}


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label; a label that is absent counts as empty."""

    label: str
    sign: str
    value: str

    def holds(self, labels: Labels) -> bool:
        """Whether these labels meet the condition; a pattern must match the whole value."""
        return self.accepts(labels.get(self.label, ""))

    def accepts(self, value: str) -> bool:
        """Whether this value of the label meets the condition."""
        same = (
            re.fullmatch(self.value, value) is not None
            if self.sign in {"=~", "!~"}
            else value == self.value
        )
        return same if self.sign in {"=", "=~"} else not same


@dataclass(frozen=True, slots=True)
class Number:
    """A scalar."""

    value: float


@dataclass(frozen=True, slots=True)
class Selector:
    """An instant vector: the series that meet all matchers."""

    matchers: tuple[Matcher, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison, of which at most one side is a vector."""

    left: Expression
    sign: str
    right: Expression
    as_bool: bool


@dataclass(frozen=True, slots=True)
class Aggregation:
    """An aggregation over the labels it keeps (``by``) or all but those it drops (``without``)."""

    name: str
    inner: Expression
    labels: tuple[str, ...]
    without: bool


Expression = Number | Selector | Comparison | Aggregation


def evaluate(expression: Expression, source: Source) -> float | list[Sample]:
    """The value now: a number for a scalar, samples for a vector."""
    match expression:
        case Number(value):
            return value
        case Selector(matchers):
            return [
                sample
                for sample in source(matchers)
                if all(matcher.holds(sample[0]) for matcher in matchers)
            ]
        case Aggregation():
            return _aggregated(expression, source)
        case Comparison():
            return _compared(expression, source)


def is_scalar(expression: Expression) -> bool:
    """Whether the expression is a number rather than a vector."""
    match expression:
        case Number():
            return True
        case Comparison(left, _, right, _):
            return is_scalar(left) and is_scalar(right)
        case _:
            return False


def _aggregated(expression: Aggregation, source: Source) -> list[Sample]:
    samples = evaluate(expression.inner, source)
    assert isinstance(samples, list)
    groups: dict[tuple[tuple[str, str], ...], list[float]] = {}
    for labels, value in samples:
        kept = tuple(
            (name, text)
            for name, text in sorted(labels.items())
            if (name in expression.labels) != expression.without and name != NAME
        )
        groups.setdefault(kept, []).append(value)
    combine = AGGREGATIONS[expression.name]
    return [(dict(kept), combine(values)) for kept, values in groups.items()]


def _compared(expression: Comparison, source: Source) -> float | list[Sample]:
    left, right = evaluate(expression.left, source), evaluate(expression.right, source)
    holds = COMPARISONS[expression.sign]
    if isinstance(left, float) and isinstance(right, float):
        return float(holds(left, right))
    if isinstance(left, float):
        assert isinstance(right, list)
        judged = [(labels, value, holds(left, value)) for labels, value in right]
    else:
        assert isinstance(right, float)
        judged = [(labels, value, holds(value, right)) for labels, value in left]
    if not expression.as_bool:
        return [(labels, value) for labels, value, kept in judged if kept]
    return [(_nameless(labels), float(kept)) for labels, _, kept in judged]


def _nameless(labels: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if name != NAME}
