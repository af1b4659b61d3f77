"""steps.await_return against the lab: it ends when a lost site answers again, and not before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from holdfast.activities import awaiting_return
from holdfast.activities.awaiting_return import await_return_activity
from holdfast.activities.kubernetes.connections import KubernetesConnections
from holdfast.activities.kubernetes.fence import Fence
from holdfast.workflows.model.awaiting import AwaitReturnInput
from holdfast.workflows.model.step import (
    Applied,
    ProbeInput,
    ProbeResult,
    Qualification,
    StepToProbe,
)
from support.action_world import ActionWorld

API: dict[str, Any] = {"context": "plant-lyon", "namespace": "historian", "deployment": "api"}
BROKER: dict[str, Any] = {"context": "plant-lyon", "namespace": "bus", "statefulset": "broker"}
PROCEED = {**API, "when_unreachable": "proceed"}


@pytest.fixture
def fence(hasty_clusters: KubernetesConnections) -> Fence:
    return Fence(hasty_clusters)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awaiting_return, "LOOK_EVERY_S", 0.05)


def asked(*inputs: dict[str, Any], run: str = "kubernetes.fence") -> AwaitReturnInput:
    steps = tuple(StepToProbe(step=f"s-{n}", inputs=i, key="") for n, i in enumerate(inputs))
    return AwaitReturnInput(run=run, probe=ProbeInput(steps=steps))


@asynccontextmanager
async def waiting(
    fence: Fence, request: AwaitReturnInput
) -> AsyncIterator[tuple[asyncio.Task[ProbeResult], asyncio.Event, ActivityEnvironment]]:
    """The activity, once it has looked in vain."""
    environment, in_vain = ActivityEnvironment(), asyncio.Event()
    environment.on_heartbeat = lambda *details: in_vain.set()
    activity = await_return_activity([fence])

    async def wait() -> ProbeResult:
        result: ProbeResult = await environment.run(activity, request)
        return result

    task = asyncio.create_task(wait())
    try:
        yield task, in_vain, environment
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, ApplicationError):
            await task


@pytest.mark.parametrize("inputs", [API, PROCEED])
@pytest.mark.parametrize("how", ["refuse", "hang"])
async def test_it_waits_until_the_site_answers_and_says_what_it_saw(
    world: ActionWorld, fence: Fence, inputs: dict[str, Any], how: str
) -> None:
    await world.lose("lyon", how)
    async with waiting(fence, asked(inputs, BROKER)) as (task, in_vain, _):
        await asyncio.wait_for(in_vain.wait(), 10)
        assert not task.done()
        await world.restore("lyon")
        seen = (await asyncio.wait_for(task, 10)).observations
    assert [each.step for each in seen] == ["s-0", "s-1"]
    assert {each.qualification for each in seen} == {Qualification.QUALIFIED}
    assert seen[0].before_image == {"reachable": True, "replicas": 3, "fenced": None}


async def test_it_ends_at_once_where_the_site_answers(world: ActionWorld, fence: Fence) -> None:
    (seen,) = (
        await ActivityEnvironment().run(await_return_activity([fence]), asked(API))
    ).observations
    assert seen.state is Applied.NOT_APPLIED


async def test_an_answer_that_is_a_refusal_is_an_answer(world: ActionWorld, fence: Fence) -> None:
    gone = {**API, "deployment": "gone"}
    (seen,) = (
        await ActivityEnvironment().run(await_return_activity([fence]), asked(gone))
    ).observations
    assert seen.qualification is Qualification.NOT_QUALIFIED
    assert "does not exist" in seen.reason


async def test_it_can_be_cancelled_at_once(world: ActionWorld, fence: Fence) -> None:
    await world.lose("lyon")
    async with waiting(fence, asked(API)) as (task, in_vain, environment):
        await asyncio.wait_for(in_vain.wait(), 10)
        environment.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 1)


async def test_it_changes_nothing(world: ActionWorld, fence: Fence) -> None:
    await ActivityEnvironment().run(await_return_activity([fence]), asked(API))
    assert await world.changes() == []


async def test_an_action_that_no_worker_has_ends_it(fence: Fence) -> None:
    with pytest.raises(ApplicationError) as failure:
        await ActivityEnvironment().run(
            await_return_activity([fence]), asked(API, run="kubernetes.unheard_of")
        )
    assert failure.value.non_retryable
