"""A small estate of two sites, and its lab in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from holdfast.deploy.lab.server import Lab
from holdfast.workflows.model.estate import Estate

READY_AFTER_MS = 60


def small_estate() -> Estate:
    """Two services that run at lyon and can be recovered at milan, a third without Kubernetes steps."""
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
