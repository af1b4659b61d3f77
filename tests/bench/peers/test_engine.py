"""A peer runs as it does in the benchmark: its own process, JSON lines, a row."""

from pathlib import Path

import pytest

from bench.environments import NotMeasured
from bench.peers.catalogue import PEERS, Peer
from bench.peers.engine import PeerBench
from bench.peers.servers import nothing
from bench.plan import BenchPlan


async def test_the_asyncio_floor_runs_tiny_plans_and_its_row_is_true(tmp_path: Path) -> None:
    plans = [BenchPlan.make(services=5, step_ms=4, seed=seed) for seed in (1, 2)]

    async with PeerBench(PEERS["asyncio"], tmp_path) as floor:
        together = await floor.run(plans)
        after_each_other = await floor.run(plans, together=False, scenario="plans")

    assert (together.engine, together.scenario, together.plans) == ("asyncio", "ratio", 2)
    assert (together.services, together.steps, together.events) == (5, 30, None)
    assert together.critical_path_s == pytest.approx(0.06)
    assert together.ratio > 1
    assert after_each_other.wall_s > 2 * together.critical_path_s


async def test_a_peer_whose_program_cannot_start_is_not_measured(tmp_path: Path) -> None:
    absent = Peer("absent", "no_such_program", "none", nothing, None)

    with pytest.raises(NotMeasured, match="No module named"):
        async with PeerBench(absent, tmp_path):
            pass
