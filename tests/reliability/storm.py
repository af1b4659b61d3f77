"""R5: every alert of a storm asks for a recovery of its site; the site gets exactly one."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar
from uuid import uuid4

import yaml
from temporalio.client import Client

from holdfast.starters import RecoveryClient, recovery_client
from holdfast.starters.recovery_client import Started
from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.recovery import RecoveryRequest
from support.processes import Lab, Worker, lab_server
from support.turmoil import six_plants

from .checking import Property
from .findings import Cell, Failed, Found, Lane
from .ground import READY_AFTER_MS, Ground

SIZES = {Lane.COMMIT: 300, Lane.MERGE: 3_000, Lane.NIGHTLY: 10_000, Lane.RELEASE: 10_000}
CONTROL_ALERTS = 30
SITES = ("plant-a", "plant-b", "plant-c")
AT_ONCE = 100
P99_WITHIN_S = 1.0


@dataclass
class Answers:
    """What the alerts of one storm were told."""

    runs: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    """By site: workflow id and run id of every answer."""
    took_s: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def broken(self) -> list[str]:
        """Sites that got another number of runs than one, and alerts that got no answer."""
        return [
            *(f"{site} got {len(runs)} runs" for site, runs in self.runs.items() if len(runs) != 1),
            *(f"an alert was lost: {why}" for why in self.lost),
        ]

    @property
    def p99_s(self) -> float:
        """The answer that one alert in a hundred waits longer for."""
        return sorted(self.took_s)[int(0.99 * (len(self.took_s) - 1))]


class Storm(Property):
    """R5."""

    name: ClassVar[str] = "R5"
    promise: ClassVar[str] = "a storm of alerts, and late ones: one recovery per site, none lost"
    control: ClassVar[str] = "a workflow id per alert"

    def cells(self, lane: Lane, seed: int) -> Sequence[Cell]:
        """One storm of the lane's size, and a small one without the site in the id."""
        return [self.cell(str(SIZES[lane])), self.cell(str(CONTROL_ALERTS), control=True)]

    async def run(self, cell: Cell, ground: Ground, slot: int) -> Found:
        """Half of the alerts come before a worker runs, half while it recovers."""
        alerts = int(cell.words[0])
        storm = _Storm(await ground.temporal())
        if cell.control:
            answers = await storm.unjoined(alerts)
            broken = answers.broken()
            return Found(bit=int(bool(broken)), noticed=("more than one run per site",))
        room = ground.room("storm")
        file = room / "estate.yaml"
        file.write_text(yaml.safe_dump(six_plants()))
        with lab_server(file, room, "--ready-after-ms", str(READY_AFTER_MS)) as lab:
            address, queue = ground.address, storm.queue
            env = {**lab.env, "TEMPORAL_ADDRESS": address, "HOLDFAST_TASK_QUEUE": queue}
            worker = Worker(env, room / "worker.log")
            try:
                return await self._blow(cell, storm, alerts, lab, worker)
            finally:
                worker.end()

    async def _blow(
        self, cell: Cell, storm: "_Storm", alerts: int, lab: Lab, worker: Worker
    ) -> Found:
        # Nothing is written while the alerts come, so that the recoveries stay open.
        lab.fault("hang", {"method": "PATCH"})
        answers = Answers()
        began = time.monotonic()
        await storm.alert(alerts // 2, answers)
        worker.start()
        await storm.alert(alerts - alerts // 2, answers)
        took = time.monotonic() - began
        lab.no_faults()
        broken = answers.broken()
        for site in SITES:
            report = await storm.client.result(storm.workflow_id(site))
            if report.outcome != "recovered":
                broken.append(f"{site} ended {report.outcome}: {report.sentence}")
        if answers.p99_s > P99_WITHIN_S:
            broken.append(f"one answer in a hundred took more than {answers.p99_s:.2f} s")
        at_the_end = len(_changes(lab))
        for site in SITES:
            broken += await storm.late(site)
        if later := _changes(lab)[at_the_end:]:
            broken.append(f"late alerts changed the world: {', '.join(later)}")
        remarks = (
            f"{alerts:,} alerts for {len(SITES)} sites in {took:.1f} s (the worker's start"
            f" included), {len(answers.lost)} lost, p99 of an answer {answers.p99_s * 1000:.0f} ms",
            f"{len(SITES)} alerts after the end: the cool-down refused each, nothing was changed",
        )
        failed = (Failed(cell=cell.id, broken=tuple(broken)),) if broken else ()
        return Found(failed=failed, remarks=remarks)


def _changes(lab: Lab) -> list[str]:
    return [str(entry["key"]) for entry in lab.journal() if entry["applied"]]


class _Storm:
    """Alerts for the sites of an estate of this storm's own."""

    def __init__(self, temporal: Client) -> None:
        self.queue = f"storm-{uuid4().hex}"
        self.client = RecoveryClient(temporal, task_queue=self.queue)
        self._temporal = temporal
        document = {**six_plants(), "metadata": {"name": self.queue}}
        self._estate = Estate.model_validate(document)

    def workflow_id(self, site: str) -> str:
        return f"site-recovery/{self.queue}/{site}"

    async def ask(self, site: str) -> Started:
        request = RecoveryRequest(estate=self._estate, site=site, actor="storm", reason="alert")
        return await self.client.recover(request)

    async def late(self, site: str) -> list[str]:
        """Alert once more when the recovery has ended: nothing is to be done again."""
        await self.ask(site)
        again = await self.client.result(self.workflow_id(site))
        if again.outcome == "rolled_back" and again.plan_hash is None:
            return []
        return [f"a late alert for {site} ended {again.outcome}: {again.sentence}"]

    async def alert(self, alerts: int, answers: Answers) -> None:
        """Send alerts, many at once, and note every answer."""
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> None:
            site = SITES[number % len(SITES)]
            async with slots:
                began = time.monotonic()
                try:
                    started = await self.ask(site)
                except Exception as error:
                    answers.lost.append(f"{type(error).__name__}: {error}")
                    return
                answers.took_s.append(time.monotonic() - began)
                answers.runs.setdefault(site, set()).add((started.workflow_id, started.run_id))

        await asyncio.gather(*(one(number) for number in range(alerts)))

    async def unjoined(self, alerts: int) -> Answers:
        """The same with an id per alert, and nobody to work on them."""
        answers = Answers()
        original = vars(recovery_client)["site_recovery_id"]

        def unlike(*arguments: str, **more: bool) -> str:
            return f"{original(*arguments, **more)}/{uuid4().hex}"

        vars(recovery_client)["site_recovery_id"] = unlike
        try:
            await self.alert(alerts, answers)
        finally:
            vars(recovery_client)["site_recovery_id"] = original
        for workflow_id, _ in set().union(*answers.runs.values()):
            with suppress(Exception):
                await self._temporal.get_workflow_handle(workflow_id).terminate("a control")
        return answers
