"""A token bucket that knows of urgency and of penalties; it waits for nothing and tells the time
by the clock it is given.

It holds the server's rules as seen from outside: so many requests at once, so many more each
second. The server's own words make it stricter, never more lenient: what it says is left lowers
the level, and a refusal closes the bucket until the time it names, after which a single request
tries.
"""

from collections.abc import Callable
from dataclasses import dataclass

URGENT_TIER = 1
"""Tiers up to this one may use the whole of a bucket."""
RESERVE = 0.2
"""The share of a bucket that is left to the urgent tiers, however many others ask."""
_GRAIN = 1e-9
"""What sums of fractions may be short of a whole request, or of a second."""
TRIAL_S = 1.0
"""A trial that has no answer by then is taken for lost, and another one goes."""


@dataclass(frozen=True)
class Limit:
    """So many requests at once, and so many more each second."""

    capacity: float
    per_second: float

    def __post_init__(self) -> None:
        if self.capacity < 1 or self.per_second <= 0:
            raise ValueError("a limit lets at least one request through, and more each second")

    def part(self, fraction: float) -> "Limit":
        """What a worker may use that has this share of it; never less than one request at once."""
        return Limit(max(self.capacity * fraction, 1.0), self.per_second * fraction)


@dataclass(eq=False, slots=True)
class Permit:
    """One request that was let through; its end is told to the bucket once."""

    at: float
    trial: bool = False
    """It is the one that shows whether the server admits requests again."""


class TokenBucket:
    """The level of one budget."""

    def __init__(self, limit: Limit, clock: Callable[[], float]) -> None:
        """Start full. The clock is monotonic, in seconds."""
        self.limit = limit
        self._clock = clock
        self._level = limit.capacity
        self._at = clock()
        self._outstanding = 0
        self._opens_at: float | None = None
        self._trial: Permit | None = None
        self._reserve = min(RESERVE * limit.capacity, limit.capacity - 1)

    @property
    def level(self) -> float:
        """How many requests it holds now."""
        self._refill(self._clock())
        return self._level

    @property
    def closed(self) -> bool:
        """The server refused, and has not admitted a request since."""
        return self._opens_at is not None

    def take(self, tier: int) -> Permit | None:
        """Let one request of a tier through, if it may go now."""
        now = self._clock()
        self._refill(now)
        if trial := self._opens_at is not None:
            if now < self._next_trial(now) - _GRAIN or self._level < 1 - _GRAIN:
                return None
        elif self._level < self._needed(tier) - _GRAIN:
            return None
        self._level -= 1
        self._outstanding += 1
        permit = Permit(now, trial)
        if trial:
            self._trial = permit
        return permit

    def wait(self, tier: int, ahead: int = 0) -> float:
        """Seconds until `take` may succeed for a tier, once `ahead` others have been let through.

        An estimate where others are ahead or the bucket is closed: nobody knows who comes yet.
        """
        now = self._clock()
        self._refill(now)
        if self._opens_at is not None and not ahead:
            missing, idle = 1 - self._level, self._next_trial(now) - now
        else:
            missing = ahead + self._needed(tier) - self._level
            idle = 0.0
        # While it is closed nothing is refilled; the refill's own time may lie ahead.
        start = max(self._at - now, 0.0)
        return max(start + max(missing, 0.0) / self.limit.per_second, idle, 0.0)

    def give_back(self, permit: Permit) -> None:
        """The request was never sent."""
        self._level = min(self._level + 1, self.limit.capacity)
        self._end(permit)

    def admitted(self, permit: Permit, remaining: float | None = None) -> None:
        """The server took the request; `remaining` is what it says is left to the credential."""
        self._refill(self._clock())
        # A refusal that came meanwhile may have asked for more time.
        if permit is self._trial and permit.at >= (self._opens_at or 0.0) - _GRAIN:
            self._opens_at = None
        self._end(permit)
        if remaining is None:
            return
        # What is under way may be counted already or not. The server rounds down: less than one
        # is no contradiction.
        sure = max(remaining - self._outstanding, 0.0)
        if self._level > sure + 1:
            self._level = sure

    def refused(self, permit: Permit, seconds: float) -> None:
        """The server asks to wait: nothing goes until then, and then one request as a trial.

        All that is known then is that one request is admitted, so the level starts from there.
        """
        now = self._clock()
        self._refill(now)
        opens_at = max(now + max(seconds, 0.0), self._at)
        earned = (opens_at - self._at) * self.limit.per_second
        self._level = min(self._level + earned, 1.0)
        self._opens_at = self._at = opens_at
        self._end(permit)

    def unanswered(self, permit: Permit) -> None:
        """No answer came: nothing is known of the server's budget, and another one has to try."""
        self._end(permit)

    def _end(self, permit: Permit) -> None:
        self._outstanding -= 1
        if permit is self._trial:
            self._trial = None

    def _needed(self, tier: int) -> float:
        return 1 if tier <= URGENT_TIER else 1 + self._reserve

    def _next_trial(self, now: float) -> float:
        opens_at = now if self._opens_at is None else self._opens_at
        return opens_at if self._trial is None else max(opens_at, self._trial.at + TRIAL_S)

    def _refill(self, now: float) -> None:
        if now > self._at:
            earned = (now - self._at) * self.limit.per_second
            self._level = min(self._level + earned, self.limit.capacity)
            self._at = now


__all__ = ["Limit", "Permit", "TokenBucket"]
