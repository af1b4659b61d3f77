"""R15: a lost site that comes back finds the newer epoch, and stays standby."""

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from holdfast.workflows.model.recovery import RecoveryStatus, StepState
from support.activity_oracle import violations
from support.invariants import gone_back, repeated, untrue
from support.processes import Lab, lab_server
from support.scene import REAL, Scene
from support.writer import Writer

from .checking import Property
from .findings import Cell, Failed, Found, Lane
from .ground import Ground
from .planned import SITE, STATEFUL
from .terrain import EXAMPLE, MANUFACTURER

FORGETFUL = "support.forgetful_worker"
STANDBY_WITHIN_S = 30.0
STAYS_FOR_S = 2.0
"""How long a site on standby is looked at, to see that nothing is done to it any more."""
MOMENTS = ("middle", "window", "ended", "undone")
HOWS = ("refuse", "hang")
EFFECTS = 10
"""In the middle: it comes back after so many changes at the latest."""
SIZES = {Lane.COMMIT: 1, Lane.MERGE: 8, Lane.NIGHTLY: 48, Lane.RELEASE: 96}
CONTROLS = {Lane.COMMIT: 1, Lane.MERGE: 2, Lane.NIGHTLY: 4, Lane.RELEASE: 8}


class Returning(Property):
    """R15."""

    name: ClassVar[str] = "R15"
    promise: ClassVar[str] = "a site that returns, in the middle or after the end, stays standby"
    control: ClassVar[str] = "nobody notices that it is back"
    side_by_side: ClassVar[int] = 2

    def cells(self, lane: Lane, seed: int) -> Sequence[Cell]:
        """Back in the middle, in the commit window, after the end; and taken back thereafter."""
        every = [(moment, how) for how in HOWS for moment in MOMENTS]
        tried = [
            self.cell(*every[number % len(every)], str(seed + number))
            for number in range(SIZES[lane])
        ]
        controls = [
            self.cell(MOMENTS[1 + number % 2], "refuse", str(seed), control=True)
            for number in range(CONTROLS[lane])
        ]
        return [*tried, *controls]

    async def run(self, cell: Cell, ground: Ground, slot: int) -> Found:
        """Lose the plant, recover it, and bring it back."""
        moment, how, seed = cell.words
        room = ground.room("returning")
        module = FORGETFUL if cell.control else REAL
        with lab_server(EXAMPLE, room, "--ready-after-ms", "200") as lab:
            document = returning_estate(window=moment in ("window", "undone"))
            scene = Scene(ground.address, lab, room, document, module=module)
            async with scene.playing(1):
                within = 10.0 if cell.control else STANDBY_WITHIN_S
                back = await come_back(scene, moment, how, random.Random(int(seed)), within)
                if cell.control:
                    return Found(bit=int(back.runs_on), noticed=("it runs on",) * back.runs_on)
                failed: tuple[Failed, ...] = ()
                if back.broken:
                    kept = await scene.evidence()
                    failed = (Failed(cell=cell.id, broken=tuple(back.broken), evidence=kept),)
                return Found(failed=failed, measured={"on_standby_after_s": tuple(back.took_s)})


class Back:
    """What came of a return."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.took_s: list[float] = []
        self.runs_on = False


def returning_estate(*, window: bool) -> dict[str, Any]:
    """The manufacturer, with nobody to ask, and with a commit window or none."""
    commit = {"commit": {"window": "10m", "on_timeout": "commit"}} if window else {}
    return {**MANUFACTURER.document, "policy": commit}


async def come_back(
    scene: Scene, moment: str, how: str, chance: random.Random, within_s: float = STANDBY_WITHIN_S
) -> Back:
    """Lose the plant, recover it, bring it back at that moment, and look at what it runs."""
    back = Back()
    with _writing(scene.lab) as writers:
        for writer in writers.values():
            await asyncio.to_thread(writer.more, 3, at=SITE)
        scene.lose(SITE, how)
        await scene.asked("recover", "--site", SITE, "--reason", "lost")
        if moment == "middle":
            after = chance.randint(1, EFFECTS)
            await scene.until(
                lambda: sum(entry["applied"] for entry in scene.journal) >= after,
                f"{after} changes are made",
            )
        else:
            phase = "recovered" if moment == "ended" else "commit_window"
            await scene.until(lambda: _is_in(scene, phase), phase)
        scene.bring_back(SITE)
        if not await _stands_by(scene, back, within_s):
            back.runs_on = True
            return back
        at = scene.last_seq()
        if moment == "window":
            await scene.said("commit", scene.recovery(SITE), "--reason", "seen", "--actor", "ana")
        elif moment == "undone":
            await scene.said("roll-back", scene.recovery(SITE), "--reason", "no", "--actor", "ana")
        await scene.until(lambda: _over(scene), "the recovery has ended")
        await _nothing_is_owed(scene)
        [status] = await scene.recoveries()
        # Not a wait for anything: whatever still wants to change the site has this long.
        await asyncio.sleep(STAYS_FOR_S)
        homes = {each.name: each.target for each in status.services}
        for name, writer in writers.items():
            await asyncio.to_thread(
                writer.more, 3, at=SITE if moment == "undone" else homes.get(name, SITE)
            )
            writer.stop()
    back.broken += _judged(scene, status, moment, at)
    for name, writer in writers.items():
        went = [SITE, homes[name], *((SITE,) if moment == "undone" else ())]
        if writer.sites != went:
            back.broken.append(f"{name} took records at {', '.join(writer.sites)}")
    return back


def _judged(scene: Scene, status: RecoveryStatus, moment: str, at: int) -> Iterator[str]:
    journal, world = scene.journal, scene.lab.world()
    yield from gone_back(journal)
    yield from repeated(journal)
    yield from untrue(status.run_id, status.log, journal)
    for each in violations(
        scene.before, journal, services=STATEFUL, reached=scene.reached, served=True
    ):
        yield f"#{each.seq}: {each.service} was led to at {', '.join(each.sites)}"
    wanted = "rolled_back" if moment == "undone" else "recovered"
    if status.outcome != wanted:
        yield f"ended {status.outcome}: {status.sentence}"
    if moment == "undone":
        if world != scene.before:
            yield "taken back after a late fence, but the world is not as it was"
        return
    yield from (
        f"#{entry['seq']} {entry['key']} changed {SITE} after it was on standby"
        for entry in journal
        if entry["applied"] and entry["site"] == SITE and entry["seq"] > at
    )
    for service in status.services:
        if scene.replicas(SITE).get(service.name):
            yield f"{service.name} runs at {SITE} again"
    last = {e["path"]: e for e in journal if e["applied"] and e["site"] == SITE}
    if len(last) != len(status.services):
        yield f"{len(last)} of {len(status.services)} services were fenced at {SITE}"
    for entry in last.values():
        annotations: Mapping[str, str] = entry["after"]["metadata"]["annotations"]
        if entry["epoch"] != status.epoch or not annotations.get("holdfast.dev/fenced"):
            yield f"{entry['path']} at {SITE} carries epoch {entry['epoch']}, not {status.epoch}"


async def _stands_by(scene: Scene, back: Back, within_s: float) -> bool:
    """Wait until every service that was moved is at zero where it was; retry what is held."""

    async def at_zero() -> bool:
        status = await scene.client.status(scene.recovery(SITE))
        await _retried(scene, status)
        done = status.phase in ("recovered", "commit_window")
        return done and not any(scene.replicas(SITE).values())

    try:
        back.took_s.append(await scene.until(at_zero, f"{SITE} is on standby", within_s))
    except Exception as error:
        back.broken.append(f"{error}; it runs {scene.replicas(SITE)}")
        return False
    return True


async def _retried(scene: Scene, status: RecoveryStatus) -> None:
    """A person retries what is held because the site came back while it was to be fenced."""
    for step in status.steps:
        if step.state is StepState.HELD:
            await scene.client.retry_step(
                status.workflow_id, f"{step.service}/{step.id}", actor="ana", reason="it is back"
            )


async def _nothing_is_owed(scene: Scene) -> None:
    async def settled() -> bool:
        running = [id for id, _, runs in await scene.runs("StandbyGuard") if runs]
        return not running and not (await scene.state()).unfenced

    await scene.until(settled, "no fence is owed any more")


async def _is_in(scene: Scene, phase: str) -> bool:
    return (await scene.client.status(scene.recovery(SITE))).phase == phase


async def _over(scene: Scene) -> bool:
    return (await scene.client.status(scene.recovery(SITE))).ended_at is not None


@contextmanager
def _writing(lab: Lab) -> Iterator[dict[str, Writer]]:
    writers = {service: Writer(lab, service, per_second=10) for service in STATEFUL}
    for writer in writers.values():
        writer.start()
    try:
        yield writers
    finally:
        for writer in writers.values():
            writer.stop()
