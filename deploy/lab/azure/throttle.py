"""Token buckets for the request limits of Azure Resource Manager.

A bucket holds up to ``capacity`` requests and refills evenly. Reads and writes of a subscription
have a bucket each, as the real limits do; the lab leaves them off unless it is asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import hdrs

from .errors import ArmError

UNLIMITED_READS = 249
"""What the remaining-reads header says while no limit is set: a full bucket less this request."""
UNLIMITED_WRITES = 199
"""The same for writes."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One bucket's size (requests) and refill (requests per second)."""

    capacity: int
    per_second: float


@dataclass(frozen=True, slots=True)
class Throttle:
    """The limits of one subscription; the defaults are Azure's own."""

    reads: Limit = Limit(250, 25)
    writes: Limit = Limit(200, 10)


class Bucket:
    """One token bucket on the clock it is given (seconds)."""

    def __init__(self, limit: Limit, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._clock = clock
        self._level = float(limit.capacity)
        self._at = clock()

    def take(self) -> float:
        """Take one request; answer 0, or the seconds until one would be let through."""
        now = self._clock()
        self._level = min(
            self._limit.capacity, self._level + (now - self._at) * self._limit.per_second
        )
        self._at = now
        if self._level >= 1:
            self._level -= 1
            return 0.0
        return (1 - self._level) / self._limit.per_second

    @property
    def remaining(self) -> int:
        """Whole requests left right after the last :meth:`take`."""
        return int(self._level)


class Gate:
    """Counts each request against its bucket and says what is left."""

    def __init__(self, throttle: Throttle | None, clock: Callable[[], float]) -> None:
        self._throttle = throttle
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Fill both buckets."""
        limits = self._throttle
        self._reads = Bucket(limits.reads, self._clock) if limits else None
        self._writes = Bucket(limits.writes, self._clock) if limits else None

    def pass_through(self, method: str, path: str) -> dict[str, str]:
        """Count one request.

        Returns:
            The header that tells the caller how many requests of this kind are left.

        Raises:
            ArmError: 429 with ``Retry-After`` (whole seconds) when the bucket is empty.
        """
        read = method in {hdrs.METH_GET, hdrs.METH_HEAD}
        bucket = self._reads if read else self._writes
        header = f"x-ms-ratelimit-remaining-subscription-{'reads' if read else 'writes'}"
        if bucket is None:
            return {header: str(UNLIMITED_READS if read else UNLIMITED_WRITES)}
        wait = bucket.take()
        if wait:
            seconds = max(1, math.ceil(wait))
            raise ArmError(
                429,
                "SubscriptionRequestsThrottled",
                f"Number of requests for operation '{method} {path}' exceeded the limit of the "
                f"subscription. Please try again after '{seconds}' seconds.",
                headers={hdrs.RETRY_AFTER: str(seconds), header: "0"},
            )
        return {header: str(bucket.remaining)}
