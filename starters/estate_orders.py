"""What the Python SDK asks of the coordinator of an estate, on behalf of a person."""

import contextlib
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from ..workflows.estate_coordinator import EstateCoordinator
from ..workflows.model.document import Document
from ..workflows.model.estate_state import Allow, CoordinatorInput, EstateState
from ..workflows.model.recovery import Intervention
from ..workflows.names import COORDINATOR, coordinator_id

TASK_TIMEOUT = timedelta(seconds=10)
"""A worker that takes a coordinator over replays thousands of events in one task."""


class EstateOrders:
    """The part of a client by which people brake an estate, and let it go on.

    Each order returns what the coordinator says to it, and raises `Refused` where it is not
    accepted, `RecoveryNotFound` where the estate has no coordinator yet, `NoWorker` where nobody
    answered in time.
    """

    _client: Client
    _task_queue: str
    _answer_within: timedelta
    _coordinated: set[str]

    async def _coordinate(self, estate: str) -> None:
        """Have a coordinator run: a recovery that finds none starts it itself, which takes longer.

        Each client does it once for each estate.
        """
        if estate in self._coordinated:
            return
        with contextlib.suppress(RPCError, WorkflowAlreadyStartedError):
            await self._client.start_workflow(
                COORDINATOR,
                CoordinatorInput(estate=estate),
                id=coordinator_id(estate),
                task_queue=self._task_queue,
                task_timeout=TASK_TIMEOUT,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                # After one that was stopped the recovery itself starts it, with what that knew.
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                static_summary=f"the coordinator of {estate}",
            )
            self._coordinated.add(estate)

    async def freeze(self, estate: str, *, actor: str, reason: str, begin: bool = True) -> str:
        """Grant nothing new; what runs goes on.

        A coordinator that does not run yet is started, unless not to `begin` one is asked.
        """
        asked = Intervention(actor=actor, reason=reason)
        if not begin:
            return await self._ask(coordinator_id(estate), EstateCoordinator.freeze, asked)
        start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            COORDINATOR,
            CoordinatorInput(estate=estate, inherits=True),
            id=coordinator_id(estate),
            task_queue=self._task_queue,
            task_timeout=TASK_TIMEOUT,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"the coordinator of {estate}",
        )
        return await self._ask(
            coordinator_id(estate), EstateCoordinator.freeze, asked, starting=start
        )

    async def thaw(self, estate: str, *, actor: str, reason: str) -> str:
        """Lift the freeze; whoever waited for that is decided on anew."""
        asked = Intervention(actor=actor, reason=reason)
        return await self._ask(coordinator_id(estate), EstateCoordinator.thaw, asked)

    async def allow(
        self,
        estate: str,
        *,
        actor: str,
        reason: str,
        site: str | None = None,
        sites: int | None = None,
    ) -> str:
        """Let one site go on once, past the budget and its cool-down; or a number past the budget.

        Exactly one of `site` and `sites` is given.
        """
        asked = Allow(actor=actor, reason=reason, site=site, sites=sites)
        return await self._ask(coordinator_id(estate), EstateCoordinator.allow, asked)

    async def estate_state(self, estate: str) -> EstateState:
        """What the coordinator knows, and whom it lets wait for what."""
        handle = self._client.get_workflow_handle_for(EstateCoordinator.run, coordinator_id(estate))
        try:
            return await handle.query(EstateCoordinator.state, rpc_timeout=self._answer_within)
        except RPCError as error:
            raise self._in_words(error, handle.id) from None

    async def coordinated_estates(self) -> tuple[str, ...]:
        """The names of the estates whose coordinators run, as far as the server shows them."""
        running = f"WorkflowType = '{COORDINATOR}' AND ExecutionStatus = 'Running'"
        prefix = coordinator_id("")
        found = {
            each.id.removeprefix(prefix) async for each in self._client.list_workflows(running)
        }
        return tuple(sorted(found))

    async def _ask(
        self, workflow_id: str, update: Any, asked: Document, *, starting: Any = None
    ) -> str:
        raise NotImplementedError

    def _in_words(self, error: Exception, workflow_id: str) -> Exception:
        raise NotImplementedError
