"""What every request to Azure Resource Manager meets: token, api-version, scope, limits, errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)

from holdfast.deploy.lab.azure import Limit, Throttle

BEARER = {"Authorization": "Bearer lab-token"}
VERSION = {"api-version": "2026-09-01"}


def code_of(error: Any) -> str:
    """The code in the body of a refusal."""
    return str(error.error.code)


def profile_path(
    azure: Any, subscription: str = "5ab00000-0000-4000-8000-0000000000ed", group: str = "edge"
) -> str:
    return (
        f"{azure.url}/subscriptions/{subscription}/resourceGroups/{group}"
        "/providers/Microsoft.Network/trafficManagerProfiles/historian"
    )


async def test_the_async_client_reads_a_profile_unmodified(azure: Any) -> None:
    async with azure.client() as client:
        profile = await client.profiles.get("edge", "historian")

    assert profile.properties.dns_config.fqdn == "historian.trafficmanager.net"
    assert [endpoint.name for endpoint in profile.properties.endpoints] == ["lyon", "milan"]


async def test_the_sync_client_reads_a_profile_unmodified(azure: Any) -> None:
    with azure.sync_client() as client:
        profile = await asyncio.to_thread(client.profiles.get, "edge", "historian")

    assert profile.properties.traffic_routing_method == "Priority"


async def test_names_are_matched_in_any_case_and_answered_in_canonical_case(azure: Any) -> None:
    async with azure.client() as client:
        profile = await client.profiles.get("EDGE", "Historian")

    assert profile.id.endswith(
        "/resourceGroups/edge/providers/Microsoft.Network/trafficManagerProfiles/historian"
    )


async def test_a_missing_token_is_refused_with_a_challenge(azure: Any) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(profile_path(azure), params=VERSION)

    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "AuthenticationFailed"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


async def test_a_wrong_token_is_refused(azure: Any) -> None:
    async with azure.client(token="stolen") as client:
        with pytest.raises(ClientAuthenticationError) as refused:
            await client.profiles.get("edge", "historian")

    assert code_of(refused.value) == "InvalidAuthenticationToken"


@pytest.mark.parametrize(
    ("version", "code"),
    [({}, "MissingApiVersionParameter"), ({"api-version": "1"}, "InvalidApiVersionParameter")],
)
async def test_the_api_version_is_required(azure: Any, version: dict[str, str], code: str) -> None:
    async with httpx.AsyncClient(headers=BEARER) as client:
        answer = await client.get(profile_path(azure), params=version)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


async def test_another_subscription_is_not_found(azure: Any) -> None:
    async with httpx.AsyncClient(headers=BEARER) as client:
        answer = await client.get(profile_path(azure, subscription="other"), params=VERSION)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "SubscriptionNotFound")


@pytest.mark.parametrize(
    ("group", "profile", "code"),
    [("nowhere", "historian", "ResourceGroupNotFound"), ("edge", "none", "ResourceNotFound")],
)
async def test_what_is_missing_is_named(azure: Any, group: str, profile: str, code: str) -> None:
    async with azure.client() as client:
        with pytest.raises(ResourceNotFoundError) as refused:
            await client.profiles.get(group, profile)

    assert code_of(refused.value) == code


async def test_an_unknown_resource_type_is_named(azure: Any) -> None:
    path = profile_path(azure).replace("trafficManagerProfiles", "frontDoors")
    async with httpx.AsyncClient(headers=BEARER) as client:
        answer = await client.get(path, params=VERSION)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "InvalidResourceType")


async def test_a_method_the_resource_does_not_have_is_refused(azure: Any) -> None:
    async with httpx.AsyncClient(headers=BEARER) as client:
        answer = await client.post(profile_path(azure), params=VERSION)

    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "MethodNotAllowed")


@pytest.mark.parametrize("body", [b"{", b"[]", b"7", b"\xff\xfe", b""])
async def test_a_body_that_is_no_object_is_refused(azure: Any, body: bytes) -> None:
    async with httpx.AsyncClient(headers=BEARER) as client:
        answer = await client.patch(profile_path(azure), params=VERSION, content=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequestContent")


async def test_each_answer_carries_a_request_id_and_what_is_left_of_the_limits(azure: Any) -> None:
    async with httpx.AsyncClient(headers=BEARER) as client:
        read = await client.get(profile_path(azure), params=VERSION)
        write = await client.patch(profile_path(azure), params=VERSION, json={})

    assert read.headers["x-ms-request-id"] != write.headers["x-ms-request-id"]
    assert int(read.headers["x-ms-ratelimit-remaining-subscription-reads"]) > 0
    assert int(write.headers["x-ms-ratelimit-remaining-subscription-writes"]) > 0


async def test_an_empty_bucket_answers_429_until_it_has_refilled(
    serving: Callable[..., Any],
) -> None:
    async with serving(throttle=Throttle(reads=Limit(2, 0.5))) as azure, azure.client() as client:
        await client.profiles.get("edge", "historian")
        await client.profiles.get("edge", "historian")
        with pytest.raises(HttpResponseError) as refused:
            await client.profiles.get("edge", "historian")
        answer: Any = refused.value.response
        azure.clock.skipped += float(answer.headers["Retry-After"])
        profile = await client.profiles.get("edge", "historian")

    assert refused.value.status_code == 429
    assert code_of(refused.value) == "SubscriptionRequestsThrottled"
    assert profile.name == "historian"


async def test_the_client_waits_as_long_as_retry_after_says(serving: Callable[..., Any]) -> None:
    throttle = Throttle(reads=Limit(1, 2))
    async with serving(throttle=throttle) as azure, azure.client(retry_total=2) as client:
        await client.profiles.get("edge", "historian")
        await client.profiles.get("edge", "historian")

    assert len(azure.requests) == 3
