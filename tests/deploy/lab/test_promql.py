"""Queries that the lab refuses, each with its place; what it answers is in test_prometheus.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.deploy.lab.promql_parser import BadQuery, parse

WORDS = ["up", "sum", "by", "(", ")", "{", "}", "=", "=~", '"x"', "==", "bool", "1", "-", ",", "["]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("", "unknown position: parse error: no expression found in input"),
        ("up{", "1:4: parse error: unexpected end of input"),
        ("up{site=lyon}", "1:9: parse error: unexpected 'lyon'"),
        ('up{site="(",x=~"("}', "1:16: parse error: error parsing regexp"),
        ("up[5m]", "1:3: parse error: unexpected character: '['"),
        ("up up", "1:4: parse error: unexpected 'up'"),
        ("rate(up)", '1:1: parse error: unknown function with name "rate"'),
        ("sum(1)", "1:4: parse error: expected type instant vector in aggregation expression"),
        ("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("up\n  == up", "2:3: parse error: the lab does not match two vectors"),
        ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("up + 1", "1:4: parse error: unexpected '+'"),
        ("(" * 2000, "1:51: parse error: the lab nests expressions 50 deep at most"),
        ("(up", "1:4: parse error: unexpected end of input"),
    ],
)
def test_a_refusal_says_where_and_what(query: str, error: str) -> None:
    with pytest.raises(BadQuery) as refused:
        parse(query)

    assert str(refused.value).startswith(error)


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join) | st.text(max_size=40))
def test_any_text_is_parsed_or_refused(query: str) -> None:
    refusal = "parse error"
    try:
        parse(query)
    except BadQuery as refused:
        refusal = str(refused)

    assert "parse error" in refusal
