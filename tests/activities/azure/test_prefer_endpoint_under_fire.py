"""azure.traffic_manager.prefer_endpoint against the lab: the way back, and faulted answers."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from holdfast.activities.azure.connections import TrafficManagerConnections
from holdfast.activities.azure.prefer_endpoint import PreferEndpoint
from holdfast.workflows.model.step import Qualification
from support.action_world import REVERT_KEY, ActionWorld, retried

MILAN: dict[str, Any] = {"resource_group": "edge", "profile": "historian", "endpoint": "milan"}
UNPROVED = {**MILAN, "verify": False}


@pytest.fixture
def prefer(arm: TrafficManagerConnections) -> PreferEndpoint:
    return PreferEndpoint(arm)


@pytest.fixture
def hasty_prefer(hasty_arm: TrafficManagerConnections) -> PreferEndpoint:
    return PreferEndpoint(hasty_arm)


async def image(world: ActionWorld, prefer: PreferEndpoint) -> Any:
    return (await world.probe_one(prefer, MILAN)).before_image


async def test_revert_restores_the_world(world: ActionWorld, prefer: PreferEndpoint) -> None:
    before, canonical = await image(world, prefer), await world.canonical()
    await world.apply(prefer, UNPROVED, before)
    assert await world.canonical() != canonical
    evidence = await world.revert(prefer, UNPROVED, before)
    assert evidence.changed
    assert await world.canonical() == canonical


async def test_revert_of_an_unknown_outcome_goes_by_the_mark(
    world: ActionWorld, prefer: PreferEndpoint
) -> None:
    before, canonical = await image(world, prefer), await world.canonical()
    await world.apply(prefer, UNPROVED, before)
    assert (await world.revert(prefer, UNPROVED, before, known=False)).changed
    assert await world.canonical() == canonical


async def test_revert_of_what_was_never_applied_only_seals(
    world: ActionWorld, prefer: PreferEndpoint
) -> None:
    before, canonical = await image(world, prefer), await world.canonical()
    assert not (await world.revert(prefer, MILAN, before, known=False)).changed
    with pytest.raises(ApplicationError) as failure:
        await world.apply(prefer, MILAN, before)
    assert failure.value.type == "FencedOut"
    assert await world.canonical() == canonical


async def test_an_attempt_stopped_between_reading_and_writing_changes_nothing(
    world: ActionWorld, prefer: PreferEndpoint
) -> None:
    before, canonical = await image(world, prefer), await world.canonical()
    await world.fault("delay", seconds=0.3, method="PATCH", system="azure")
    late = asyncio.create_task(world.apply(prefer, UNPROVED, before))
    await asyncio.sleep(0.15)
    await world.revert(prefer, UNPROVED, before, known=False)
    with pytest.raises(ApplicationError) as failure:
        await late
    assert failure.value.type == "FencedOut"
    assert [entry["key"] for entry in await world.changes()] == [REVERT_KEY]
    assert await world.canonical() == canonical


async def test_an_attempt_that_comes_after_the_revert_changes_nothing(
    world: ActionWorld, prefer: PreferEndpoint
) -> None:
    before, canonical = await image(world, prefer), await world.canonical()
    await world.apply(prefer, UNPROVED, before)
    await world.revert(prefer, UNPROVED, before)
    with pytest.raises(ApplicationError) as failure:
        await world.apply(prefer, UNPROVED, before)
    assert failure.value.type == "FencedOut"
    assert await world.canonical() == canonical


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
    world: ActionWorld, hasty_prefer: PreferEndpoint, fault: str, method: str
) -> None:
    before = await image(world, hasty_prefer)
    await world.fault(**FAULTS[fault], method=method, system="azure")
    evidence = await retried(lambda: world.apply(hasty_prefer, UNPROVED, before))
    assert evidence.changed
    assert len(await world.changes()) == 1


@pytest.mark.parametrize("method", ["GET", "PATCH"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_faulted_answer_never_keeps_a_revert_from_restoring(
    world: ActionWorld, hasty_prefer: PreferEndpoint, fault: str, method: str
) -> None:
    before, canonical = await image(world, hasty_prefer), await world.canonical()
    await world.apply(hasty_prefer, UNPROVED, before)
    await world.fault(**FAULTS[fault], method=method, system="azure")
    await retried(lambda: world.revert(hasty_prefer, UNPROVED, before))
    assert len(await world.changes()) == 2
    assert await world.canonical() == canonical


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_faulted_probe_is_worth_another_attempt(
    world: ActionWorld, hasty_prefer: PreferEndpoint, fault: str
) -> None:
    await world.fault(**FAULTS[fault], method="GET", system="azure")
    try:
        (seen,) = await world.probe(hasty_prefer, MILAN, attempt=1)
    except ApplicationError as failure:
        if failure.non_retryable:
            raise
        (seen,) = await world.probe(hasty_prefer, MILAN, attempt=2)
    assert seen.qualification is Qualification.QUALIFIED


async def test_throttling_hands_on_how_long_to_wait(
    world: ActionWorld, prefer: PreferEndpoint
) -> None:
    before = await image(world, prefer)
    await world.fault("throttle", seconds=7, method="PATCH", system="azure")
    with pytest.raises(ApplicationError) as failure:
        await world.apply(prefer, MILAN, before)
    assert failure.value.type == "Throttled"
    assert failure.value.next_retry_delay == timedelta(seconds=7)
