"""Losing a site is losing the network to it: nothing arrives, and what runs there runs on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from kubernetes.aio import watch


async def lose(milan: Any, how: str) -> None:
    await milan.admin("POST", "sites/milan", {"reachable": False, "how": how})


async def restore(milan: Any) -> None:
    await milan.admin("POST", "sites/milan", {"reachable": True})


async def watched(milan: Any) -> AsyncIterator[dict[str, Any]]:
    async with watch.Watch() as stream:  # type: ignore[no-untyped-call]
        async for event in stream.stream(
            milan.apps.list_namespaced_deployment, "historian", timeout_seconds=10
        ):
            yield event


async def test_a_site_lost_by_refusal_refuses_connections(milan: Any) -> None:
    await milan.replicas()

    await lose(milan, "refuse")

    with pytest.raises(aiohttp.ClientConnectorError):
        await milan.replicas()


async def test_a_site_that_comes_back_answers_on_the_same_port(milan: Any) -> None:
    url = milan.lab.site_urls["milan"]
    await lose(milan, "refuse")
    await restore(milan)

    assert await milan.replicas() == 0
    assert milan.lab.site_urls["milan"] == url


async def test_losing_a_site_breaks_its_watches(milan: Any) -> None:
    stream = watched(milan)
    await anext(stream)

    await lose(milan, "refuse")

    with pytest.raises((aiohttp.ClientError, StopAsyncIteration, OSError)):
        await asyncio.wait_for(anext(stream), 2)


async def test_losing_a_site_ends_requests_that_were_under_way_without_effect(milan: Any) -> None:
    await milan.fault("delay", seconds=0.2)
    waiting = asyncio.create_task(milan.scale(3))
    await asyncio.sleep(0.05)

    await lose(milan, "refuse")
    with pytest.raises((aiohttp.ClientError, OSError)):
        await waiting
    await restore(milan)
    await asyncio.sleep(0.25)

    assert await milan.replicas() == 0
    [entry] = await milan.journal()
    assert (entry["status"], entry["applied"]) == (None, False)


async def test_a_site_that_hangs_takes_connections_and_answers_nothing(milan: Any) -> None:
    await lose(milan, "hang")

    with pytest.raises(TimeoutError):
        await milan.scale(3, timeout=0.1)
    await restore(milan)

    assert await milan.replicas() == 0


async def test_what_was_sent_into_a_hanging_site_never_arrives(milan: Any) -> None:
    await lose(milan, "hang")
    waiting = asyncio.create_task(milan.scale(3))
    await asyncio.sleep(0.05)

    await restore(milan)

    with pytest.raises((aiohttp.ClientError, OSError)):
        await asyncio.wait_for(waiting, 2)
    assert await milan.replicas() == 0


async def test_the_watches_of_a_hanging_site_fall_silent_and_end_when_it_is_back(
    milan: Any,
) -> None:
    heard: list[int] = []

    async def listen() -> None:
        async for event in watched(milan):
            heard.append(event["raw_object"]["status"].get("readyReplicas", 0))

    listening = asyncio.create_task(listen())
    await milan.scale(2)
    await lose(milan, "hang")
    await asyncio.sleep(0.15)
    during = list(heard)
    await restore(milan)
    await asyncio.wait([listening], timeout=2)

    assert 2 not in during
    assert milan.lab.world.ready_replicas("historian", "milan") == 2
    assert listening.done()


async def test_a_lost_site_s_controllers_go_on(milan: Any) -> None:
    await milan.scale(2)
    await lose(milan, "refuse")
    await asyncio.sleep(0.15)

    world = milan.lab.world
    assert world.ready_replicas("historian", "milan") == 2
    assert not world.healthy("historian", "milan")
    await restore(milan)
    assert world.healthy("historian", "milan")


async def test_an_unknown_site_cannot_be_lost(milan: Any) -> None:
    with pytest.raises(Exception, match="404: no such site: atlantis"):
        await milan.admin("POST", "sites/atlantis", {"reachable": False})


@pytest.mark.parametrize(
    "body", [{}, {"reachable": "no"}, {"reachable": False, "how": "explode"}, []]
)
async def test_a_body_that_makes_no_sense_is_refused(milan: Any, body: Any) -> None:
    with pytest.raises(Exception, match="400: "):
        await milan.admin("POST", "sites/milan", body)
