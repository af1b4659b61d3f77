"""A coordinator on a worker of its own, and those who ask it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from holdfast.activities.coordinator import COORDINATOR_ACTIVITIES
from holdfast.workers.worker import workflow_runner
from holdfast.workflows.estate_coordinator import EstateCoordinator
from holdfast.workflows.model.coordination import Admission, Application, Release
from holdfast.workflows.model.estate_state import CoordinatorInput, EstateState
from holdfast.workflows.names import coordinator_id

from .asking import Asker, Errand, Told


@dataclass
class Desk:
    """An estate's coordinator, and those who ask it."""

    client: Client
    estate: str
    task_queue: str

    @property
    def coordinator(self) -> WorkflowHandle[Any, Any]:
        """The coordinator's handle."""
        return self.client.get_workflow_handle(coordinator_id(self.estate))

    async def open(self, most_events: int = 3_000, look_every_s: float = 15.0) -> None:
        """Start the coordinator with these settings."""
        await self.client.start_workflow(
            EstateCoordinator.run,
            CoordinatorInput(
                estate=self.estate, most_events=most_events, look_every_s=look_every_s
            ),
            id=coordinator_id(self.estate),
            task_queue=self.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )

    async def asks(
        self, application: Application, name: str = "", **more: Any
    ) -> WorkflowHandle[Asker, Told]:
        """Start one that asks; its workflow id is made of the action and the site, or `name`."""
        release = more.pop("release", Release(outcome="recovered", acted=True))
        errand = Errand(estate=self.estate, application=application, release=release, **more)
        id = f"{name or application.action}/{self.estate}/{application.site}"
        return await self.client.start_workflow(
            Asker.run, errand, id=id, task_queue=self.task_queue
        )

    async def state(self) -> EstateState:
        """What the coordinator knows."""
        found: EstateState = await self.coordinator.query(EstateCoordinator.state)
        return found

    async def until(self, true: Any, within_s: float = 30.0, every_s: float = 0.05) -> EstateState:
        """The coordinator's state once something is true of it."""
        async with asyncio.timeout(within_s):
            while True:
                with contextlib.suppress(RPCError):
                    state = await self.state()
                    if true(state):
                        return state
                await asyncio.sleep(every_s)


async def waits(handle: WorkflowHandle[Asker, Told], within_s: float = 30.0) -> Admission:
    """The last word on what it waits for, once there is one."""
    async with asyncio.timeout(within_s):
        while not (told := await handle.query(Asker.told)).waits:
            await asyncio.sleep(0.05)
        return told.waits[-1]


@contextlib.asynccontextmanager
async def desk(client: Client, estate: str, *, sandbox: bool = True) -> AsyncIterator[Desk]:
    """A worker for a coordinator and those who ask it."""
    queue = f"coordinating-{estate}"
    async with Worker(
        client,
        task_queue=queue,
        workflows=[EstateCoordinator, Asker],
        activities=COORDINATOR_ACTIVITIES,
        workflow_runner=workflow_runner(sandbox=sandbox),
        max_cached_workflows=2_000,
    ):
        on = Desk(client, estate, queue)
        yield on
        try:
            await on.coordinator.terminate("the test is over")
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
