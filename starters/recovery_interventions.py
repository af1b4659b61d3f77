"""What the Python SDK asks of a running recovery, on behalf of a person."""

from typing import Any

from ..workflows.model.consent import Approve, Reject
from ..workflows.model.document import Document
from ..workflows.model.recovery import Intervention, StepIntervention
from ..workflows.site_recovery import SiteRecovery


class Interventions:
    """The part of a client by which people steer recoveries.

    Each method returns what the recovery says to it, and raises `Refused` where it is not accepted,
    `RecoveryNotFound` where there is no such recovery, `NoWorker` where nobody answered in time.
    """

    async def pause(self, workflow_id: str, *, actor: str, reason: str) -> str:
        """Start no new step."""
        asked = Intervention(actor=actor, reason=reason)
        return await self._ask(workflow_id, SiteRecovery.pause, asked)

    async def resume(self, workflow_id: str, *, actor: str, reason: str) -> str:
        """Let a paused recovery go on."""
        asked = Intervention(actor=actor, reason=reason)
        return await self._ask(workflow_id, SiteRecovery.resume, asked)

    async def roll_back(self, workflow_id: str, *, actor: str, reason: str) -> str:
        """Undo everything."""
        asked = Intervention(actor=actor, reason=reason)
        return await self._ask(workflow_id, SiteRecovery.roll_back, asked)

    async def retry_step(self, workflow_id: str, step: str, *, actor: str, reason: str) -> str:
        """Try a held step again."""
        asked = StepIntervention(actor=actor, reason=reason, step=step)
        return await self._ask(workflow_id, SiteRecovery.retry_step, asked)

    async def skip_step(self, workflow_id: str, step: str, *, actor: str, reason: str) -> str:
        """Pass a step over."""
        asked = StepIntervention(actor=actor, reason=reason, step=step)
        return await self._ask(workflow_id, SiteRecovery.skip_step, asked)

    async def approve(
        self,
        workflow_id: str,
        *,
        actor: str,
        reason: str,
        plan_hash: str,
        request: str,
        break_glass: bool = False,
    ) -> str:
        """Agree to one plan, in answer to one request; both are in the status, under `approval`.

        To break the glass is to approve alone, whoever it is; a review of it becomes due.
        """
        answer = Approve(
            actor=actor,
            reason=reason,
            plan_hash=plan_hash,
            request=request,
            break_glass=break_glass,
        )
        return await self._ask(workflow_id, SiteRecovery.approve, answer)

    async def reject(self, workflow_id: str, *, actor: str, reason: str) -> str:
        """Refuse the plan that waits for approval; the recovery ends with nothing changed."""
        answer = Reject(actor=actor, reason=reason)
        return await self._ask(workflow_id, SiteRecovery.reject, answer)

    async def commit(self, workflow_id: str, *, actor: str, reason: str) -> str:
        """Give up the way back of a recovery that is done."""
        asked = Intervention(actor=actor, reason=reason)
        return await self._ask(workflow_id, SiteRecovery.commit, asked)

    async def go_ungraceful(self, workflow_id: str, *, actor: str, reason: str) -> str:
        """Give up what only a living source can do; the rest goes on."""
        asked = Intervention(actor=actor, reason=reason)
        return await self._ask(workflow_id, SiteRecovery.go_ungraceful, asked)

    async def _ask(self, workflow_id: str, update: Any, asked: Document) -> str:
        """Ask a recovery for something and wait until it has answered."""
        raise NotImplementedError
