"""Waiting, by watch, until a workload runs as it should.

What the caller has just written is where the watch begins, so nothing between the two is missed and
nothing is read twice. A newer mark on the workload ends the wait: it belongs to somebody else now.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ...workflows.model.errors import VerificationFailed
from ..action import Call
from ..fencing import judge
from .cluster import Cluster, Expired
from .inputs import WorkloadRef
from .workload import Workload

WATCH_S_MAX = 10
"""A watch whose network was cut in silence is given up after this, and the workload read."""
EMPTY_WATCH_PAUSE_S = 0.25
"""Between watches that end at once, so that a server that has no watch is polled, not flooded."""


async def settle(
    cluster: Cluster,
    ref: WorkloadRef,
    seen: Workload,
    call: Call[Any],
    wanted: int,
    *,
    ready: bool = True,
) -> Workload:
    """Wait until exactly `wanted` replicas are ready; for zero, until all are gone.

    Args:
        cluster: where the workload is.
        ref: the workload.
        seen: its last known state.
        call: its token, and how long to wait.
        wanted: how many replicas.
        ready: False to wait only until surplus replicas are gone.

    Raises:
        FencedOut: a newer token is on the workload.
        NotFound: the workload was deleted.
        VerificationFailed: time is up; the message says how far it came.
        TemporaryError: the cluster does not answer for now.
    """

    def done(workload: Workload) -> bool:
        judge(workload.mark, call.token, ref.resource)
        if not (workload.runs(wanted) if ready else workload.shrunk_to(wanted)):
            call.heartbeat(f"{ref}: {workload.shows(wanted)}")
            return False
        return True

    last = seen
    started = time.monotonic()
    while not done(last):
        last = await _watch(cluster, ref, last, call.remaining, done)
        if not call.remaining() and not done(last):
            raise VerificationFailed(
                f"{ref}: {last.shows(wanted)} after {time.monotonic() - started:.0f} s; look at its"
                f" pods ({ref.kubectl} get pods) and events, then retry the step"
            )
    return last


async def _watch(
    cluster: Cluster,
    ref: WorkloadRef,
    last: Workload,
    remaining: Callable[[], timedelta],
    done: Callable[[Workload], bool],
) -> Workload:
    """The workload when it is done, or its last state when a watch or the time has ended."""
    left, started = remaining().total_seconds(), time.monotonic()
    seconds = max(1, min(int(left / 2), WATCH_S_MAX))
    try:
        async with asyncio.timeout(left):
            try:
                async for seen in cluster.watch(ref, last.version, seconds):
                    last = seen
                    if done(last):
                        return last
            except Expired:
                await asyncio.sleep(EMPTY_WATCH_PAUSE_S)
                return await cluster.read(ref)
            if time.monotonic() - started < EMPTY_WATCH_PAUSE_S:
                await asyncio.sleep(EMPTY_WATCH_PAUSE_S)
    except TimeoutError:
        pass
    return last


__all__ = ["settle"]
