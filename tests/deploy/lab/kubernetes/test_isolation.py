"""What isolated copies need of a control plane: secrets, leases, policies, namespaces that go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes.aio import client
from kubernetes.aio.client import ApiException

Manifest = Callable[..., dict[str, Any]]
Reason = Callable[[ApiException], str]


async def test_a_secret_s_plain_text_is_stored_encoded(core: Any, namespace: str) -> None:
    body = {"metadata": {"name": "dsn"}, "stringData": {"password": "hunter2"}}
    created = await core.create_namespaced_secret(namespace, body)
    assert created.type == "Opaque"
    assert created.data == {"password": "aHVudGVyMg=="}
    assert created.string_data is None


async def test_a_secret_that_is_not_base64_is_refused(raw: Any, namespace: str) -> None:
    body = {"metadata": {"name": "dsn"}, "data": {"password": "not base64!"}}
    status, _ = await raw("POST", f"/api/v1/namespaces/{namespace}/secrets", body)
    assert status == 400


async def test_a_secret_s_type_cannot_be_changed(core: Any, namespace: str, reason: Reason) -> None:
    await core.create_namespaced_secret(namespace, {"metadata": {"name": "dsn"}})
    with pytest.raises(ApiException) as refused:
        await core.patch_namespaced_secret("dsn", namespace, {"type": "kubernetes.io/tls"})
    assert (refused.value.status, reason(refused.value)) == (422, "Invalid")


async def test_an_immutable_config_map_keeps_its_data(
    core: Any, namespace: str, reason: Reason
) -> None:
    body = {"metadata": {"name": "settings"}, "data": {"a": "1"}, "immutable": True}
    await core.create_namespaced_config_map(namespace, body)
    with pytest.raises(ApiException) as refused:
        await core.patch_namespaced_config_map("settings", namespace, {"data": {"a": "2"}})
    assert (refused.value.status, reason(refused.value)) == (422, "Invalid")


async def test_a_policy_with_egress_rules_governs_both_ways(
    api: client.ApiClient, namespace: str
) -> None:
    networking: Any = client.NetworkingV1Api(api)
    body = {"metadata": {"name": "deny"}, "spec": {"podSelector": {}, "egress": [{}]}}
    created = await networking.create_namespaced_network_policy(namespace, body)
    assert created.spec.policy_types == ["Ingress", "Egress"]


async def test_a_lease_is_renewed_to_the_microsecond(api: client.ApiClient, namespace: str) -> None:
    coordination: Any = client.CoordinationV1Api(api)
    spec = {"leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000001Z"}
    await coordination.create_namespaced_lease(
        namespace, {"metadata": {"name": "lyon"}, "spec": spec}
    )
    later = {"spec": {"renewTime": "2026-01-01T00:00:05.123456Z"}}
    renewed = await coordination.patch_namespaced_lease("lyon", namespace, later)
    assert renewed.spec.renew_time.microsecond == 123456
    assert renewed.spec.lease_duration_seconds == 15


@pytest.mark.parametrize(
    ("spec", "status"),
    [
        ({"renewTime": "2026-01-01T00:00:00Z"}, 400),
        ({"renewTime": 5}, 400),
        ({"leaseDurationSeconds": 0}, 422),
    ],
)
async def test_a_lease_that_means_nothing_is_refused(
    raw: Any, namespace: str, spec: dict[str, Any], status: int
) -> None:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    answered, _ = await raw("POST", path, {"metadata": {"name": "lyon"}, "spec": spec})
    assert answered == status


async def test_a_deleted_namespace_is_terminating_then_gone_with_all_it_held(
    core: Any, apps: Any, raw: Any, manifest: Manifest
) -> None:
    name = "holdfast-test-isolated"
    await core.create_namespace({"metadata": {"name": name}})
    await apps.create_namespaced_deployment(name, manifest("api"))
    await core.create_namespaced_secret(name, {"metadata": {"name": "dsn"}})

    status, going = await raw("DELETE", f"/api/v1/namespaces/{name}", None)
    assert (status, going["status"]["phase"]) == (200, "Terminating")
    while (await raw("GET", f"/api/v1/namespaces/{name}", None))[0] != 404:
        await asyncio.sleep(0.02)
    assert (await apps.list_namespaced_deployment(name)).items == []
    assert (await core.list_namespaced_secret(name)).items == []


async def test_a_namespace_s_uid_can_be_a_condition_of_its_deletion(
    core: Any, namespace: str, reason: Reason
) -> None:
    with pytest.raises(ApiException) as refused:
        await core.delete_namespace(namespace, body={"preconditions": {"uid": "another"}})
    assert (refused.value.status, reason(refused.value)) == (409, "Conflict")
    assert (await core.read_namespace(namespace)).status.phase == "Active"
