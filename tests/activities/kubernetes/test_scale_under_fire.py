"""kubernetes.scale against the lab: the way back, late attempts, and faulted answers."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from holdfast.activities.kubernetes.connections import KubernetesConnections
from holdfast.activities.kubernetes.scale import Scale
from holdfast.workflows.model.step import Qualification
from support.action_world import REVERT_KEY, ActionWorld, retried

API = {"context": "plant-milan", "namespace": "historian", "deployment": "api", "replicas": 3}
PATH = "/apis/apps/v1/namespaces/historian/deployments/api"
BEFORE = {"replicas": 0}


@pytest.fixture
def scale(clusters: KubernetesConnections) -> Scale:
    return Scale(clusters)


@pytest.fixture
def hasty_scale(hasty_clusters: KubernetesConnections) -> Scale:
    return Scale(hasty_clusters)


async def replicas(world: ActionWorld) -> int:
    return int((await world.kubernetes("milan", PATH))["spec"]["replicas"])


async def test_revert_restores_the_world(world: ActionWorld, scale: Scale) -> None:
    before = await world.canonical()
    await world.apply(scale, API, BEFORE)
    assert await world.canonical() != before
    evidence = await world.revert(scale, API, BEFORE)
    assert evidence.changed
    assert await world.canonical() == before


async def test_revert_waits_until_surplus_replicas_are_gone(
    world: ActionWorld, scale: Scale
) -> None:
    await world.apply(scale, API, BEFORE)
    await world.revert(scale, API, BEFORE)
    status = (await world.kubernetes("milan", PATH)).get("status") or {}
    assert not status.get("replicas")


async def test_reverted_twice_it_changes_once(world: ActionWorld, scale: Scale) -> None:
    await world.apply(scale, API, BEFORE)
    await world.revert(scale, API, BEFORE)
    await world.revert(scale, API, BEFORE)
    assert len(await world.changes()) == 2


async def test_revert_of_an_unknown_outcome_goes_by_the_mark(
    world: ActionWorld, scale: Scale
) -> None:
    await world.apply(scale, API, BEFORE)
    evidence = await world.revert(scale, API, BEFORE, known=False)
    assert evidence.changed
    assert await replicas(world) == 0


async def test_revert_of_what_was_never_applied_only_seals(
    world: ActionWorld, scale: Scale
) -> None:
    await world.kubernetes("milan", PATH, {"spec": {"replicas": 1}})
    evidence = await world.revert(scale, API, BEFORE, known=False)
    assert not evidence.changed
    assert await replicas(world) == 1
    with pytest.raises(ApplicationError, match="came too late"):
        await world.apply(scale, API, {"replicas": 1})
    assert await replicas(world) == 1


async def test_revert_leaves_alone_what_its_step_did_not_change(
    world: ActionWorld, scale: Scale
) -> None:
    inputs = {**API, "replicas": 0}
    await world.apply(scale, inputs, BEFORE)
    await world.kubernetes("milan", PATH, {"spec": {"replicas": 1}})
    evidence = await world.revert(scale, inputs, BEFORE)
    assert not evidence.changed
    assert await replicas(world) == 1


async def test_an_attempt_that_comes_after_the_revert_changes_nothing(
    world: ActionWorld, scale: Scale
) -> None:
    await world.apply(scale, API, BEFORE)
    await world.revert(scale, API, BEFORE)
    with pytest.raises(ApplicationError, match="came too late") as failure:
        await world.apply(scale, API, BEFORE)
    assert failure.value.type == "FencedOut"
    assert await replicas(world) == 0


async def test_an_attempt_stopped_between_reading_and_writing_changes_nothing(
    world: ActionWorld, scale: Scale
) -> None:
    await world.fault("delay", seconds=0.3, method="PATCH", site="milan")
    late = asyncio.create_task(world.apply(scale, API, BEFORE))
    await asyncio.sleep(0.15)
    await world.revert(scale, API, BEFORE, known=False)
    with pytest.raises(ApplicationError) as failure:
        await late
    assert failure.value.type == "FencedOut"
    assert [entry["key"] for entry in await world.changes()] == [REVERT_KEY]
    assert await replicas(world) == 0


async def test_a_wait_ends_when_the_run_has_moved_on(world: ActionWorld, scale: Scale) -> None:
    never = {"metadata": {"annotations": {"lab.holdfast.dev/ready": "never"}}}
    await world.kubernetes("milan", PATH, never)
    waiting = asyncio.create_task(world.apply(scale, API, BEFORE))
    await asyncio.sleep(0.2)
    await world.revert(scale, API, BEFORE)
    with pytest.raises(ApplicationError) as failure:
        await waiting
    assert failure.value.type == "FencedOut"


async def test_a_write_that_crosses_another_client_s_is_made_again(
    world: ActionWorld, scale: Scale
) -> None:
    await world.fault("delay", seconds=0.2, method="PATCH", site="milan")
    applying = asyncio.create_task(world.apply(scale, API, BEFORE))
    await asyncio.sleep(0.1)
    await world.kubernetes("milan", PATH, {"metadata": {"labels": {"touched": "yes"}}})
    assert (await applying).changed
    now = await world.kubernetes("milan", PATH)
    assert now["metadata"]["labels"]["touched"] == "yes"
    assert now["spec"]["replicas"] == 3


FAULTS: dict[str, dict[str, Any]] = {
    "error": {"behaviour": "error", "status": 503},
    "throttle": {"behaviour": "throttle", "seconds": 0},
    "delay": {"behaviour": "delay", "seconds": 0.1},
    "hang": {"behaviour": "hang"},
    "drop_answer": {"behaviour": "drop_answer"},
}


@pytest.mark.parametrize("method", ["GET", "PATCH"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_faulted_answer_never_makes_an_apply_change_twice(
    world: ActionWorld, hasty_scale: Scale, fault: str, method: str
) -> None:
    await world.fault(**FAULTS[fault], method=method, site="milan")
    evidence = await retried(lambda: world.apply(hasty_scale, API, BEFORE))
    assert evidence.changed
    assert len(await world.changes()) == 1
    assert await replicas(world) == 3


@pytest.mark.parametrize("method", ["GET", "PATCH"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_faulted_answer_never_keeps_a_revert_from_restoring(
    world: ActionWorld, hasty_scale: Scale, fault: str, method: str
) -> None:
    before = await world.canonical()
    await world.apply(hasty_scale, API, BEFORE)
    await world.fault(**FAULTS[fault], method=method, site="milan")
    await retried(lambda: world.revert(hasty_scale, API, BEFORE))
    assert len(await world.changes()) == 2
    assert await world.canonical() == before


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_faulted_probe_is_worth_another_attempt(
    world: ActionWorld, hasty_scale: Scale, fault: str
) -> None:
    await world.fault(**FAULTS[fault], method="GET", site="milan")
    try:
        (seen,) = await world.probe(hasty_scale, API, attempt=1)
    except ApplicationError as failure:
        if failure.non_retryable:
            raise
        (seen,) = await world.probe(hasty_scale, API, attempt=2)
    assert seen.qualification is Qualification.QUALIFIED


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "throttle"])
async def test_a_faulted_watch_costs_no_attempt(
    world: ActionWorld, hasty_scale: Scale, fault: str
) -> None:
    await world.fault(**FAULTS[fault], method="GET", site="milan", path="watch=")
    assert (await world.apply(hasty_scale, API, BEFORE)).details["ready"] == 3


async def test_throttling_hands_on_how_long_to_wait(world: ActionWorld, scale: Scale) -> None:
    await world.fault("throttle", seconds=7, method="PATCH", site="milan")
    with pytest.raises(ApplicationError) as failure:
        await world.apply(scale, API, BEFORE)
    assert failure.value.type == "Throttled"
    assert failure.value.next_retry_delay == timedelta(seconds=7)
