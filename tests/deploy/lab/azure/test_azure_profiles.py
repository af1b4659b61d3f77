"""Traffic Manager profiles and endpoints through the official client: reads, writes, refusals."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.trafficmanager.models import (
    CheckTrafficManagerRelativeDnsNameAvailabilityParameters as NameCheck,
)
from azure.mgmt.trafficmanager.models import Endpoint, EndpointProperties


def external(name: str, **properties: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": "Microsoft.Network/trafficManagerProfiles/externalEndpoints",
        "properties": {"target": f"new.{name}.example", **properties},
    }


def profile(*endpoints: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {
        "location": "global",
        "properties": {
            "trafficRoutingMethod": "Priority",
            "dnsConfig": {"relativeName": "new", "ttl": 20},
            "endpoints": list(endpoints),
            **properties,
        },
    }


async def refusal(call: Any) -> tuple[int, str]:
    """The status and the code with which a call is refused."""
    with pytest.raises(HttpResponseError) as refused:
        await call
    error: Any = refused.value
    return error.status_code, error.error.code


async def test_profiles_are_listed_by_group_and_by_subscription(azure: Any) -> None:
    async with azure.client() as client:
        in_group = [each.name async for each in client.profiles.list_by_resource_group("edge")]
        everywhere = [each.name async for each in client.profiles.list_by_subscription()]

    assert in_group == everywhere == ["historian", "orders"]


async def test_the_source_comes_first_in_priority_and_weight(azure: Any) -> None:
    async with azure.client() as client:
        seeded = await client.profiles.get("edge", "orders")

    places = [
        (each.name, each.properties.priority, each.properties.weight)
        for each in seeded.properties.endpoints
    ]
    assert places == [("lyon", 1, 100), ("milan", 2, 1)]


async def test_a_profile_is_created_read_and_deleted(azure: Any) -> None:
    async with azure.client() as client:
        created = await client.profiles.create_or_update("edge", "new", profile(external("lyon")))
        read = await client.profiles.get("edge", "new")
        await client.profiles.delete("edge", "new")
        gone = await refusal(client.profiles.get("edge", "new"))
        await client.profiles.delete("edge", "new")

    assert created.as_dict() == read.as_dict()
    assert read.properties.monitor_config.interval_in_seconds == 30
    assert gone == (404, "ResourceNotFound")


async def test_a_profile_that_was_read_can_be_put_back_and_nothing_changes(azure: Any) -> None:
    async with azure.client() as client:
        read = await client.profiles.get("edge", "historian")
        put = await client.profiles.create_or_update("edge", "historian", read)

    assert put.as_dict() == read.as_dict()
    assert azure.last().applied is False


async def test_a_patch_replaces_the_tags_as_given_and_leaves_the_rest(azure: Any) -> None:
    async with azure.client() as client:
        await client.profiles.update("edge", "historian", {"tags": {"a": "1", "b": "2"}})
        patched = await client.profiles.update("edge", "historian", {"tags": {"a": "3"}})
        untouched = await client.profiles.update(
            "edge", "historian", {"properties": {"dnsConfig": {"ttl": 5}}}
        )

    assert patched.tags == untouched.tags == {"a": "3"}
    assert untouched.properties.dns_config.ttl == 5
    assert len(untouched.properties.endpoints) == 2


async def test_endpoints_in_a_patch_replace_the_whole_list(azure: Any) -> None:
    async with azure.client() as client:
        patched = await client.profiles.update(
            "edge", "historian", {"properties": {"endpoints": [external("milan", priority=7)]}}
        )

    assert [(each.name, each.properties.priority) for each in patched.properties.endpoints] == [
        ("milan", 7)
    ]


async def test_priorities_are_swapped_in_one_patch_of_the_profile(azure: Any) -> None:
    async with azure.client() as client:
        read = await client.profiles.get("edge", "historian")
        first, second = read.properties.endpoints
        first.properties.priority, second.properties.priority = 2, 1
        await client.profiles.update("edge", "historian", read)

    azure.world.up.add(("historian", "milan"))
    azure.clock.skipped += 10
    assert azure.part.answer("historian") == "milan"


async def test_an_endpoint_is_created_read_and_deleted(azure: Any) -> None:
    body = Endpoint(properties=EndpointProperties(target="historian.turin.example"))
    async with azure.client() as client:
        where = ("edge", "historian", "ExternalEndpoints", "turin")
        created = await client.endpoints.create_or_update(*where, body)
        read = await client.endpoints.get(*where)
        await client.endpoints.delete(*where)
        with pytest.raises(ResourceNotFoundError):
            await client.endpoints.get(*where)
        await client.endpoints.delete(*where)

    assert created.as_dict() == read.as_dict()
    assert (read.properties.priority, read.properties.weight) == (3, 1)


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("AzureEndpoints", {"targetResourceId": "/subscriptions/s/ip"}),
        ("NestedEndpoints", {"targetResourceId": "/subscriptions/s/tm", "minChildEndpoints": 1}),
    ],
)
async def test_azure_and_nested_endpoints_are_kept(
    azure: Any, kind: str, properties: dict[str, Any]
) -> None:
    async with azure.client() as client:
        made = await client.endpoints.create_or_update(
            "edge", "historian", kind, "extra", {"properties": properties}
        )

    assert made.type.endswith(f"/{kind[0].lower()}{kind[1:]}")
    assert made.properties.target_resource_id == properties["targetResourceId"]


async def test_an_endpoint_patch_changes_only_what_it_names(azure: Any) -> None:
    async with azure.client() as client:
        where = ("edge", "historian", "ExternalEndpoints", "LYON")
        patched = await client.endpoints.update(*where, {"properties": {"priority": 9}})

    assert patched.name == "lyon"
    assert (patched.properties.priority, patched.properties.weight) == (9, 100)


async def test_a_priority_that_is_taken_is_refused(azure: Any) -> None:
    async with azure.client() as client:
        where = ("edge", "historian", "ExternalEndpoints", "milan")
        call = client.endpoints.update(*where, {"properties": {"priority": 1}})

        assert await refusal(call) == (400, "BadRequest")


@pytest.mark.parametrize(
    "properties",
    [
        {"priority": 0},
        {"priority": 1001},
        {"weight": 0},
        {"weight": 1001},
        {"weight": "7"},
        {"priority": True},
        {"endpointStatus": "Paused"},
        {"alwaysServe": "Sometimes"},
        {"target": ""},
        {"target": "historian.lyon.example"},
    ],
)
async def test_endpoint_values_out_of_range_are_refused(
    azure: Any, properties: dict[str, Any]
) -> None:
    async with azure.client() as client:
        where = ("edge", "historian", "ExternalEndpoints", "milan")
        call = client.endpoints.update(*where, {"properties": properties})

        assert await refusal(call) == (400, "BadRequest")


@pytest.mark.parametrize(
    "body",
    [
        profile(trafficRoutingMethod="Random"),
        profile(trafficRoutingMethod=None),
        profile(profileStatus="On"),
        profile(dnsConfig={}),
        profile(dnsConfig={"relativeName": "not a label"}),
        profile(dnsConfig={"relativeName": "new", "ttl": -1}),
        profile(monitorConfig={"protocol": "GOPHER"}),
        profile(external("lyon"), external("LYON", target="else.lyon.example")),
        profile({"name": "lyon"}),
        profile({**external("lyon"), "type": "strangeEndpoints"}),
        profile({**external("lyon"), "properties": {}}),
        profile(endpoints={"lyon": {}}),
        profile(external("lyon", customHeaders="x")),
        profile(monitorConfig={"expectedStatusCodeRanges": 200}),
        {**profile(), "tags": {"a": 1}},
    ],
)
async def test_profiles_that_break_a_rule_are_refused(azure: Any, body: dict[str, Any]) -> None:
    async with azure.client() as client:
        call = client.profiles.create_or_update("edge", "new", body)

        assert await refusal(call) == (400, "BadRequest")


@pytest.mark.parametrize(
    ("location", "code"),
    [(None, "LocationRequired"), ("westeurope", "LocationNotAvailableForResourceType")],
)
async def test_a_profile_lives_in_the_global_location(
    azure: Any, location: str | None, code: str
) -> None:
    async with azure.client() as client:
        call = client.profiles.create_or_update("edge", "new", {**profile(), "location": location})

        assert await refusal(call) == (400, code)


async def test_a_dns_name_belongs_to_one_profile(azure: Any) -> None:
    taken = profile(dnsConfig={"relativeName": "orders"})
    async with azure.client() as client:
        clash = await refusal(client.profiles.create_or_update("edge", "new", taken))
        renamed = await refusal(client.profiles.create_or_update("edge", "historian", taken))
        check = client.profiles.check_traffic_manager_name_availability_v2
        used = await check(
            NameCheck(name="orders", type="microsoft.network/trafficmanagerprofiles")
        )
        free = await check(NameCheck(name="free", type="microsoft.network/trafficmanagerprofiles"))

    assert (clash, renamed) == ((409, "Conflict"), (400, "BadRequest"))
    assert (used.name_available, used.reason, free.name_available) == (False, "AlreadyExists", True)
