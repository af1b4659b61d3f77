"""kubernetes.isolate against the lab: the way back, late attempts, and faulted answers."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from holdfast.activities.kubernetes.connections import KubernetesConnections
from holdfast.activities.kubernetes.isolate import Isolate
from support.action_world import REVERT_KEY, ActionWorld, retried, token

COPY: dict[str, Any] = {
    "context": "plant-milan",
    "namespace": "historian",
    "into": "historian-test",
    "workloads": [{"deployment": "api"}],
}
BEFORE = {"exists": False}
SOURCE = "/api/v1/namespaces/historian"


@pytest.fixture
def isolate(clusters: KubernetesConnections) -> Isolate:
    return Isolate(clusters)


@pytest.fixture
def hasty_isolate(hasty_clusters: KubernetesConnections) -> Isolate:
    return Isolate(hasty_clusters)


async def is_there(world: ActionWorld) -> bool:
    objects = (await world.canonical())["sites"]["milan"]["objects"]
    return any("historian-test" in key for key in objects)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(5):
        while not await holds():
            await asyncio.sleep(0.01)


async def claimed(world: ActionWorld) -> bool:
    source = await world.kubernetes("milan", SOURCE)
    annotations = source["metadata"].get("annotations") or {}
    return "historian-test.isolated.holdfast.dev/epoch" in annotations


async def test_revert_leaves_nothing_behind(world: ActionWorld, isolate: Isolate) -> None:
    before = await world.canonical()
    await world.apply(isolate, COPY, BEFORE)
    assert await is_there(world)
    evidence = await world.revert(isolate, COPY, BEFORE)
    assert evidence.changed
    assert await world.canonical() == before


async def test_reverted_twice_it_deletes_once(world: ActionWorld, isolate: Isolate) -> None:
    await world.apply(isolate, COPY, BEFORE)
    await world.revert(isolate, COPY, BEFORE)
    await world.revert(isolate, COPY, BEFORE)
    deletions = [entry for entry in await world.changes() if entry["method"] == "DELETE"]
    assert len(deletions) == 1


@pytest.mark.parametrize("broken", ["networkpolicies", "deployments"])
async def test_revert_of_what_was_half_made_leaves_nothing_behind(
    world: ActionWorld, isolate: Isolate, broken: str
) -> None:
    before = await world.canonical()
    await world.fault("error", status=400, method="POST", path=broken)
    with pytest.raises(ApplicationError):
        await world.apply(isolate, COPY, BEFORE)
    assert await is_there(world)
    evidence = await world.revert(isolate, COPY, BEFORE, known=False)
    assert evidence.changed
    assert await world.canonical() == before


async def test_revert_of_what_was_never_made_shuts_a_late_attempt_out(
    world: ActionWorld, isolate: Isolate
) -> None:
    evidence = await world.revert(isolate, COPY, BEFORE, known=False)
    assert not evidence.changed
    with pytest.raises(ApplicationError) as failure:
        await world.apply(isolate, COPY, BEFORE)
    assert failure.value.type == "FencedOut"
    assert not await is_there(world)


async def test_an_attempt_that_comes_after_the_revert_makes_nothing(
    world: ActionWorld, isolate: Isolate
) -> None:
    await world.apply(isolate, COPY, BEFORE)
    await world.revert(isolate, COPY, BEFORE)
    with pytest.raises(ApplicationError) as failure:
        await world.apply(isolate, COPY, BEFORE)
    assert failure.value.type == "FencedOut"
    assert not await is_there(world)


async def test_an_attempt_that_creates_too_late_takes_it_back(
    world: ActionWorld, isolate: Isolate
) -> None:
    before = await world.canonical()
    await world.fault("delay", seconds=0.5, method="POST", path=r"/api/v1/namespaces\?")
    late = asyncio.create_task(world.apply(isolate, COPY, BEFORE))
    await until(lambda: claimed(world))
    await world.revert(isolate, COPY, BEFORE, known=False)
    with pytest.raises(ApplicationError) as failure:
        await late
    assert failure.value.type == "FencedOut"
    await until(lambda: _equal(world, before))
    methods = [entry["method"] for entry in await world.changes()]
    assert methods.index("POST") < methods.index("DELETE")


async def _equal(world: ActionWorld, before: Any) -> bool:
    return bool(await world.canonical() == before)


async def test_an_attempt_whose_namespace_goes_under_it_is_fenced_out(
    world: ActionWorld, isolate: Isolate
) -> None:
    before = await world.canonical()
    await world.fault("delay", seconds=0.3, method="POST", path="historian-test/deployments")
    late = asyncio.create_task(world.apply(isolate, COPY, BEFORE))
    await until(lambda: is_there(world))
    await world.revert(isolate, COPY, BEFORE)
    with pytest.raises(ApplicationError) as failure:
        await late
    assert failure.value.type == "FencedOut"
    assert await world.canonical() == before


async def test_a_step_tried_again_after_its_undo_makes_the_namespace_anew(
    world: ActionWorld, isolate: Isolate
) -> None:
    await world.apply(isolate, COPY, BEFORE)
    await world.revert(isolate, COPY, BEFORE)
    evidence = await world.apply(isolate, COPY, BEFORE, by=token(3))
    assert evidence.changed
    assert await is_there(world)


async def test_a_late_attempt_does_not_take_back_what_a_newer_one_took_over(
    world: ActionWorld, isolate: Isolate
) -> None:
    await world.fault("delay", seconds=0.6, method="POST", path="historian-test/deployments")
    late = asyncio.create_task(world.apply(isolate, COPY, BEFORE))
    await until(lambda: is_there(world))
    await world.apply(isolate, COPY, BEFORE, by=token(3))
    with pytest.raises(ApplicationError) as failure:
        await late
    assert failure.value.type == "FencedOut"
    assert await is_there(world)


async def test_a_former_namespace_that_is_still_going_is_waited_for(
    world: ActionWorld, isolate: Isolate
) -> None:
    await world.apply(isolate, COPY, BEFORE)
    held = {"metadata": {"finalizers": ["example.com/slow"]}}
    path = "/apis/apps/v1/namespaces/historian-test/deployments/api"
    await world.kubernetes("milan", path, held)
    with pytest.raises(ApplicationError, match="is being deleted") as failure:
        await world.revert(isolate, COPY, BEFORE, timeout=timedelta(seconds=0.3))
    assert failure.value.type == "VerificationFailed"
    newer = token(epoch=2, run="run-2", key="plan/run-2/step")
    again = asyncio.create_task(world.apply(isolate, COPY, BEFORE, by=newer))
    await asyncio.sleep(0)
    await world.kubernetes("milan", path, {"metadata": {"finalizers": None}})
    assert (await again).changed


async def test_two_steps_may_copy_from_one_namespace_side_by_side(
    world: ActionWorld, isolate: Isolate
) -> None:
    before = await world.canonical()
    others = {**COPY, "into": "historian-test-2"}
    first, second = token(1, "plan/run-1/a"), token(2, "plan/run-1/b")
    await asyncio.gather(
        world.apply(isolate, others, BEFORE, by=second),
        world.apply(isolate, COPY, BEFORE, by=first),
    )
    await asyncio.gather(
        world.apply(isolate, COPY, BEFORE, by=first),
        world.apply(isolate, others, BEFORE, by=second),
    )
    objects = (await world.canonical())["sites"]["milan"]["objects"]
    copies = {key for key in objects if key.endswith("/api") and "historian-test" in key}
    assert len(copies) == 2
    assert await world.canonical() != before


async def test_a_newer_recovery_s_copies_are_not_deleted(
    world: ActionWorld, isolate: Isolate
) -> None:
    newer = token(epoch=2, run="run-2", key="plan/run-2/step")
    await world.apply(isolate, COPY, BEFORE, by=newer)
    with pytest.raises(ApplicationError) as failure:
        await world.revert(isolate, COPY, BEFORE)
    assert failure.value.type == "FencedOut"
    assert await is_there(world)


FAULTS: dict[str, dict[str, Any]] = {
    "error": {"behaviour": "error", "status": 500},
    "throttle": {"behaviour": "throttle", "seconds": 0},
    "delay": {"behaviour": "delay", "seconds": 0.1},
    "drop_answer": {"behaviour": "drop_answer"},
    "hang": {"behaviour": "hang"},
}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("POST", r"/api/v1/namespaces\?"),
        ("POST", "networkpolicies"),
        ("POST", "deployments"),
    ],
)
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_faulted_answer_never_makes_anything_twice(
    world: ActionWorld, hasty_isolate: Isolate, fault: str, method: str, path: str
) -> None:
    await world.fault(**FAULTS[fault], method=method, path=path, site="milan")
    evidence = await retried(lambda: world.apply(hasty_isolate, COPY, BEFORE))
    assert evidence.changed
    keys = [entry["key"] for entry in await world.changes()]
    assert len(keys) == len(set(keys)) == 4


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_faulted_answer_never_keeps_the_namespace(
    world: ActionWorld, hasty_isolate: Isolate, fault: str, method: str
) -> None:
    before = await world.canonical()
    await world.apply(hasty_isolate, COPY, BEFORE)
    await world.fault(**FAULTS[fault], method=method, site="milan")
    evidence = await retried(lambda: world.revert(hasty_isolate, COPY, BEFORE))
    assert evidence.changed
    assert await world.canonical() == before
    claims = [entry["key"] for entry in await world.changes() if entry["method"] == "PATCH"]
    assert claims[-1] == REVERT_KEY
