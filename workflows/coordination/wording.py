"""How times and lists are said in the sentences of a coordinator."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ..model.scalars import format_duration


def clock(at: datetime, now: datetime) -> str:
    """A time of day; with the day, if that is not today."""
    return f"{at:%H:%M:%S} UTC" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def ago(span: timedelta) -> str:
    """How long ago, in its two greatest units."""
    seconds = max(int(span.total_seconds()), 0)
    for unit in (86_400, 3_600, 60):
        if seconds >= unit:
            smaller = {86_400: 3_600, 3_600: 60, 60: 1}[unit]
            if seconds >= 10 * unit:
                smaller = unit
            seconds -= seconds % smaller
            break
    return f"{format_duration(timedelta(seconds=seconds))} ago"


def listed(names: Sequence[str], most: int = 4) -> str:
    """`a, b and c`; of many, the first ones and how many more."""
    shown = list(names[:most])
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1]))) if shown else "nothing"
