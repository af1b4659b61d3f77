"""What the Python SDK starts that is wider than one site's recovery: regions, and the way home."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from ..workflows.failback import Failback
from ..workflows.model.document import Document
from ..workflows.model.failback import FailbackRequest, FailbackStatus
from ..workflows.model.recovery import Intervention
from ..workflows.model.region import RegionRequest, RegionStatus
from ..workflows.names import failback_id, region_recovery_id
from ..workflows.region_recovery import RegionRecovery

TASK_TIMEOUT = timedelta(seconds=10)
"""How long Temporal waits for a worker that took a workflow task and died; these runs only wait."""


@dataclass(frozen=True)
class Started:
    """A run that was started, or joined."""

    workflow_id: str
    run_id: str
    joined: bool
    """It was running already."""


class WiderRecoveries:
    """The part of a client that recovers regions and fails sites back.

    Each status raises `RecoveryNotFound` where there is no such run, `NoWorker` where nobody
    answered in time.
    """

    _client: Client
    _task_queue: str
    _answer_within: timedelta

    async def recover_region(self, request: RegionRequest) -> Started:
        """Start the recovery of a region, or join the one that is running."""
        id = region_recovery_id(request.estate.name, request.region)
        what = f"{request.mode}: the region {request.region} of {request.estate.name}"
        return await self._begin(RegionRecovery.run, request, id, what)

    async def fail_back(self, request: FailbackRequest) -> Started:
        """Start bringing the services of a site home, or join the failback that is running."""
        id = failback_id(request.estate.name, request.site)
        what = f"failback: the services of {request.site} of {request.estate.name}"
        return await self._begin(Failback.run, request, id, what)

    async def region_status(self, workflow_id: str) -> RegionStatus:
        """How far the recovery of a region is."""
        handle = self._client.get_workflow_handle_for(RegionRecovery.run, workflow_id)
        status: RegionStatus = await self._query(handle, RegionRecovery.status)
        return status

    async def failback_status(self, workflow_id: str) -> FailbackStatus:
        """How far a failback is."""
        handle = self._client.get_workflow_handle_for(Failback.run, workflow_id)
        status: FailbackStatus = await self._query(handle, Failback.status)
        return status

    async def watch_region(
        self, workflow_id: str, *, every: timedelta = timedelta(seconds=0.5)
    ) -> AsyncIterator[RegionStatus]:
        """The status, again and again, until the region's recovery has ended."""
        async for status in _watch(lambda: self.region_status(workflow_id), every):
            yield status

    async def watch_failback(
        self, workflow_id: str, *, every: timedelta = timedelta(seconds=0.5)
    ) -> AsyncIterator[FailbackStatus]:
        """The status, again and again, until the failback has ended."""
        async for status in _watch(lambda: self.failback_status(workflow_id), every):
            yield status

    async def accept_divergence(self, workflow_id: str, *, actor: str, reason: str) -> str:
        """Let a failback go on although the home site holds writes that nobody else has."""
        asked = Intervention(actor=actor, reason=reason)
        return await self._ask(workflow_id, Failback.accept_divergence, asked)

    async def _begin(self, run: Any, request: Document, id: str, summary: str) -> Started:
        try:
            handle: WorkflowHandle[Any, Any] = await self._client.start_workflow(
                run,
                request,
                id=id,
                task_queue=self._task_queue,
                task_timeout=TASK_TIMEOUT,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                static_summary=summary,
            )
        except WorkflowAlreadyStartedError as error:
            return Started(id, error.run_id or "", joined=True)
        return Started(id, handle.first_execution_run_id or "", joined=False)

    async def _query(self, handle: WorkflowHandle[Any, Any], query: Any) -> Any:
        try:
            return await handle.query(query, rpc_timeout=self._answer_within)
        except RPCError as error:
            raise self._in_words(error, handle.id) from None

    async def _ask(self, workflow_id: str, update: Any, asked: Document) -> str:
        raise NotImplementedError

    def _in_words(self, error: Exception, workflow_id: str) -> Exception:
        raise NotImplementedError


async def _watch(look: Callable[[], Any], every: timedelta) -> AsyncIterator[Any]:
    while True:
        status = await look()
        yield status
        if status.ended_at is not None:
            return
        await asyncio.sleep(every.total_seconds())
