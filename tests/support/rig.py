"""One recovery after another in one lab, with workers that are wounded on purpose."""

import asyncio
import json
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from holdfast.starters import RecoveryClient
from holdfast.workers.search_attributes import ensure_search_attributes
from holdfast.workflows.model.estate import Estate, RollbackScope
from holdfast.workflows.model.recovery import Outcome, RecoveryRequest, RecoveryStatus

from .processes import Lab, Worker

ENDS_WITHIN_S = 90.0
EFFECT_GAPS_S: list[float] = []
"""Every measured time from a worker's death to the next effect in the lab's journal."""
TAKEN_UP_S: list[float] = []
"""Every measured time from a worker's death until its replacement worked on the run."""
TESTS = Path(__file__).parent.parent


@dataclass(frozen=True)
class Wound:
    """Where a worker signals itself, once."""

    step: str
    verb: str
    point: str
    signal: str = "KILL"

    def __str__(self) -> str:
        return f"{self.signal} {self.point} {self.verb} of {self.step}"


@dataclass
class Run:
    """What one recovery did."""

    status: RecoveryStatus
    before: Any
    after: Any
    journal: list[dict[str, Any]]
    struck: bool
    gap_s: float | None = None
    broken: list[str] = field(default_factory=list)


class Rig:
    """A Temporal server, a lab and workers, for many recoveries."""

    def __init__(
        self, address: str, lab: Lab, folder: Path, estate: Estate, *, unfenced: bool = False
    ) -> None:
        self.lab = lab
        self.estate = estate
        self._address = address
        self._wound = folder / "wound.json"
        self._folder = folder
        self._queue = f"rig-{folder.name}"
        self._env = {
            **lab.env,
            "TEMPORAL_ADDRESS": address,
            "PYTHONPATH": str(TESTS),
            "HOLDFAST_TASK_QUEUE": self._queue,
            "HOLDFAST_TEST_WOUND": str(self._wound),
            "HOLDFAST_TEST_UNFENCED": "1" if unfenced else "0",
        }
        self.workers: list[Worker] = []

    async def start(self, workers: int) -> None:
        """Connect, and start the workers."""
        client = await Client.connect(self._address, data_converter=pydantic_data_converter)
        await ensure_search_attributes(client)
        self.temporal = client
        self.client = RecoveryClient(client, task_queue=self._queue)
        for number in range(workers):
            log = self._folder / f"worker-{number}.log"
            worker = Worker(self._env, log, "support.faulty_worker")
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
        failing: Mapping[str, Any] | None = None,
        rollback: RollbackScope = RollbackScope.SITE,
        cancel_when_struck: bool = False,
    ) -> Run:
        """Recover a site from the initial world; `failing` is a match that gets 403 once."""
        self.lab.reset()
        self._wound.unlink(missing_ok=True)
        before = self.lab.world()
        if failing is not None:
            self.lab.fault("error", failing, status=403, times=1)
        if wound is not None:
            self._wound.write_text(json.dumps(wound.__dict__))
        policy = self.estate.policy.model_copy(update={"rollback": rollback})
        estate = self.estate.model_copy(update={"policy": policy})
        request = RecoveryRequest(estate=estate, site=site, actor="rig", reason=str(wound))
        started = await self.client.recover(request)
        assert not started.joined, "an earlier run is still open"
        status, gap = await self._follow(started.workflow_id)
        struck = wound is not None and not self._wound.exists()
        self._wound.unlink(missing_ok=True)
        await self._wake()
        run = Run(status, before, self.lab.world(), self.lab.journal(), struck, gap)
        run.broken = broken_promises(run)
        return run

    async def _follow(self, workflow_id: str) -> tuple[RecoveryStatus, float | None]:
        result = asyncio.create_task(self.client.result(workflow_id))
        end = time.monotonic() + ENDS_WITHIN_S
        deaths = sum(worker.deaths for worker in self.workers)
        died: float | None = None
        died_at = datetime.now(UTC)
        gap: float | None = None
        count = 0
        while not result.done():
            for worker in self.workers:
                worker.supervise()
            if died is None and sum(worker.deaths for worker in self.workers) > deaths:
                died, count = time.monotonic(), self._effects()
                died_at = datetime.now(UTC)
            if died is not None and gap is None and self._effects() > count:
                gap = time.monotonic() - died
            assert time.monotonic() < end, f"{workflow_id} does not end"
            await asyncio.sleep(0.02)
        if gap is not None:
            EFFECT_GAPS_S.append(gap)
        if died is not None:
            TAKEN_UP_S.append(await self._taken_up(workflow_id, died_at))
        return result.result(), gap

    async def _taken_up(self, workflow_id: str, died_at: datetime) -> float:
        """Seconds from a worker's death until an activity was in the hands of another."""
        history = await self.temporal.get_workflow_handle(workflow_id).fetch_history()
        starts = [
            event.event_time.ToDatetime(UTC)
            for event in history.events
            if event.HasField("activity_task_started_event_attributes")
        ]
        return min((at - died_at).total_seconds() for at in starts if at > died_at)

    def _effects(self) -> int:
        return sum(1 for entry in self.lab.journal() if entry["applied"])

    async def _wake(self) -> None:
        """Let stopped workers go on, and see what they still do."""
        stopped = [worker for worker in self.workers if worker.stopped]
        if not stopped:
            return
        for worker in stopped:
            worker.signal(signal.SIGCONT)
        await asyncio.sleep(2.5)


def broken_promises(run: Run) -> list[str]:
    """What the journal and the world say against the run's own word."""
    broken = []
    outcome = run.status.outcome
    if outcome not in (Outcome.RECOVERED, Outcome.ROLLED_BACK):
        broken.append(f"ended {outcome}: {run.status.sentence}")
    if outcome is Outcome.ROLLED_BACK and run.after != run.before:
        broken.append("rolled back, but the world is not as it was")
    changes: dict[str, int] = {}
    for entry in run.journal:
        if entry["applied"]:
            key = entry["key"] or f"without a key: {entry['path']}"
            changes[key] = changes.get(key, 0) + 1
    broken += [f"{key} changed the world {n} times" for key, n in changes.items() if n > 1]
    if any(key.startswith("without a key") for key in changes):
        broken.append("a mutation carried no idempotency key")
    if outcome is Outcome.RECOVERED:
        broken += [
            f"{step.service}/{step.id} is {step.state}"
            for step in run.status.steps
            if step.state != "applied"
        ]
    return broken
