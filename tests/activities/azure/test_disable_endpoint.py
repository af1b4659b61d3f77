"""azure.traffic_manager.disable_endpoint against the lab."""

import asyncio
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from holdfast.activities.azure.connections import TrafficManagerConnections
from holdfast.activities.azure.disable_endpoint import DisableEndpoint
from holdfast.activities.azure.prefer_endpoint import PreferEndpoint
from holdfast.workflows.model.step import Applied, Qualification
from support.action_world import REVERT_KEY, ActionWorld, retried, token

LYON: dict[str, Any] = {"resource_group": "edge", "profile": "historian", "endpoint": "lyon"}
MILAN = {**LYON, "endpoint": "milan"}
MILAN_PATH = "historian/externalEndpoints/milan"
DISABLED = {"properties": {"endpointStatus": "Disabled"}}


@pytest.fixture
def disable(arm: TrafficManagerConnections) -> DisableEndpoint:
    return DisableEndpoint(arm)


@pytest.fixture
def hasty_disable(hasty_arm: TrafficManagerConnections) -> DisableEndpoint:
    return DisableEndpoint(hasty_arm)


async def image(world: ActionWorld, disable: DisableEndpoint) -> Any:
    return (await world.probe_one(disable, LYON)).before_image


async def status(world: ActionWorld, name: str) -> Any:
    endpoint = await world.azure(f"historian/externalEndpoints/{name}")
    return endpoint["properties"]["endpointStatus"]


async def test_probe_sees_an_enabled_endpoint(world: ActionWorld, disable: DisableEndpoint) -> None:
    seen = await world.probe_one(disable, LYON)
    assert (seen.state, seen.qualification) == (Applied.NOT_APPLIED, Qualification.QUALIFIED)
    assert seen.undo_command is not None
    assert seen.undo_command.endswith(
        "-n lyon --type externalEndpoints --endpoint-status Enabled --priority 1"
    )


async def test_probe_leaves_open_whether_an_earlier_step_enables_another(
    world: ActionWorld, disable: DisableEndpoint
) -> None:
    await world.azure(MILAN_PATH, DISABLED)
    seen = await world.probe_one(disable, LYON)
    assert seen.qualification is Qualification.UNKNOWN
    assert "last enabled endpoint" in seen.reason


async def test_probe_refuses_the_only_endpoint(
    world: ActionWorld, disable: DisableEndpoint
) -> None:
    profile = await world.azure("historian")
    only = profile["properties"]["endpoints"][:1]
    await world.azure("historian", {"properties": {"endpoints": only}})
    seen = await world.probe_one(disable, LYON)
    assert seen.qualification is Qualification.NOT_QUALIFIED


async def test_apply_disables(world: ActionWorld, disable: DisableEndpoint) -> None:
    evidence = await world.apply(disable, LYON, await image(world, disable))
    assert evidence.changed
    assert evidence.details["dns_ttl_s"] == 30
    assert await status(world, "lyon") == "Disabled"
    assert (await world.probe_one(disable, LYON)).state is Applied.APPLIED


async def test_apply_refuses_to_disable_the_last_enabled_endpoint(
    world: ActionWorld, disable: DisableEndpoint
) -> None:
    await world.azure(MILAN_PATH, DISABLED)
    with pytest.raises(ApplicationError, match="last enabled endpoint") as failure:
        await world.apply(disable, LYON, await image(world, disable))
    assert failure.value.type == "Conflict"
    assert await status(world, "lyon") == "Enabled"


async def test_applied_twice_it_changes_once(world: ActionWorld, disable: DisableEndpoint) -> None:
    before = await image(world, disable)
    await asyncio.gather(*(world.apply(disable, LYON, before) for _ in range(3)))
    await world.apply(disable, LYON, before)
    assert len(await world.changes()) == 1


async def test_revert_restores_the_world(world: ActionWorld, disable: DisableEndpoint) -> None:
    before, canonical = await image(world, disable), await world.canonical()
    await world.apply(disable, LYON, before)
    assert (await world.revert(disable, LYON, before)).changed
    assert await world.canonical() == canonical


async def test_revert_undoes_its_own_step_and_no_other(
    world: ActionWorld, disable: DisableEndpoint, arm: TrafficManagerConnections
) -> None:
    before = await image(world, disable)
    await world.apply(disable, LYON, before)
    prefer = PreferEndpoint(arm)
    between = (await world.probe_one(prefer, MILAN)).before_image
    await world.apply(
        prefer, {**MILAN, "verify": False}, between, by=token(2, "plan/run-1/historian/prefer")
    )
    await world.revert(disable, LYON, before, by=token(3, REVERT_KEY))
    endpoint = await world.azure("historian/externalEndpoints/lyon")
    assert endpoint["properties"]["endpointStatus"] == "Enabled"
    assert (await world.azure(MILAN_PATH))["properties"]["priority"] < endpoint["properties"][
        "priority"
    ]


async def test_two_steps_on_one_profile_are_undone_one_after_the_other(
    world: ActionWorld, disable: DisableEndpoint, arm: TrafficManagerConnections
) -> None:
    prefer, canonical = PreferEndpoint(arm), await world.canonical()
    first = await image(world, disable)
    await world.apply(disable, LYON, first, by=token(1, "disable"))
    second = (await world.probe_one(prefer, MILAN)).before_image
    unproved = {**MILAN, "verify": False}
    await world.apply(prefer, unproved, second, by=token(2, "prefer"))
    await world.revert(prefer, unproved, second, by=token(3, "prefer/revert"))
    await world.revert(disable, LYON, first, by=token(4, "disable/revert"))
    assert await world.canonical() == canonical


async def test_revert_of_what_was_never_applied_only_seals(
    world: ActionWorld, disable: DisableEndpoint
) -> None:
    before, canonical = await image(world, disable), await world.canonical()
    assert not (await world.revert(disable, LYON, before, known=False)).changed
    with pytest.raises(ApplicationError) as failure:
        await world.apply(disable, LYON, before)
    assert failure.value.type == "FencedOut"
    assert await world.canonical() == canonical


async def test_an_attempt_stopped_between_reading_and_writing_changes_nothing(
    world: ActionWorld, disable: DisableEndpoint
) -> None:
    before = await image(world, disable)
    await world.fault("delay", seconds=0.3, method="PATCH", system="azure")
    late = asyncio.create_task(world.apply(disable, LYON, before))
    await asyncio.sleep(0.15)
    await world.revert(disable, LYON, before, known=False)
    with pytest.raises(ApplicationError) as failure:
        await late
    assert failure.value.type == "FencedOut"
    assert await status(world, "lyon") == "Enabled"


FAULTS: dict[str, dict[str, Any]] = {
    "error": {"behaviour": "error", "status": 503},
    "throttle": {"behaviour": "throttle", "seconds": 0},
    "delay": {"behaviour": "delay", "seconds": 0.1},
    "hang": {"behaviour": "hang"},
    "drop_answer": {"behaviour": "drop_answer"},
}


@pytest.mark.parametrize("method", ["GET", "PATCH"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_faulted_answers_there_and_back_leave_the_world_as_it_was(
    world: ActionWorld, hasty_disable: DisableEndpoint, fault: str, method: str
) -> None:
    before, canonical = await image(world, hasty_disable), await world.canonical()
    await world.fault(**FAULTS[fault], method=method, system="azure")
    assert (await retried(lambda: world.apply(hasty_disable, LYON, before))).changed
    await world.fault(**FAULTS[fault], method=method, system="azure")
    assert (await retried(lambda: world.revert(hasty_disable, LYON, before))).changed
    assert len(await world.changes()) == 2
    assert await world.canonical() == canonical
