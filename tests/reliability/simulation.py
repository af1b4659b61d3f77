"""R4: random plans in random trouble, in a made-up world, by the product's own saga."""

import asyncio
import importlib
import importlib.util
import multiprocessing
import os
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

from support.processes import die_with_parent

from .checking import Property
from .findings import Cell, Failed, Found, Lane
from .ground import Ground

SIZES = {
    Lane.COMMIT: 10_000,
    Lane.MERGE: 20_000,
    Lane.NIGHTLY: 1_000_000,
    Lane.RELEASE: 1_000_000,
}
CHUNK = 2_500
CONTROLS = 1_000
BITE_AT_LEAST = 0.01
MOST_KEPT = 5


class Simulated(Property):
    """R4."""

    name: ClassVar[str] = "R4"
    promise: ClassVar[str] = "random plans in random trouble, simulated: every promise is kept"
    control: ClassVar[str] = "the world does not check tokens"
    must_bite: ClassVar[float] = BITE_AT_LEAST

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    @property
    def side_by_side(self) -> int:  # type: ignore[override]
        """As many as there are cores."""
        return os.cpu_count() or 1

    def cells(self, lane: Lane, seed: int) -> Sequence[Cell]:
        """Ranges of seeds; a failure names its own seed."""
        first = seed * 1_000_000_000
        size = min(CHUNK, SIZES[lane])
        ranges = [
            self.cell(str(start), str(start + size))
            for start in range(first, first + SIZES[lane], size)
        ]
        control = self.cell(str(first), str(first + CONTROLS), control=True)
        return [*ranges, control]

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    async def run(self, cell: Cell, ground: Ground, slot: int) -> Found:
        """Simulate one range of seeds, in a process of its own."""
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(
                self.side_by_side, mp_context=context, initializer=die_with_parent
            )
        first, last = map(int, cell.words)
        loop = asyncio.get_running_loop()
        broken = await loop.run_in_executor(self._pool, broken_runs, first, last, not cell.control)
        if cell.control:
            return Found(runs=last - first, bit=len(broken))
        failed = (
            Failed(
                cell=self.cell(str(seed), str(seed + 1)).id,
                broken=tuple(lines),
                evidence={"seed.txt": f"support.simulator.Simulation({seed}).run()\n"},
            )
            for seed, lines in list(broken.items())[:MOST_KEPT]
        )
        return Found(runs=last - first, failed=tuple(failed))


def broken_runs(first: int, last: int, fenced: bool) -> dict[int, list[str]]:
    """By seed: what a run broke; only of those that broke anything."""
    from support.simulator import Simulation

    judge = _judge()
    found = {}
    for seed in range(first, last):
        try:
            simulation = Simulation(seed, fenced=fenced)
            broken = list(judge(simulation, simulation.run()))
        except Exception:
            broken = [traceback.format_exc()]
        if broken:
            found[seed] = broken
    return found


def _judge() -> Callable[[Any, Any], Sequence[str]]:
    """The promises of a simulated run, wherever the tests keep them."""
    if importlib.util.find_spec("support.simulated_promises"):
        module = importlib.import_module("support.simulated_promises")
    else:
        path = Path(__file__).parent.parent / "workflows" / "saga" / "test_simulated_runs.py"
        spec = importlib.util.spec_from_file_location("simulated_promises", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    judge: Callable[[Any, Any], Sequence[str]] = module.broken_promises
    return judge
