"""Where a worker is struck: the cells that pytest samples and the harness runs."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.workflows.model.recovery import Outcome
from support.judging import Run, twice_active
from support.rig import Rig, Started
from support.wounds import Guard, Wound

from .terrain import MANUFACTURER, Terrain

SITE = MANUFACTURER.site
PLAN = MANUFACTURER.plan
STEPS = tuple(step.id for step in PLAN.steps)
MUTATING = tuple(step.id for step in PLAN.steps if not step.run.endswith(".expect"))

KINDS = (
    (" was active at ", "two sites active"),
    ("changed late", "a late change"),
    ("not as it was", "not undone"),
    ("not as an untroubled", "lost"),
    ("ended ", "neither recovered nor rolled back"),
)

OTHERS_DONE_S = 2.5
"""How long the step at which a worker is stopped is held up, so that it does nothing else then."""
SKIPPED_WITHIN_S = 8.0
"""How long the other worker is kept busy, so that it has not begun what a person skips."""

Words = tuple[str, ...]
FORWARD: tuple[Words, ...] = tuple(
    ("forward", step, point) for step in STEPS for point in ("before", "after")
)
"""Killed while it applies each step."""
BACK: tuple[Words, ...] = tuple(
    ("back", step, point) for step in MUTATING for point in ("before", "after")
)
"""Killed while it reverts each step."""
UNKEYED: tuple[Words, ...] = tuple(("undone", step, "after") for step in MUTATING)
"""Killed after each step's effect; then all is to be undone, by workers that left no mark."""
ASLEEP: tuple[Words, ...] = tuple(
    ("asleep", step, point) for step in MUTATING for point in ("before", "between", "after")
)
"""Stopped while it applies each step; wakes up when the site is recovered."""
UNDONE: tuple[Words, ...] = tuple(
    ("undone", step, point) for step in MUTATING for point in ("before", "between")
)
"""Stopped while it applies each step; wakes up when that is undone."""
MOVED: tuple[Words, ...] = tuple(("moved", step, "between") for step in MUTATING)
"""Stopped while it reverts each step; wakes up when a second recovery has moved the service."""


@dataclass(frozen=True)
class Tried:
    """What came of one cell of the matrix."""

    run: Run
    broken: tuple[str, ...]
    struck: bool = True
    """The worker met its wound."""

    @property
    def noticed(self) -> tuple[str, ...]:
        """The kinds of what was broken, once the worker had been struck."""
        if not self.struck:
            return ()
        return tuple({kind for line in self.broken for sign, kind in KINDS if sign in line})


async def kill(rig: Rig, words: Sequence[str], terrain: Terrain = MANUFACTURER) -> Tried:
    """kill -9 at one cell of FORWARD, BACK or UNKEYED."""
    direction, step, point = words
    verb = "revert" if direction == "back" else "apply"
    run = await rig.recover(terrain.site, Wound(step, verb, point), failing=direction != "forward")
    broken = [*_reached(run, words), *run.broken]
    if rig.guard is Guard.FULL:
        broken += _ended(run, forward=direction == "forward")
    return Tried(run, tuple(broken), run.struck)


async def stop(pair: Rig, words: Sequence[str], terrain: Terrain = MANUFACTURER) -> Tried:
    """SIGSTOP at one cell of ASLEEP, UNDONE, MOVED or `wide.SKIPPED`; SIGCONT when all is over."""
    scene, step, point = words
    if scene == "moved":
        return await _stop_and_move(pair, Wound(step, "revert", point, "STOP"), terrain)
    if scene == "skipped":
        return await _stop_and_skip(pair, Wound(step, "apply", point, "STOP"), terrain)
    wound = Wound(step, "apply", point, "STOP")
    run = await pair.recover(terrain.site, wound, failing=scene == "undone")
    broken = [*_reached(run, words), *run.broken, *_twice(run, terrain)]
    if pair.guard is Guard.FULL:
        broken += _ended(run, forward=scene == "asleep")
    return Tried(run, tuple(broken), run.struck)


async def _stop_and_skip(pair: Rig, wound: Wound, terrain: Terrain) -> Tried:
    """The worker that sleeps was handed the skipped step too, and does not hear of the skip."""
    service = wound.step.partition("/")[0]
    then = next(each for each in terrain.plan.services if service in each.depends_on)
    last = [each.id for each in terrain.plan.steps if each.service == then.name][-1]
    refused: list[str] = []

    def delay(name: str, seconds: float) -> None:
        match = {"method": "PATCH", "site": then.target, "path": f"namespaces/{name}/deployments"}
        pair.lab.fault("delay", match, seconds=seconds, times=1)

    async def skip(started: Started) -> None:
        delay(service, OTHERS_DONE_S)
        await pair.struck()
        delay(then.name, SKIPPED_WITHIN_S)
        words = ("skip-step", started.workflow_id, last, "--actor", "ana", "--reason", "it sleeps")
        done = await asyncio.to_thread(pair.shell.run, *words)
        if done.returncode:
            refused.append(f"skip-step ended with {done.returncode}: {done.stderr.strip()}")
        started.skipped = frozenset({last})

    run = await pair.recover(terrain.site, wound, meanwhile=skip)
    broken = [*_reached(run, (str(wound),)), *refused, *run.broken]
    return Tried(run, tuple(broken + _ended(run, forward=True)), run.struck)


async def _stop_and_move(pair: Rig, wound: Wound, terrain: Terrain) -> Tried:
    first = await pair.recover(terrain.site, wound, failing=True, wake=False)
    pair.lab.no_faults()
    second = await pair.recover(terrain.site, fresh=False)
    broken = [*_reached(first, (str(wound),)), *first.broken, *second.broken]
    broken += [*_twice(first, terrain), *_twice(second, terrain)]
    if pair.guard is Guard.FULL:
        broken += [*_ended(first, forward=False), *_ended(second, forward=True)]
    return Tried(second, tuple(broken), first.struck)


def _reached(run: Run, words: Sequence[str]) -> list[str]:
    return [] if run.struck else [f"the point {' '.join(words)} was never reached"]


def _ended(run: Run, *, forward: bool) -> list[str]:
    wanted = Outcome.RECOVERED if forward else Outcome.ROLLED_BACK
    outcome = run.status.outcome
    return [] if outcome is wanted else [f"ended {outcome}, not {wanted}: {run.status.sentence}"]


def _twice(run: Run, terrain: Terrain) -> list[str]:
    return twice_active(terrain.plan, run.before, run.journal)
