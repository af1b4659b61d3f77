"""R12: a dry run of any estate writes nothing."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import httpx
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from holdfast.deploy.lab.server import Lab
from holdfast.starters import RecoveryClient
from holdfast.workers.registry import Registry
from holdfast.workers.settings import Settings
from holdfast.workers.worker import build_worker
from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.recovery import Mode, RecoveryRequest
from support.estates import estates

from .checking import Property
from .findings import Cell, Failed, Found, Lane
from .ground import Ground
from .shells import run_beside
from .terrain import EXAMPLE

SIZES = {Lane.COMMIT: 20, Lane.MERGE: 100, Lane.NIGHTLY: 1_000, Lane.RELEASE: 1_000}
BATCH = 20
CONTROLS = 10
BY_CLI = "cli"


class DryRuns(Property):
    """R12."""

    name: ClassVar[str] = "R12"
    promise: ClassVar[str] = "a dry run writes nothing, whatever the estate"
    control: ClassVar[str] = "a recovery instead of the dry run"

    def cells(self, lane: Lane, seed: int) -> Sequence[Cell]:
        """Random estates by the SDK, one with every kind of action by the command line."""
        size = SIZES[lane]
        batches = [(first, min(first + BATCH, size)) for first in range(0, size, BATCH)]
        return [
            *(self.cell(str(seed), str(first), str(last)) for first, last in batches),
            *(self.cell(BY_CLI, str(number)) for number, _ in enumerate(batches)),
            self.cell(str(seed), "0", str(CONTROLS), control=True),
        ]

    async def run(self, cell: Cell, ground: Ground, slot: int) -> Found:
        """A batch of estates, all in one lab; or one call of the command line."""
        if cell.words[0] == BY_CLI:
            written = await _planned_by_cli(ground)
            failed = (Failed(cell=cell.id, broken=tuple(written)),) if written else ()
            return Found(failed=failed)
        seed, first, last = map(int, cell.words)
        batch = [renamed(each, n) for n, each in enumerate(drawn(seed, last)[first:last])]
        if cell.control:
            batch = [each for each in batch if _writes(each)]
        mode = Mode.UNPLANNED if cell.control else Mode.DRY_RUN
        wrote = await _written(batch, ground, mode)
        if cell.control:
            return Found(runs=len(batch), bit=sum(map(bool, wrote)))
        broken = (
            Failed(
                cell=cell.id,
                broken=tuple(f"estate {n}: {line}" for line in lines),
                evidence={f"estate-{n}.json": estate.model_dump_json(indent=1)},
            )
            for n, (estate, lines) in enumerate(zip(batch, wrote, strict=True))
            if lines
        )
        return Found(runs=len(batch), failed=tuple(broken))


@cache
def drawn(seed: int, size: int) -> tuple[Estate, ...]:
    """So many random estates, the same for the same seed and size."""
    found: list[Estate] = []

    @seeded(seed)
    @settings(
        max_examples=size,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(estates())
    def draw(estate: Estate) -> None:
        found.append(estate)

    draw()
    return tuple(found)


def renamed(estate: Estate, number: int) -> Estate:
    """The same with names of its own, so that many fit into one lab."""
    text = estate.model_dump_json(by_alias=True)
    for kind in ("site", "svc"):
        text = text.replace(f'"{kind}-', f'"e{number}-{kind}-')
    document = json.loads(text)
    document["metadata"]["name"] = f"e{number}-{uuid4().hex[:8]}"
    return Estate.model_validate(document)


def _site(estate: Estate) -> str:
    return max(estate.sites, key=lambda each: len(estate.services_at(each.name))).name


def _writes(estate: Estate) -> bool:
    """A recovery of the site has steps to apply."""
    return any(service.recovery for service in estate.services_at(_site(estate)))


async def _written(batch: Sequence[Estate], ground: Ground, mode: Mode) -> list[list[str]]:
    """What was written for each estate."""
    world = batch[0].model_copy(
        update={
            "sites": tuple(site for each in batch for site in each.sites),
            "services": tuple(service for each in batch for service in each.services),
        }
    )
    temporal = await ground.temporal()
    async with _lab(world, ground) as (lab, env):
        options = Settings.from_environment(_ours(env))
        registry = Registry.from_settings(options, kubeconfig=env["KUBECONFIG"])
        client = RecoveryClient(temporal, task_queue=options.task_queue)
        try:
            async with build_worker(temporal, registry, options):
                return [await _one(client, lab, estate, mode) for estate in batch]
        finally:
            await registry.close()


async def _one(client: RecoveryClient, lab: Lab, estate: Estate, mode: Mode) -> list[str]:
    async with httpx.AsyncClient(base_url=lab.url, trust_env=False) as admin:
        seq = len((await admin.get("/_lab/journal?since=0")).json())
        request = RecoveryRequest(estate=estate, site=_site(estate), mode=mode)
        report = await client.result((await client.recover(request)).workflow_id)
        journal = (await admin.get("/_lab/journal?since=0")).json()
    written = [_line(entry) for entry in journal[seq:]]
    if mode is Mode.DRY_RUN and report.plan_hash and report.outcome != "assessed":
        written.append(f"the dry run ended {report.outcome}: {report.sentence}")
    return written


async def _planned_by_cli(ground: Ground) -> list[str]:
    """`holdfast plan` of the manufacturer, whose actions are of every kind, in its lab."""
    rig = await ground.rig(0)
    rig.lab.reset()
    done = await run_beside(rig.shell, "plan", str(EXAMPLE), "--site", "plant-lyon")
    written = [_line(entry) for entry in rig.lab.journal()]
    if done.returncode != 0:
        written.append(f"holdfast plan ended with {done.returncode}: {done.stderr}")
    return written


@asynccontextmanager
async def _lab(estate: Estate, ground: Ground) -> AsyncIterator[tuple[Lab, dict[str, str]]]:
    lab = Lab(estate, ready_after_ms=20)
    await lab.start()
    try:
        folder: Path = ground.room("dry")
        lab.write_env_file(folder / "lab.env")
        pairs = (line.partition("=") for line in (folder / "lab.env").read_text().splitlines())
        env = {name: value.strip("'\"") for name, _, value in pairs}
        yield lab, env | {"HOLDFAST_TASK_QUEUE": folder.name, "HOLDFAST_SHUTDOWN_GRACE_S": "0"}
    finally:
        await lab.stop()


def _ours(env: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith("HOLDFAST_")}


def _line(entry: dict[str, Any]) -> str:
    return f"{entry['method']} {entry['path']} ({'' if entry['applied'] else 'not '}applied)"
