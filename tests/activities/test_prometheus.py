"""prometheus.expect against the lab's Prometheus."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from holdfast.activities.prometheus import (
    Comparison,
    ExpectPrometheus,
    ExpectPrometheusInputs,
    PrometheusConnections,
    compare,
)
from holdfast.workflows.model.step import Applied, Qualification
from support.action_world import ActionWorld

READY: dict[str, Any] = {
    "query": 'holdfast_lab_ready_replicas{service="historian",site="milan"}',
    "comparison": ">=",
    "value": 2,
}
WORKLOADS = (
    "/apis/apps/v1/namespaces/historian/deployments/api",
    "/apis/apps/v1/namespaces/bus/statefulsets/broker",
)


@pytest.fixture(scope="session")
async def connections(running: ActionWorld) -> AsyncIterator[PrometheusConnections]:
    connections = PrometheusConnections(running.access.url, read_timeout_s=0.2)
    yield connections
    await connections.close()


@pytest.fixture
def expect(connections: PrometheusConnections) -> ExpectPrometheus:
    return ExpectPrometheus(connections)


async def test_probe_looks_once(world: ActionWorld, expect: ExpectPrometheus) -> None:
    below, above = await world.probe(expect, READY, {**READY, "comparison": "<"})
    assert (below.state, above.state) == (Applied.NOT_APPLIED, Applied.APPLIED)
    assert {below.qualification, above.qualification} == {Qualification.QUALIFIED}
    assert below.resource is None


async def test_probe_refuses_a_broken_query_and_no_other(
    world: ActionWorld, expect: ExpectPrometheus
) -> None:
    broken, right = await world.probe(expect, {**READY, "query": "up{"}, READY)
    assert broken.qualification is Qualification.NOT_QUALIFIED
    assert "InvalidInput" in broken.reason
    assert right.qualification is Qualification.QUALIFIED


async def test_a_missing_url_is_named_with_its_setting(world: ActionWorld) -> None:
    seen = await world.probe_one(ExpectPrometheus(PrometheusConnections(None)), READY)
    assert seen.qualification is Qualification.NOT_QUALIFIED
    assert "HOLDFAST_PROMETHEUS_URL" in seen.reason


async def test_a_prometheus_that_is_not_there_is_unknown(world: ActionWorld) -> None:
    nowhere = ExpectPrometheus(PrometheusConnections("http://127.0.0.1:9"))
    seen = await world.probe_one(nowhere, READY)
    assert seen.qualification is Qualification.UNKNOWN


async def test_apply_asks_until_every_sample_compares(
    world: ActionWorld, expect: ExpectPrometheus
) -> None:
    asking = asyncio.create_task(world.apply(expect, READY, None))
    await asyncio.sleep(0.1)
    for path in WORKLOADS:
        await world.kubernetes("milan", path, {"spec": {"replicas": 1}})
    evidence = await asking
    assert not evidence.changed
    assert "holds for 1 samples: 2" in evidence.sentence


async def test_apply_says_what_it_saw(world: ActionWorld, expect: ExpectPrometheus) -> None:
    with pytest.raises(ApplicationError, match="1 of 1 samples do not: 0") as failure:
        await world.apply(expect, READY, None, timeout=timedelta(milliseconds=200))
    assert failure.value.type == "VerificationFailed"


@pytest.mark.parametrize(
    "fault",
    [
        {"behaviour": "error", "status": 500},
        {"behaviour": "throttle", "seconds": 0},
        {"behaviour": "delay", "seconds": 0.1},
        {"behaviour": "hang"},
        {"behaviour": "drop_answer"},
    ],
)
async def test_a_faulted_answer_is_asked_again(
    world: ActionWorld, expect: ExpectPrometheus, fault: dict[str, Any]
) -> None:
    await world.fault(**fault, system="prometheus")
    evidence = await world.apply(expect, {**READY, "comparison": "<"}, None)
    assert "holds for 1 samples" in evidence.sentence


async def test_revert_has_nothing_to_put_back(world: ActionWorld, expect: ExpectPrometheus) -> None:
    assert not (await world.revert(expect, READY, None)).changed
    assert await world.changes() == []


@pytest.mark.parametrize(
    ("samples", "comparison", "held"),
    [
        ([], Comparison.EQUAL, False),
        ([1.0, 1.0], Comparison.EQUAL, True),
        ([1.0, 2.0], Comparison.EQUAL, False),
        ([2.0, 3.0], Comparison.GREATER, True),
        ([1.0], Comparison.AT_MOST, True),
        ([float("inf")], Comparison.AT_LEAST, True),
        ([float("nan")], Comparison.NOT_EQUAL, False),
    ],
)
def test_every_sample_must_compare_and_there_must_be_one(
    samples: list[float], comparison: Comparison, held: bool
) -> None:
    wanted = ExpectPrometheusInputs(query="up", comparison=comparison, value=1)
    assert compare(samples, wanted).held is held
