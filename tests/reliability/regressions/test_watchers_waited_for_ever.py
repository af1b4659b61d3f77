"""Whoever watched a recovery that somebody terminated was never told, and waited for ever."""

import asyncio

import pytest
from temporalio.client import Client

from holdfast.starters.recovery_client import Abandoned
from support.scripted import estate_of, stage


async def test_a_terminated_recovery_is_told(temporal: Client) -> None:
    async with stage(temporal, {"bus/up.apply": ["slow:30"]}) as on:
        await on.start(estate_of({"bus": ["up"]}))
        await on.until("bus/up apply begins")
        watching = asyncio.ensure_future(on.client.wait(on.workflow_id))
        await on.temporal.get_workflow_handle(on.workflow_id).terminate("by hand")

        with pytest.raises(Abandoned):
            await asyncio.wait_for(watching, 20)
