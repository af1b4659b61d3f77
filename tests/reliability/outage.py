"""R6: the Temporal server is killed while five plans are in flight, and comes back later."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import yaml
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from support.processes import Lab, TemporalServer, Worker, lab_server
from support.shell import Shell

from .checking import Property
from .findings import Cell, Failed, Found, Lane
from .ground import Ground

DOWN_S = {Lane.COMMIT: (2,), Lane.MERGE: (5,), Lane.NIGHTLY: (5, 60), Lane.RELEASE: (5, 60, 960)}
PLANTS = 5
CHAIN = 4
READY_AFTER_MS = 1200
KILLED_AFTER_EFFECTS = 8
FIRST_EFFECT_WITHIN_S = 10.0
ENDS_WITHIN_S = 90.0


class Outage(Property):
    """R6."""

    name: ClassVar[str] = "R6"
    promise: ClassVar[str] = "kill -9 of the Temporal server: every plan in flight ends, once"
    control: ClassVar[str] = "the server comes back empty"

    def cells(self, lane: Lane, seed: int) -> Sequence[Cell]:
        """One outage of each length of the lane, and a short one that forgets everything."""
        return [
            *(self.cell(str(seconds)) for seconds in DOWN_S[lane]),
            self.cell("1", control=True),
        ]

    async def run(self, cell: Cell, ground: Ground, slot: int) -> Found:
        """Start five plans, kill the server, wait, start it again, and judge."""
        room = ground.room("outage")
        estate = room / "estate.yaml"
        estate.write_text(yaml.safe_dump(plants()))
        server = TemporalServer(room)
        server.start()
        options = ("--ready-after-ms", str(READY_AFTER_MS))
        try:
            with lab_server(estate, room, *options) as lab:
                return await _outage(self, cell, room, server, lab, estate)
        finally:
            server.kill()


async def _outage(
    property: Outage, cell: Cell, room: Path, server: TemporalServer, lab: Lab, estate: Path
) -> Found:
    worker = Worker({**lab.env, "TEMPORAL_ADDRESS": server.address}, room / "worker.log")
    worker.start()
    shell = Shell({"TEMPORAL_ADDRESS": server.address})
    commands = [
        shell.start("recover", "--estate", str(estate), "--site", f"plant-{n}", "--wait", "--json")
        for n in range(PLANTS)
    ]
    try:
        await _until(lambda: len(_effects(lab)) >= KILLED_AFTER_EFFECTS, 60)
        server.kill()
        at_death = len(_effects(lab))
        await asyncio.sleep(float(cell.words[0]))
        if cell.control:
            for file in room.glob("temporal.db*"):
                file.unlink()
        server.start()
        returned = datetime.now(UTC)
        broken = []
        if not cell.control:
            within = ENDS_WITHIN_S
            try:
                await _until(lambda: all(each.poll() is not None for each in commands), within)
            except TimeoutError:
                broken.append(f"not all commands ended within {within:g} s of the return")
        broken += [*await _lost(server.address), *_twice(lab)]
        if cell.control:
            return Found(bit=int(any("lost" in line for line in broken)), noticed=("runs lost",))
        codes = [each.returncode for each in commands]
        if codes != [0] * PLANTS:
            broken.append(f"the commands' exit codes are {codes}, not all 0")
        measured = {}
        first = next((at for at in _effects(lab) if at > returned), None)
        remarks = (
            f"{at_death} effects before an outage of {cell.words[0]} s, "
            f"{len(_effects(lab))} in the end",
        )
        if first is not None:
            gap = (first - returned).total_seconds()
            measured = {"first_effect_after_return_s": (gap,)}
            if gap > FIRST_EFFECT_WITHIN_S:
                broken.append(f"the first effect came {gap:.1f} s after the return")
        kept = {log.name: log.read_text()[-200_000:] for log in room.glob("*.log")}
        kept["journal.json"] = yaml.safe_dump(lab.journal())
        failed = (Failed(cell=cell.id, broken=tuple(broken), evidence=kept),) if broken else ()
        return Found(failed=failed, measured=measured, remarks=remarks)
    finally:
        for each in commands:
            each.kill()
            each.communicate()
        worker.end()


def plants() -> dict[str, Any]:
    """Five plants, each with two chains of workloads to bring up in one haven."""
    names = [f"plant-{number}" for number in range(PLANTS)]
    return {
        "apiVersion": "holdfast.dev/v1",
        "kind": "Estate",
        "metadata": {"name": "five-plants"},
        "sites": [
            {"name": name, "region": "r", "kubernetes": {"context": name}}
            for name in (*names, "haven")
        ],
        "services": [
            {
                "name": f"line-{number}",
                "site": name,
                "recovery_sites": ["haven"],
                "recovery": [
                    {
                        "id": f"up-{link}",
                        "run": "kubernetes.scale",
                        "needs": [f"up-{link - 1}"] if link else [],
                        "with": {
                            "context": "{{ target.kubernetes.context }}",
                            "namespace": f"line-{number}",
                            "deployment": f"app-{link}",
                            "replicas": 1,
                        },
                    }
                    for link in range(CHAIN)
                ],
            }
            for number, name in enumerate(names)
        ],
    }


async def _lost(address: str) -> list[str]:
    """Runs that the server does not know, or that did not end recovered."""
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    broken = []
    for number in range(PLANTS):
        handle = client.get_workflow_handle(f"site-recovery/five-plants/plant-{number}")
        try:
            described = await handle.describe()
        except RPCError as error:
            broken.append(f"the recovery of plant-{number} is lost: {error.message}")
            continue
        if described.status is None or described.status.name != "COMPLETED":
            broken.append(f"the recovery of plant-{number} is {described.status}")
        elif (report := await handle.result())["outcome"] != "recovered":
            broken.append(f"the recovery of plant-{number} ended {report['outcome']}")
    return broken


def _twice(lab: Lab) -> list[str]:
    changed = [entry for entry in lab.journal() if entry["applied"]]
    keys = [entry["key"] for entry in changed]
    broken = [f"{key} changed the world twice" for key in set(keys) if keys.count(key) > 1]
    if len(changed) != PLANTS * CHAIN:
        broken.append(f"{len(changed)} effects instead of {PLANTS * CHAIN}")
    return broken


def _effects(lab: Lab) -> list[datetime]:
    return [datetime.fromisoformat(entry["at"]) for entry in lab.journal() if entry["applied"]]


async def _until(holds: Any, within_s: float) -> None:
    end = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError
        await asyncio.sleep(0.05)
