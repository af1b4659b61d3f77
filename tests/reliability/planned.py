"""R14: a planned move loses no record that was acknowledged, and says how long nobody took any."""

import asyncio
import copy
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import httpx

from support.activity_oracle import violations
from support.processes import Lab, lab_server
from support.scene import NotSo, Scene
from support.writer import Writer

from .checking import Property
from .findings import Cell, Failed, Found, Lane
from .ground import Ground
from .terrain import EXAMPLE, MANUFACTURER

STATEFUL = ("message-bus", "historian")
SITE = MANUFACTURER.site
LAG_MS = 800
BEHIND_S = 1.5
"""How long the copies stand still, once nothing is written any more."""
PER_SECOND = 25.0
SIZES = {Lane.COMMIT: 1, Lane.MERGE: 3, Lane.NIGHTLY: 15, Lane.RELEASE: 30}
SCENES = ("behind", "killed", "approved")


class Planned(Property):
    """R14."""

    name: ClassVar[str] = "R14"
    promise: ClassVar[str] = "a planned move loses no acknowledged record"
    control: ClassVar[str] = "the final sync is left out"
    side_by_side: ClassVar[int] = 2

    def cells(self, lane: Lane, seed: int) -> Sequence[Cell]:
        """Copies that are behind; and a worker that is killed, or two people to be asked."""
        tried = [
            self.cell(SCENES[number % len(SCENES)], str(seed + number))
            for number in range(SIZES[lane])
        ]
        return [*tried, self.cell("behind", str(seed), control=True)]

    async def run(self, cell: Cell, ground: Ground, slot: int) -> Found:
        """Move the plant while clients write."""
        word, seed = cell.words
        room = ground.room("planned")
        document = planned_estate(final_sync=not cell.control, asks=word == "approved")
        options = ("--ready-after-ms", "200", "--replication-ms", str(LAG_MS))
        with lab_server(EXAMPLE, room, *options) as lab:
            scene = Scene(ground.address, lab, room, document)
            async with scene.playing(2 if word == "killed" else 1):
                moved = await move(scene, word, random.Random(int(seed)))
                if cell.control:
                    noticed = tuple(line for line in moved.broken if "lost" in line)
                    return Found(bit=int(bool(noticed)), noticed=("records lost",) * bool(noticed))
                failed: tuple[Failed, ...] = ()
                if moved.broken:
                    kept = await scene.evidence()
                    failed = (Failed(cell=cell.id, broken=tuple(moved.broken), evidence=kept),)
                figures = {"nobody_took_records_for_s": tuple(moved.gaps_s)}
                return Found(failed=failed, measured=figures)


class Moved:
    """What came of a planned move."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.gaps_s: list[float] = []
        self.acknowledged = 0


def planned_estate(*, final_sync: bool = True, asks: bool = False) -> dict[str, Any]:
    """The manufacturer, with nobody to ask unless `asks`."""
    document = copy.deepcopy(dict(MANUFACTURER.document))
    document["policy"] = {"approval": {"planned": "one" if asks else "none"}}
    for service in document["services"]:
        if not final_sync:
            service["recovery"] = [dict(_unsynced(step)) for step in service["recovery"]
                                   if step["id"] != "final-sync"]  # fmt: skip
    return document


def _unsynced(step: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in step.items():
        yield key, [each for each in value if each != "final-sync"] if key == "needs" else value


async def move(scene: Scene, word: str, chance: random.Random) -> Moved:
    """Move the plant: its copies stand still for a while once nothing is written any more."""
    moved = Moved()
    with _writing(scene.lab) as writers:
        for writer in writers.values():
            await asyncio.to_thread(writer.more, 10, at=SITE)
        for service in STATEFUL:
            replicate(scene.lab, service, paused=True)
        command = scene.command(
            "recover", "--site", SITE, "--mode", "planned",
            *(("--wait",) if word != "approved" else ()), "--json",
        )  # fmt: skip
        try:
            if word == "approved":
                await _approve(scene)
            for service in STATEFUL:
                await _withdrawn(scene, service)
                if word == "killed" and chance.random() < 0.7:
                    scene.kill(chance)
                # Not a wait for anything: for this long the copy stands still.
                await asyncio.sleep(BEHIND_S)
                replicate(scene.lab, service, paused=False)
            await scene.until(lambda: _over(scene), f"the move of {SITE} has ended")
        finally:
            command.kill() if command.poll() is None and word == "approved" else None
            await asyncio.to_thread(command.communicate)
        status = await scene.client.status(scene.recovery(SITE))
        if status.outcome != "recovered":
            moved.broken.append(f"ended {status.outcome}: {status.sentence}")
        targets = {each.name: each.target for each in status.services}
        for service, writer in writers.items():
            await asyncio.to_thread(writer.more, 10, at=targets[service])
            writer.stop()
            lost = writer.lost(service, targets[service])
            if lost:
                all_of_it = len(writer.acknowledged)
                moved.broken.append(f"{service} lost {len(lost)} of {all_of_it} records")
            if writer.sites != [SITE, targets[service]]:
                moved.broken.append(f"{service} took records at {', '.join(writer.sites)}")
            moved.gaps_s.append(writer.longest_gap_s)
            moved.acknowledged += len(writer.acknowledged)
    twice = violations(scene.before, scene.journal)
    moved.broken += [f"{each.service} was active at {', '.join(each.sites)}" for each in twice]
    return moved


@contextmanager
def _writing(lab: Lab) -> Iterator[dict[str, Writer]]:
    writers = {service: Writer(lab, service, per_second=PER_SECOND) for service in STATEFUL}
    for writer in writers.values():
        writer.start()
    try:
        yield writers
    finally:
        for writer in writers.values():
            writer.stop()


def replicate(lab: Lab, service: str, *, paused: bool) -> None:
    """Let a service's records follow to the other sites, or not."""
    order = {"service": service, "paused": paused}
    httpx.post(f"{lab.url}/_lab/replication", json=order, trust_env=False).raise_for_status()


async def _withdrawn(scene: Scene, service: str) -> None:
    """Wait until nobody is led to the plant by the service's profile."""

    def out_of_traffic() -> bool:
        profiles = scene.lab.world()["profiles"].values()
        [profile] = [each for each in profiles if each["service"] == service]
        return bool(profile["endpoints"][SITE]["status"] == "Disabled")

    await scene.until(out_of_traffic, f"{service} is withdrawn")


async def _over(scene: Scene) -> bool:
    return (await scene.client.status(scene.recovery(SITE))).ended_at is not None


async def _approve(scene: Scene) -> None:
    async def asked() -> bool:
        runs = await scene.recoveries()
        return bool(runs) and runs[0].phase == "approving"

    await scene.until(asked, "approval is asked for")
    before = scene.last_seq()
    own = await scene.said("approve", scene.recovery(SITE), "--actor", "scene", "--reason", "me",
                           code=None)  # fmt: skip
    if scene.last_seq() != before:
        raise NotSo(f"changed before anybody else agreed: {own}")
    await scene.said("approve", scene.recovery(SITE), "--actor", "ana", "--reason", "agreed")
