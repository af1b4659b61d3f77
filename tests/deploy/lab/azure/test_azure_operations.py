"""Long-running operations, followed by the official pollers over storage accounts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Self

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError
from azure.core.pipeline.policies import (
    AsyncRetryPolicy,
    HeadersPolicy,
    RequestIdPolicy,
    RetryPolicy,
)
from azure.core.polling import AsyncLROPoller, LROPoller
from azure.core.rest import HttpRequest
from azure.mgmt.core import ARMPipelineClient, AsyncARMPipelineClient
from azure.mgmt.core.polling.arm_polling import ARMPolling
from azure.mgmt.core.polling.async_arm_polling import AsyncARMPolling

from holdfast.deploy.lab.azure import Follow

ACCOUNT = (
    "/subscriptions/5ab00000-0000-4000-8000-0000000000ed/resourceGroups/edge"
    "/providers/Microsoft.Storage/storageAccounts/backups"
)
VERSION = "api-version=2026-09-01"
# The token is a plain header here: the pipeline and the pollers are what is under test.
POLICIES = (RequestIdPolicy(), HeadersPolicy({"Authorization": "Bearer lab-token"}))


def code_of(error: Any) -> str:
    """The code in the body of a refusal."""
    return str(error.error.code)


def body_of(response: Any) -> Any:
    """What a generated client deserializes: the last answer's JSON, or nothing."""
    return response.http_response.json() if response.http_response.text() else None


def request(method: str, path: str, query: str = "", **given: Any) -> HttpRequest:
    return HttpRequest(method, f"{path}?{VERSION}{query}", **given)


class Storage:
    """What a generated async client does for an operation, on the public pipeline and poller."""

    def __init__(self, url: str) -> None:
        retries = AsyncRetryPolicy(retry_backoff_factor=0.01)
        self._client: AsyncARMPipelineClient[Any, Any] = AsyncARMPipelineClient(
            base_url=url, policies=[*POLICIES, retries]
        )
        self._url = url

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    def _method(self) -> Any:
        return AsyncARMPolling(0.02)

    async def begin(self, sent: HttpRequest) -> AsyncLROPoller[Any]:
        sent.url = self._url + sent.url
        # Never sent twice by the pipeline: it takes a lost answer for a request that was not sent.
        response = await self._client.send_request(
            sent, retry_total=0, _return_pipeline_response=True
        )
        http = response.http_response
        if http.status_code not in (200, 202):
            raise HttpResponseError(response=http)
        return AsyncLROPoller(self._client, response, body_of, self._method())

    def resume(self, token: str) -> AsyncLROPoller[Any]:
        return AsyncLROPoller.from_continuation_token(
            polling_method=self._method(),
            continuation_token=token,
            client=self._client,
            deserialization_callback=body_of,
        )

    async def account(self, query: str = "") -> dict[str, Any]:
        sent = request("GET", self._url + ACCOUNT, query)
        read: dict[str, Any] = (await self._client.send_request(sent)).json()
        return read


FAIL_OVER = ("POST", f"{ACCOUNT}/failover")
STYLES = pytest.mark.parametrize(
    "follow", [Follow.RESULT, Follow.STATUS, Follow.RESULT | Follow.STATUS], ids=str
)


@STYLES
async def test_a_failover_runs_until_the_poller_sees_it_succeed(
    serving: Callable[..., Any], follow: Follow
) -> None:
    async with serving(follow=follow) as azure, Storage(azure.url) as storage:
        poller = await storage.begin(request(*FAIL_OVER))
        first = poller.status()
        await poller.result()
        account = await storage.account()

    assert (first, poller.status()) == ("InProgress", "Succeeded")
    assert account["properties"]["primaryLocation"] == "northeurope"
    assert account["sku"]["name"] == "Standard_LRS"
    assert "secondaryLocation" not in account["properties"]


async def test_the_sync_poller_follows_it_as_well(azure: Any) -> None:
    def fail_over() -> str:
        policies = [*POLICIES, RetryPolicy()]
        with ARMPipelineClient[Any, Any](base_url=azure.url, policies=policies) as client:
            sent = request(FAIL_OVER[0], azure.url + FAIL_OVER[1])
            response = client.send_request(sent, _return_pipeline_response=True)
            poller = LROPoller(client, response, body_of, ARMPolling(0.02))
            poller.wait()
            return str(poller.status())

    assert await asyncio.to_thread(fail_over) == "Succeeded"


async def test_a_planned_failover_swaps_the_regions(azure: Any) -> None:
    async with Storage(azure.url) as storage:
        poller = await storage.begin(request(*FAIL_OVER, "&failoverType=Planned"))
        await poller.result()
        account = await storage.account()

    properties = account["properties"]
    assert (properties["primaryLocation"], properties["secondaryLocation"]) == (
        "northeurope",
        "westeurope",
    )


@STYLES
async def test_a_failed_operation_raises_with_its_inner_code(
    serving: Callable[..., Any], follow: Follow
) -> None:
    async with serving(follow=follow) as azure, Storage(azure.url) as storage:
        azure.part.storage.lose_region("westeurope")
        poller = await storage.begin(request(*FAIL_OVER, "&failoverType=Planned"))
        with pytest.raises(HttpResponseError) as failed:
            await poller.result()
        account = await storage.account()

    assert code_of(failed.value) == "PlannedFailoverUnavailable"
    assert failed.value.status_code == (200 if Follow.STATUS in follow else 409)
    assert account["properties"]["primaryLocation"] == "westeurope"
    assert "failoverInProgress" not in account["properties"]


async def test_a_second_failover_is_refused_while_one_runs(azure: Any) -> None:
    async with Storage(azure.url) as storage:
        await storage.begin(request(*FAIL_OVER))
        with pytest.raises(HttpResponseError) as refused:
            await storage.begin(request(*FAIL_OVER))

    assert refused.value.status_code == 409
    assert code_of(refused.value) == "StorageAccountOperationInProgress"


async def test_a_failover_whose_answer_is_lost_is_found_in_the_account(azure: Any) -> None:
    azure.drop_next.add("POST")
    async with Storage(azure.url) as storage:
        with pytest.raises((ServiceRequestError, ServiceResponseError)):
            await storage.begin(request(*FAIL_OVER))
        running = await storage.account()
        azure.clock.skipped += 1
        done = await storage.account()

    assert running["properties"]["failoverInProgress"] is True
    assert done["properties"]["primaryLocation"] == "northeurope"
    assert [method for method, _ in azure.requests].count("POST") == 1


async def test_the_poller_goes_on_after_the_answer_to_a_poll_is_lost(azure: Any) -> None:
    async with Storage(azure.url) as storage:
        poller = await storage.begin(request(*FAIL_OVER))
        azure.drop_next.add("GET")
        await poller.result()

    assert poller.status() == "Succeeded"
    assert [method for method, _ in azure.requests].count("POST") == 1


async def test_a_continuation_token_resumes_without_a_second_post(azure: Any) -> None:
    async with Storage(azure.url) as before:
        token = (await before.begin(request(*FAIL_OVER))).continuation_token()
    async with Storage(azure.url) as after:
        poller = after.resume(token)
        await poller.result()

    assert poller.status() == "Succeeded"
    assert [method for method, _ in azure.requests].count("POST") == 1


async def test_a_creation_ends_with_the_resource(azure: Any) -> None:
    body = {"location": "eastus", "sku": {"name": "Standard_GRS"}, "kind": "StorageV2"}
    async with Storage(azure.url) as storage:
        path = ACCOUNT.replace("backups", "fresh")
        poller = await storage.begin(request("PUT", path, json=body))
        made = await poller.result()

    assert made["properties"]["provisioningState"] == "Succeeded"
    assert made["properties"]["secondaryLocation"] == "westus"


async def test_the_replication_statistics_say_which_failover_is_possible(azure: Any) -> None:
    azure.part.storage.lose_region("westeurope")
    async with Storage(azure.url) as storage:
        account = await storage.account("&$expand=geoReplicationStats")

    stats = account["properties"]["geoReplicationStats"]
    assert (stats["status"], stats["canFailover"]) == ("Unavailable", True)
    assert stats["canPlannedFailover"] is False


async def test_an_operation_nobody_started_is_not_found(azure: Any) -> None:
    path = ACCOUNT.partition("/resourceGroups")[0]
    async with Storage(azure.url) as storage:
        with pytest.raises(HttpResponseError) as refused:
            await storage.begin(
                request("GET", f"{path}/providers/x/locations/y/operationStatuses/z")
            )

    assert code_of(refused.value) == "OperationNotFound"


async def test_a_start_is_noted_in_the_journal(azure: Any) -> None:
    async with Storage(azure.url) as storage:
        await storage.begin(request(*FAIL_OVER))

    entry = azure.last()
    assert (entry.method, entry.applied) == ("POST", True)
    assert entry.after["properties"]["failoverInProgress"] is True
