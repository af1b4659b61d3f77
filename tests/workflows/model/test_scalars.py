"""Durations and quantities are read as written, and nothing else is."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.workflows.model.scalars import (
    LONGEST_DURATION,
    format_duration,
    parse_duration,
    parse_quantity,
    quantity_value,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15m", 900),
        ("1h30m", 5400),
        ("90s", 90),
        ("250ms", 0.25),
        ("2d", 172_800),
        ("1m5ms", 60.005),
    ],
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", "15", "m", "15 m", "-5m", "1.5h", "5m1h", "5M", "P1D", "٣m", "1" * 40 + "s", 5, None],
)
def test_what_is_no_duration_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match="write it like 30s, 15m or 1h30m"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["366d", "9999999999h", "365d1ms"])
def test_a_duration_of_more_than_a_year_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="more than a year"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["0s", "0m0s"])
def test_a_duration_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="zero"):
        parse_duration(text)


@given(st.timedeltas(min_value=timedelta(milliseconds=1), max_value=LONGEST_DURATION))
def test_a_duration_written_is_read_back_to_the_millisecond(value: timedelta) -> None:
    millis = timedelta(milliseconds=round(value.total_seconds() * 1000))

    assert parse_duration(format_duration(value)) == millis


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("8", Decimal(8)),
        ("500m", Decimal("0.5")),
        ("256Gi", Decimal(256) * 2**30),
        ("2k", Decimal(2000)),
        (".5", Decimal("0.5")),
        (64, Decimal(64)),
        (0.5, Decimal("0.5")),
    ],
)
def test_a_quantity_stands_for_its_number(written: object, value: Decimal) -> None:
    assert quantity_value(parse_quantity(written)) == value


@pytest.mark.parametrize(
    "written", ["", "-1", "1 Gi", "1gi", "Gi", True, False, None, [], "1" * 40, -3]
)
def test_what_is_no_quantity_is_refused_with_an_example(written: object) -> None:
    with pytest.raises(ValueError, match="write it like 8, 500m or 256Gi"):
        parse_quantity(written)
