"""R11: whatever a person says, at whatever step: the run ends well and names who said what."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from holdfast.workflows.model.recovery import Outcome, StepState
from support.judging import changes
from support.rig import Rig, Started
from support.wounds import Wound

from . import wide
from .crashes import OnRigs
from .findings import Cell, Failed, Found, Lane
from .ground import Ground
from .matrix import STEPS, Words
from .terrain import WIDE, Terrain

PER_KIND = {Lane.COMMIT: 1, Lane.MERGE: 2, Lane.NIGHTLY: len(STEPS), Lane.RELEASE: 2 * len(STEPS)}
WIDE_PER_KIND = {
    Lane.COMMIT: 1,
    Lane.MERGE: 1,
    Lane.NIGHTLY: len(wide.STEPS),
    Lane.RELEASE: len(wide.STEPS),
}
CONTROLS = {Lane.COMMIT: 1, Lane.MERGE: 2, Lane.NIGHTLY: 5, Lane.RELEASE: 10}
REASON = "because of the harness"
QUEUED = "shift-traffic"
"""The last step of each service of the wide estate."""
HELD = 3
GIVEN_BACK_WITHIN_S = 10.0
STILL_S = 0.3
"""How long a paused run is watched for changes that it must not make."""

Broken = list[str]
Scene = Callable[[Rig, Started, str], Awaitable[Broken]]


async def say(rig: Rig, verb: str, *more: str, reason: str = REASON) -> tuple[int, str]:
    """Say something to the recovery by the command line: exit code, and what it answered."""
    arguments = (verb, *more, "--actor", "ana", "--reason", reason)
    done = await asyncio.to_thread(rig.shell.run, *arguments)
    return done.returncode, (done.stdout or done.stderr).strip()


async def _accepted(rig: Rig, verb: str, *more: str) -> Broken:
    code, answer = await say(rig, verb, *more)
    return [] if code == 0 else [f"{verb} ended with {code}: {answer}"]


async def _pause(rig: Rig, started: Started, step: str) -> Broken:
    broken = await _accepted(rig, "pause", started.workflow_id)
    rig.release()
    await rig.follow(started)
    if started.command.returncode != HELD:
        # Nothing was left to start: the run has ended, and there is nothing to resume.
        return broken
    seq = max((entry["seq"] for entry in rig.lab.journal()), default=0)
    await asyncio.sleep(STILL_S)
    moved = changes(rig.lab.journal(seq))
    broken += [f"changed while the run was paused: {change}" for change in moved]
    broken += await _accepted(rig, "resume", started.workflow_id)
    await _watched(rig, started)
    return broken


async def _roll_back(rig: Rig, started: Started, step: str) -> Broken:
    broken = await _accepted(rig, "roll-back", started.workflow_id)
    rig.release()
    await rig.follow(started)
    return broken


async def _unsaid(rig: Rig, started: Started, step: str) -> Broken:
    rig.release()
    await rig.follow(started)
    return []


async def _cancel(rig: Rig, started: Started, step: str) -> Broken:
    await rig.temporal.get_workflow_handle(started.workflow_id).cancel()
    rig.release()
    await rig.follow(started)
    return []


async def _skip(rig: Rig, started: Started, step: str) -> Broken:
    broken = await _accepted(rig, "skip-step", started.workflow_id, step)
    started.skipped = frozenset({step})
    await rig.follow(started)
    return broken


async def _skip_queued(rig: Rig, started: Started, step: str) -> Broken:
    """The last step of the same service, which waits for its turn; its worker gives it back."""
    queued = f"{step.partition('/')[0]}/{QUEUED}"
    broken = await _accepted(rig, "skip-step", started.workflow_id, queued)
    started.skipped = frozenset({queued})
    async with asyncio.timeout(GIVEN_BACK_WITHIN_S):
        while (await _state(rig, started, queued)) is StepState.QUEUED:
            await asyncio.sleep(0.1)
    rig.release()
    await rig.follow(started)
    return broken


async def _state(rig: Rig, started: Started, step: str) -> StepState:
    status = await rig.client.status(started.workflow_id)
    return next(each.state for each in status.steps if f"{each.service}/{each.id}" == step)


async def _retry(rig: Rig, started: Started, step: str) -> Broken:
    await rig.follow(started)
    if started.command.returncode != HELD:
        return [f"a failed step that waits for a person ended with {started.command.returncode}"]
    broken = await _accepted(rig, "retry-step", started.workflow_id, step)
    await _watched(rig, started)
    return broken


async def _wrong(rig: Rig, started: Started, step: str) -> Broken:
    id, broken = started.workflow_id, []
    for code, *arguments in (
        (1, "resume", id),
        (1, "retry-step", id, step),
        (1, "skip-step", id, "nothing/of-the-kind"),
        (1, "pause", f"{id}/nowhere"),
        (2, "skip-step", id),
    ):
        got, answer = await say(rig, *map(str, arguments))
        if got != code or not answer:
            broken.append(f"{arguments} ended with {got}, not {code}: {answer}")
    rig.release()
    await rig.follow(started)
    return broken


async def _replace(rig: Rig, started: Started, step: str) -> Broken:
    deaths = rig.workers[0].deaths
    rig.workers[0].signal(signal.SIGTERM)
    following = asyncio.ensure_future(rig.follow(started))
    while rig.workers[0].deaths == deaths and not following.done():
        await asyncio.sleep(0.02)
    rig.release()
    await following
    return [] if rig.workers[0].deaths > deaths else ["the worker did not end on SIGTERM"]


async def _watched(rig: Rig, started: Started) -> None:
    started.command = rig.shell.start("watch", started.workflow_id, "--json")
    await rig.follow(started)


SCENES: dict[str, tuple[Scene, Outcome, str]] = {
    "pause": (_pause, Outcome.RECOVERED, "ana paused the run: {reason}"),
    "roll-back": (_roll_back, Outcome.ROLLED_BACK, "ana asked for it: {reason}"),
    "cancel": (_cancel, Outcome.ROLLED_BACK, "cancellation asked for it"),
    "skip": (_skip, Outcome.RECOVERED, "ana skips {step}: {reason}"),
    "skip-queued": (_skip_queued, Outcome.RECOVERED, "ana skips {service}/shift-traffic: {reason}"),
    "retry": (_retry, Outcome.RECOVERED, "ana retries {step}: {reason}"),
    "wrong": (_wrong, Outcome.RECOVERED, ""),
    "replace": (_replace, Outcome.RECOVERED, ""),
}
"""What is done while a step waits to be applied, how that ends, and the sentence that names it."""


ON_WIDE = ("pause", "skip-queued", "roll-back", "cancel", "replace", "skip", "retry")
"""What is done while steps share an activity; in the shorter lanes the first one or five."""
WIDE_KINDS = {Lane.COMMIT: 1, Lane.MERGE: 5}


class Operators(OnRigs):
    """R11."""

    name: ClassVar[str] = "R11"
    promise: ClassVar[str] = "a person's word, or a new worker, at any step: ends well, says why"
    control: ClassVar[str] = "the word is never said"

    def cells(self, lane: Lane, seed: int) -> Sequence[Cell]:
        """Each kind at steps spread over the plan."""
        cells: list[Cell] = []
        for number, kind in enumerate(kind for kind in SCENES if kind != "skip-queued"):
            steps = STEPS[number:] + STEPS[:number]
            cells += self.drawn([(kind, step) for step in steps], PER_KIND[lane])
        for number, kind in enumerate(ON_WIDE[: WIDE_KINDS.get(lane)]):
            every: list[Words] = [
                (WIDE.name, kind, step)
                for step in wide.STEPS
                if kind != "skip-queued" or not step.endswith(QUEUED)
            ]
            every = wide.turned(every, seed + number)
            cells += self.drawn(every, min(WIDE_PER_KIND[lane], len(every)))
        untold = [("roll-back", step) for step in STEPS]
        return [*cells, *self.drawn(untold, CONTROLS[lane], control=True)]

    async def run(self, cell: Cell, ground: Ground, slot: int) -> Found:
        """One recovery; at one step, one thing is done."""
        terrain, (kind, step) = wide.ground_of(cell.words)
        rig = await ground.rig(slot, terrain=terrain)
        broken = await _tried(rig, terrain, kind, step, said=not cell.control)
        if cell.control:
            return Found(bit=int(bool(broken)))
        if not broken:
            return Found()
        kept = await self.evidence(ground, slot)
        return Found(failed=(Failed(cell=cell.id, broken=tuple(broken), evidence=kept),))


async def _tried(rig: Rig, terrain: Terrain, kind: str, step: str, *, said: bool) -> Broken:
    scene, outcome, sentence = SCENES[kind]
    wanted = await rig.untroubled(terrain.site)
    fails = kind == "retry"
    wound = Wound(step, "apply", "before", "FAIL" if fails else "WAIT")
    started = rig.begin(terrain.site, wound, holds=step if fails else None)
    if not fails:
        async with asyncio.timeout(30):
            await rig.struck()
    broken = await (scene if said else _unsaid)(rig, started, step)
    run = await rig.finish(started, wanted=wanted)
    broken += run.broken
    ended = run.status.outcome
    # Without a step that others rely on, they may fail, and then all is undone.
    if ended is not outcome and not (kind == "skip" and ended is Outcome.ROLLED_BACK):
        broken.append(f"ended {ended}, not {outcome}: {run.status.sentence}")
    named = sentence.format(step=step, service=step.partition("/")[0], reason=REASON)
    if not any(named in entry.sentence for entry in run.status.log):
        broken.append(f"no sentence of the recovery says '{named}'")
    return broken
