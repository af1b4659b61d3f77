"""Faults: what each of them does to a request, to the world and to the journal."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aiohttp
import pytest
from kubernetes.aio.client import ApiException

LOST = (aiohttp.ClientError, OSError)


async def test_an_error_answers_in_the_system_s_own_words_and_changes_nothing(milan: Any) -> None:
    await milan.fault("error", status=403)

    with pytest.raises(ApiException) as refused:
        await milan.scale(3)

    body = json.loads(str(refused.value.body))
    assert (body["kind"], body["code"], body["reason"]) == ("Status", 403, "Forbidden")
    assert await milan.replicas() == 0
    [entry] = await milan.journal()
    assert (entry["status"], entry["applied"], entry["before"], entry["after"]) == (
        403,
        False,
        None,
        None,
    )


async def test_a_throttle_says_when_to_come_back(milan: Any) -> None:
    await milan.fault("throttle", seconds=7, times=1)

    with pytest.raises(ApiException) as refused:
        await milan.scale(3)
    await milan.scale(3)

    assert (refused.value.status, (refused.value.headers or {})["Retry-After"]) == (429, "7")
    assert await milan.replicas() == 3


async def test_a_delay_comes_before_the_effect(milan: Any) -> None:
    await milan.fault("delay", seconds=0.2)

    started = time.monotonic()
    waiting = asyncio.create_task(milan.scale(3))
    await asyncio.sleep(0.1)
    meanwhile = await milan.replicas()
    await waiting

    assert meanwhile == 0
    assert time.monotonic() - started >= 0.2


async def test_a_delayed_request_takes_effect_though_its_client_has_gone(milan: Any) -> None:
    await milan.fault("delay", seconds=0.2)

    with pytest.raises(TimeoutError):
        await milan.scale(3, timeout=0.05)
    await asyncio.sleep(0.25)

    assert await milan.replicas() == 3
    [entry] = await milan.journal()
    assert (entry["status"], entry["applied"]) == (None, True)


async def test_a_dropped_answer_is_an_effect_without_an_answer(milan: Any) -> None:
    await milan.fault("drop_answer", times=1)

    with pytest.raises(LOST):
        await milan.scale(3)

    assert await milan.replicas() == 3
    [entry] = await milan.journal()
    assert (entry["status"], entry["applied"]) == (None, True)


async def test_a_request_that_hangs_has_no_effect_even_when_the_fault_is_lifted(
    milan: Any,
) -> None:
    await milan.fault("hang")
    waiting = asyncio.create_task(milan.scale(3))
    await asyncio.sleep(0.05)

    await milan.admin("DELETE", "faults")

    with pytest.raises(LOST):
        await asyncio.wait_for(waiting, 2)
    assert await milan.replicas() == 0
    [entry] = await milan.journal()
    assert (entry["status"], entry["applied"]) == (None, False)


async def test_a_request_that_hangs_ends_when_its_client_goes_away(milan: Any) -> None:
    await milan.fault("hang", times=1)

    with pytest.raises(TimeoutError):
        await milan.scale(3, timeout=0.05)
    await asyncio.sleep(0.05)

    assert await milan.replicas() == 0
    assert milan.lab.busy == 0


async def test_a_request_that_hangs_afterwards_has_its_effect(milan: Any) -> None:
    await milan.fault("hang", when="after", times=1)

    with pytest.raises(TimeoutError):
        await milan.scale(3, timeout=0.05)

    assert await milan.replicas() == 3
    [entry] = await milan.journal()
    assert (entry["status"], entry["applied"]) == (None, True)


async def test_reads_are_faulted_too_and_a_watch_at_its_start(milan: Any) -> None:
    fault = {"match": {"method": "GET"}, "behaviour": "drop_answer"}
    await milan.admin("POST", "faults", fault)

    with pytest.raises(LOST):
        await milan.replicas()
    with pytest.raises(LOST):
        await milan.apps.list_namespaced_deployment("historian", watch=True, timeout_seconds=5)

    assert await milan.journal() == []


async def test_times_counts_down_even_under_concurrent_requests(milan: Any) -> None:
    await milan.fault("error", times=3)

    answers = await asyncio.gather(*(milan.scale(1) for _ in range(6)), return_exceptions=True)

    assert sum(isinstance(answer, ApiException) for answer in answers) == 3


async def test_a_path_is_searched_as_a_pattern_in_path_and_query(milan: Any) -> None:
    fault = {"match": {"path": r"deployments\?.*labelSelector=x"}, "behaviour": "error"}
    await milan.admin("POST", "faults", fault)

    await milan.apps.list_namespaced_deployment("historian")
    with pytest.raises(ApiException, match="500"):
        await milan.apps.list_namespaced_deployment("historian", label_selector="x=1")


async def test_an_absent_match_is_for_every_system_but_never_for_the_admin_api(
    milan: Any,
) -> None:
    await milan.admin("POST", "faults", {"behaviour": "error", "status": 503})

    async with aiohttp.ClientSession() as http:
        prometheus = await http.get(f"{milan.lab.url}/api/v1/query?query=up")
        azure = await http.get(f"{milan.lab.url}/subscriptions/x")
        documents = [await prometheus.json(), await azure.json()]

    assert (prometheus.status, azure.status) == (503, 503)
    assert documents[0]["status"] == "error"
    assert documents[1]["error"]["code"] == "ServiceUnavailable"
    assert len(await milan.admin("GET", "faults")) == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"behaviour": "explode"}, "behaviour"),
        ({}, "behaviour"),
        ({"behaviour": "error", "match": {"path": "("}}, "regular expression"),
        ({"behaviour": "error", "match": {"host": "x"}}, "match.host"),
        ({"behaviour": "error", "status": 200}, "status"),
        ({"behaviour": "delay", "seconds": -1}, "seconds"),
        ([], "body"),
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused_with_what_is_wrong(
    milan: Any, body: Any, said: str
) -> None:
    with pytest.raises(Exception, match=f"400: .*{said}"):
        await milan.admin("POST", "faults", body)

    assert await milan.admin("GET", "faults") == []
