"""Scale and status: what goes through them, and what does not go around them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kubernetes.aio.client import ApiException

Manifest = Callable[..., dict[str, Any]]
Reason = Callable[[ApiException], str]


@pytest.fixture
async def deployed(apps: Any, namespace: str, manifest: Manifest) -> str:
    await apps.create_namespaced_deployment(namespace, manifest("api"))
    return namespace


async def test_the_scale_of_a_deployment_at_zero_has_no_replicas_field(
    apps: Any, deployed: str
) -> None:
    scale = await apps.read_namespaced_deployment_scale("api", deployed)

    assert scale.kind == "Scale"
    assert scale.spec.replicas is None
    assert scale.status.selector == "app=api"


async def test_patching_the_scale_changes_the_deployment(apps: Any, deployed: str) -> None:
    scale = await apps.patch_namespaced_deployment_scale("api", deployed, {"spec": {"replicas": 3}})

    read = await apps.read_namespaced_deployment("api", deployed)
    assert (scale.spec.replicas, read.spec.replicas, read.metadata.generation) == (3, 3, 2)


async def test_replacing_a_scale_that_was_read_before_a_change_is_a_conflict(
    apps: Any, deployed: str, reason: Reason
) -> None:
    scale = await apps.read_namespaced_deployment_scale("api", deployed)
    await apps.patch_namespaced_deployment("api", deployed, {"spec": {"paused": True}})

    scale.spec.replicas = 3
    with pytest.raises(ApiException) as refused:
        await apps.replace_namespaced_deployment_scale("api", deployed, scale)

    assert (refused.value.status, reason(refused.value)) == (409, "Conflict")


async def test_a_scale_below_zero_is_invalid(apps: Any, deployed: str, reason: Reason) -> None:
    with pytest.raises(ApiException) as refused:
        await apps.patch_namespaced_deployment_scale("api", deployed, {"spec": {"replicas": -1}})

    assert (refused.value.status, reason(refused.value)) == (422, "Invalid")


async def test_status_in_a_patch_of_the_object_is_dropped_silently(
    apps: Any, deployed: str
) -> None:
    patched = await apps.patch_namespaced_deployment(
        "api", deployed, {"status": {"replicas": 7, "readyReplicas": 7}}
    )

    assert patched.status.ready_replicas is None


async def test_spec_in_a_patch_of_the_status_is_dropped_silently(apps: Any, deployed: str) -> None:
    await apps.patch_namespaced_deployment_status(
        "api", deployed, {"spec": {"replicas": 7}, "metadata": {"labels": {"x": "y"}}}
    )

    read = await apps.read_namespaced_deployment("api", deployed)
    assert (read.spec.replicas, read.metadata.generation) == (0, 1)
