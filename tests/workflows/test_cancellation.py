"""Cancellation is a request to roll back: it survives everything."""

import asyncio
from typing import Any

from temporalio.client import Client

from holdfast.workflows.model.recovery import Outcome
from support.scripted import estate_of, stage


async def test_cancelling_a_run_rolls_it_back_after_what_runs_has_landed(
    temporal: Client,
) -> None:
    async with stage(temporal, {"bus/check.apply": ["deaf:1"]}) as on:
        await on.start(estate_of({"bus": ["up", "check"]}))
        await on.until("bus/check apply begins")
        await temporal.get_workflow_handle(on.workflow_id).cancel()
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert set(on.world.values.values()) == {"before"}
        world = on.world
        assert world.index("bus/check apply ends") < world.index("bus/check revert begins")


async def test_a_second_cancellation_does_not_abandon_the_rollback(temporal: Client) -> None:
    script = {"bus/check.apply": ["slow:30"], "bus/up.revert": ["slow:1"]}
    async with stage(temporal, script) as on:
        steps: dict[str, Any] = {"check": {"timeout": "5m"}}
        await on.start(estate_of({"bus": ["up", "check"]}, bus={"steps": steps}))
        handle = temporal.get_workflow_handle(on.workflow_id)
        await on.until("bus/check apply begins")
        await handle.cancel()
        await on.until("bus/up revert begins")
        await handle.cancel()
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert set(on.world.values.values()) == {"before"}


async def test_a_cancellation_while_a_failure_is_undone_changes_nothing(
    temporal: Client,
) -> None:
    script = {"bus/check.apply": ["conflict"], "bus/up.revert": ["slow:1"]}
    async with stage(temporal, script) as on:
        await on.start(estate_of({"bus": ["up", "check"]}))
        await on.until("bus/up revert begins")
        await temporal.get_workflow_handle(on.workflow_id).cancel()
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert set(on.world.values.values()) == {"before"}


async def test_a_run_cancelled_while_its_steps_are_probed_changes_nothing(
    temporal: Client,
) -> None:
    async with stage(temporal, {"bus/up.probe": ["unknown"] * 9}) as on:
        await on.start(estate_of({"bus": ["up"]}))
        async with asyncio.timeout(20):
            while not (await on.client.status(on.workflow_id)).log:
                await asyncio.sleep(0.05)
        await temporal.get_workflow_handle(on.workflow_id).cancel()
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert on.world.happened == []
