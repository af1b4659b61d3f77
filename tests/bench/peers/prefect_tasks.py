"""Prefect: a flow per plan, an async task per step, against a local server."""

import asyncio
import os
import sqlite3
import time
from contextlib import closing
from typing import Any

import httpx
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from bench.peers.wire import Answers, Effects, Plan, Service, document_of, plan_of, serve, wait_step

TABLES = ("flow_run", "flow_run_state", "task_run", "task_run_state", "events")
SETTLED_WITHIN_S = 120.0
_effects = Effects()


async def perform_step(service: str, step: int, duration_s: float) -> None:
    """One step."""
    await wait_step(_effects, service, step, duration_s)


perform: Any = task(name="step", cache_policy=NO_CACHE)(perform_step)


async def run_plan(document: dict[str, Any]) -> None:
    """A coroutine per service."""
    tasks: dict[str, asyncio.Task[None]] = {}

    async def recover(service: Service) -> None:
        await asyncio.gather(*(tasks[name] for name in service.depends_on))
        for step, duration_s in enumerate(service.steps_s):
            await perform(service.name, step, duration_s)

    for service in plan_of(document).services:
        tasks[service.name] = asyncio.create_task(recover(service))
    await asyncio.gather(*tasks.values())


recovery: Any = flow(name="recovery")(run_plan)


class Tasks:
    """A client of the server whose files are in PREFECT_HOME."""

    def __init__(self) -> None:
        self._http = httpx.AsyncClient(base_url=os.environ["PREFECT_API_URL"], trust_env=False)
        self._database = os.path.join(os.environ["PREFECT_HOME"], "prefect.db")
        self._steps = 0
        self._rows = self._count()

    async def run(self, plan: Plan) -> None:
        """Run a plan."""
        self._steps += sum(len(service.steps_s) for service in plan.services)
        await recovery(document_of(plan))

    async def settle(self) -> None:
        """Task states are stored after the fact: wait until all of them are, or for two minutes."""
        ended = {"task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
        end = time.monotonic() + SETTLED_WITHIN_S
        while time.monotonic() < end:
            answer = await self._http.post("/task_runs/count", json=ended, timeout=60)
            if answer.is_success and answer.json() >= self._steps:
                return
            await asyncio.sleep(0.25)

    async def events(self, plans: list[Plan]) -> int | None:
        """The rows that were added since the last question."""
        before, self._rows = self._rows, self._count()
        return self._rows - before

    def _count(self) -> int:
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as database:
            counts = (database.execute(f"SELECT count(*) FROM {name}") for name in TABLES)
            return sum(int(count.fetchone()[0]) for count in counts)


if __name__ == "__main__":
    asyncio.run(serve(Tasks(), Answers()))
