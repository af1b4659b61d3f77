"""Monitor statuses as the probes find them, and which endpoint DNS answers with."""

from __future__ import annotations

from typing import Any

import pytest


async def statuses(client: Any, profile: str = "historian") -> dict[str, str]:
    read = await client.profiles.get("edge", profile)
    found = {
        each.name: each.properties.endpoint_monitor_status for each in read.properties.endpoints
    }
    return {**found, "profile": read.properties.monitor_config.profile_monitor_status}


async def set_endpoint(client: Any, name: str, profile: str = "historian", **given: Any) -> None:
    where = ("edge", profile, "ExternalEndpoints", name)
    await client.endpoints.update(*where, {"properties": given})


async def set_profile(client: Any, **given: Any) -> None:
    await client.profiles.update("edge", "historian", {"properties": given})


async def test_a_healthy_endpoint_is_online_and_another_degraded(azure: Any) -> None:
    async with azure.client() as client:
        found = await statuses(client)

    assert found == {"lyon": "Online", "milan": "Degraded", "profile": "Degraded"}


async def test_the_status_follows_the_health_as_it_changes(azure: Any) -> None:
    async with azure.client() as client:
        azure.world.up = {("historian", "milan")}

        assert await statuses(client) == {
            "lyon": "Degraded",
            "milan": "Online",
            "profile": "Degraded",
        }


async def test_an_endpoint_of_a_lost_site_is_degraded(azure: Any) -> None:
    async with azure.client() as client:
        azure.world.lost = {"lyon"}

        assert (await statuses(client))["lyon"] == "Degraded"


async def test_an_endpoint_that_is_enabled_is_checked_before_it_is_online(azure: Any) -> None:
    async with azure.client() as client:
        await set_endpoint(client, "lyon", endpointStatus="Disabled")
        disabled = await statuses(client)
        await set_endpoint(client, "lyon", endpointStatus="Enabled")
        checked = await statuses(client)
        azure.clock.skipped += 5
        online = await statuses(client)

    assert [each["lyon"] for each in (disabled, checked, online)] == [
        "Disabled",
        "CheckingEndpoint",
        "Online",
    ]


async def test_a_repeated_enable_does_not_start_the_check_anew(azure: Any) -> None:
    async with azure.client() as client:
        await set_endpoint(client, "lyon", endpointStatus="Enabled")

        assert (await statuses(client))["lyon"] == "Online"


async def test_a_disabled_profile_makes_its_endpoints_inactive(azure: Any) -> None:
    async with azure.client() as client:
        await set_endpoint(client, "milan", endpointStatus="Disabled")
        await set_profile(client, profileStatus="Disabled")

        assert await statuses(client) == {
            "lyon": "Inactive",
            "milan": "Disabled",
            "profile": "Disabled",
        }
        assert azure.part.answer("historian") is None


async def test_a_profile_is_checking_until_one_endpoint_is_known(azure: Any) -> None:
    async with azure.client() as client:
        await set_profile(client, profileStatus="Disabled")
        await set_profile(client, profileStatus="Enabled")

        assert (await statuses(client))["profile"] == "CheckingEndpoints"


async def test_a_profile_without_enabled_endpoints_is_inactive(azure: Any) -> None:
    async with azure.client() as client:
        for site in ("lyon", "milan"):
            await set_endpoint(client, site, endpointStatus="Disabled")

        assert (await statuses(client))["profile"] == "Inactive"
        assert azure.part.answer("historian") is None


async def test_an_endpoint_that_always_serves_is_not_monitored_and_answers(azure: Any) -> None:
    azure.world.up.clear()
    async with azure.client() as client:
        await set_endpoint(client, "milan", alwaysServe="Enabled")

        assert (await statuses(client))["milan"] == "Unmonitored"
        assert azure.part.answer("historian") == "milan"


async def test_priority_routing_answers_the_first_that_is_online(azure: Any) -> None:
    assert azure.part.answer("historian") == "lyon"

    azure.world.up = {("historian", "milan")}
    assert azure.part.answer("Historian") == "milan"


async def test_an_endpoint_under_check_takes_traffic(azure: Any) -> None:
    azure.world.up = {("historian", "milan")}
    async with azure.client() as client:
        await set_endpoint(client, "lyon", endpointStatus="Disabled")
        await set_endpoint(client, "lyon", endpointStatus="Enabled")

        assert azure.part.answer("historian") == "lyon"
        azure.clock.skipped += 5
        assert azure.part.answer("historian") == "milan"


async def test_when_all_are_degraded_dns_answers_as_if_all_were_online(azure: Any) -> None:
    azure.world.up.clear()

    assert azure.part.answer("historian") == "lyon"


async def test_weighted_routing_answers_the_heaviest_that_is_online(azure: Any) -> None:
    azure.world.up |= {("orders", "milan")}
    assert azure.part.answer("orders") == "lyon"

    async with azure.client() as client:
        await set_endpoint(client, "milan", "orders", weight=1000)
    assert azure.part.answer("orders") == "milan"


async def test_a_name_that_no_profile_owns_is_an_error(azure: Any) -> None:
    with pytest.raises(KeyError):
        azure.part.answer("nobody")
