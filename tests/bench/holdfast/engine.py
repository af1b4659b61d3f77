"""The product on the clock: a Temporal server, one worker process, and its own client."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import uuid4

from pydantic import JsonValue
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from bench.holdfast.effects import Effects, Tally, tally
from bench.holdfast.estate import request_of
from bench.holdfast.supervision import Kept, PlainWorker, StandbyWorker, worker_pids
from bench.holdfast.watch import SERVER, WORKER, Watch, with_pid
from bench.holdfast.worker import EFFECTS, MODULE
from bench.measure import Meter, quiet
from bench.plan import BenchPlan
from bench.rows import Row
from holdfast.starters import RecoveryClient
from holdfast.workers.search_attributes import ensure_search_attributes
from holdfast.workflows.model.recovery import (
    Outcome,
    RecoveryReport,
    RecoveryRequest,
    StepState,
)
from support.processes import temporal_server

ENGINE, AS_SHIPPED = "holdfast", "as shipped"
TESTS = Path(__file__).parents[2]
WARM_WITHIN_S = 3.0
SETTLES_WITHIN_S = 3.0
ENDS_WITHIN_S = 900.0


class NotRecovered(Exception):
    """A recovery did not end as it had to; what was measured of it means nothing."""


@dataclass(frozen=True)
class Ended:
    """A recovery that has ended: its report, and when its end was known, seconds of the clock."""

    report: RecoveryReport
    took_s: float


@dataclass(frozen=True)
class Histories:
    """What recoveries left in Temporal's histories."""

    events: int
    longest: int
    """Events of the longest one."""
    largest_kb: float
    """Size of the largest one, in kB (10^3 bytes)."""


class HoldfastBench:
    """A server and a worker, up while it is entered; one benchmark after another runs on them."""

    temporal: Client
    client: RecoveryClient
    worker: Kept

    def __init__(
        self,
        folder: Path,
        *,
        standby: bool = False,
        module: str = MODULE,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Keep the server's database, the logs and the effects in `folder`.

        Args:
            folder: is made if it is not there.
            standby: supervise the worker as `holdfast dev` does it, the next one loaded.
            module: the worker's module; another than the one with `test.wait` is not warmed up.
            env: variables for the worker.
        """
        self.folder = folder
        self._standby = standby
        self._module = module
        self._env = dict(env or {})
        self.queue = f"bench-{uuid4().hex}"
        self.effects_file = folder / "effects.jsonl"
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            await self._start()
        except BaseException:
            await self._exits.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    @property
    def worker_log(self) -> Path:
        """Where the worker's words go."""
        return self.folder / "worker.log"

    @property
    def worker_env(self) -> dict[str, str]:
        """What the worker's environment says beyond this process's."""
        return self._env | {
            "TEMPORAL_ADDRESS": self.address,
            "PYTHONPATH": str(TESTS),
            "HOLDFAST_TASK_QUEUE": self.queue,
            EFFECTS: str(self.effects_file),
        }

    async def _start(self) -> None:
        self.address, self.server_pid = self._exits.enter_context(
            with_pid(temporal_server(self.folder))
        )
        self.effects = Effects(self.effects_file)
        self._exits.callback(self.effects.close)
        self.temporal = await Client.connect(self.address, data_converter=pydantic_data_converter)
        await ensure_search_attributes(self.temporal)
        self.client = RecoveryClient(self.temporal, task_queue=self.queue)
        await self._start_worker()

    async def _start_worker(self) -> None:
        kind = StandbyWorker if self._standby else PlainWorker
        self.worker = kind(self.worker_env, self.worker_log, self._module)
        self._exits.push_async_callback(self.worker.stop)
        await self.worker.start()
        await asyncio.to_thread(quiet, WARM_WITHIN_S)
        if self._module == MODULE:
            await self.recover(request_of(BenchPlan.make(services=5, step_ms=1, name="warm-up")))

    def watched(self, *others: tuple[str, int]) -> tuple[Watch, Meter]:
        """What to enter around a run: it tells who consumes what, this process apart.

        `others` are processes with the roles they have beside the server and the worker.
        """
        workers = [(WORKER, pid) for pid in worker_pids(self._module)]
        watched = [(SERVER, self.server_pid), *workers, *others]
        return Watch(watched), Meter(pid for _, pid in watched)

    async def run(
        self,
        plans: Sequence[BenchPlan],
        together: bool = True,
        *,
        scenario: str = "ratio",
        variant: str = AS_SHIPPED,
        trace: bool = False,
    ) -> Row:
        """Recover the plans, all at once or one after another, and say what it took.

        With `trace`, the details hold the memory of each process over time.

        Raises:
            NotRecovered: a step was not applied, or took effect other than once.
        """
        await asyncio.to_thread(quiet, SETTLES_WITHIN_S)
        requests = [request_of(plan) for plan in plans]
        self.effects.read()
        watch, meter = self.watched()
        with watch, meter:
            began = time.perf_counter()
            if together:
                ended = await asyncio.gather(*(self.recover(each) for each in requests))
            else:
                ended = [await self.recover(each) for each in requests]
            wall_s = time.perf_counter() - began
        check_reports(plans, ended)
        counted = tally(self.effects.read())
        if counted.steps != sum(plan.steps for plan in plans) or counted.twice:
            raise NotRecovered(f"the effects do not agree with the reports: {counted}")
        histories = await self.histories(ended)
        traced = {"memory_mb": watch.memory_over_time()} if trace else {}
        return Row.measured(
            engine=ENGINE,
            variant=variant,
            scenario=scenario,
            plans=plans,
            wall_s=wall_s,
            reading=meter.done(),
            events=histories.events,
            details={**told(plans, ended, watch, histories), **counts(counted), **traced},
        )

    async def recover(self, request: RecoveryRequest) -> Ended:
        """Recover a site, and wait until it has ended."""
        began = time.perf_counter()
        async with asyncio.timeout(ENDS_WITHIN_S):
            started = await self.client.recover(request)
            report = await self.client.result(started.workflow_id)
        return Ended(report, time.perf_counter() - began)

    async def histories(self, ended: Sequence[Ended]) -> Histories:
        """How long and how large the recoveries' histories are."""
        handles = [self.temporal.get_workflow_handle(each.report.workflow_id) for each in ended]
        described = [await handle.describe() for handle in handles]
        events = [each.history_length for each in described]
        infos = [each.raw_description.workflow_execution_info for each in described]
        sizes = [info.history_size_bytes for info in infos]
        return Histories(sum(events), max(events), max(sizes) / 1000)


def check_reports(plans: Sequence[BenchPlan], ended: Sequence[Ended]) -> None:
    """Hold the reports against the plans.

    Raises:
        NotRecovered: a site is not recovered, or a step not applied.
    """
    for plan, each in zip(plans, ended, strict=True):
        report = each.report
        applied = sum(step.state is StepState.APPLIED for step in report.steps)
        if report.outcome is not Outcome.RECOVERED or applied != plan.steps:
            raise NotRecovered(
                f"{plan.name} ended {report.outcome} with {applied} of {plan.steps} steps applied:"
                f" {report.sentence}"
            )


def told(
    plans: Sequence[BenchPlan], ended: Sequence[Ended], watch: Watch, histories: Histories
) -> dict[str, JsonValue]:
    """Of a run, what has no column of its own."""
    steps = sum(plan.steps for plan in plans)
    took = sorted(each.took_s for each in ended)
    reported = [each.report.critical_path_s or 0.0 for each in ended]
    return {
        **watch.details(steps),
        "services_in_all": sum(len(plan.services) for plan in plans),
        "events_per_step": round(histories.events / steps, 3),
        "longest_history_events": histories.longest,
        "largest_history_kb": round(histories.largest_kb, 1),
        "plan_p50_s": round(took[len(took) // 2], 3),
        "plan_p99_s": round(took[min(len(took) - 1, len(took) * 99 // 100)], 3),
        "reported_critical_path_s": round(max(reported), 3),
    }


def counts(counted: Tally) -> dict[str, JsonValue]:
    """How often steps were called and took effect."""
    return {
        "effects_twice": counted.twice,
        "called_again": counted.called_again,
        "called_again_when_done": counted.called_again_when_done,
    }
