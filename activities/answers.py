"""What a system's refusal means, the same for every system that speaks HTTP.

A room hands over the status and its own words; here it is decided which ActionError that is.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from ..workflows.model.errors import (
    ActionError,
    Conflict,
    InvalidInput,
    NotFound,
    Throttled,
    Unauthorized,
    Unavailable,
)

LONGEST_RETRY_AFTER = timedelta(minutes=5)
MESSAGE_LENGTH_MAX = 500


def refusal(
    status: int,
    *,
    doing: str,
    said: str,
    grant: str,
    missing: str,
    retry_after: str | None = None,
) -> ActionError:
    """The error for an answer that is not a success.

    Args:
        status: the HTTP status.
        doing: what was attempted, and on what.
        said: what the system said; shortened if it is long.
        grant: what to grant, and to whom, when the credential was refused.
        missing: what to check when the resource does not exist.
        retry_after: the answer's Retry-After header.
    """
    wait = parse_retry_after(retry_after)
    text = f"{doing}: {status} {_short(said) or _phrase(status)}"
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return Unauthorized(f"{text}; {grant}")
    if status == HTTPStatus.NOT_FOUND:
        return NotFound(f"{text}; {missing}")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(text, retry_after=wait)
    if status in (HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED):
        return Conflict(text)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return Unavailable(text, retry_after=wait)
    return InvalidInput(f"{text}; correct the step's inputs")


def parse_retry_after(header: str | None) -> timedelta | None:
    """The wait that a Retry-After header asks for: seconds or an HTTP date; None if it is broken.

    At most five minutes: a step has its own deadline, and must be able to say why it missed it.
    """
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_RETRY_AFTER)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    left = until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)
    return min(max(left, timedelta(0)), LONGEST_RETRY_AFTER)


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= MESSAGE_LENGTH_MAX else f"{flat[:MESSAGE_LENGTH_MAX]}…"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "(no message)"


__all__ = ["parse_retry_after", "refusal"]
