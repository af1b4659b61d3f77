"""DBOS: one workflow per plan, one step per step, checkpointed in its system database."""

import asyncio
import os
from typing import Any

import sqlalchemy
from dbos import DBOS, SetWorkflowID

from bench.peers.wire import Answers, Effects, Plan, Service, document_of, plan_of, serve, wait_step

_effects = Effects()


async def run_plan(document: dict[str, Any]) -> None:
    """A coroutine per service; step ids are drawn at once, since recovery goes by their order."""
    plan = plan_of(document)
    reserved = {
        service.name: [DBOS.reserve_step() for _ in service.steps_s] for service in plan.services
    }
    tasks: dict[str, asyncio.Task[None]] = {}

    async def recover(service: Service) -> None:
        await asyncio.gather(*(tasks[name] for name in service.depends_on))
        for step, duration_s in enumerate(service.steps_s):
            await reserved[service.name][step].run_async(
                None, wait_step, _effects, service.name, step, duration_s
            )

    for service in plan.services:
        tasks[service.name] = asyncio.create_task(recover(service))
    await asyncio.gather(*tasks.values())


recovery = DBOS.workflow(name="recovery")(run_plan)


class Steps:
    """A launched DBOS."""

    def __init__(self, url: str) -> None:
        self._engine = sqlalchemy.create_engine(
            url.replace("postgresql:", "postgresql+psycopg:", 1)
        )

    async def run(self, plan: Plan) -> None:
        """Run a plan."""
        with SetWorkflowID(plan.id):
            handle = await DBOS.start_workflow_async(recovery, document_of(plan))
        await handle.get_result()

    async def settle(self) -> None:
        """All was done when the workflows ended."""

    async def events(self, plans: list[Plan]) -> int | None:
        """The rows of the plans: one per step and one per workflow."""
        schema = "dbos." if self._engine.dialect.name == "postgresql" else ""
        rows = 0
        with self._engine.connect() as connection:
            for table in ("operation_outputs", "workflow_status"):
                counting = sqlalchemy.text(
                    f"SELECT count(*) FROM {schema}{table} WHERE workflow_uuid IN :ids"
                ).bindparams(sqlalchemy.bindparam("ids", expanding=True))
                counted = connection.execute(counting, {"ids": [plan.id for plan in plans]})
                rows += int(counted.scalar_one())
        return rows


async def main() -> None:
    """Work until the input ends; a launch takes up what an earlier process left."""
    url = os.environ["BENCH_DBOS"]
    DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR"})
    DBOS.launch()
    await serve(Steps(url), Answers())


if __name__ == "__main__":
    asyncio.run(main())
