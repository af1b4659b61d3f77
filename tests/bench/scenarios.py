"""Which work each engine gets, in which order, and what is said where it cannot be measured."""

import asyncio
import importlib
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bench.peers.catalogue import PEERS
from bench.peers.engine import PeerBench
from bench.plan import SIGMA, BenchPlan
from bench.rows import Note, Row

HOLDFAST = "holdfast"
ENGINES = (HOLDFAST, *PEERS)
SHARED = ("ratio", "plans", "kill", "realistic")
OWN = ("storm", "large", "lab")
"""Scenarios of Holdfast alone."""
SCENARIOS = (*SHARED, *OWN)

SIZES = ((10, 50), (10, 200), (50, 200), (200, 50), (200, 200))
QUICK_SIZES = ((10, 50), (200, 200))
HEAVY_SIZES = ((10, 50), (10, 200), (50, 200))
"""Sizes for engines that need minutes for the larger ones."""
COUNTS = (1, 10, 100)
HEAVY_COUNTS = (1, 10)
QUICK_COUNTS = (10,)
REALISTIC_MEDIAN_MS = 2000
TOO_SLOW = "it would take minutes"

Found = Row | Note


class Bench(Protocol):
    """An engine that is up."""

    async def run(
        self, plans: Sequence[BenchPlan], together: bool = True, *, scenario: str = "ratio"
    ) -> Row:
        """Run plans and say what it took."""


@dataclass(frozen=True)
class Run:
    """What was asked for."""

    engines: tuple[str, ...]
    scenarios: tuple[str, ...]
    seed: int
    """Every engine of a run gets the same plans."""
    quick: bool
    folder: Path
    """Where servers keep their state and logs. What went well is removed."""


async def perform(run: Run, say: Callable[[str], None]) -> AsyncIterator[Found]:
    """Run everything asked for, one engine after another; rows and notes as they come."""
    for name in run.engines:
        say(f"{name}: starting")
        async for found in _one_engine(run, name, say):
            yield found
    if "realistic" in run.scenarios and not run.quick:
        say("realistic durations: all engines side by side")
        async for found in _realistic(run):
            yield found
    if HOLDFAST in run.engines:
        for scenario in OWN:
            if scenario in run.scenarios:
                say(f"{HOLDFAST}: {scenario}")
                async for found in _own(run, scenario):
                    yield found


async def _one_engine(run: Run, name: str, say: Callable[[str], None]) -> AsyncIterator[Found]:
    folder = run.folder / name
    scenario = "start"
    try:
        if {"ratio", "plans"} & set(run.scenarios) or (name != HOLDFAST and _is_killed(run, name)):
            async with _opened(name, folder) as engine:
                for scenario, plans in _work(run, name):
                    say(f"{name}: {scenario}, {len(plans)} plans of S={len(plans[0].services)}")
                    yield await engine.run(plans, scenario=scenario)
                if isinstance(engine, PeerBench) and _is_killed(run, name):
                    scenario = "kill"
                    say(f"{name}: kill -9")
                    yield await _killed(run, name, engine)
        if name == HOLDFAST and _is_killed(run, name):
            scenario = "kill"
            say(f"{name}: kill -9")
            async for row in _holdfast("scenarios").SCENARIOS["kill"](folder / "kill", run.quick):
                yield row
    except Exception as failure:
        yield Note(engine=name, scenario=scenario, why=_why(failure))
    else:
        shutil.rmtree(folder, ignore_errors=True)
    if _heavy(name) and {"ratio", "plans"} & set(run.scenarios):
        yield Note(engine=name, scenario="S=200 and 100 plans", why=TOO_SLOW)


async def _killed(run: Run, name: str, engine: PeerBench) -> Found:
    if run.quick and (why := PEERS[name].slow_kill):
        return Note(engine=name, scenario="kill", why=why)
    return await engine.kill(BenchPlan.make(50, 200, run.seed))


def _work(run: Run, name: str) -> list[tuple[str, list[BenchPlan]]]:
    work: list[tuple[str, list[BenchPlan]]] = []
    sizes: tuple[tuple[int, int], ...] = QUICK_SIZES if run.quick else SIZES
    counts: tuple[int, ...] = QUICK_COUNTS if run.quick else COUNTS
    if _heavy(name):
        sizes = tuple(size for size in sizes if size in HEAVY_SIZES)
        counts = () if run.quick else HEAVY_COUNTS
    if "ratio" in run.scenarios:
        work += [("ratio", [BenchPlan.make(*size, seed=run.seed)]) for size in sizes]
    if "plans" in run.scenarios:
        work += [("plans", _many(count, run.seed)) for count in counts]
    return work


def _many(count: int, seed: int) -> list[BenchPlan]:
    return [BenchPlan.make(10, 50, 1000 * seed + number) for number in range(count)]


async def _realistic(run: Run) -> AsyncIterator[Found]:
    """A plan of a minute and a half on all engines at once: they leave most of the machine idle."""
    plan = BenchPlan.make(200, REALISTIC_MEDIAN_MS, run.seed, SIGMA)
    gone: list[Path] = []
    async with AsyncExitStack() as up:
        running: dict[asyncio.Task[Row], str] = {}
        for name in run.engines:
            if _heavy(name):
                yield Note(engine=name, scenario="realistic", why=TOO_SLOW)
                continue
            try:
                engine = await up.enter_async_context(_opened(name, _realistic_folder(run, name)))
            except Exception as failure:
                yield Note(engine=name, scenario="realistic", why=_why(failure))
                continue
            running[asyncio.create_task(engine.run([plan], scenario="realistic"))] = name
        if running:
            await asyncio.wait(running)
        for task, name in running.items():
            broken = task.exception()
            if broken is None:
                yield task.result()
                gone.append(_realistic_folder(run, name))
            else:
                yield Note(engine=name, scenario="realistic", why=_why(broken))
    for folder in gone:
        shutil.rmtree(folder, ignore_errors=True)


def _realistic_folder(run: Run, name: str) -> Path:
    return run.folder / f"{name}-realistic"


async def _own(run: Run, scenario: str) -> AsyncIterator[Found]:
    folder = run.folder / scenario
    try:
        async for row in _holdfast("scenarios").SCENARIOS[scenario](folder, run.quick):
            yield row
    except Exception as failure:
        yield Note(engine=HOLDFAST, scenario=scenario, why=_why(failure))
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _opened(name: str, folder: Path) -> AbstractAsyncContextManager[Bench]:
    if name != HOLDFAST:
        return PeerBench(PEERS[name], folder)
    opened: AbstractAsyncContextManager[Bench] = _holdfast("engine").HoldfastBench(folder)
    return opened


def _holdfast(module: str) -> Any:
    """Imported when it is needed: peers run without it."""
    return importlib.import_module(f"bench.holdfast.{module}")


def _is_killed(run: Run, name: str) -> bool:
    return "kill" in run.scenarios and (name == HOLDFAST or PEERS[name].durable)


def _heavy(name: str) -> bool:
    return name != HOLDFAST and not PEERS[name].light


def _why(failure: BaseException) -> str:
    text = str(failure).strip().splitlines()
    return text[0] if text else type(failure).__name__
