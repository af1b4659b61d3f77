"""What a status means."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from holdfast.activities.answers import parse_retry_after, refusal
from holdfast.workflows.model.errors import Throttled


@pytest.mark.parametrize(
    ("status", "kind", "temporary"),
    [
        (400, "InvalidInput", False),
        (401, "Unauthorized", False),
        (403, "Unauthorized", False),
        (404, "NotFound", False),
        (408, "Unavailable", True),
        (409, "Conflict", False),
        (412, "Conflict", False),
        (422, "InvalidInput", False),
        (429, "Throttled", True),
        (500, "Unavailable", True),
        (503, "Unavailable", True),
        (599, "Unavailable", True),
    ],
)
def test_a_status_has_one_meaning(status: int, kind: str, temporary: bool) -> None:
    error = refusal(status, doing="reading it", said="no", grant="grant it", missing="check it")
    assert (type(error).__name__, error.temporary) == (kind, temporary)
    assert str(error).startswith(f"reading it: {status} no")


def test_a_refusal_tells_how_long_to_wait() -> None:
    error = refusal(429, doing="it", said="", grant="", missing="", retry_after="7")
    assert isinstance(error, Throttled)
    assert error.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("0", timedelta(0)),
        ("7", timedelta(seconds=7)),
        ("9" * 400, timedelta(minutes=5)),
    ],
)
def test_a_wait_is_read_or_left_out(header: str | None, wait: timedelta | None) -> None:
    assert parse_retry_after(header) == wait


def test_a_wait_can_be_a_date() -> None:
    wait = parse_retry_after(
        format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    )
    assert wait is not None
    assert timedelta(seconds=25) < wait <= timedelta(seconds=30)


def test_a_long_message_is_cut() -> None:
    error = refusal(500, doing="it", said="x" * 10_000, grant="", missing="")
    assert len(str(error)) < 600
