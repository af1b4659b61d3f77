"""A small estate of two sites, and its lab in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from kubernetes.aio import client, config

from holdfast.deploy.lab.server import Lab
from holdfast.workflows.model.estate import Estate

READY_AFTER_MS = 60


def small_estate() -> Estate:
    """Two services at lyon that can be recovered at milan, and one without Kubernetes steps."""
    fence = {
        "id": "fence",
        "run": "kubernetes.fence",
        "with": {
            "context": "{{ source.kubernetes.context }}",
            "namespace": "historian",
            "deployment": "api",
        },
    }
    scale = {
        "id": "scale-up",
        "run": "kubernetes.scale",
        "with": {
            "context": "{{ target.kubernetes.context }}",
            "namespace": "historian",
            "deployment": "api",
            "replicas": 3,
        },
    }
    shift = {
        "id": "shift",
        "run": "azure.traffic_manager.prefer_endpoint",
        "with": {
            "resource_group": "edge",
            "profile": "historian",
            "endpoint": "{{ target.name }}",
        },
    }
    broker = {
        "id": "scale-up",
        "run": "kubernetes.scale",
        "with": {
            "context": "{{ target.kubernetes.context }}",
            "namespace": "bus",
            "statefulset": "broker",
            "replicas": 2,
        },
    }
    document: dict[str, Any] = {
        "apiVersion": "holdfast.dev/v1",
        "kind": "Estate",
        "metadata": {"name": "small"},
        "sites": [
            {"name": "lyon", "region": "west", "kubernetes": {"context": "ctx-lyon"}},
            {"name": "milan", "region": "south", "kubernetes": {"context": "ctx-milan"}},
        ],
        "services": [
            {
                "name": "historian",
                "site": "lyon",
                "recovery_sites": ["milan"],
                "recovery": [fence, scale, shift],
            },
            {"name": "bus", "site": "lyon", "recovery_sites": ["milan"], "recovery": [broker]},
            {"name": "labels", "site": "milan"},
        ],
    }
    return Estate.model_validate(document)


@pytest.fixture
def estate() -> Estate:
    return small_estate()


@pytest.fixture
async def lab(estate: Estate) -> AsyncIterator[Lab]:
    lab = Lab(estate, ready_after_ms=READY_AFTER_MS)
    await lab.start()
    yield lab
    await lab.stop()


class Site:
    """One site's Deployments through the official client, and the admin API beside it."""

    def __init__(self, lab: Lab, http: aiohttp.ClientSession, apps: Any) -> None:
        self.lab = lab
        self._http = http
        self.apps = apps

    async def admin(self, method: str, path: str, body: Any = None) -> Any:
        """Call the admin API; return the document, or raise what it refused."""
        async with self._http.request(method, f"{self.lab.url}/_lab/{path}", json=body) as answer:
            document = await answer.json()
            if answer.status >= 400:
                raise Refused(answer.status, document["error"])
            return document

    async def fault(self, behaviour: str, **options: Any) -> None:
        """Arm a fault for the writes of milan."""
        match = {"system": "kubernetes", "site": "milan", "method": "PATCH"}
        body = {"match": match, "behaviour": behaviour, **options}
        await self.admin("POST", "faults", body)

    async def scale(self, replicas: int, *, epoch: int = 1, timeout: float = 5) -> Any:
        """Scale historian's Deployment at milan, with fencing marks."""
        marks = {"holdfast.dev/epoch": str(epoch), "holdfast.dev/idempotency-key": f"key-{epoch}"}
        return await self.apps.patch_namespaced_deployment(
            "api",
            "historian",
            {"metadata": {"annotations": marks}, "spec": {"replicas": replicas}},
            _request_timeout=timeout,
        )

    async def replicas(self) -> int:
        """Return the replicas that historian's Deployment at milan asks for."""
        read = await self.apps.read_namespaced_deployment("api", "historian")
        return int(read.spec.replicas)

    async def journal(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the journal."""
        entries: list[dict[str, Any]] = await self.admin("GET", f"journal?since={since}")
        return entries


class Refused(Exception):
    """The admin API said no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")


@pytest.fixture
async def milan(lab: Lab, tmp_path: Path) -> AsyncIterator[Site]:
    lab.write_env_file(tmp_path / "env")
    configuration = client.Configuration()
    await config.load_kube_config(  # type: ignore[no-untyped-call]
        str(tmp_path / "env.kubeconfig"), context="ctx-milan", client_configuration=configuration
    )
    async with client.ApiClient(configuration) as api, aiohttp.ClientSession() as http:
        yield Site(lab, http, client.AppsV1Api(api))
