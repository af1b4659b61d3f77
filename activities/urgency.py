"""For whom a request is sent: how critical it is, how long it may wait, whom to tell.

It travels beside the call and not through it, so that an action need not know that budgets exist.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity

LOWEST_TIER = 4
"""Less critical tiers are served with this one."""
USUAL_TIER = 2
"""Of what has no priority; Temporal's default is the same place, the middle of its five."""


@dataclass(frozen=True)
class Urgency:
    """What is known of whoever sends."""

    tier: int | None = None
    remaining: Callable[[], timedelta] | None = None
    """How long it may still wait; None for as long as it takes."""
    say: Callable[[str], None] | None = None
    """Tells whoever looks at the step what it waits for."""


_NOW: ContextVar[Urgency] = ContextVar("urgency", default=Urgency())  # noqa: B039 it is frozen


@contextmanager
def asking(
    *,
    tier: int | None = None,
    remaining: Callable[[], timedelta] | None = None,
    say: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Send what is sent inside for somebody; what is not given stays as it was outside."""
    outside = _NOW.get()
    token = _NOW.set(
        Urgency(
            outside.tier if tier is None else tier,
            remaining or outside.remaining,
            say or outside.say,
        )
    )
    try:
        yield
    finally:
        _NOW.reset(token)


def urgency_now() -> Urgency:
    """For whom a request is sent that is sent now."""
    return _NOW.get()


def tier_now() -> int:
    """How critical it is, 0 to 4: as `asking` was told, or the activity's priority less one."""
    tier = _NOW.get().tier
    if tier is None and activity.in_activity():
        key = activity.info().priority.priority_key
        tier = None if key is None else key - 1
    return USUAL_TIER if tier is None else min(max(tier, 0), LOWEST_TIER)


__all__ = ["LOWEST_TIER", "USUAL_TIER", "asking", "tier_now", "urgency_now"]
