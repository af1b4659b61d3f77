"""What a site's own lease proves where the site does not answer.

The site's agent renews a Lease at a witness, and stops the site's services when it could not for
its TTL. So a lease that expired more than its TTL ago, and that nobody renews, proves that the site
serves nobody; a lease that is being renewed proves that it lives, whatever we can reach.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from ...workflows.model.errors import ActionError, NotFound, VerificationFailed
from ..action import Call
from .connections import KubernetesConnections
from .failures import unanswered
from .inputs import LeaseInputs

LOOK_EVERY_S = 1.0
WITNESS_PATIENCE_S, WITNESS_AGAIN_S = 5.0, 0.5
WATCHED_S_MAX = 10.0
"""A lease is watched for half its TTL at the least, but no longer than this: an agent renews every
third of it, so that a witness whose clock runs ahead buries no site that lives."""


class Unreadable(Exception):
    """The lease proves nothing: it is not there, says nothing, or its witness does not answer."""


@dataclass(frozen=True)
class Lease:
    """A site's lease, as its witness tells it."""

    renewed: datetime
    ttl: timedelta
    now: datetime
    """The earlier of the witness's time and ours."""

    @property
    def proves_at(self) -> datetime:
        """From when on it is proof that the site serves nobody."""
        return self.renewed + 2 * self.ttl

    @property
    def age(self) -> timedelta:
        """How long ago it was renewed, by the more careful clock."""
        return self.now - self.renewed


async def await_expiry(
    connections: KubernetesConnections, where: LeaseInputs, call: Call[Any]
) -> Lease:
    """Wait until the lease proves that its site serves nobody; it is changed by nobody meanwhile.

    Raises:
        Unreadable: it proves nothing, now or ever.
        VerificationFailed: it is renewed, so the site lives; or the step's time is up before.
    """
    first = last = await _read_patiently(connections, where)
    loop = asyncio.get_running_loop()
    watched_since = loop.time()
    watch_s = min(first.ttl.total_seconds() / 2, WATCHED_S_MAX)
    while True:
        wait_s = max(
            (last.proves_at - last.now).total_seconds(),
            watched_since + watch_s - loop.time(),
        )
        if wait_s <= 0 and last is not first:
            return last
        if not call.remaining():
            raise VerificationFailed(
                f"{where} was renewed {_seconds(last.age)} s ago, and proves that"
                f" {where.name} serves nobody only when that is {_seconds(2 * last.ttl)} s;"
                " holdfast retry-step looks again",
                needs_person=True,
            )
        call.heartbeat(f"{where}: {max(wait_s, 0):.0f} s until it proves that nobody is served")
        await asyncio.sleep(_pause(wait_s, call.remaining))
        last = await _read_patiently(connections, where)
        if last.renewed != first.renewed:
            raise VerificationFailed(
                f"{where} is being renewed ({last.renewed.isoformat()}): {where.name} lives, though"
                " it does not answer here; mend the network between, or make sure that it serves"
                " nobody, then holdfast retry-step",
                needs_person=True,
            )


def _pause(wait_s: float, remaining: Callable[[], timedelta]) -> float:
    return max(min(wait_s, LOOK_EVERY_S, remaining().total_seconds()), 0.01)


async def _read_patiently(connections: KubernetesConnections, where: LeaseInputs) -> Lease:
    """The lease; a witness that does not answer for a moment is asked again."""
    loop = asyncio.get_running_loop()
    until = loop.time() + WITNESS_PATIENCE_S
    while True:
        try:
            return await _read(connections, where)
        except NotFound:
            raise Unreadable(f"{where} does not exist") from None
        except ActionError as error:
            if not error.temporary or loop.time() >= until:
                raise Unreadable(str(error)) from error
        await asyncio.sleep(WITNESS_AGAIN_S)


async def _read(connections: KubernetesConnections, where: LeaseInputs) -> Lease:
    import aiohttp

    doing = f"reading {where}"

    async def send(api: Any) -> Any:
        from kubernetes.aio import client

        leases: Any = client.CoordinationV1Api(api)
        return await leases.read_namespaced_lease_without_preload_content(
            name=where.name, namespace=where.namespace
        )

    answer = await connections.send(where.context, doing, send)
    try:
        document = await answer.json(content_type=None)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise unanswered(error, where.context, doing) from error
    spec = document.get("spec") or {}
    seconds = spec.get("leaseDurationSeconds")
    renewed = _moment(spec.get("renewTime"))
    if renewed is None or not isinstance(seconds, int) or seconds <= 0:
        raise Unreadable(f"{where} does not say when it was renewed, and for how long")
    now = datetime.now(UTC)
    return Lease(renewed, timedelta(seconds=seconds), min(now, _dated(answer.headers, now)))


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None


def _dated(headers: Any, otherwise: datetime) -> datetime:
    try:
        dated = parsedate_to_datetime(headers.get("Date", ""))
    except ValueError:
        return otherwise
    return dated if dated.tzinfo else dated.replace(tzinfo=UTC)


def _seconds(time: timedelta) -> str:
    return f"{max(time.total_seconds(), 0):.0f}"


__all__ = ["Lease", "Unreadable", "await_expiry"]
