"""Time in which no worker was there counted against a step's deadline.

After an outage of all workers longer than the step's timeout the step failed without having been
tried, and a recovery that could have gone on was rolled back.
"""

import asyncio

from temporalio.client import Client

from holdfast.starters import RecoveryClient
from holdfast.workers.registry import Registry
from holdfast.workers.settings import Settings
from holdfast.workers.worker import build_worker
from holdfast.workflows.model.recovery import Outcome, RecoveryRequest
from support.scripted import SetValue, World, estate_of

QUEUE = "idle-time"


async def test_an_outage_of_all_workers_is_not_counted(temporal: Client) -> None:
    world = World(script={"bus/up.apply": ["slow:30"]})
    registry = Registry(actions=(SetValue(world),))
    settings = Settings(task_queue=QUEUE, shutdown_grace_s=0)
    client = RecoveryClient(temporal, task_queue=QUEUE)
    estate = estate_of({"bus": ["up"]}, bus={"steps": {"up": {"timeout": "1500ms"}}})
    async with build_worker(temporal, registry, settings):
        started = await client.recover(RecoveryRequest(estate=estate, site="a"))
        while "bus/up apply begins" not in world.happened:
            await asyncio.sleep(0.01)
    await asyncio.sleep(3)
    async with build_worker(temporal, registry, settings):
        async with asyncio.timeout(30):
            report = await client.result(started.workflow_id)

    assert report.outcome is Outcome.RECOVERED, report.sentence
