"""kill -9 of the worker in mid-plan: when the work goes on, what it costs, what is done again."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

from bench.holdfast.effects import APPLIED, CALLED, Line, tally
from bench.holdfast.engine import (
    AS_SHIPPED,
    ENDS_WITHIN_S,
    ENGINE,
    SETTLES_WITHIN_S,
    Ended,
    HoldfastBench,
    NotRecovered,
    check_reports,
    counts,
    told,
)
from bench.holdfast.estate import request_of, step_of
from bench.holdfast.supervision import worker_pids
from bench.holdfast.watch import WORKER
from bench.measure import quiet
from bench.plan import BenchPlan
from bench.rows import Row

SCENARIO = "kill"
WITH_STANDBY = f"{AS_SHIPPED}, a worker standing by"
LOOK_EVERY_S, FOLLOW_EVERY_S = 0.002, 0.5
LOADS_WITHIN_S = 4.0
"""How long the next worker may take to stand by before the one at work is killed again."""


async def kill(folder: Path, quick: bool = False) -> AsyncIterator[Row]:
    """S=50, d=200: one kill at half of the effects; restarted from nothing, then from standby."""
    kills = 1 if quick else 3
    for standby in (False, True):
        async with HoldfastBench(folder / f"kill-{standby}", standby=standby) as bench:
            for seed in range(1, kills + 1):
                yield await killed(bench, BenchPlan.make(50, 200, seed), standby=standby)


async def killed(bench: HoldfastBench, plan: BenchPlan, *, standby: bool) -> Row:
    """Kill the worker once half of the plan's effects are made, and follow the plan to its end.

    Raises:
        NotRecovered: the plan did not end as it had to.
    """
    await asyncio.sleep(LOADS_WITHIN_S)
    await asyncio.to_thread(quiet, SETTLES_WITHIN_S)
    bench.effects.read()
    watch, meter = bench.watched()
    with watch, meter:
        began = time.perf_counter()
        ending = asyncio.ensure_future(bench.recover(request_of(plan)))
        lines = await _until_made(bench, plan.steps // 2, ending)
        known = worker_pids()
        async with asyncio.timeout(ENDS_WITHIN_S):
            died_at = await bench.worker.kill()
        while not ending.done():
            await asyncio.wait([ending], timeout=FOLLOW_EVERY_S)
            for pid in set(worker_pids()) - set(known):
                known.append(pid)
                watch.add(WORKER, pid)
                meter.add(pid)
        ended_at = time.time()
        wall_s = time.perf_counter() - began
    lines += bench.effects.read()
    ended = [ending.result()]
    check_reports([plan], ended)
    made_before = [line for line in lines if line.what == APPLIED and line.at <= died_at]
    remaining_s = plan.remaining_path_s([step_of(line.step) for line in made_before])
    histories = await bench.histories(ended)
    return Row.measured(
        engine=ENGINE,
        variant=WITH_STANDBY if standby else AS_SHIPPED,
        scenario=SCENARIO,
        plans=[plan],
        wall_s=wall_s,
        reading=meter.done(),
        events=histories.events,
        details={
            **told([plan], ended, watch, histories),
            **counts(tally(lines)),
            "effects_at_kill": len(made_before),
            "taken_up_after_s": round(_first(lines, CALLED, died_at) - died_at, 3),
            "next_effect_after_s": round(_first(lines, APPLIED, died_at) - died_at, 3),
            "remaining_path_s": round(remaining_s, 3),
            "overhead_s": round(ended_at - died_at - remaining_s, 3),
        },
    )


async def _until_made(
    bench: HoldfastBench, effects: int, ending: "asyncio.Future[Ended]"
) -> list[Line]:
    """Wait until so many effects have been made; every line written meanwhile.

    Raises:
        NotRecovered: the plan ended before.
    """
    lines: list[Line] = []
    made = 0
    while made < effects:
        await asyncio.sleep(LOOK_EVERY_S)
        if ending.done():
            raise NotRecovered(f"it ended after {made} effects: {ending.result().report.sentence}")
        new = bench.effects.read()
        made += sum(line.what == APPLIED for line in new)
        lines += new
    return lines


def _first(lines: list[Line], what: str, after: float) -> float:
    return min(line.at for line in lines if line.what == what and line.at > after)
