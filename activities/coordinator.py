"""What the coordinator of an estate needs done: to be started, to be told of runs, to tell them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from ..workflows.model.estate_state import (
    CoordinatorInput,
    Letter,
    Letters,
    LookAtParties,
    PartiesClosed,
    Party,
    StartCoordinator,
    Undelivered,
)
from ..workflows.names import (
    COORDINATOR,
    COORDINATOR_SAYS,
    HANDOVER,
    INHERIT,
    LOOK_AFTER_PARTIES,
    START_COORDINATOR,
    TELL_PARTIES,
    coordinator_id,
)
from ..workflows.search_attributes import ESTATE

TASK_TIMEOUT = timedelta(seconds=10)
"""A worker that takes a coordinator over replays thousands of events in one task."""
AT_ONCE = 10
DELIVERED_AT_ONCE = 30
MOST_LISTED = 50
STOPPED = (
    WorkflowExecutionStatus.TERMINATED,
    WorkflowExecutionStatus.CANCELED,
    WorkflowExecutionStatus.FAILED,
    WorkflowExecutionStatus.TIMED_OUT,
)
ANSWER_WITHIN = timedelta(seconds=5)


@activity.defn(name=START_COORDINATOR)
async def start_coordinator(request: StartCoordinator) -> None:
    """Start the coordinator of an estate; if it runs, leave it as it is.

    Where one ran before, somebody has stopped it: the new one asks for what it knew.
    """
    try:
        await _start(request.estate, inherits=False)
    except WorkflowAlreadyStartedError:
        await _start(request.estate, inherits=True)


async def _start(estate: str, *, inherits: bool) -> None:
    by = TypedSearchAttributes([SearchAttributePair(ESTATE, estate)])
    try:
        await _begin(estate, by, inherits=inherits)
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT:
            raise
        # The namespace does not know the search attribute yet: the run sets it later.
        await _begin(estate, None, inherits=inherits)


async def _begin(estate: str, by: TypedSearchAttributes | None, *, inherits: bool) -> None:
    reuse = WorkflowIDReusePolicy
    await activity.client().start_workflow(
        COORDINATOR,
        CoordinatorInput(estate=estate, inherits=inherits),
        id=coordinator_id(estate),
        task_queue=activity.info().task_queue,
        task_timeout=TASK_TIMEOUT,
        search_attributes=by,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=reuse.ALLOW_DUPLICATE if inherits else reuse.REJECT_DUPLICATE,
        static_summary=f"the coordinator of {estate}",
    )


@activity.defn(name=INHERIT)
async def inherit(request: StartCoordinator) -> str:
    """What the last coordinator of an estate knew, if somebody stopped it; else nothing."""
    client, id = activity.client(), coordinator_id(request.estate)
    stopped = [
        each
        async for each in client.list_workflows(f"WorkflowId = '{id}'", limit=MOST_LISTED)
        if each.close_time and each.status in STOPPED
    ]
    if not stopped:
        return ""
    last = max(stopped, key=lambda each: each.close_time or each.start_time)
    handle = client.get_workflow_handle(id, run_id=last.run_id)
    known: str = await handle.query(HANDOVER, result_type=str, rpc_timeout=ANSWER_WITHIN)
    return known


@activity.defn(name=TELL_PARTIES)
async def tell_parties(request: Letters) -> Undelivered:
    """Deliver a coordinator's answers. An attempt that is repeated delivers all of them again."""
    gate = asyncio.Semaphore(DELIVERED_AT_ONCE)

    async def told(letter: Letter) -> bool:
        async with gate:
            activity.heartbeat()
            return await _told(letter)

    done = await asyncio.gather(*(told(letter) for letter in request.letters))
    return Undelivered(
        runs=tuple(
            letter.party.run
            for letter, delivered in zip(request.letters, done, strict=True)
            if not delivered
        )
    )


async def _told(letter: Letter) -> bool:
    to = letter.party
    recovery = activity.client().get_workflow_handle(to.workflow_id, run_id=to.run_id)
    try:
        await recovery.signal(COORDINATOR_SAYS, letter.says, rpc_timeout=ANSWER_WITHIN)
    except RPCError as error:
        activity.logger.info("%s cannot be told: %s", to.workflow_id, error.status.name)
        return False
    return True


@activity.defn(name=LOOK_AFTER_PARTIES)
async def look_after_parties(request: LookAtParties) -> PartiesClosed:
    """Say which of these runs have ended; of whom nothing can be learnt counts as running."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def closed(party: Party) -> bool:
        async with gate:
            return await _has_ended(party)

    ended = await asyncio.gather(*(closed(party) for party in request.parties))
    return PartiesClosed(
        closed=tuple(party.run for party, gone in zip(request.parties, ended, strict=True) if gone)
    )


async def _has_ended(party: Party) -> bool:
    handle = activity.client().get_workflow_handle(party.workflow_id)
    try:
        found = await handle.describe(rpc_timeout=ANSWER_WITHIN)
    except RPCError as error:
        return error.status is RPCStatusCode.NOT_FOUND
    return not (_runs(found) and {found.run_id, _first_run(found)} & {party.run_id, party.run})


def _runs(found: WorkflowExecutionDescription) -> bool:
    # A status that this SDK does not know, such as paused, is not an end.
    ended = {
        WorkflowExecutionStatus.COMPLETED,
        WorkflowExecutionStatus.FAILED,
        WorkflowExecutionStatus.CANCELED,
        WorkflowExecutionStatus.TERMINATED,
        WorkflowExecutionStatus.TIMED_OUT,
    }
    return found.status not in ended


def _first_run(found: WorkflowExecutionDescription) -> str:
    """The run from which a reset run stems."""
    return found.raw_info.first_run_id


COORDINATOR_ACTIVITIES: tuple[Callable[..., Awaitable[Any]], ...] = (
    start_coordinator,
    inherit,
    look_after_parties,
    tell_parties,
)
