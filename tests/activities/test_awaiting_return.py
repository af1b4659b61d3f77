"""steps.await_return against the lab: it ends when a lost site answers again, and not before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from holdfast.activities import awaiting_return
from holdfast.activities.awaiting_return import await_return_activity
from holdfast.activities.kubernetes.connections import KubernetesConnections
from holdfast.activities.kubernetes.fence import Fence
from holdfast.workflows.activity_options import AWAIT_RETURN_OPTIONS
from holdfast.workflows.model.awaiting import AwaitReturnInput
from holdfast.workflows.model.step import (
    Applied,
    Observation,
    ProbeInput,
    ProbeResult,
    Qualification,
    StepToProbe,
)
from holdfast.workflows.names import AWAIT_RETURN
from support.action_world import ActionWorld

API: dict[str, Any] = {"context": "plant-lyon", "namespace": "historian", "deployment": "api"}
BROKER: dict[str, Any] = {"context": "plant-lyon", "namespace": "bus", "statefulset": "broker"}
PROCEED = {**API, "when_unreachable": "proceed"}


@workflow.defn
class Waits:
    """Waits for the return of one source."""

    @workflow.run
    async def run(self, request: AwaitReturnInput) -> ProbeResult:
        result: ProbeResult = await workflow.execute_activity(
            AWAIT_RETURN, request, result_type=ProbeResult, **AWAIT_RETURN_OPTIONS
        )
        return result


@pytest.fixture
def fence(hasty_clusters: KubernetesConnections) -> Fence:
    return Fence(hasty_clusters)


@pytest.fixture(scope="session")
async def client(temporal_address: str) -> Client:
    return await Client.connect(temporal_address, data_converter=pydantic_data_converter)


def asked(*inputs: dict[str, Any], run: str = "kubernetes.fence") -> AwaitReturnInput:
    steps = tuple(StepToProbe(step=f"s-{n}", inputs=i, key="") for n, i in enumerate(inputs))
    return AwaitReturnInput(run=run, probe=ProbeInput(steps=steps))


async def look(fence: Fence, request: AwaitReturnInput) -> tuple[Observation, ...]:
    """One attempt."""
    activity = await_return_activity([fence])
    result: ProbeResult = await ActivityEnvironment().run(activity, request)
    return result.observations


def worker(client: Client, fence: Fence, queue: str) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        workflows=[Waits],
        activities=[await_return_activity([fence])],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )


@asynccontextmanager
async def waiting(
    client: Client, request: AwaitReturnInput, queue: str
) -> AsyncIterator[WorkflowHandle[Any, ProbeResult]]:
    """A workflow that waits; ended whatever becomes of the test."""
    handle = await client.start_workflow(Waits.run, request, id=queue, task_queue=queue)
    try:
        yield handle
    finally:
        if (await handle.describe()).close_time is None:
            await handle.terminate()


async def has_looked(handle: WorkflowHandle[Any, Any], times: int = 1) -> None:
    """Wait until the activity has looked in vain so often."""
    async with asyncio.timeout(20):
        while True:
            pending = (await handle.describe()).raw_description.pending_activities
            if pending and pending[0].attempt > times:
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("inputs", [API, PROCEED])
@pytest.mark.parametrize("how", ["refuse", "hang"])
async def test_a_look_in_vain_asks_for_another(
    world: ActionWorld, fence: Fence, inputs: dict[str, Any], how: str
) -> None:
    await world.lose("lyon", how)
    with pytest.raises(ApplicationError, match="does not answer") as failure:
        await look(fence, asked(inputs, BROKER))
    assert not failure.value.non_retryable
    assert failure.value.next_retry_delay is not None
    assert timedelta(seconds=1) <= failure.value.next_retry_delay < timedelta(seconds=5)


async def test_it_ends_at_once_where_the_site_answers(world: ActionWorld, fence: Fence) -> None:
    (seen,) = await look(fence, asked(API))
    assert seen.state is Applied.NOT_APPLIED
    assert seen.before_image == {"reachable": True, "replicas": 3, "fenced": None}


async def test_an_answer_that_is_a_refusal_is_an_answer(world: ActionWorld, fence: Fence) -> None:
    (seen,) = await look(fence, asked({**API, "deployment": "gone"}))
    assert seen.qualification is Qualification.NOT_QUALIFIED
    assert "does not exist" in seen.reason


async def test_it_changes_nothing(world: ActionWorld, fence: Fence) -> None:
    await look(fence, asked(API))
    assert await world.changes() == []


@pytest.mark.parametrize("request_", [asked(API, run="kubernetes.unheard_of"), asked()])
async def test_what_can_never_return_is_not_waited_for(
    fence: Fence, request_: AwaitReturnInput
) -> None:
    with pytest.raises(ApplicationError) as failure:
        await look(fence, request_)
    assert failure.value.non_retryable


async def test_a_workflow_waits_over_a_change_of_workers_until_the_site_answers(
    world: ActionWorld, fence: Fence, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(awaiting_return, "LOOK_EVERY_S", 0.1)
    await world.lose("lyon")
    queue = f"returns-{uuid4()}"
    async with waiting(client, asked(PROCEED, BROKER), queue) as handle:
        async with worker(client, fence, queue):
            await has_looked(handle, times=2)
        await world.restore("lyon")
        async with worker(client, fence, queue):
            seen = (await asyncio.wait_for(handle.result(), 20)).observations
        history = await handle.fetch_history()
    assert [each.step for each in seen] == ["s-0", "s-1"]
    assert {each.qualification for each in seen} == {Qualification.QUALIFIED}
    assert len(history.events) < 15


async def test_waiting_ends_when_it_is_cancelled(
    world: ActionWorld, fence: Fence, client: Client
) -> None:
    await world.lose("lyon")
    queue = f"returns-{uuid4()}"
    async with worker(client, fence, queue), waiting(client, asked(API), queue) as handle:
        await has_looked(handle)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await asyncio.wait_for(handle.result(), 10)
