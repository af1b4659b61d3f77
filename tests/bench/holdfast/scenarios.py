"""What the product alone is put through: a worker's death, and more of everything."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

from bench.holdfast.engine import HoldfastBench
from bench.holdfast.kill import kill
from bench.holdfast.lab import lab
from bench.plan import BenchPlan
from bench.rows import Row

Scenario = Callable[[Path, bool], AsyncIterator[Row]]
"""Given a folder and whether to be quick: the rows, as they come."""

SITES = 1000
MOST_PLANS = 300
GROWING_SERVICES = (10, 50, 200, 500, 1000)


async def large(folder: Path, quick: bool = False) -> AsyncIterator[Row]:
    """One recovery of ever more services, up to 1,000 with 3,000 steps; then 300 plans at once."""
    async with HoldfastBench(folder / "large") as bench:
        for services in GROWING_SERVICES[: 3 if quick else None]:
            plan = BenchPlan.make(services, 50)
            row = await bench.run([plan], scenario="large")
            overhead_s = round(row.wall_s - row.critical_path_s, 3)
            yield row.model_copy(update={"details": {**row.details, "overhead_s": overhead_s}})
        if not quick:
            plans = [BenchPlan.make(10, 50, seed) for seed in range(1, MOST_PLANS + 1)]
            yield await bench.run(plans, scenario="plans")


async def storm(folder: Path, quick: bool = False) -> AsyncIterator[Row]:
    """A thousand sites lost at once, each an estate of its own of one to three services."""
    sites = SITES // 10 if quick else SITES
    plans = [BenchPlan.make(1 + seed % 3, 50, seed) for seed in range(1, sites + 1)]
    async with HoldfastBench(folder / "storm") as bench:
        yield await bench.run(plans, scenario="storm", trace=True)


SCENARIOS: dict[str, Scenario] = {
    "kill": kill,
    "storm": storm,
    "large": large,
    "lab": lab,
}
