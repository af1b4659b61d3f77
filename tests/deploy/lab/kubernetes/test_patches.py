"""Patch formats: what each of them does to lists, to nulls and to a document that has moved on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kubernetes.aio.client import ApiException

Manifest = Callable[..., dict[str, Any]]
Reason = Callable[[ApiException], str]

SIDECAR = {"name": "sidecar", "image": "registry.example/sidecar:1"}


@pytest.fixture
async def deployed(apps: Any, namespace: str, manifest: Manifest) -> str:
    await apps.create_namespaced_deployment(namespace, manifest("api"))
    return namespace


def containers(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": list(listed)}}}}


def names(deployment: Any) -> list[str]:
    return [container.name for container in deployment.spec.template.spec.containers]


async def test_a_strategic_patch_merges_containers_and_their_variables_by_name(
    apps: Any, deployed: str
) -> None:
    main = {"name": "main", "env": [{"name": "B", "value": "2"}]}

    patched = await apps.patch_namespaced_deployment("api", deployed, containers(main, SIDECAR))

    assert sorted(names(patched)) == ["main", "sidecar"]
    merged = next(c for c in patched.spec.template.spec.containers if c.name == "main")
    assert merged.image == "registry.example/main:1"
    assert {variable.name: variable.value for variable in merged.env} == {"A": "1", "B": "2"}


async def test_a_strategic_patch_deletes_by_directive(apps: Any, deployed: str) -> None:
    await apps.patch_namespaced_deployment("api", deployed, containers(SIDECAR))

    gone = {"name": "sidecar", "$patch": "delete"}
    patched = await apps.patch_namespaced_deployment("api", deployed, containers(gone))

    assert names(patched) == ["main"]


async def test_a_merge_patch_replaces_lists_whole(apps: Any, deployed: str) -> None:
    patched = await apps.patch_namespaced_deployment(
        "api", deployed, containers(SIDECAR), _content_type="application/merge-patch+json"
    )

    assert names(patched) == ["sidecar"]


async def test_a_null_in_a_patch_deletes_a_field(apps: Any, deployed: str) -> None:
    await apps.patch_namespaced_deployment(
        "api", deployed, {"metadata": {"annotations": {"a": "1", "b": "2"}}}
    )

    patched = await apps.patch_namespaced_deployment(
        "api", deployed, {"metadata": {"annotations": {"a": None}}}
    )

    assert "a" not in patched.metadata.annotations
    assert patched.metadata.annotations["b"] == "2"


async def test_a_json_patch_applies_when_its_test_holds(apps: Any, deployed: str) -> None:
    patched = await apps.patch_namespaced_deployment(
        "api",
        deployed,
        [
            {"op": "test", "path": "/spec/replicas", "value": 0},
            {"op": "replace", "path": "/spec/replicas", "value": 2},
            {"op": "add", "path": "/metadata/labels/example.com~1tier", "value": "one"},
        ],
    )

    assert patched.spec.replicas == 2
    assert patched.metadata.labels["example.com/tier"] == "one"


async def test_a_json_patch_whose_test_fails_changes_nothing(
    apps: Any, deployed: str, reason: Reason
) -> None:
    with pytest.raises(ApiException) as refused:
        await apps.patch_namespaced_deployment(
            "api",
            deployed,
            [
                {"op": "replace", "path": "/spec/replicas", "value": 5},
                {"op": "test", "path": "/spec/replicas", "value": 1},
            ],
        )

    assert (refused.value.status, reason(refused.value)) == (422, "Invalid")
    assert (await apps.read_namespaced_deployment("api", deployed)).spec.replicas == 0


async def test_server_side_apply_creates_and_then_merges(
    apps: Any, namespace: str, manifest: Manifest
) -> None:
    apply = {"_content_type": "application/apply-patch+yaml", "field_manager": "holdfast"}

    created = await apps.patch_namespaced_deployment("api", namespace, manifest("api"), **apply)
    change = {**manifest("api", 3)}
    applied = await apps.patch_namespaced_deployment("api", namespace, change, force=True, **apply)

    assert created.metadata.generation == 1
    assert applied.spec.replicas == 3


async def test_server_side_apply_wants_a_field_manager(
    apps: Any, deployed: str, manifest: Manifest
) -> None:
    with pytest.raises(ApiException) as refused:
        await apps.patch_namespaced_deployment(
            "api", deployed, manifest("api"), _content_type="application/apply-patch+yaml"
        )

    assert refused.value.status in (400, 422)


async def test_an_unknown_patch_format_is_refused(apps: Any, deployed: str, reason: Reason) -> None:
    with pytest.raises(ApiException) as refused:
        await apps.patch_namespaced_deployment(
            "api", deployed, {"spec": {}}, _content_type="application/json"
        )

    assert (refused.value.status, reason(refused.value)) == (415, "UnsupportedMediaType")
