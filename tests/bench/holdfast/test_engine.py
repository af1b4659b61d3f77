"""The product's own benchmark tells the truth about small plans."""

from pathlib import Path

from bench.holdfast.engine import HoldfastBench
from bench.plan import BenchPlan


async def test_a_tiny_plan_recovers_and_its_row_is_true(tmp_path: Path) -> None:
    plans = [BenchPlan.make(services=5, step_ms=1, seed=seed) for seed in (1, 2)]

    async with HoldfastBench(tmp_path) as bench:
        row = await bench.run(plans, scenario="test")

    assert (row.engine, row.scenario) == ("holdfast", "test")
    assert (row.plans, row.services, row.steps) == (2, 5, 30)
    assert row.critical_path_s == plans[0].critical_path_s
    assert row.wall_s > row.critical_path_s
    assert row.cpu_s > 0
    assert row.events is not None
    assert row.events > 0
    assert row.details["effects_twice"] == 0
    assert row.details["called_again"] == 0
