"""Parses the lab's part of PromQL.

Anything else, PromQL or not, raises :class:`BadQuery`, placed as Prometheus places it: line and
column.
"""

from __future__ import annotations

import re
from typing import Final

from .promql import (
    AGGREGATIONS,
    COMPARISONS,
    NAME,
    Aggregation,
    Comparison,
    Expression,
    Matcher,
    Number,
    Selector,
    is_scalar,
)

_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<word>[a-zA-Z_:][a-zA-Z0-9_:]*)
    | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    | (?P<sign>=~|!~|==|!=|>=|<=|[=<>(){},+\-])
    )""",
    re.VERBOSE,
)
_DEEPEST: Final = 50
_ESCAPE: Final = re.compile(r"\\(.)")


class BadQuery(Exception):
    """The query is not PromQL, or more of it than the lab understands."""


def parse(query: str) -> Expression:
    """Parse a whole query.

    Raises:
        BadQuery: with the line, the column and what was not understood.
    """
    return _Parser(query).whole()


class _Parser:
    """Recursive descent over the tokens of one query."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._tokens: list[tuple[str, str, int]] = []
        position, end = 0, len(query.rstrip())
        while position < end:
            found = _TOKEN.match(query, position)
            if found is None or found.lastgroup is None:
                start = position + len(query[position:]) - len(query[position:].lstrip())
                raise self._error(start, f"unexpected character: {query[start]!r}")
            self._tokens.append(
                (found.lastgroup, found[found.lastgroup], found.start(found.lastgroup))
            )
            position = found.end()
        self._next = 0
        self._depth = 0

    def whole(self) -> Expression:
        if not self._tokens:
            raise BadQuery("unknown position: parse error: no expression found in input")
        expression = self._comparison()
        if self._next < len(self._tokens):
            raise self._unexpected()
        return expression

    def _comparison(self) -> Expression:
        left = self._operand()
        while self._peek()[1] in COMPARISONS and self._peek()[0] == "sign":
            at, sign = self._peek()[2], self._take()
            as_bool = self._accept("bool")
            right = self._operand()
            if is_scalar(left) and is_scalar(right) and not as_bool:
                raise self._error(at, "comparisons between scalars must use BOOL modifier")
            if not is_scalar(left) and not is_scalar(right):
                raise self._error(at, "the lab does not match two vectors: compare with a number")
            left = Comparison(left, sign, right, as_bool)
        return left

    def _operand(self) -> Expression:
        self._depth += 1
        try:
            return self._nested_operand()
        finally:
            self._depth -= 1

    def _nested_operand(self) -> Expression:
        kind, text, at = self._peek()
        if self._depth > _DEEPEST:
            raise self._error(at, f"the lab nests expressions {_DEEPEST} deep at most")
        if text in {"-", "+"} and kind == "sign":
            self._take()
            number = self._operand()
            if not isinstance(number, Number):
                raise self._error(at, "the lab puts a sign before a number only")
            return Number(-number.value) if text == "-" else number
        if kind == "number" or (kind == "word" and text.lower() in {"inf", "nan"}):
            return Number(float(self._take()))
        if text == "(" and kind == "sign":
            self._take()
            inner = self._comparison()
            self._expect(")")
            return inner
        if text == "{" and kind == "sign":
            return self._selector(None)
        if kind != "word":
            raise self._unexpected()
        if text in AGGREGATIONS and self._peek(1)[1] in {"(", "by", "without"}:
            return self._aggregation()
        self._take()
        if self._peek()[1] == "(":
            raise self._error(at, f'unknown function with name "{text}"')
        return self._selector(text)

    def _selector(self, name: str | None) -> Selector:
        at = self._peek()[2]
        matchers = [] if name is None else [Matcher(NAME, "=", name)]
        if self._accept("{"):
            while not self._accept("}"):
                matchers.append(self._matcher())
                if self._peek()[1] != "}":
                    self._expect(",")
        if all(matcher.accepts("") for matcher in matchers):
            raise self._error(at, "vector selector must contain at least one non-empty matcher")
        return Selector(tuple(matchers))

    def _matcher(self) -> Matcher:
        label = self._take_kind("word")
        if self._peek()[1] not in {"=", "!=", "=~", "!~"}:
            raise self._unexpected()
        sign = self._take()
        at = self._peek()[2]
        value = _ESCAPE.sub(r"\1", self._take_kind("string")[1:-1])
        if sign in {"=~", "!~"}:
            try:
                re.compile(value)
            except re.error as error:
                raise self._error(at, f"error parsing regexp: {error}") from error
        return Matcher(label, sign, value)

    def _aggregation(self) -> Aggregation:
        name = self._take()
        grouping = self._grouping()
        at = self._peek()[2]
        self._expect("(")
        inner = self._comparison()
        self._expect(")")
        if is_scalar(inner):
            raise self._error(
                at,
                "expected type instant vector in aggregation expression, got scalar",
            )
        labels, without = grouping or self._grouping() or ((), False)
        return Aggregation(name, inner, labels, without)

    def _grouping(self) -> tuple[tuple[str, ...], bool] | None:
        word = self._peek()[1]
        if word not in {"by", "without"}:
            return None
        self._take()
        self._expect("(")
        labels: list[str] = []
        while not self._accept(")"):
            labels.append(self._take_kind("word"))
            if self._peek()[1] != ")":
                self._expect(",")
        return tuple(labels), word == "without"

    def _peek(self, ahead: int = 0) -> tuple[str, str, int]:
        index = self._next + ahead
        return self._tokens[index] if index < len(self._tokens) else ("end", "", len(self._query))

    def _take(self) -> str:
        text = self._peek()[1]
        self._next += 1
        return text

    def _take_kind(self, kind: str) -> str:
        if self._peek()[0] != kind:
            raise self._unexpected()
        return self._take()

    def _accept(self, text: str) -> bool:
        if self._peek()[1] != text:
            return False
        self._next += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._unexpected()

    def _unexpected(self) -> BadQuery:
        kind, text, at = self._peek()
        return self._error(
            at, "unexpected end of input" if kind == "end" else f"unexpected {text!r}"
        )

    def _error(self, at: int, what: str) -> BadQuery:
        line = self._query.count("\n", 0, at) + 1
        column = at - (self._query.rfind("\n", 0, at) + 1) + 1
        return BadQuery(f"{line}:{column}: parse error: {what}")
