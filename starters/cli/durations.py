"""Times as people read them."""

from datetime import timedelta

from ...workflows.model.scalars import format_duration


def taken(seconds: float | None) -> str:
    """Something measured: `4.8 s`, `42 s`, `2 min 05 s`."""
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s"


def allowed(seconds: float | None) -> str:
    """An objective, as it is written in the estate: `15m`."""
    return format_duration(timedelta(seconds=seconds)) if seconds is not None else "none"
