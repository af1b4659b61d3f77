"""Discovery: what the clients find out before they ask for anything."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import kubernetes
from kubernetes.aio import client
from kubernetes.aio.dynamic import DynamicClient


async def test_the_version_says_which_kubernetes_is_spoken(api: client.ApiClient) -> None:
    version = await client.VersionApi(api).get_code()

    assert (version.major, version.git_version[:3]) == ("1", "v1.")


async def test_the_groups_and_resources_are_listed(api: client.ApiClient) -> None:
    groups = await client.ApisApi(api).get_api_versions()
    resources = await client.AppsV1Api(api).get_api_resources()

    assert "apps" in {group.name for group in groups.groups}
    assert {"deployments", "deployments/scale", "deployments/status"} <= {
        resource.name for resource in resources.resources
    }


async def test_the_dynamic_client_finds_a_kind_by_its_name(
    api: client.ApiClient, namespace: str
) -> None:
    dynamic = await DynamicClient(api)  # type: ignore[no-untyped-call]
    config_maps = await dynamic.resources.get(api_version="v1", kind="ConfigMap")

    await config_maps.create(body={"metadata": {"name": "one"}}, namespace=namespace)

    assert (await config_maps.get(name="one", namespace=namespace)).metadata.name == "one"


async def test_the_blocking_client_works_the_same(kubeconfig: Path, namespace: str) -> None:
    def create_and_read() -> dict[str, str]:
        with kubernetes.config.new_client_from_config(str(kubeconfig)) as blocking:  # type: ignore[no-untyped-call]
            core: Any = kubernetes.client.CoreV1Api(blocking)
            body = {"metadata": {"name": "one"}, "data": {"a": "1"}}
            core.create_namespaced_config_map(namespace, body)
            data: dict[str, str] = core.read_namespaced_config_map("one", namespace).data
            return data

    assert await asyncio.to_thread(create_and_read) == {"a": "1"}
