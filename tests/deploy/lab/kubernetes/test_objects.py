"""Creating, replacing and deleting objects: versions, generations, finalizers, dry runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes.aio import client
from kubernetes.aio.client import ApiException

Manifest = Callable[..., dict[str, Any]]
Reason = Callable[[ApiException], str]


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": data}


async def test_a_created_object_carries_uid_version_generation_and_time(
    apps: Any, namespace: str, manifest: Manifest
) -> None:
    created = await apps.create_namespaced_deployment(namespace, manifest("api"))

    assert created.metadata.uid
    assert int(created.metadata.resource_version) > 0
    assert created.metadata.generation == 1
    assert created.metadata.creation_timestamp is not None
    assert created.spec.strategy.type == "RollingUpdate"


async def test_creating_twice_is_a_conflict_of_reason_already_exists(
    core: Any, namespace: str, reason: Reason
) -> None:
    await core.create_namespaced_config_map(namespace, config_map("one"))

    with pytest.raises(ApiException) as refused:
        await core.create_namespaced_config_map(namespace, config_map("one"))

    assert (refused.value.status, reason(refused.value)) == (409, "AlreadyExists")


async def test_replacing_a_stale_version_is_a_conflict_of_reason_conflict(
    core: Any, namespace: str, reason: Reason
) -> None:
    first = await core.create_namespaced_config_map(namespace, config_map("one", a="1"))
    await core.patch_namespaced_config_map("one", namespace, {"data": {"a": "2"}})

    first.data = {"a": "3"}
    with pytest.raises(ApiException) as refused:
        await core.replace_namespaced_config_map("one", namespace, first)

    assert (refused.value.status, reason(refused.value)) == (409, "Conflict")
    assert (await core.read_namespaced_config_map("one", namespace)).data == {"a": "2"}


async def test_a_patch_that_names_a_stale_version_is_a_conflict(
    core: Any, namespace: str, reason: Reason
) -> None:
    first = await core.create_namespaced_config_map(namespace, config_map("one", a="1"))
    await core.patch_namespaced_config_map("one", namespace, {"data": {"a": "2"}})

    stale = {"metadata": {"resourceVersion": first.metadata.resource_version}, "data": {"a": "3"}}
    with pytest.raises(ApiException) as refused:
        await core.patch_namespaced_config_map("one", namespace, stale)

    assert (refused.value.status, reason(refused.value)) == (409, "Conflict")


async def test_of_two_writers_from_one_version_exactly_one_wins(core: Any, namespace: str) -> None:
    first = await core.create_namespaced_config_map(namespace, config_map("one"))
    version = first.metadata.resource_version

    async def write(value: str) -> Any:
        body = config_map("one", by=value)
        body["metadata"]["resourceVersion"] = version
        return await core.replace_namespaced_config_map("one", namespace, body)

    answers = await asyncio.gather(write("x"), write("y"), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, ApiException)]
    assert [error.status for error in refused] == [409]


async def test_the_generation_rises_with_the_spec_and_not_with_the_metadata(
    apps: Any, namespace: str, manifest: Manifest
) -> None:
    await apps.create_namespaced_deployment(namespace, manifest("api"))

    marked = await apps.patch_namespaced_deployment(
        "api", namespace, {"metadata": {"annotations": {"note": "x"}}}
    )
    scaled = await apps.patch_namespaced_deployment("api", namespace, {"spec": {"paused": True}})

    assert (marked.metadata.generation, scaled.metadata.generation) == (1, 2)


async def test_a_write_that_changes_nothing_makes_no_new_version(core: Any, namespace: str) -> None:
    first = await core.create_namespaced_config_map(namespace, config_map("one", a="1"))

    again = await core.patch_namespaced_config_map("one", namespace, {"data": {"a": "1"}})

    assert again.metadata.resource_version == first.metadata.resource_version


async def test_a_dry_run_answers_and_stores_nothing(
    core: Any, namespace: str, reason: Reason
) -> None:
    shown = await core.create_namespaced_config_map(namespace, config_map("one"), dry_run="All")
    with pytest.raises(ApiException) as missing:
        await core.read_namespaced_config_map("one", namespace)
    await core.create_namespaced_config_map(namespace, config_map("one", a="1"))
    await core.delete_namespaced_config_map("one", namespace, dry_run="All")
    await core.patch_namespaced_config_map("one", namespace, {"data": {"a": "2"}}, dry_run="All")

    assert shown.metadata.name == "one"
    assert reason(missing.value) == "NotFound"
    assert (await core.read_namespaced_config_map("one", namespace)).data == {"a": "1"}


async def test_a_finalizer_holds_a_deleted_object_until_it_is_taken_away(
    core: Any, namespace: str
) -> None:
    held = config_map("one")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    await core.create_namespaced_config_map(namespace, held)

    await core.delete_namespaced_config_map("one", namespace)
    marked = await core.read_namespaced_config_map("one", namespace)
    await core.patch_namespaced_config_map(
        "one", namespace, [{"op": "remove", "path": "/metadata/finalizers"}]
    )

    assert marked.metadata.deletion_timestamp is not None
    with pytest.raises(ApiException, match="404"):
        await core.read_namespaced_config_map("one", namespace)


async def test_a_deletion_with_another_uid_as_precondition_is_a_conflict(
    core: Any, namespace: str, reason: Reason
) -> None:
    await core.create_namespaced_config_map(namespace, config_map("one"))

    options = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="another"))
    with pytest.raises(ApiException) as refused:
        await core.delete_namespaced_config_map("one", namespace, body=options)

    assert (refused.value.status, reason(refused.value)) == (409, "Conflict")


async def test_a_collection_is_deleted_by_its_selector(core: Any, namespace: str) -> None:
    for name, color in (("one", "red"), ("two", "blue")):
        body = config_map(name)
        body["metadata"]["labels"] = {"color": color}
        await core.create_namespaced_config_map(namespace, body)

    await core.delete_collection_namespaced_config_map(namespace, label_selector="color=red")

    left = await core.list_namespaced_config_map(namespace, label_selector="color")
    assert [item.metadata.name for item in left.items] == ["two"]


async def test_nothing_can_be_created_in_a_namespace_that_does_not_exist(
    core: Any, reason: Reason
) -> None:
    with pytest.raises(ApiException) as refused:
        await core.create_namespaced_config_map("holdfast-nowhere", config_map("one"))

    assert (refused.value.status, reason(refused.value)) == (404, "NotFound")


async def test_a_deleted_namespace_takes_its_objects_with_it(
    own_lab: object, core: Any, namespace: str
) -> None:
    await core.create_namespace({"metadata": {"name": f"{namespace}-gone"}})
    await core.create_namespaced_config_map(f"{namespace}-gone", config_map("one"))

    await core.delete_namespace(f"{namespace}-gone")
    await asyncio.sleep(0.05)

    with pytest.raises(ApiException, match="404"):
        await core.read_namespace(f"{namespace}-gone")
    left = await core.list_config_map_for_all_namespaces(field_selector="metadata.name=one")
    assert [item.metadata.namespace for item in left.items] == []
