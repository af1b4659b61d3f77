"""The SDK where no worker answers."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from holdfast.starters.recovery_client import NoWorker, RecoveryClient
from holdfast.workers.search_attributes import ensure_search_attributes
from holdfast.workflows.model.recovery import RecoveryRequest
from holdfast.workflows.planning.estate_file import parse_estate

ASKED = {"actor": "ana", "reason": "a look"}


@pytest.fixture
async def unattended(temporal_address: str, shop: str) -> AsyncIterator[tuple[Client, str]]:
    """A recovery whose queue nobody polls, and its id."""
    temporal = await Client.connect(temporal_address, data_converter=pydantic_data_converter)
    await ensure_search_attributes(temporal)
    estate = parse_estate(Path(shop).read_bytes(), shop)
    named = estate.model_copy(update={"name": f"shop-{uuid.uuid4().hex[:8]}"})
    request = RecoveryRequest(estate=named, site="store")
    started = await RecoveryClient(temporal, task_queue="nobody").recover(request)
    yield temporal, started.workflow_id
    await temporal.get_workflow_handle(started.workflow_id).terminate()


async def test_what_no_worker_answers_may_still_take_effect(
    unattended: tuple[Client, str],
) -> None:
    temporal, recovery = unattended
    client = RecoveryClient(temporal, answer_within=timedelta(seconds=0.5))
    with pytest.raises(NoWorker, match="may still take effect when a worker comes back"):
        await client.pause(recovery, **ASKED)


async def test_a_caller_who_is_cancelled_is_not_told_of_workers(
    unattended: tuple[Client, str],
) -> None:
    temporal, recovery = unattended
    asking = asyncio.create_task(RecoveryClient(temporal).pause(recovery, **ASKED))
    await asyncio.sleep(0.3)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
