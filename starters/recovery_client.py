"""The Python SDK: start, follow and steer recoveries from another service, as the CLI does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import TypedSearchAttributes, WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from ..workflows.model.document import Document
from ..workflows.model.recovery import (
    Accepted,
    Mode,
    Outcome,
    RecoveryReport,
    RecoveryRequest,
    RecoveryStatus,
)
from ..workflows.names import TASK_QUEUE, coordinator_id, site_recovery_id
from ..workflows.search_attributes import at_start
from ..workflows.site_recovery import SiteRecovery
from .estate_orders import EstateOrders
from .evaluations import Evaluations
from .no_worker import NoWorker as NoWorker
from .recovery_interventions import Interventions
from .wider_recoveries import Started as Started
from .wider_recoveries import WiderRecoveries

TASK_TIMEOUT = timedelta(seconds=2)
"""How long Temporal waits for a worker that took a workflow task and died."""
TASK_TIMEOUT_PER_STEP = timedelta(milliseconds=2)
"""A worker that takes over a run replays its history, which grows with the plan, in one task."""
ANSWER_WITHIN = timedelta(seconds=10)

AskedT = TypeVar("AskedT", bound=Document)


class RecoveryNotFound(Exception):
    """There is no recovery with that workflow id."""


class Refused(Exception):
    """The recovery does not accept what was asked; the message says why."""


class Abandoned(Exception):
    """Somebody terminated the workflow: what was done stands, and nothing was rolled back."""


class RecoveryClient(Interventions, WiderRecoveries, EstateOrders, Evaluations):
    """Recoveries, seen through a Temporal client that uses the Pydantic data converter."""

    def __init__(
        self,
        client: Client,
        *,
        task_queue: str = TASK_QUEUE,
        answer_within: timedelta = ANSWER_WITHIN,
    ) -> None:
        """Keep the connection; a worker that does not answer `answer_within` counts as none."""
        self._client = client
        self._task_queue = task_queue
        self._answer_within = answer_within
        self._coordinated: set[str] = set()

    @classmethod
    async def connect(cls, *, task_queue: str = TASK_QUEUE) -> "RecoveryClient":
        """Connect to Temporal the standard way (`TEMPORAL_ADDRESS`, profiles).

        Raises:
            TemporalUnreachable: no connection.
        """
        from ..workers.connection import connect

        return cls(await connect(), task_queue=task_queue)

    async def recover(self, request: RecoveryRequest) -> Started:
        """Start a recovery, or join the one of the same site that is running."""
        dry_run = request.mode is Mode.DRY_RUN
        coordinating = () if dry_run else (self._coordinate(request.estate.name),)
        workflow_id = site_recovery_id(request.estate.name, request.site, dry_run=dry_run)
        try:
            handle, *_ = await asyncio.gather(self._started(request, workflow_id), *coordinating)
        except WorkflowAlreadyStartedError as error:
            return Started(workflow_id, error.run_id or "", joined=True)
        return Started(workflow_id, handle.first_execution_run_id or "", joined=False)

    async def _started(
        self, request: RecoveryRequest, workflow_id: str
    ) -> WorkflowHandle[SiteRecovery, RecoveryReport]:
        try:
            return await self._start(request, workflow_id, at_start(request))
        except RPCError as error:
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
            # No worker has prepared the namespace yet: the run sets them when one takes it up.
            return await self._start(request, workflow_id, None)

    async def _start(
        self, request: RecoveryRequest, workflow_id: str, found_by: TypedSearchAttributes | None
    ) -> WorkflowHandle[SiteRecovery, RecoveryReport]:
        return await self._client.start_workflow(
            SiteRecovery.run,
            request,
            id=workflow_id,
            task_queue=self._task_queue,
            task_timeout=_task_timeout(request),
            search_attributes=found_by,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            static_summary=f"{request.mode}: {request.site} of {request.estate.name}",
            static_details=(
                f"Asked for by **{request.actor}**: {request.reason}\n\n"
                f"{len(request.estate.services_at(request.site))} services at the site"
            ),
        )

    async def status(self, workflow_id: str) -> RecoveryStatus:
        """Where a recovery is; of one that has ended, how it ended.

        Raises:
            RecoveryNotFound: no such recovery.
            NoWorker: nobody answered in time.
        """
        try:
            return await self._handle(workflow_id).query(
                SiteRecovery.status, rpc_timeout=self._answer_within
            )
        except (RPCError, WorkflowQueryRejectedError) as error:
            raise _explained(error, workflow_id) from None

    async def result(self, workflow_id: str) -> RecoveryReport:
        """Wait until a recovery ends.

        Raises:
            RecoveryNotFound: no such recovery.
            Abandoned: it was terminated, or never could start: its input is invalid.
        """
        try:
            return await self._handle(workflow_id).result()
        except RPCError as error:
            raise _explained(error, workflow_id) from None
        except WorkflowFailureError as error:
            raise Abandoned(
                f"{workflow_id} did not end by itself ({error.cause}): what it did stands"
            ) from error

    async def watch(
        self, workflow_id: str, *, every: timedelta = timedelta(seconds=0.5)
    ) -> AsyncIterator[RecoveryStatus]:
        """The status, again and again, until the recovery has ended; the last one is its end.

        Outages of workers and of Temporal are waited through.

        Raises:
            RecoveryNotFound: no such recovery.
            Abandoned: it was terminated.
        """
        ended = asyncio.ensure_future(self._end(workflow_id, every))
        try:
            while not ended.done():
                with contextlib.suppress(NoWorker):
                    yield await self.status(workflow_id)
                await asyncio.wait([ended], timeout=every.total_seconds())
            yield ended.result()
        finally:
            ended.cancel()

    async def _end(self, workflow_id: str, every: timedelta) -> RecoveryReport:
        while True:
            try:
                return await self.result(workflow_id)
            except (NoWorker, RPCError):
                await asyncio.sleep(every.total_seconds())

    async def wait(self, workflow_id: str, *, until_held: bool = True) -> RecoveryStatus:
        """Wait until a recovery has ended or, unless told otherwise, waits for a person."""
        async for status in self.watch(workflow_id):
            if status.ended_at or (until_held and status.outcome is Outcome.HELD):
                return status
        raise AssertionError("a watch ends with an ended recovery")

    async def _ask(
        self, workflow_id: str, update: Any, asked: Document, *, starting: Any = None
    ) -> str:
        """Ask a recovery for something and wait until it has answered.

        What is not `starting` must run already.

        Raises:
            Refused: it does not accept that.
            RecoveryNotFound: no such recovery.
            NoWorker: nobody answered in time; it may still do what was asked.
        """
        try:
            if starting is not None:
                told: Accepted = await self._client.execute_update_with_start_workflow(
                    update,
                    asked,
                    start_workflow_operation=starting,
                    result_type=Accepted,
                    rpc_timeout=self._answer_within,
                )
                return told.sentence
            accepted: Accepted = await self._handle(workflow_id).execute_update(
                update, asked, rpc_timeout=self._answer_within
            )
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            raise Refused(getattr(cause, "message", None) or str(cause)) from None
        except WorkflowUpdateRPCTimeoutOrCancelledError as error:
            # The client says the same when it is the caller who was cancelled.
            if isinstance(error.__cause__, asyncio.CancelledError):
                raise error.__cause__ from None
            raise NoWorker(
                f"{_unanswered(workflow_id)}. What was asked may still take effect when a worker"
                " comes back: look at `holdfast status` before you ask again"
            ) from None
        except RPCError as error:
            raise _explained(error, workflow_id) from None
        return accepted.sentence

    def _in_words(self, error: Exception, workflow_id: str) -> Exception:
        return _explained(error, workflow_id)

    def _handle(self, workflow_id: str) -> WorkflowHandle[SiteRecovery, RecoveryReport]:
        return self._client.get_workflow_handle_for(SiteRecovery.run, workflow_id)


def _task_timeout(request: RecoveryRequest) -> timedelta:
    services = request.estate.services_at(request.site)
    return TASK_TIMEOUT + TASK_TIMEOUT_PER_STEP * sum(len(each.recovery) for each in services)


def _explained(error: Exception, workflow_id: str) -> Exception:
    if isinstance(error, RPCError):
        if error.status is RPCStatusCode.NOT_FOUND and workflow_id.startswith(coordinator_id("")):
            name = workflow_id.removeprefix(coordinator_id(""))
            return RecoveryNotFound(f"nothing has been recovered yet in an estate named {name}")
        if error.status is RPCStatusCode.NOT_FOUND:
            return RecoveryNotFound(f"there is no recovery {workflow_id}, or it has ended")
        waiting: Iterable[RPCStatusCode] = (
            RPCStatusCode.DEADLINE_EXCEEDED,
            RPCStatusCode.CANCELLED,
            RPCStatusCode.UNAVAILABLE,
            RPCStatusCode.FAILED_PRECONDITION,
        )
        if error.status in waiting:
            return NoWorker(_unanswered(workflow_id))
    return error


def _unanswered(workflow_id: str) -> str:
    return f"no worker answered for {workflow_id}; start one with `holdfast worker`"
