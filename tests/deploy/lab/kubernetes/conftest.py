"""A Kubernetes to test: the one that HOLDFAST_TEST_KUBECONFIG names, or the lab's own.

The tests make their own namespaces and objects, so they can run against any control plane. Those
that ask for ``own_lab`` need what only the lab does and are skipped for a foreign one.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio import client, config
from kubernetes.aio.client import ApiException

from holdfast.deploy.lab.server import Lab
from holdfast.workflows.model.estate import Estate

READY_AFTER_MS = 60
Raw = Callable[[str, str, Any], Awaitable[tuple[int, dict[str, Any]]]]
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class ControlPlane:
    """How the control plane is reached, and the lab behind it if it is ours."""

    kubeconfig: Path
    lab: Lab | None


@pytest.fixture(scope="session")
async def control_plane(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ControlPlane]:
    foreign = os.environ.get("HOLDFAST_TEST_KUBECONFIG")
    if foreign:
        yield ControlPlane(Path(foreign), None)
        return
    estate = Estate.model_validate(
        {
            "apiVersion": "holdfast.dev/v1",
            "kind": "Estate",
            "metadata": {"name": "one-site"},
            "sites": [{"name": "lyon", "region": "west", "kubernetes": {"context": "lyon"}}],
        }
    )
    lab = Lab(estate, ready_after_ms=READY_AFTER_MS)
    await lab.start()
    env_file = tmp_path_factory.mktemp("lab") / "env"
    lab.write_env_file(env_file)
    yield ControlPlane(env_file.with_name("env.kubeconfig"), lab)
    await lab.stop()


@pytest.fixture(scope="session")
def kubeconfig(control_plane: ControlPlane) -> Path:
    return control_plane.kubeconfig


@pytest.fixture
def own_lab(control_plane: ControlPlane) -> Lab:
    if control_plane.lab is None:
        pytest.skip("needs the lab's own controllers; HOLDFAST_TEST_KUBECONFIG names another")
    return control_plane.lab


@pytest.fixture(scope="session")
async def api(kubeconfig: Path) -> AsyncIterator[client.ApiClient]:
    configuration = client.Configuration()
    await config.load_kube_config(str(kubeconfig), client_configuration=configuration)  # type: ignore[no-untyped-call]
    async with client.ApiClient(configuration) as connected:
        yield connected


@pytest.fixture(scope="session")
def apps(api: client.ApiClient) -> Any:
    return client.AppsV1Api(api)


@pytest.fixture(scope="session")
def core(api: client.ApiClient) -> Any:
    return client.CoreV1Api(api)


@pytest.fixture(scope="session")
def custom(api: client.ApiClient) -> Any:
    return client.CustomObjectsApi(api)


@pytest.fixture
async def namespace(core: Any) -> AsyncIterator[str]:
    name = f"holdfast-test-{os.getpid()}-{next(_NUMBERS)}"
    await core.create_namespace({"metadata": {"name": name}})
    yield name
    await core.delete_namespace(name)


def deployment(name: str, replicas: int = 0, **labels: str) -> dict[str, Any]:
    """Return the manifest of a Deployment with one container, scaled to zero unless told."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "containers": [
                        {
                            "name": "main",
                            "image": "registry.example/main:1",
                            "env": [{"name": "A", "value": "1"}],
                            "ports": [{"containerPort": 8080}],
                        }
                    ]
                },
            },
        },
    }


@pytest.fixture
def manifest() -> Callable[..., dict[str, Any]]:
    return deployment


@pytest.fixture
def reason() -> Callable[[ApiException], str]:
    """Return the reason inside an API error's ``Status``."""
    return lambda error: str(json.loads(str(error.body))["reason"])


@pytest.fixture
def raw(api: client.ApiClient) -> Raw:
    """Send what the typed client would refuse to send; return the status and the document."""

    async def send(method: str, path: str, body: Any) -> tuple[int, dict[str, Any]]:
        token = (await api.configuration.auth_settings())["BearerToken"]["value"]
        headers = {"Authorization": token, "Content-Type": "application/json"}
        answer = await api.call_api(
            method, f"{api.configuration.host}{path}", header_params=headers, body=body
        )
        return answer.status, json.loads(await answer.read())  # type: ignore[no-untyped-call]

    return send
