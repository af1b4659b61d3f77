"""Watches: what they show, where they start, how they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from kubernetes.aio import watch
from kubernetes.aio.client import ApiException

from holdfast.deploy.lab.server import Lab

Seen = tuple[str, str]


def config_map(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {"made-by": "test", **labels}}}


async def events(core: Any, namespace: str, **options: Any) -> AsyncIterator[dict[str, Any]]:
    async with watch.Watch() as stream:  # type: ignore[no-untyped-call]
        async for event in stream.stream(
            core.list_namespaced_config_map, namespace, **{"timeout_seconds": 10, **options}
        ):
            yield event


async def first(count: int, stream: AsyncIterator[dict[str, Any]]) -> list[Seen]:
    seen: list[Seen] = []
    async for event in stream:
        seen.append((event["type"], event["raw_object"]["metadata"].get("name", "")))
        if len(seen) == count:
            break
    return seen


async def version(core: Any, namespace: str) -> str:
    listed = await core.list_namespaced_config_map(namespace)
    return str(listed.metadata.resource_version)


async def test_a_watch_from_a_version_shows_every_later_change_in_order(
    core: Any, namespace: str
) -> None:
    since = await version(core, namespace)
    await core.create_namespaced_config_map(namespace, config_map("a"))
    await core.patch_namespaced_config_map("a", namespace, {"data": {"x": "1"}})
    await core.delete_namespaced_config_map("a", namespace)

    seen = await first(
        3, events(core, namespace, resource_version=since, label_selector="made-by=test")
    )

    assert seen == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


async def test_a_watch_without_a_version_starts_with_what_is_there(
    core: Any, namespace: str
) -> None:
    await core.create_namespaced_config_map(namespace, config_map("a"))

    seen = await first(1, events(core, namespace, label_selector="made-by=test"))

    assert seen == [("ADDED", "a")]


async def test_a_watch_hears_of_a_change_while_it_waits(core: Any, namespace: str) -> None:
    since = await version(core, namespace)
    waiting = asyncio.create_task(
        first(1, events(core, namespace, resource_version=since, label_selector="made-by=test"))
    )
    await asyncio.sleep(0.05)

    await core.create_namespaced_config_map(namespace, config_map("late"))

    assert await asyncio.wait_for(waiting, 5) == [("ADDED", "late")]


async def test_an_object_that_leaves_the_selector_looks_deleted_and_one_that_enters_looks_new(
    core: Any, namespace: str
) -> None:
    await core.create_namespaced_config_map(namespace, config_map("a", color="red"))
    since = await version(core, namespace)
    for color in ("blue", "red"):
        await core.patch_namespaced_config_map(
            "a", namespace, {"metadata": {"labels": {"color": color}}}
        )

    seen = await first(
        2, events(core, namespace, resource_version=since, label_selector="color=red")
    )

    assert seen == [("DELETED", "a"), ("ADDED", "a")]


async def test_a_field_selector_narrows_a_watch_to_one_object(core: Any, namespace: str) -> None:
    since = await version(core, namespace)
    for name in ("a", "b"):
        await core.create_namespaced_config_map(namespace, config_map(name))

    seen = await first(
        1, events(core, namespace, resource_version=since, field_selector="metadata.name=b")
    )

    assert seen == [("ADDED", "b")]


async def test_a_watch_ends_by_itself_after_its_timeout_with_a_bookmark_before(
    own_lab: Lab, core: Any, namespace: str
) -> None:
    since = await version(core, namespace)

    seen = [
        event["type"]
        async for event in events(
            core,
            namespace,
            resource_version=since,
            allow_watch_bookmarks=True,
            timeout_seconds=1,
        )
    ]

    assert seen == ["BOOKMARK"]


async def test_a_watch_from_a_compacted_version_is_gone(
    own_lab: Lab, core: Any, namespace: str
) -> None:
    since = await version(core, namespace)
    await core.create_namespaced_config_map(namespace, config_map("a"))
    own_lab.compact("lyon")

    with pytest.raises(ApiException) as gone:
        await first(1, events(core, namespace, resource_version=since))

    assert gone.value.status == 410


def watchers(lab: Lab) -> int:
    """How many watches are open at the site in Lyon."""
    return lab.world.clusters["lyon"].store.watchers


async def until_watched(lab: Lab, by: int) -> None:
    """Wait until so many watches are open."""
    async with asyncio.timeout(5):
        while watchers(lab) != by:
            await asyncio.sleep(0.01)


async def test_a_watch_that_falls_out_of_the_window_ends_as_gone(
    own_lab: Lab, core: Any, namespace: str
) -> None:
    since = await version(core, namespace)
    before = watchers(own_lab)
    waiting = asyncio.create_task(first(1, events(core, namespace, resource_version=since)))
    await until_watched(own_lab, before + 1)

    own_lab.compact("lyon")

    with pytest.raises(ApiException) as gone:
        await asyncio.wait_for(waiting, 5)
    assert gone.value.status == 410


async def test_the_watches_of_clients_that_went_away_are_forgotten(
    own_lab: Lab, core: Any, namespace: str
) -> None:
    before = watchers(own_lab)
    waiting = asyncio.create_task(
        first(1, events(core, namespace, label_selector="made-by=nobody"))
    )
    await until_watched(own_lab, before + 1)

    waiting.cancel()

    await until_watched(own_lab, before)
