"""One recovery after another in one lab, by the real command line, with wounded workers."""

import asyncio
import copy
import json
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from holdfast.starters import RecoveryClient
from holdfast.workers.search_attributes import ensure_search_attributes
from holdfast.workflows.names import site_recovery_id

from .judging import EXIT_CODES, Run, broken_promises, changes
from .processes import Lab, Worker
from .shell import Shell
from .wounds import FAILING, Guard, Refusal, Wound

ENDS_WITHIN_S = 90.0
WAKES_FOR_S = 2.5
"""What woken workers get to do whatever they still do."""
EFFECT_GAPS_S: list[float] = []
"""Every measured time from a worker's death to the next effect in the lab's journal."""
TAKEN_UP_S: list[float] = []
"""Every measured time from a worker's death until its replacement worked on the run."""
TESTS = Path(__file__).parent.parent


class NotEnded(Exception):
    """A recovery did not end in time."""


@dataclass
class Started:
    """A recovery that runs, and what was before it."""

    workflow_id: str
    before: Any
    seq: int
    command: "subprocess.Popen[str]"
    wound: Wound | None = None
    gap_s: float | None = None
    skipped: frozenset[str] = frozenset()


class Rig:
    """A Temporal server, a lab and workers, for many recoveries of one estate file."""

    def __init__(
        self,
        address: str,
        lab: Lab,
        folder: Path,
        estate: Path,
        *,
        guard: Guard = Guard.FULL,
        refusal: Refusal = FAILING,
    ) -> None:
        self.lab = lab
        self.folder = folder
        self.guard = guard
        self._refusal = refusal
        self.document: dict[str, Any] = yaml.safe_load(estate.read_text())
        self.document["policy"] = {}
        self._name, self._recoveries = f"rig-{folder.name}", 0
        self._address = address
        self._wound, self._go = folder / "wound.json", folder / "go"
        queue = f"rig-{folder.name}"
        self.env = {"TEMPORAL_ADDRESS": address, "HOLDFAST_TASK_QUEUE": queue}
        self.worker_env = {
            **lab.env,
            **self.env,
            "PYTHONPATH": str(TESTS),
            "HOLDFAST_SHUTDOWN_GRACE_S": "1",
            "HOLDFAST_TEST_WOUND": str(self._wound),
            "HOLDFAST_TEST_GUARD": os.environ.get("HOLDFAST_TEST_FORCE_GUARD", guard),
        }
        self.shell = Shell(self.env)
        self.workers: list[Worker] = []
        self._recovered: dict[str, Any] = {}

    async def start(self, workers: int) -> None:
        """Connect, and start the workers."""
        client = await Client.connect(self._address, data_converter=pydantic_data_converter)
        await ensure_search_attributes(client)
        self.temporal = client
        self.client = RecoveryClient(client, task_queue=self.env["HOLDFAST_TASK_QUEUE"])
        for number in range(workers):
            log = self.folder / f"worker-{number}.log"
            worker = Worker(self.worker_env, log, "support.faulty_worker")
            worker.start()
            self.workers.append(worker)

    def end(self) -> None:
        """Kill the workers."""
        for worker in self.workers:
            worker.end()

    async def recover(
        self,
        site: str,
        wound: Wound | None = None,
        *,
        failing: bool = False,
        holds: str | None = None,
        fresh: bool = True,
        wake: bool = True,
        meanwhile: Callable[[Started], Awaitable[None]] | None = None,
    ) -> Run:
        """Recover a site with rollback of the whole site, and judge the run.

        Args:
            site: the site; it still answers, as in a planned recovery, so that fences are real.
            wound: where a worker is struck.
            failing: the rig's late step is refused, so that all others are undone.
            holds: a step that waits for a person when it fails.
            fresh: from the initial world; otherwise from what is there.
            wake: let stopped workers go on when the run has ended, and see what they still do.
            meanwhile: runs beside the recovery.
        """
        if wound is None and not failing and meanwhile is None:
            wanted = None
        else:
            wanted = await self.untroubled(site)
        started = self.begin(site, wound, failing=failing, holds=holds, fresh=fresh)
        beside = asyncio.ensure_future(meanwhile(started)) if meanwhile else None
        try:
            await self.follow(started)
            if beside is not None:
                await beside
        finally:
            if beside is not None:
                beside.cancel()
        return await self.finish(started, wake=wake, wanted=wanted)

    def begin(
        self,
        site: str,
        wound: Wound | None = None,
        *,
        failing: bool = False,
        holds: str | None = None,
        fresh: bool = True,
    ) -> Started:
        """Prepare the world and start `holdfast recover --wait`; see `recover`."""
        if fresh:
            self.lab.reset()
        # The world is what the rig makes it: no coordinator is to remember another one.
        self._recoveries += 1
        self.document["metadata"]["name"] = f"{self._name}-{self._recoveries}"
        self._wound.unlink(missing_ok=True)
        self._go.unlink(missing_ok=True)
        before = self.lab.world()
        if failing:
            match, throttled_s = self._refusal.match, self._refusal.throttled_s
            if throttled_s:
                self.lab.fault("throttle", match, seconds=throttled_s, times=1)
            self.lab.fault("error", match, status=403, times=self._refusal.times)
        if wound is not None:
            self._wound.write_text(json.dumps(wound.__dict__))
        command = self.shell.start(
            "recover", "--estate", str(self._estate_file(holds)), "--site", site, "--wait",
            "--json", "--actor", "rig", "--reason", str(wound or "untroubled"),
        )  # fmt: skip
        seq = max((entry["seq"] for entry in self.lab.journal()), default=0)
        id = site_recovery_id(self.document["metadata"]["name"], site)
        return Started(id, before, seq, command, wound)

    def release(self) -> None:
        """Let a worker that waits go on."""
        self._go.touch()

    async def struck(self) -> None:
        """Wait until the wound has been taken."""
        while self._wound.exists():
            await asyncio.sleep(0.02)

    async def follow(self, started: Started) -> None:
        """Wait until the command has ended; workers that die are replaced."""
        end = time.monotonic() + ENDS_WITHIN_S
        deaths = sum(worker.deaths for worker in self.workers)
        died: float | None = None
        died_at = datetime.now(UTC)
        seq = 0
        while started.command.poll() is None:
            for worker in self.workers:
                worker.supervise()
            if died is None and sum(worker.deaths for worker in self.workers) > deaths:
                died, died_at = time.monotonic(), datetime.now(UTC)
                seq = max((entry["seq"] for entry in self.lab.journal()), default=0)
            if died is not None and started.gap_s is None and changes(self.lab.journal(seq)):
                started.gap_s = time.monotonic() - died
                EFFECT_GAPS_S.append(started.gap_s)
            if time.monotonic() > end:
                started.command.kill()
                raise NotEnded(f"{started.workflow_id} does not end")
            await asyncio.sleep(0.03)
        if died is not None:
            TAKEN_UP_S.append(await self._taken_up(started.workflow_id, died_at))

    async def finish(
        self, started: Started, *, wake: bool = True, wanted: Any = None, told: bool = True
    ) -> Run:
        """Judge a run whose command has ended."""
        code = started.command.returncode
        struck = started.wound is not None and not self._wound.exists()
        self._wound.unlink(missing_ok=True)
        if code not in {1, *EXIT_CODES.values()}:
            said = started.command.stderr.read() if started.command.stderr else ""
            raise NotEnded(f"holdfast recover ended with {code}: {said.strip()}")
        held = code == 3
        ask = self.client.status if held else self.client.result
        status = await ask(started.workflow_id)
        late = await self._wake() if wake else []
        run = Run(
            status, started.before, self.lab.world(), self.lab.journal(started.seq), struck,
            started.gap_s, code if told else None, late, wanted, started.skipped,
        )  # fmt: skip
        run.broken = broken_promises(run, keyed=self.guard is Guard.FULL)
        return run

    async def untroubled(self, site: str) -> Any:
        """The world after a recovery of the site that nothing troubles."""
        if site not in self._recovered:
            run = await self.recover(site)
            assert run.status.outcome == "recovered", run.status.sentence
            self._recovered[site] = run.after
        return self._recovered[site]

    def _estate_file(self, holds: str | None) -> Path:
        document = copy.deepcopy(self.document)
        document["policy"]["rollback"] = "site"
        for service in document["services"]:
            for step in service["recovery"]:
                if f"{service['name']}/{step['id']}" == holds:
                    step["on_failure"] = "hold"
        path = self.folder / "estate.yaml"
        path.write_text(yaml.safe_dump(document))
        return path

    async def _taken_up(self, workflow_id: str, died_at: datetime) -> float:
        """Seconds from a worker's death until an activity was in the hands of another."""
        history = await self.temporal.get_workflow_handle(workflow_id).fetch_history()
        starts = [
            event.event_time.ToDatetime(UTC)
            for event in history.events
            if event.HasField("activity_task_started_event_attributes")
        ]
        return min((at - died_at).total_seconds() for at in starts if at > died_at)

    async def _wake(self) -> list[str]:
        """Let stopped workers go on, and see what they still do."""
        stopped = [worker for worker in self.workers if worker.stopped]
        if not stopped:
            return []
        seq = max((entry["seq"] for entry in self.lab.journal()), default=0)
        for worker in stopped:
            worker.signal(signal.SIGCONT)
        await asyncio.sleep(WAKES_FOR_S)
        return changes(self.lab.journal(seq))

    async def evidence(self) -> Mapping[str, str]:
        """Histories, journal and logs, by file name."""
        files = {"journal.json": json.dumps(self.lab.journal(), indent=1)}
        query = f'WorkflowId STARTS_WITH "site-recovery/{self._name}-"'
        async for each in self.temporal.list_workflows(query, limit=5):
            handle = self.temporal.get_workflow_handle(each.id, run_id=each.run_id)
            files[f"history-{each.run_id}.json"] = (await handle.fetch_history()).to_json()
        for log in (*self.folder.glob("*.log"), *self.folder.glob("estate.yaml")):
            files[log.name] = log.read_text()[-200_000:]
        return files
