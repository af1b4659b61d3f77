"""azure.traffic_manager.prefer_endpoint against the lab."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from holdfast.activities.azure.connections import TrafficManagerConnections
from holdfast.activities.azure.prefer_endpoint import PreferEndpoint
from holdfast.workflows.model.step import Applied, Qualification
from support.action_world import ActionWorld, token

MILAN: dict[str, Any] = {"resource_group": "edge", "profile": "historian", "endpoint": "milan"}
UNPROVED = {**MILAN, "verify": False}
API = "/apis/apps/v1/namespaces/historian/deployments/api"
BROKER = "/apis/apps/v1/namespaces/bus/statefulsets/broker"


@pytest.fixture
def prefer(arm: TrafficManagerConnections) -> PreferEndpoint:
    return PreferEndpoint(arm)


@pytest.fixture
def hasty_prefer(hasty_arm: TrafficManagerConnections) -> PreferEndpoint:
    return PreferEndpoint(hasty_arm)


async def image(world: ActionWorld, prefer: PreferEndpoint) -> Any:
    return (await world.probe_one(prefer, MILAN)).before_image


async def places(world: ActionWorld) -> dict[str, tuple[str, int, int]]:
    profile = await world.azure("historian")
    return {
        endpoint["name"]: (
            endpoint["properties"]["endpointStatus"],
            endpoint["properties"]["priority"],
            endpoint["properties"]["weight"],
        )
        for endpoint in profile["properties"]["endpoints"]
    }


async def start_at_milan(world: ActionWorld) -> None:
    """Let the historian run at milan, so that Traffic Manager finds it there."""
    for path in (API, BROKER):
        await world.kubernetes("milan", path, {"spec": {"replicas": 1}})


async def test_probe_sees_every_endpoint_s_place(
    world: ActionWorld, prefer: PreferEndpoint
) -> None:
    seen = await world.probe_one(prefer, MILAN)
    assert (seen.state, seen.qualification) == (Applied.NOT_APPLIED, Qualification.QUALIFIED)
    assert seen.resource == "azure/edge/historian"
    assert isinstance(seen.before_image, dict)
    assert isinstance(seen.before_image["endpoints"], list)
    assert [each["name"] for each in seen.before_image["endpoints"]] == ["lyon", "milan"]  # type: ignore[call-overload,index]
    assert seen.change == "prefer milan in historian"
    assert seen.expected_duration == timedelta(seconds=40)


async def test_the_undo_command_never_gives_two_endpoints_one_priority(
    world: ActionWorld, prefer: PreferEndpoint
) -> None:
    command = (await world.probe_one(prefer, MILAN)).undo_command or ""
    steps = [part.split() for part in command.split(" && ")]
    moves = [(step[step.index("-n") + 1], step[step.index("--priority") + 1]) for step in steps]
    assert moves == [("milan", "3"), ("lyon", "1"), ("milan", "2")]


async def test_probe_lists_a_group_of_which_it_needs_many_profiles(
    world: ActionWorld, prefer: PreferEndpoint
) -> None:
    await world.fault("error", status=500, times=0, path="Profiles/", system="azure")
    missing = [{**MILAN, "profile": f"gone-{n}"} for n in range(3)]
    seen = await world.probe(prefer, MILAN, *missing)
    assert seen[0].qualification is Qualification.QUALIFIED
    assert all("does not exist" in each.reason for each in seen[1:])


async def test_probe_reads_a_profile_once_for_all_its_steps(
    world: ActionWorld, prefer: PreferEndpoint
) -> None:
    seen = await world.probe(prefer, MILAN, {**MILAN, "endpoint": "lyon"})
    assert [each.state for each in seen] == [Applied.NOT_APPLIED, Applied.APPLIED]


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({**MILAN, "endpoint": "rome"}, "it has: lyon, milan"),
        ({**MILAN, "profile": "gone"}, "NotFound"),
        ({**MILAN, "resource_group": "gone"}, "NotFound"),
    ],
)
async def test_probe_names_what_does_not_exist(
    world: ActionWorld, prefer: PreferEndpoint, inputs: dict[str, Any], reason: str
) -> None:
    seen = await world.probe_one(prefer, inputs)
    assert seen.qualification is Qualification.NOT_QUALIFIED
    assert reason in seen.reason


@pytest.mark.parametrize("status", [401, 403])
async def test_probe_names_what_to_grant_where_the_credential_is_refused(
    world: ActionWorld, prefer: PreferEndpoint, status: int
) -> None:
    await world.fault("error", status=status, times=0, system="azure")
    seen = await world.probe_one(prefer, MILAN)
    assert seen.qualification is Qualification.NOT_QUALIFIED
    assert "grant the worker's identity Traffic Manager Contributor" in seen.reason
    assert world.access.token not in seen.reason


async def test_probe_refuses_a_profile_that_routes_otherwise(
    world: ActionWorld, prefer: PreferEndpoint
) -> None:
    await world.azure("historian", {"properties": {"trafficRoutingMethod": "Performance"}})
    seen = await world.probe_one(prefer, MILAN)
    assert seen.qualification is Qualification.NOT_QUALIFIED
    assert "routes by Performance" in seen.reason


async def test_apply_gives_the_first_place_and_proves_that_it_is_served(
    world: ActionWorld, prefer: PreferEndpoint
) -> None:
    before = await image(world, prefer)
    await start_at_milan(world)
    evidence = await world.apply(prefer, MILAN, before)
    assert await places(world) == {"lyon": ("Enabled", 2, 100), "milan": ("Enabled", 1, 1)}
    assert evidence.changed
    assert evidence.details["monitor_status"] == "Online"
    assert (evidence.details["dns_ttl_s"], evidence.details["probe_interval_s"]) == (30, 30)
    assert "clients may see the old answer for 30 s more" in evidence.sentence


async def test_apply_moves_all_priorities_in_one_write(
    world: ActionWorld, prefer: PreferEndpoint
) -> None:
    before = await image(world, prefer)
    await world.apply(prefer, UNPROVED, before)
    assert len(await world.changes()) == 1


async def test_apply_keeps_what_it_does_not_know(
    world: ActionWorld, prefer: PreferEndpoint
) -> None:
    await world.azure("historian", {"tags": {"owner": "ot-team"}})
    before = await image(world, prefer)
    was = await world.azure("historian")
    await world.apply(prefer, UNPROVED, before, by=token(epoch=3))
    now = await world.azure("historian")
    assert now["tags"]["owner"] == "ot-team"
    assert now["tags"]["holdfast-epoch"] == "3"
    targets = [
        [each["properties"]["target"] for each in profile["properties"]["endpoints"]]
        for profile in (was, now)
    ]
    assert targets[0] == targets[1]
    assert was["properties"]["monitorConfig"] == now["properties"]["monitorConfig"]


async def test_apply_puts_all_weight_on_the_endpoint_of_a_weighted_profile(
    world: ActionWorld, prefer: PreferEndpoint
) -> None:
    await world.azure("historian", {"properties": {"trafficRoutingMethod": "Weighted"}})
    before, canonical = await image(world, prefer), await world.canonical()
    await world.apply(prefer, UNPROVED, before)
    weights = {name: place[2] for name, place in (await places(world)).items()}
    assert weights == {"lyon": 1, "milan": 1000}
    await world.revert(prefer, UNPROVED, before)
    assert await world.canonical() == canonical


async def test_apply_enables_an_endpoint_that_was_disabled(
    world: ActionWorld, prefer: PreferEndpoint
) -> None:
    path = "historian/externalEndpoints/milan"
    await world.azure(path, {"properties": {"endpointStatus": "Disabled"}})
    before, canonical = await image(world, prefer), await world.canonical()
    await world.apply(prefer, UNPROVED, before)
    assert (await places(world))["milan"][0] == "Enabled"
    await world.revert(prefer, UNPROVED, before)
    assert await world.canonical() == canonical


async def test_apply_fails_where_traffic_manager_finds_the_endpoint_degraded(
    world: ActionWorld, prefer: PreferEndpoint
) -> None:
    before = await image(world, prefer)
    with pytest.raises(ApplicationError, match="milan is Degraded") as failure:
        await world.apply(prefer, MILAN, before, timeout=timedelta(seconds=0.5))
    assert (failure.value.type, failure.value.non_retryable) == ("VerificationFailed", True)


async def test_applied_twice_it_changes_once(world: ActionWorld, prefer: PreferEndpoint) -> None:
    before = await image(world, prefer)
    await asyncio.gather(*(world.apply(prefer, UNPROVED, before) for _ in range(3)))
    evidence = await world.apply(prefer, UNPROVED, before)
    assert evidence.changed
    assert len(await world.changes()) == 1


async def test_apply_marks_a_state_that_holds_already(
    world: ActionWorld, prefer: PreferEndpoint
) -> None:
    before = await image(world, prefer)
    was = await places(world)
    evidence = await world.apply(prefer, {**MILAN, "endpoint": "lyon"}, before)
    assert not evidence.changed
    assert await places(world) == was
    assert (await world.probe_one(prefer, MILAN)).epoch == 1


async def test_apply_refuses_a_profile_that_somebody_else_has_changed(
    world: ActionWorld, prefer: PreferEndpoint
) -> None:
    before = await image(world, prefer)
    path = "historian/externalEndpoints/lyon"
    await world.azure(path, {"properties": {"weight": 7}})
    with pytest.raises(
        ApplicationError, match=r"lyon was .* weight 100.* and is .* weight 7"
    ) as failure:
        await world.apply(prefer, MILAN, before)
    assert failure.value.type == "Conflict"


async def test_apply_does_not_mind_changes_that_do_not_matter(
    world: ActionWorld, prefer: PreferEndpoint
) -> None:
    before = await image(world, prefer)
    await world.azure("historian", {"tags": {"owner": "ot-team"}})
    assert (await world.apply(prefer, UNPROVED, before)).changed


async def test_apply_is_refused_by_a_newer_recovery(
    world: ActionWorld, prefer: PreferEndpoint
) -> None:
    before = await image(world, prefer)
    await world.apply(prefer, UNPROVED, before, by=token(epoch=2, run="run-2"))
    with pytest.raises(ApplicationError) as failure:
        await world.apply(prefer, UNPROVED, before)
    assert failure.value.type == "FencedOut"
