"""Probes of the actions whose own pages do not test it, under every faulted answer of the lab."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from holdfast.activities.action import Action
from holdfast.activities.azure.connections import TrafficManagerConnections
from holdfast.activities.azure.disable_endpoint import DisableEndpoint
from holdfast.activities.http import ExpectHttp, HttpConnections
from holdfast.activities.prometheus import ExpectPrometheus, PrometheusConnections
from holdfast.workflows.model.step import Applied, Qualification
from support.action_world import ActionWorld

FAULTS = ("error", "throttle", "delay", "hang", "drop_answer")
PROFILE = {"resource_group": "edge", "profile": "historian", "endpoint": "lyon"}
SERVICE = {"url": "http://historian.lyon.example/healthz"}
QUERY = {"query": 'up{site="lyon",service="historian"}', "comparison": "==", "value": 1}
Asked = tuple[Action[Any], dict[str, Any]]


@pytest.fixture
async def asked(
    request: pytest.FixtureRequest, running: ActionWorld, hasty_arm: TrafficManagerConnections
) -> AsyncIterator[Asked]:
    http = HttpConnections(running.access.url, read_timeout_s=0.2)
    prometheus = PrometheusConnections(running.access.url, read_timeout_s=0.2)
    actions: dict[str, Asked] = {
        "azure": (DisableEndpoint(hasty_arm), PROFILE),
        "http": (ExpectHttp(http), SERVICE),
        "prometheus": (ExpectPrometheus(prometheus), QUERY),
    }
    yield actions[request.param]
    await http.close()
    await prometheus.close()


@pytest.mark.parametrize("asked", ["azure", "http", "prometheus"], indirect=True)
@pytest.mark.parametrize("behaviour", FAULTS)
async def test_a_faulted_probe_says_nothing_false_and_the_next_one_tells(
    world: ActionWorld, asked: Asked, behaviour: str, request: pytest.FixtureRequest
) -> None:
    action, inputs = asked
    clean = await world.probe_one(action, inputs)
    system = request.node.callspec.params["asked"]
    await world.fault(behaviour, seconds=0.05, system=system)

    refused_for_good = False
    state, qualification = Applied.UNKNOWN, Qualification.UNKNOWN
    try:
        (seen,) = await world.probe(action, inputs, attempt=1)
        state, qualification = seen.state, seen.qualification
    except ApplicationError as error:
        refused_for_good = error.non_retryable

    assert await world.armed() == [], "the probe met the fault"
    assert not refused_for_good
    assert qualification is not Qualification.NOT_QUALIFIED
    assert state in (clean.state, Applied.NOT_APPLIED, Applied.UNKNOWN)
    assert await world.probe_one(action, inputs) == clean
    assert await world.changes() == []
