"""What is wider than one recovery, and what outlives it: one shape each."""

import asyncio
from collections.abc import Awaitable, Callable

from temporalio.client import WorkflowExecutionStatus

from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.failback import FailbackRequest
from holdfast.workflows.model.recovery import RecoveryRequest
from holdfast.workflows.model.region import RegionRequest
from holdfast.workflows.names import coordinator_id, evaluation_id, standby_guard_id
from support.regions import estate_in_regions
from support.scripted import Stage, estate_of

SITES = {"a": {"a0": 0, "a1": 1}, "b": {"b0": 0, "b1": 1}}


async def _region(on: Stage) -> str:
    return await _recovered_region(on, estate_in_regions(SITES))


async def _recovered_region(on: Stage, estate: Estate) -> str:
    started = await on.client.recover_region(
        RegionRequest(estate=estate, region="r", actor="test", reason="test")
    )
    async for status in on.client.watch_region(started.workflow_id):
        if status.ended_at is not None:
            break
    return started.workflow_id


async def _home(on: Stage) -> str:
    estate = estate_in_regions({"a": {"bus": 0}}, {"approval": {"failback": "none"}})
    request = RecoveryRequest(estate=estate, site="a", actor="test", reason="test")
    on.workflow_id = (await on.client.recover(request)).workflow_id
    await on.ends()
    started = await on.client.fail_back(FailbackRequest(estate=estate, site="a", actor="test"))
    async for status in on.client.watch_failback(started.workflow_id):
        if status.ended_at is not None:
            break
    return started.workflow_id


async def _coordinator(on: Stage) -> str:
    estate = estate_in_regions(SITES, {"cooldown": "1h"})
    await _recovered_region(on, estate)
    await _recovered_region(on, estate)
    return coordinator_id(estate.name)


async def _guard(on: Stage) -> str:
    estate = estate_of({"bus": ["fence"]})
    await on.start(estate)
    report = await on.client.result(on.workflow_id)
    id = standby_guard_id(estate.name, "b", report.run_id)
    handle = on.temporal.get_workflow_handle(id)
    while (await handle.describe()).status is not WorkflowExecutionStatus.COMPLETED:
        await asyncio.sleep(0.05)
    return id


async def _evaluation(on: Stage) -> str:
    estate = estate_in_regions(SITES)
    begun = await on.client.evaluate(estate)
    async for _ in on.client.watch_evaluation(estate.name, begun):
        pass
    return evaluation_id(estate.name)


Wider = tuple[Callable[[Stage], Awaitable[str]], dict[str, list[str]]]
WIDER: dict[str, Wider] = {
    "RegionRecovery-recovered": (_region, {}),
    "RegionRecovery-partial": (_region, {"b0/up.apply": ["conflict"]}),
    "Failback-home": (_home, {}),
    "EstateCoordinator-twice": (_coordinator, {}),
    "PlanEvaluation-once": (_evaluation, {}),
    "StandbyGuard-returned": (
        _guard,
        {"bus/fence.apply": ["blind"], "bus/fence.probe": ["ok", "unknown", "unknown"]},
    ),
}
