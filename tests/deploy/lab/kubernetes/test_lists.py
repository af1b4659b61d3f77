"""Lists: selectors, pages, versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kubernetes.aio.client import ApiException

from holdfast.deploy.lab.server import Lab

Reason = Callable[[ApiException], str]


@pytest.fixture
async def filled(core: Any, namespace: str) -> str:
    for name, labels in (
        ("a", {"tier": "one", "app": "x"}),
        ("b", {"tier": "two", "app": "x"}),
        ("c", {"tier": "three"}),
    ):
        labels["made-by"] = "test"
        await core.create_namespaced_config_map(
            namespace, {"metadata": {"name": name, "labels": labels}}
        )
    return namespace


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("tier=one", ["a"]),
        ("tier==one", ["a"]),
        ("tier!=one", ["b", "c"]),
        ("tier in (one, two)", ["a", "b"]),
        ("tier notin (one,two)", ["c"]),
        ("app", ["a", "b"]),
        ("!app", ["c"]),
        ("app=x,tier!=one", ["b"]),
    ],
)
async def test_a_label_selector_chooses(
    core: Any, filled: str, selector: str, found: list[str]
) -> None:
    listed = await core.list_namespaced_config_map(
        filled, label_selector=f"made-by=test,{selector}"
    )

    assert [item.metadata.name for item in listed.items] == found


async def test_a_label_selector_that_cannot_be_parsed_is_a_bad_request(
    core: Any, filled: str, reason: Reason
) -> None:
    with pytest.raises(ApiException) as refused:
        await core.list_namespaced_config_map(filled, label_selector="tier in one")

    assert (refused.value.status, reason(refused.value)) == (400, "BadRequest")


async def test_a_field_selector_chooses_by_name(core: Any, filled: str) -> None:
    listed = await core.list_namespaced_config_map(filled, field_selector="metadata.name=b")
    others = await core.list_namespaced_config_map(
        filled, field_selector="metadata.name!=b", label_selector="made-by=test"
    )

    assert [item.metadata.name for item in listed.items] == ["b"]
    assert [item.metadata.name for item in others.items] == ["a", "c"]


async def test_a_field_selector_on_another_field_is_a_bad_request(
    core: Any, filled: str, reason: Reason
) -> None:
    with pytest.raises(ApiException) as refused:
        await core.list_namespaced_config_map(filled, field_selector="data.x=1")

    assert (refused.value.status, reason(refused.value)) == (400, "BadRequest")


async def test_pages_show_the_collection_as_it_was_at_the_first_page(
    core: Any, filled: str
) -> None:
    by = {"label_selector": "made-by=test"}
    first = await core.list_namespaced_config_map(filled, limit=2, **by)
    await core.delete_namespaced_config_map("c", filled)

    second = await core.list_namespaced_config_map(
        filled, limit=2, _continue=first.metadata._continue, **by
    )

    assert [item.metadata.name for item in first.items] == ["a", "b"]
    assert [item.metadata.name for item in second.items] == ["c"]
    assert second.metadata.resource_version == first.metadata.resource_version
    assert second.metadata._continue is None


async def test_a_page_after_compaction_is_gone(
    own_lab: Lab, core: Any, filled: str, reason: Reason
) -> None:
    first = await core.list_namespaced_config_map(filled, limit=1)
    await core.delete_namespaced_config_map("c", filled)
    own_lab.compact("lyon")

    with pytest.raises(ApiException) as refused:
        await core.list_namespaced_config_map(filled, limit=1, _continue=first.metadata._continue)

    assert (refused.value.status, reason(refused.value)) == (410, "Expired")


async def test_a_list_says_what_it_is_and_its_version(core: Any, filled: str) -> None:
    listed = await core.list_namespaced_config_map(filled)

    assert (listed.kind, listed.api_version) == ("ConfigMapList", "v1")
    newest = max(int(item.metadata.resource_version) for item in listed.items)
    assert int(listed.metadata.resource_version) >= newest
