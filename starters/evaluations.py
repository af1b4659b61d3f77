"""What the Python SDK asks about readiness: evaluate the plans of an estate, read the verdicts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from ..workflows.model.document import Document
from ..workflows.model.estate import Estate
from ..workflows.model.readiness import (
    STALE_AFTER,
    AskReadiness,
    Begun,
    EstateReadiness,
    Evaluate,
    EvaluationInput,
)
from ..workflows.model.recovery import Intervention
from ..workflows.names import evaluation_id
from ..workflows.plan_evaluation import PlanEvaluation
from ..workflows.readiness.packing import pack_estate
from ..workflows.readiness.verdicts import read_at
from .no_worker import NoWorker

TASK_TIMEOUT = timedelta(seconds=10)
"""A worker that takes an evaluation over replays thousands of events in one task."""


class NeverEvaluated(Exception):
    """Nobody has asked how ready the plans of that estate are."""


class EvaluationRefused(Exception):
    """The evaluation does not accept what was asked; the message says why."""


class Evaluations:
    """The part of a client that evaluates how ready plans are."""

    _client: Client
    _task_queue: str
    _answer_within: timedelta

    async def evaluate(
        self,
        estate: Estate,
        *,
        sites: Sequence[str] = (),
        every: timedelta | None = None,
        only_if_changed: bool = False,
        stale_after: timedelta = STALE_AFTER,
    ) -> Begun:
        """Evaluate the plans of all sites of an estate, or of `sites`; what runs is joined.

        An estate that is not the one evaluated last is evaluated whole, `sites` first. With
        `every`, it is evaluated so often from now on.

        Raises:
            EstateTooLarge: it does not fit into one message.
            EvaluationRefused: a site is none of the estate's.
            NoWorker: nobody answered in time; it may still be evaluated.
        """
        asked = Evaluate(
            estate=pack_estate(estate),
            sites=tuple(sites),
            every_s=every.total_seconds() if every else None,
            only_if_changed=only_if_changed,
            stale_after_s=stale_after.total_seconds(),
        )
        id = evaluation_id(estate.name)
        start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            PlanEvaluation.run,
            EvaluationInput(estate=estate.name),
            id=id,
            task_queue=self._task_queue,
            task_timeout=TASK_TIMEOUT,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"readiness of {estate.name}",
        )
        try:
            return await self._client.execute_update_with_start_workflow(
                PlanEvaluation.evaluate,
                asked,
                start_workflow_operation=start,
                rpc_timeout=self._answer_within,
            )
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            raise EvaluationRefused(getattr(cause, "message", None) or str(cause)) from None
        except WorkflowUpdateRPCTimeoutOrCancelledError as error:
            if isinstance(error.__cause__, asyncio.CancelledError):
                raise error.__cause__ from None
            if isinstance(error.__cause__, RPCError):
                raise self._in_words(error.__cause__, id) from None
            raise
        except RPCError as error:
            raise self._in_words(error, id) from None

    async def end_evaluations(self, estate: str, *, actor: str, reason: str) -> str:
        """Evaluate an estate only when asked, no more by itself."""
        asked = Intervention(actor=actor, reason=reason)
        return await self._ask(evaluation_id(estate), PlanEvaluation.unschedule, asked)

    async def readiness(self, estate: str, *, sites: Sequence[str] = ()) -> EstateReadiness:
        """The verdicts on all sites, or on these, as they count now; of one site, details too.

        Raises:
            NeverEvaluated: nobody has asked for it yet.
            NoWorker: nobody answered in time.
        """
        found = await self._told(estate, AskReadiness(sites=tuple(sites)))
        return read_at(found, datetime.now(UTC))

    async def watch_evaluation(
        self,
        estate: str,
        begun: Begun,
        *,
        sites: Sequence[str] = (),
        every: timedelta = timedelta(seconds=0.5),
    ) -> AsyncIterator[EstateReadiness]:
        """How far it is, again and again; at last, once all that was asked for then are new, the
        verdicts.

        Without `sites`, no site is told before the last. Outages of workers are waited through.

        Raises:
            RecoveryNotFound: somebody has ended it.
        """
        while True:
            with contextlib.suppress(NoWorker):
                found = await self._told(estate, AskReadiness(sites=tuple(sites), brief=not sites))
                answered = all(site.observed_at >= begun.at for site in found.sites)
                if not found.running or found.number > begun.number or (sites and answered):
                    yield await self.readiness(estate, sites=sites)
                    return
                yield found
            await asyncio.sleep(every.total_seconds())

    async def _told(self, estate: str, asked: AskReadiness) -> EstateReadiness:
        handle = self._client.get_workflow_handle_for(PlanEvaluation.run, evaluation_id(estate))
        try:
            found = await handle.query(
                PlanEvaluation.readiness, asked, rpc_timeout=self._answer_within
            )
        except WorkflowQueryFailedError as error:
            # Its queries answer; so it is a worker that was too busy to.
            raise NoWorker(f"no worker answered for {handle.id} in time: {error}") from None
        except RPCError as error:
            raise self._in_words(error, handle.id) from None
        if found is None:
            raise NeverEvaluated(f"{estate} was never evaluated")
        return found

    async def _ask(self, workflow_id: str, update: Any, asked: Document) -> str:
        raise NotImplementedError

    def _in_words(self, error: Exception, workflow_id: str) -> Exception:
        raise NotImplementedError
