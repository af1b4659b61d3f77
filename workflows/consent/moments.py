"""Moments as people read them."""

from datetime import UTC, datetime


def moment(at: datetime, *, seen_from: datetime) -> str:
    """A time of day, `04:12:07 UTC`; with its date where that is another one than `seen_from`'s."""
    shown, today = at.astimezone(UTC), seen_from.astimezone(UTC).date()
    return f"{shown:%H:%M:%S} UTC" if shown.date() == today else f"{shown:%Y-%m-%d %H:%M:%S} UTC"
