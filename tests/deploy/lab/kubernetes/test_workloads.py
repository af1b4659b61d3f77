"""The lab's own controllers: how a workload's status follows its spec."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kubernetes.aio import watch

from holdfast.deploy.lab.server import Lab

Manifest = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.usefixtures("own_lab")


async def until(
    apps: Any, namespace: str, done: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Return the first state of the namespace's only Deployment that is as wanted."""
    async with watch.Watch() as stream:  # type: ignore[no-untyped-call]
        async for event in stream.stream(
            apps.list_namespaced_deployment, namespace, timeout_seconds=5
        ):
            found: dict[str, Any] = event["raw_object"]
            observed = found.get("status", {}).get("observedGeneration")
            if observed == found["metadata"]["generation"] and done(found):
                return found
    raise AssertionError("the deployment never came to the wanted state")


def ready(count: int) -> Callable[[dict[str, Any]], bool]:
    return lambda found: found["status"].get("readyReplicas", 0) == count


async def test_a_scaled_up_deployment_is_observed_first_and_ready_later(
    apps: Any, namespace: str, manifest: Manifest
) -> None:
    await apps.create_namespaced_deployment(namespace, manifest("api"))
    await apps.patch_namespaced_deployment_scale("api", namespace, {"spec": {"replicas": 3}})

    waiting = await until(apps, namespace, lambda found: found["spec"]["replicas"] == 3)
    settled = await until(apps, namespace, ready(3))

    assert waiting["status"]["replicas"] == 3
    assert waiting["status"]["unavailableReplicas"] == 3
    assert "readyReplicas" not in waiting["status"]
    assert settled["status"]["availableReplicas"] == 3
    available = {c["type"]: c["status"] for c in settled["status"]["conditions"]}
    assert available == {"Available": "True", "Progressing": "True"}


async def test_a_deployment_at_zero_has_no_ready_replicas_field_at_all(
    apps: Any, namespace: str, manifest: Manifest
) -> None:
    await apps.create_namespaced_deployment(namespace, manifest("api", 2))
    await until(apps, namespace, ready(2))

    await apps.patch_namespaced_deployment("api", namespace, {"spec": {"replicas": 0}})
    settled = await until(apps, namespace, lambda found: not found["status"].get("replicas"))

    assert {"replicas", "readyReplicas", "availableReplicas"}.isdisjoint(settled["status"])


async def test_pods_that_go_and_are_wanted_again_have_to_become_ready_again(
    apps: Any, namespace: str, manifest: Manifest
) -> None:
    await apps.create_namespaced_deployment(namespace, manifest("api", 2))
    await until(apps, namespace, ready(2))

    for replicas in (0, 2):
        await apps.patch_namespaced_deployment("api", namespace, {"spec": {"replicas": replicas}})
    await until(apps, namespace, ready(0))
    settled = await until(apps, namespace, ready(2))

    assert settled["status"]["replicas"] == 2


async def test_a_workload_that_is_told_so_never_becomes_ready(
    own_lab: Lab, apps: Any, namespace: str, manifest: Manifest
) -> None:
    body = manifest("api", 1)
    body["metadata"]["annotations"] = {"lab.holdfast.dev/ready": "never"}
    other = manifest("other", 1)
    await apps.create_namespaced_deployment(namespace, body)
    await apps.create_namespaced_deployment(namespace, other)

    await until(
        apps, namespace, lambda found: found["metadata"]["name"] == "other" and ready(1)(found)
    )

    read = await apps.read_namespaced_deployment("api", namespace)
    assert (read.status.replicas, read.status.ready_replicas) == (1, None)


async def test_a_stateful_set_reports_zero_replicas_where_a_deployment_reports_nothing(
    apps: Any, namespace: str, manifest: Manifest
) -> None:
    body = manifest("db")
    body["kind"] = "StatefulSet"
    body["spec"]["serviceName"] = "db"
    await apps.create_namespaced_stateful_set(namespace, body)

    async with watch.Watch() as stream:  # type: ignore[no-untyped-call]
        async for event in stream.stream(
            apps.list_namespaced_stateful_set, namespace, timeout_seconds=5
        ):
            status = event["raw_object"].get("status")
            if status:
                break

    assert (status["replicas"], status["observedGeneration"]) == (0, 1)
    assert "readyReplicas" not in status
