"""Refusals: each with the code, the reason and the details that clients branch on."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from kubernetes.aio import client
from kubernetes.aio.client import ApiException

Manifest = Callable[..., dict[str, Any]]
Reason = Callable[[ApiException], str]
Raw = Callable[[str, str, Any], Awaitable[tuple[int, dict[str, Any]]]]


async def test_what_is_not_there_is_named_in_the_status(apps: Any, namespace: str) -> None:
    with pytest.raises(ApiException) as refused:
        await apps.read_namespaced_deployment("nothing", namespace)

    status = json.loads(str(refused.value.body))
    assert (status["kind"], status["code"], status["reason"]) == ("Status", 404, "NotFound")
    assert status["details"] == {"name": "nothing", "group": "apps", "kind": "deployments"}
    assert status["message"] == 'deployments.apps "nothing" not found'


@pytest.mark.parametrize(
    "spoil",
    [
        lambda spec: spec.update(replicas=-1),
        lambda spec: spec.update(selector={"matchLabels": {"app": "other"}}),
        lambda spec: spec["template"]["spec"].update(containers=[]),
    ],
)
async def test_an_invalid_deployment_is_refused_with_its_causes(
    apps: Any,
    namespace: str,
    manifest: Manifest,
    spoil: Callable[[dict[str, Any]], None],
) -> None:
    body = manifest("api")
    spoil(body["spec"])

    with pytest.raises(ApiException) as refused:
        await apps.create_namespaced_deployment(namespace, body)

    status = json.loads(str(refused.value.body))
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert all(cause["field"].startswith("spec.") for cause in status["details"]["causes"])


async def test_a_name_that_is_no_dns_name_is_invalid(
    core: Any, namespace: str, reason: Reason
) -> None:
    with pytest.raises(ApiException) as refused:
        await core.create_namespaced_config_map(namespace, {"metadata": {"name": "No_Name"}})

    assert (refused.value.status, reason(refused.value)) == (422, "Invalid")


async def test_a_field_of_the_wrong_type_is_a_bad_request(
    raw: Raw, namespace: str, manifest: Manifest
) -> None:
    body = manifest("api")
    body["spec"]["replicas"] = "three"

    code, status = await raw("POST", f"/apis/apps/v1/namespaces/{namespace}/deployments", body)

    assert (code, status["reason"]) == (400, "BadRequest")


async def test_the_selector_of_a_deployment_cannot_be_changed(
    apps: Any, namespace: str, manifest: Manifest, reason: Reason
) -> None:
    await apps.create_namespaced_deployment(namespace, manifest("api"))
    changed = {
        "selector": {"matchLabels": {"app": "other"}},
        "template": {"metadata": {"labels": {"app": "other"}}},
    }

    with pytest.raises(ApiException) as refused:
        await apps.patch_namespaced_deployment("api", namespace, {"spec": changed})

    assert (refused.value.status, reason(refused.value)) == (422, "Invalid")


async def test_a_body_for_another_object_than_the_path_is_a_bad_request(
    core: Any, namespace: str, reason: Reason
) -> None:
    await core.create_namespaced_config_map(namespace, {"metadata": {"name": "one"}})

    with pytest.raises(ApiException) as refused:
        await core.replace_namespaced_config_map("one", namespace, {"metadata": {"name": "two"}})

    assert (refused.value.status, reason(refused.value)) == (400, "BadRequest")


async def test_a_verb_that_a_path_does_not_have_is_not_allowed(raw: Raw, namespace: str) -> None:
    code, status = await raw("POST", f"/api/v1/namespaces/{namespace}/configmaps/one", {})

    assert (code, status["reason"]) == (405, "MethodNotAllowed")


async def test_a_resource_that_is_not_served_is_not_found(raw: Raw) -> None:
    code, status = await raw("GET", "/apis/apps/v1/namespaces/default/nothings", None)

    assert (code, status["reason"]) == (404, "NotFound")


async def test_a_wrong_token_is_unauthorized(api: client.ApiClient, reason: Reason) -> None:
    configuration = client.Configuration(host=api.configuration.host)
    configuration.ssl_ca_cert = api.configuration.ssl_ca_cert
    configuration.api_key = {"BearerToken": "Bearer wrong"}
    async with client.ApiClient(configuration) as stranger:
        with pytest.raises(ApiException) as refused:
            await client.CoreV1Api(stranger).list_namespace()

    assert (refused.value.status, reason(refused.value)) == (401, "Unauthorized")


async def test_an_unknown_dry_run_is_refused(core: Any, namespace: str) -> None:
    with pytest.raises(ApiException) as refused:
        await core.create_namespaced_config_map(
            namespace, {"metadata": {"name": "one"}}, dry_run="Some"
        )

    assert refused.value.status in (400, 422)
