"""The way home: once the home site is back, fenced and in step, one planned move brings all home.

Until the move begins nothing is changed, and it can be cancelled at no cost. The move itself is a
site recovery like any other, with its approvals, its commit window and its way back.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import (
    ApplicationError,
    ChildWorkflowError,
    WorkflowAlreadyStartedError,
)

with workflow.unsafe.imports_passed_through():
    from . import replication_watch
    from .coordinator_link import CoordinatorLink
    from .model.coordination import Facts
    from .model.failback import (
        FailbackPhase,
        FailbackRequest,
        FailbackStatus,
        ReplicationChecks,
        ServiceReplication,
    )
    from .model.recovery import (
        Accepted,
        Action,
        Intervention,
        LogEntry,
        Mode,
        Outcome,
        RecoveryReport,
        RecoveryRequest,
    )
    from .names import COORDINATOR_SAYS, site_recovery_id
    from .search_attributes import ESTATE, OUTCOME, PHASE, SITE, at_start
    from .site_recovery import SiteRecovery
    from .uncancelled import Cancelled, uncancelled

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=2), timedelta(seconds=60)
PROTECTED_WITHIN = timedelta(minutes=15)
"""How long the copies get to fall in step after the move, before the report says otherwise."""


@workflow.defn(name="Failback")
class Failback:
    """Brings the services of a site home."""

    @workflow.init
    def __init__(self, request: FailbackRequest) -> None:
        info = workflow.info()
        self._request = request
        self._run_id, self._id = info.run_id, info.workflow_id
        self._started_at = workflow.now()
        self._phase = FailbackPhase.LOOKING
        self._away: dict[str, str] = {}
        """By service: where it is."""
        self._home: tuple[str, ...] = ()
        """Those that the move has brought home."""
        self._replication: tuple[ServiceReplication, ...] = ()
        self._accepted: Intervention | None = None
        self._recovery: str | None = None
        self._outcome: Outcome | None = None
        self._protected: bool | None = None
        self._log: list[LogEntry] = []
        self._link = CoordinatorLink(request.estate.name, info.run_id)

    @workflow.run
    async def run(self, request: FailbackRequest) -> FailbackStatus:
        """Bring the services home; the status says how it ended."""
        workflow.upsert_search_attributes(
            [ESTATE.value_set(request.estate.name), SITE.value_set(request.site)]
        )
        try:
            return await uncancelled(self._bring_home())
        except Cancelled:
            return self._end(Outcome.ROLLED_BACK, self._cancelled())

    def _cancelled(self) -> str:
        if self._recovery is None:
            return "cancelled: nothing was changed"
        return f"cancelled: what became of the move is told by {self._recovery}"

    async def _bring_home(self) -> FailbackStatus:
        request = self._request
        facts = await self._link.look()
        homed = [service.name for service in request.estate.services_at(request.site)]
        self._away = {name: facts.locations[name] for name in homed if name in facts.locations}
        if not self._away:
            return self._end(
                Outcome.ROLLED_BACK,
                f"every service of {request.site} is at home; there is nothing to bring back",
            )
        self._say(f"{len(self._away)} services of {request.site} are away: {self._places()}")
        await self._reprotect(facts)
        await self._resync()
        report = await self._switch()
        if report is None or report.outcome is not Outcome.RECOVERED:
            said = report.sentence if report else "the move did not end by itself"
            return self._end(report.outcome if report else Outcome.ROLLED_BACK, said)
        self._home = tuple(each.name for each in report.services if each.outcome == "recovered")
        await self._verify()
        return self._end(Outcome.RECOVERED, self._closing())

    async def _reprotect(self, facts: Facts) -> None:
        """Wait until nothing runs unfenced at home."""
        self._enter(FailbackPhase.REPROTECTING)

        def unfenced(facts: Facts) -> str:
            names = [f.service for f in facts.unfenced if f.site == self._request.site]
            return ", ".join(names)

        wait = FIRST_WAIT
        while names := unfenced(facts):
            self._go_on_as_new_if_long()
            self._say(
                f"{names} may still run at {self._request.site}, which has not come back to be"
                " fenced; waits for it"
            )
            await workflow.sleep(wait, summary="before the coordinator is asked again")
            wait = min(2 * wait, LONGEST_WAIT)
            facts = await self._link.look()

    async def _resync(self) -> None:
        """Wait until the copies at home are in step, and somebody has accepted what is lost."""
        self._enter(FailbackPhase.RESYNCING)
        home = self._request.site
        checks = await self._checks({name: (at, home) for name, at in self._away.items()})
        if checks.without:
            self._say(
                f"{', '.join(checks.without)} say nothing of their replication: how far their data"
                " at home is behind is not known"
            )
        await self._until_in_step(checks, lambda: False)
        diverged = [each for each in self._replication if each.diverged]
        if diverged:
            self._enter(FailbackPhase.DIVERGED)
            told = "; ".join(f"{each.service}: {each.divergence}" for each in diverged)
            self._say(f"{home} holds writes that nobody else has, and that this way loses: {told}")
            await workflow.wait_condition(lambda: self._accepted is not None)

    def _go_on_as_new_if_long(self) -> None:
        """Nothing has been changed yet, so that the next run can look anew."""
        if workflow.info().is_continue_as_new_suggested():
            workflow.continue_as_new(self._request)

    async def _until_in_step(self, checks: ReplicationChecks, given_up: Callable[[], bool]) -> bool:
        wait = FIRST_WAIT
        while True:
            self._replication = await replication_watch.look(checks, "is the data in step?")
            behind = [each for each in self._replication if each.in_step is not True]
            if not behind or given_up():
                return not behind
            self._say("; ".join(f"{each.service}: {each.sentence}" for each in behind))
            if self._recovery is None:
                self._go_on_as_new_if_long()
            await workflow.sleep(wait, summary=f"{len(behind)} services are behind")
            wait = min(2 * wait, LONGEST_WAIT)

    async def _switch(self) -> RecoveryReport | None:
        self._enter(FailbackPhase.SWITCHING)
        request = self._request
        wanted = RecoveryRequest(
            estate=request.estate,
            site=request.site,
            action=Action.FAIL_BACK,
            mode=Mode.PLANNED,
            actor=request.actor,
            reason=request.reason,
        )
        self._recovery = site_recovery_id(request.estate.name, request.site)
        self._say(f"in step: the move home begins as {self._recovery}")
        try:
            report: RecoveryReport = await workflow.execute_child_workflow(
                SiteRecovery.run,
                wanted,
                id=self._recovery,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                search_attributes=at_start(wanted),
                static_summary=f"{request.site}: the way home",
            )
        except WorkflowAlreadyStartedError:
            self._say(f"{self._recovery} runs already: {request.site} is being recovered")
            return None
        except ChildWorkflowError as error:
            self._say(f"{self._recovery} did not end by itself: {error.cause}")
            return None
        return report

    async def _verify(self) -> None:
        """See that the copies elsewhere follow: a service is at home once it is protected again."""
        self._enter(FailbackPhase.VERIFYING)
        home, since = self._request.site, workflow.now()
        checks = await self._checks({name: (home, self._away[name]) for name in self._home})
        if not checks.checks:
            return
        self._protected = await self._until_in_step(
            checks, lambda: workflow.now() - since > PROTECTED_WITHIN
        )

    async def _checks(self, moves: dict[str, tuple[str, str]]) -> ReplicationChecks:
        return await replication_watch.checks_for(self._request.estate, moves)

    # What others see, and say

    @workflow.update(description="Accept that writes which only the home site holds are lost")
    def accept_divergence(self, asked: Intervention) -> Accepted:
        """Let the failback go on although the home site has diverged."""
        self._accepted = asked
        self._say(f"{asked.actor} accepts the divergence: {asked.reason}", asked.actor)
        return Accepted(sentence=self._log[-1].sentence)

    @accept_divergence.validator
    def _may_accept(self, asked: Intervention) -> None:
        if self._phase is not FailbackPhase.DIVERGED:
            raise ApplicationError(f"nothing has diverged: it is {self._phase}", type="Refused")

    @workflow.signal(name=COORDINATOR_SAYS, description="What the estate's coordinator answered")
    def coordinator_says(self, says: Any) -> None:
        """Take the coordinator's word; nobody else sends this."""
        self._link.heard(says)

    @workflow.query(description="Where the failback is, what it waits for, and why")
    def status(self) -> FailbackStatus:
        """The failback, as it stands or as it ended."""
        return FailbackStatus(
            workflow_id=self._id,
            run_id=self._run_id,
            estate=self._request.estate.name,
            site=self._request.site,
            phase=self._phase,
            services=tuple(self._away),
            replication=self._replication,
            recovery=self._recovery,
            outcome=self._outcome
            or (Outcome.HELD if self._phase is FailbackPhase.DIVERGED else None),
            protected=self._protected,
            sentence=self._log[-1].sentence if self._log else "",
            waits_for=self._waits_for(),
            started_at=self._started_at,
            ended_at=self._log[-1].at if self._outcome else None,
            log=tuple(self._log),
        )

    def _waits_for(self) -> str:
        match self._phase:
            case FailbackPhase.REPROTECTING:
                return f"{self._request.site} to come back, so that it can be fenced"
            case FailbackPhase.RESYNCING | FailbackPhase.VERIFYING:
                return "the copies to fall in step"
            case FailbackPhase.DIVERGED:
                return (
                    "a person to accept what is lost: holdfast accept-divergence"
                    f" {self._id}, or to cancel it"
                )
            case FailbackPhase.SWITCHING:
                return f"the move: holdfast status {self._recovery}"
            case FailbackPhase.ENDED:
                return "nothing: the run has ended"
        return "the estate's coordinator"

    def _closing(self) -> str:
        rest = [name for name in self._away if name not in self._home]
        home = f"{len(self._home)} services of {self._request.site} are home"
        home += f" (not {', '.join(rest)})" if rest else ""
        if self._protected is None:
            return f"{home}; whether they are protected is not known: they say no replication"
        return f"{home}, and " + (
            "protected again" if self._protected else "not protected: their copies are behind"
        )

    def _places(self) -> str:
        return ", ".join(f"{name} at {at}" for name, at in self._away.items())

    def _enter(self, phase: FailbackPhase) -> None:
        self._phase = phase
        workflow.upsert_search_attributes([PHASE.value_set(phase.value)])

    def _end(self, outcome: Outcome, sentence: str) -> FailbackStatus:
        self._outcome = outcome
        self._enter(FailbackPhase.ENDED)
        workflow.upsert_search_attributes([OUTCOME.value_set(outcome.value)])
        self._say(sentence)
        return self.status()

    def _say(self, sentence: str, actor: str | None = None) -> None:
        if self._log and self._log[-1].sentence == sentence:
            return
        workflow.logger.info(sentence)
        self._log.append(LogEntry(at=workflow.now(), sentence=sentence, actor=actor))
        workflow.set_current_details(
            f"**{self._phase}** · {sentence}\n\nWaits for: {self._waits_for()}."
        )
