"""The request budgets of the systems, shared by all runs of a worker process.

One budget per system, credential, scope and kind of request. Who has to wait is served by tier, the
most critical first, and within a tier in the order of asking. A server that refuses one request
closes the budget for everybody until the time it names.

Written by hand because of what libraries for rate limits leave out: aiolimiter and pyrate-limiter
know no urgency, no reserve, and no penalty that holds for all who wait.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from http import HTTPStatus
from types import TracebackType

from ..workflows.model.errors import Throttled
from .answers import parse_retry_after
from .token_bucket import Limit, Permit, TokenBucket
from .urgency import LOWEST_TIER, tier_now, urgency_now

PENALTY = timedelta(seconds=1)
"""Of a refusal that does not say how long."""
MARGIN = 0.05
"""What a worker leaves of a bucket's size: the server counts a request when it arrives, a little
after the worker has."""


class Kind(StrEnum):
    """What a request does; systems count these apart."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"

    @classmethod
    def of(cls, method: str) -> "Kind":
        """The kind of an HTTP method."""
        match method.upper():
            case "GET" | "HEAD" | "OPTIONS":
                return cls.READ
            case "DELETE":
                return cls.DELETE
        return cls.WRITE


class Budget:
    """One budget: its bucket, and who waits for it. It belongs to one event loop at a time."""

    def __init__(
        self, name: str, limit: Limit, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start full.

        Args:
            name: what it is the budget of, for messages.
            limit: what the server admits to this worker.
            clock: monotonic, in seconds.
        """
        self.name = name
        self._bucket = TokenBucket(limit, clock)
        self._waiting: tuple[dict[asyncio.Future[Permit], None], ...] = tuple(
            {} for _ in range(LOWEST_TIER + 1)
        )
        self._timer: asyncio.TimerHandle | None = None
        """Set as long as anybody waits."""

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return sum(map(len, self._waiting))

    @property
    def level(self) -> float:
        """How many requests could go at once."""
        return self._bucket.level

    def request(self) -> "Request":
        """One request: `async with budget.request() as heard`, then tell `heard` the answer.

        Raises:
            Throttled: on entering, if its turn would come after the time that whoever sends has
                left.
        """
        return Request(self)

    async def admit(self) -> Permit:
        """Wait for the turn of whoever sends now.

        Raises:
            Throttled: it would come too late; says how many are ahead.
        """
        tier = tier_now()
        if self._timer is None or not any(self._waiting[: tier + 1]):
            permit = self._bucket.take(tier)
            if permit is not None:
                return permit
        return await self._queue(tier)

    def answered(
        self,
        permit: Permit,
        status: int,
        retry_after: str | None = None,
        remaining: float | None = None,
    ) -> None:
        """Learn from an answer.

        Args:
            permit: what its request was admitted by.
            status: its HTTP status.
            retry_after: its Retry-After header.
            remaining: what it says is left of the server's budget.
        """
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            wait = parse_retry_after(retry_after)
            self._bucket.refused(permit, (PENALTY if wait is None else wait).total_seconds())
        else:
            self._bucket.admitted(permit, remaining)
        if self._timer is not None:
            self._serve()

    def unanswered(self, permit: Permit) -> None:
        """The request has ended without an answer."""
        self._bucket.unanswered(permit)
        if self._timer is not None:
            self._serve()

    async def _queue(self, tier: int) -> Permit:
        ahead = sum(map(len, self._waiting[: tier + 1]))
        urgency = urgency_now()
        left = urgency.remaining().total_seconds() if urgency.remaining else None
        expected = self._bucket.wait(tier, ahead)
        if left is not None and expected > left:
            raise self._too_late(tier, ahead, expected, left)
        if urgency.say is not None:
            urgency.say(f"waits for {self.name}: {ahead} requests ahead, some {expected:.0f} s")
        turn: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        self._waiting[tier][turn] = None
        self._serve()
        try:
            async with asyncio.timeout(left):
                return await turn
        except TimeoutError:
            self._leave(tier, turn)
            ahead = sum(map(len, self._waiting[: tier + 1]))
            raise self._too_late(tier, ahead, self._bucket.wait(tier, ahead), 0.0) from None
        except BaseException:
            self._leave(tier, turn)
            raise

    def _too_late(self, tier: int, ahead: int, expected: float, left: float) -> Throttled:
        why = "the system asked to wait" if self._bucket.closed else "its request limit is spent"
        return Throttled(
            f"{self.name}: {why}, and {ahead} requests of tier {tier} or more critical are ahead;"
            f" the turn would come in some {expected:.0f} s and the step has {left:.0f} s left;"
            " nothing was sent. Give the step more time, or let fewer recoveries run at once",
            retry_after=timedelta(seconds=expected),
        )

    def _leave(self, tier: int, turn: asyncio.Future[Permit]) -> None:
        if self._waiting[tier].pop(turn, turn) is None:
            turn.cancel()
        elif turn.done() and not turn.cancelled():
            self._bucket.give_back(turn.result())
        self._serve()

    def _serve(self) -> None:
        """Let go who may go now, and wake up when the next one may."""
        for tier, turns in enumerate(self._waiting):
            while turns:
                turn = next(iter(turns))
                if turn.done():
                    del turns[turn]
                    continue
                permit = self._bucket.take(tier)
                if permit is None:
                    # A less critical tier needs at least as much.
                    self._wake_in(self._bucket.wait(tier))
                    return
                del turns[turn]
                turn.set_result(permit)
        self._wake_in(None)

    def _wake_in(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._serve)


class Request:
    """One request while it is sent; one that ends untold is taken for unanswered."""

    __slots__ = ("_budget", "_permit")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._permit: Permit | None = None

    async def __aenter__(self) -> Callable[..., None]:
        self._permit = await self._budget.admit()
        return self._heard

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._permit is not None:
            self._budget.unanswered(self._permit)

    def _heard(
        self, status: int, retry_after: str | None = None, remaining: float | None = None
    ) -> None:
        permit, self._permit = self._permit, None
        if permit is not None:
            self._budget.answered(permit, status, retry_after, remaining)


class Budgets:
    """All budgets of a worker process."""

    def __init__(self, share: float = 1.0) -> None:
        """Open no budget yet.

        Args:
            share: this worker's part of every budget; 0.33 where three share a credential.
        """
        if not 0 < share <= 1:
            raise ValueError("a share is more than 0 and at most 1")
        self._share = share
        self._open: dict[tuple[str, str, str], dict[Kind, Budget]] = {}

    def of(
        self, system: str, credential: str, scope: str, limits: Mapping[Kind, Limit]
    ) -> Mapping[Kind, Budget]:
        """The budgets of a credential in a scope: the same ones to everybody who asks.

        Args:
            system: whose limits they are, for messages.
            credential: names who is counted; holds no secret.
            scope: a subscription, a cluster.
            limits: the server's, by kind.
        """
        key = (system, credential, scope)
        if key not in self._open:
            self._open[key] = {
                kind: Budget(f"the {kind} budget of {system} {scope}", self._mine(limit))
                for kind, limit in limits.items()
            }
        return self._open[key]

    def _mine(self, limit: Limit) -> Limit:
        size = max(limit.capacity * (1 - MARGIN), 1.0)
        return Limit(size, limit.per_second).part(self._share)


__all__ = ["Budget", "Budgets", "Kind"]
