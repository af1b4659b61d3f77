"""What the Kubernetes actions accept."""

import subprocess
import sys
from typing import Any

import pytest

from holdfast.activities.boundary import parse_inputs
from holdfast.activities.kubernetes.inputs import FenceInputs, Kind, ScaleInputs
from holdfast.workflows.model.errors import InvalidInput

API: dict[str, Any] = {"context": "milan", "namespace": "historian", "replicas": 3}


def test_a_statefulset_is_named_as_one() -> None:
    ref = parse_inputs(ScaleInputs, {**API, "statefulset": "db"}).ref
    assert (ref.kind, ref.name) == (Kind.STATEFULSET, "db")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({}, "exactly one workload"),
        ({"deployment": "a", "statefulset": "b"}, "exactly one workload"),
        ({"deployment": "API"}, "deployment: "),
        ({"deployment": "api", "replicas": -1}, "replicas: "),
        ({"deployment": "api", "replicas": 10_001}, "replicas: "),
        ({"deployment": "api", "replicas": True}, "boolean"),
        ({"deployment": "api", "replica": 3}, "replica: "),
        ({"deployment": "api", "namespace": "../x"}, "namespace: "),
        ({"deployment": "api", "context": ""}, "context: "),
    ],
)
def test_a_fault_is_named_by_its_key(change: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidInput, match=fault):
        parse_inputs(ScaleInputs, {**API, **change})


def test_a_fence_holds_unless_it_is_told_to_proceed() -> None:
    inputs: dict[str, Any] = {"context": "lyon", "namespace": "historian", "deployment": "api"}
    assert parse_inputs(FenceInputs, inputs).when_unreachable == "hold"
    with pytest.raises(InvalidInput, match="when_unreachable"):
        parse_inputs(FenceInputs, {**inputs, "when_unreachable": "ignore"})


def test_the_actions_are_known_without_loading_a_client() -> None:
    code = (
        "import sys, holdfast.activities.kubernetes.fence, holdfast.activities.kubernetes.scale,"
        " holdfast.activities.azure.prefer_endpoint, holdfast.activities.azure.disable_endpoint,"
        " holdfast.activities.http, holdfast.activities.prometheus\n"
        "print([m for m in ('kubernetes', 'azure.mgmt', 'aiohttp', 'httpx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
