"""Custom resources: what their definitions declare is what is served, kept and refused."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from kubernetes.aio import client, watch
from kubernetes.aio.client import ApiException

Reason = Callable[[ApiException], str]
Route = dict[str, Any]

GROUP = "test.holdfast.dev"
ROUTES = (GROUP, "v1")


def definition(plural: str, kind: str, **subresources: Any) -> dict[str, Any]:
    route = {
        "type": "object",
        "required": ["host"],
        "properties": {"host": {"type": "string"}, "weight": {"type": "integer", "minimum": 0}},
    }
    spec = {
        "type": "object",
        "properties": {
            "routes": {"type": "array", "items": route},
            "mode": {"type": "string", "enum": ["on", "off"], "default": "on"},
            "replicas": {"type": "integer"},
        },
    }
    status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": spec, "status": status}}
    version: dict[str, Any] = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    if subresources:
        version["subresources"] = subresources
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": kind},
            "versions": [version],
        },
    }


async def established(extensions: Any, name: str) -> None:
    async with watch.Watch() as stream:  # type: ignore[no-untyped-call]
        async for event in stream.stream(
            extensions.list_custom_resource_definition,
            field_selector=f"metadata.name={name}",
            timeout_seconds=30,
        ):
            conditions = (event["raw_object"].get("status") or {}).get("conditions") or []
            if any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
                return


async def serve(
    api: client.ApiClient, plural: str, kind: str, **subresources: Any
) -> AsyncIterator[str]:
    extensions: Any = client.ApiextensionsV1Api(api)
    body = definition(plural, kind, **subresources)
    await extensions.create_custom_resource_definition(body)
    await established(extensions, body["metadata"]["name"])
    yield plural
    await extensions.delete_custom_resource_definition(body["metadata"]["name"])


@pytest.fixture(scope="module")
async def plain(api: client.ApiClient) -> AsyncIterator[str]:
    """A kind without subresources."""
    async for plural in serve(api, f"plains{os.getpid()}", f"Plain{os.getpid()}"):
        yield plural


@pytest.fixture(scope="module")
async def rich(api: client.ApiClient) -> AsyncIterator[str]:
    """A kind with the status and the scale subresource."""
    scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    async for plural in serve(
        api, f"riches{os.getpid()}", f"Rich{os.getpid()}", status={}, scale=scale
    ):
        yield plural


def thing(plural: str, **spec: Any) -> dict[str, Any]:
    kind = f"{'Plain' if plural.startswith('plain') else 'Rich'}{os.getpid()}"
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": kind,
        "metadata": {"name": "one"},
        "spec": spec,
    }


async def test_a_merge_patch_of_a_custom_resource_replaces_its_lists_whole(
    custom: Any, namespace: str, plain: str
) -> None:
    routes = [{"host": "a", "weight": 100}, {"host": "b", "weight": 0}]
    await custom.create_namespaced_custom_object(
        *ROUTES, namespace, plain, thing(plain, routes=routes)
    )

    patched = await custom.patch_namespaced_custom_object(
        *ROUTES, namespace, plain, "one", {"spec": {"routes": [{"host": "a", "weight": 50}]}}
    )

    assert patched["spec"]["routes"] == [{"host": "a", "weight": 50}]


async def test_a_strategic_merge_patch_of_a_custom_resource_is_refused(
    custom: Any, namespace: str, plain: str, reason: Reason
) -> None:
    await custom.create_namespaced_custom_object(*ROUTES, namespace, plain, thing(plain))

    with pytest.raises(ApiException) as refused:
        await custom.patch_namespaced_custom_object(
            *ROUTES,
            namespace,
            plain,
            "one",
            {"spec": {}},
            _content_type="application/strategic-merge-patch+json",
        )

    assert (refused.value.status, reason(refused.value)) == (415, "UnsupportedMediaType")


async def test_server_side_apply_works_on_a_custom_resource(
    custom: Any, namespace: str, plain: str
) -> None:
    # The first one creates it: a 201, which this client gives back as nothing.
    await custom.patch_namespaced_custom_object(
        *ROUTES,
        namespace,
        plain,
        "one",
        thing(plain, mode="off"),
        _content_type="application/apply-patch+yaml",
        field_manager="holdfast",
        force=True,
    )

    read = await custom.get_namespaced_custom_object(*ROUTES, namespace, plain, "one")
    assert read["spec"]["mode"] == "off"


async def test_unknown_fields_are_pruned_and_defaults_filled_in(
    custom: Any, namespace: str, plain: str
) -> None:
    created = await custom.create_namespaced_custom_object(
        *ROUTES, namespace, plain, thing(plain, surprise=1)
    )

    assert created["spec"] == {"mode": "on"}


@pytest.mark.parametrize(
    "spec",
    [
        {"mode": "sideways"},
        {"routes": "all"},
        {"routes": [{"weight": 1}]},
        {"routes": [{"host": "a", "weight": -1}]},
    ],
)
async def test_what_the_schema_forbids_is_invalid(
    custom: Any,
    namespace: str,
    plain: str,
    reason: Reason,
    spec: dict[str, Any],
) -> None:
    with pytest.raises(ApiException) as refused:
        await custom.create_namespaced_custom_object(
            *ROUTES, namespace, plain, thing(plain, **spec)
        )

    assert (refused.value.status, reason(refused.value)) == (422, "Invalid")


async def test_without_a_status_subresource_the_status_is_a_field_like_any_other(
    custom: Any, namespace: str, plain: str
) -> None:
    await custom.create_namespaced_custom_object(*ROUTES, namespace, plain, thing(plain))

    patched = await custom.patch_namespaced_custom_object(
        *ROUTES, namespace, plain, "one", {"status": {"phase": "Ready"}}
    )
    with pytest.raises(ApiException, match="404"):
        await custom.patch_namespaced_custom_object_status(
            *ROUTES, namespace, plain, "one", {"status": {"phase": "Lost"}}
        )

    assert (patched["status"], patched["metadata"]["generation"]) == ({"phase": "Ready"}, 2)


async def test_with_a_status_subresource_the_status_changes_only_through_it(
    custom: Any, namespace: str, rich: str
) -> None:
    created = await custom.create_namespaced_custom_object(
        *ROUTES, namespace, rich, {**thing(rich), "status": {"phase": "Early"}}
    )
    dropped = await custom.patch_namespaced_custom_object(
        *ROUTES, namespace, rich, "one", {"status": {"phase": "Around"}}
    )

    through = await custom.patch_namespaced_custom_object_status(
        *ROUTES, namespace, rich, "one", {"status": {"phase": "Ready"}, "spec": {"mode": "off"}}
    )

    assert ("status" in created, "status" in dropped) == (False, False)
    assert (through["status"], through["spec"]) == ({"phase": "Ready"}, {"mode": "on"})
    assert through["metadata"]["generation"] == 1


async def test_the_scale_of_a_custom_resource_is_where_its_definition_says(
    custom: Any, namespace: str, rich: str
) -> None:
    await custom.create_namespaced_custom_object(*ROUTES, namespace, rich, thing(rich, replicas=1))

    await custom.patch_namespaced_custom_object_scale(
        *ROUTES, namespace, rich, "one", {"spec": {"replicas": 4}}
    )

    read = await custom.get_namespaced_custom_object(*ROUTES, namespace, rich, "one")
    assert read["spec"]["replicas"] == 4


async def test_a_custom_resource_is_never_replaced_without_a_version(
    custom: Any, namespace: str, plain: str, reason: Reason
) -> None:
    created = await custom.create_namespaced_custom_object(*ROUTES, namespace, plain, thing(plain))

    with pytest.raises(ApiException) as refused:
        await custom.replace_namespaced_custom_object(
            *ROUTES, namespace, plain, "one", thing(plain, mode="off")
        )
    created["spec"]["mode"] = "off"
    replaced = await custom.replace_namespaced_custom_object(
        *ROUTES, namespace, plain, "one", created
    )

    assert (refused.value.status, reason(refused.value)) == (422, "Invalid")
    assert replaced["spec"]["mode"] == "off"


async def test_a_deleted_definition_takes_its_objects_and_its_path_with_it(
    own_lab: object, api: client.ApiClient, custom: Any, namespace: str
) -> None:
    async for plural in serve(api, "plainshort", f"Plain{os.getpid()}"):
        await custom.create_namespaced_custom_object(*ROUTES, namespace, plural, thing(plural))
    await asyncio.sleep(0.05)

    with pytest.raises(ApiException, match="404"):
        await custom.list_namespaced_custom_object(*ROUTES, namespace, "plainshort")


async def test_a_definition_under_a_wrong_name_is_invalid(
    api: client.ApiClient, reason: Reason
) -> None:
    body = definition("wrongs", "Wrong")
    body["metadata"]["name"] = f"rights.{GROUP}"
    extensions: Any = client.ApiextensionsV1Api(api)

    with pytest.raises(ApiException) as refused:
        await extensions.create_custom_resource_definition(body)

    assert (refused.value.status, reason(refused.value)) == (422, "Invalid")
