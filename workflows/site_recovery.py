"""The recovery of one site: one saga over all its services' steps, as one graph.

The workflow interprets: it has decided what is to be decided before anything is changed, then
performs what the saga decides until the saga is over and the way back is given up. It decides
nothing itself.
"""

import asyncio
from collections import deque
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from .after_acting import AfterActing
    from .asking_people import AskingPeople
    from .before_acting import BeforeActing, Ready
    from .coordinator_link import CoordinatorLink
    from .edge_workers import EdgeWorkers, lost_sites
    from .late_fences import LateFences
    from .model.consent import Approve, Reject
    from .model.recovery import (
        Accepted,
        Intervention,
        Mode,
        Outcome,
        Phase,
        RecoveryReport,
        RecoveryRequest,
        RecoveryStatus,
    )
    from .names import COORDINATOR_SAYS, STEPS_PROGRESSED, TIER_OPENED, UNWANTED_STEPS
    from .objective_warnings import ObjectiveWarnings
    from .operator_updates import OperatorUpdates, refuse
    from .performing import Performer
    from .region_gate import RegionGate
    from .saga.messages import (
        ApplySucceeded,
        Effect,
        Event,
        RevertSucceeded,
        RollbackRequested,
        TierOpened,
    )
    from .saga.messages import Intervention as SagaIntervention
    from .saga.saga import Saga
    from .search_attributes import ESTATE, OUTCOME, PHASE, RTO_SECONDS, at_start
    from .status import report, status
    from .story import Story
    from .uncancelled import Cancelled, to_the_end, uncancelled
    from .web_details import details


@workflow.defn(name="SiteRecovery")
class SiteRecovery(OperatorUpdates):
    """Recovers the services of a site on other sites, or leaves the world as it was."""

    @workflow.init
    def __init__(self, request: RecoveryRequest) -> None:
        info = workflow.info()
        self._request = request
        self._run = info.original_execution_run_id or info.run_id
        self._story = Story(info.workflow_id, info.run_id, request, workflow.now())
        self._link = CoordinatorLink(request.estate.name, self._run)
        self._edge = EdgeWorkers(request.estate.policy.edge, lost_sites(request), self._say)
        self._people = AskingPeople(self._story, self._enter, self._say)
        self._saga: Saga | None = None
        self._inbox: deque[Event] = deque()
        self._ending = False
        self._performer: Performer | None = None
        self._late_fences: LateFences | None = None
        self._gate = RegionGate(request.region, request.site, self._inbox.append)
        self._warnings: ObjectiveWarnings | None = None
        self._after = AfterActing(self._story, self._link, self._say)

    @workflow.run
    async def run(self, request: RecoveryRequest) -> RecoveryReport:
        """Recover the site; the report says how it ended."""
        if workflow.info().typed_search_attributes.get(ESTATE) is None:
            # Started by hand, or in a namespace that did not know them yet.
            initial = at_start(request).search_attributes
            workflow.upsert_search_attributes([each.key.value_set(each.value) for each in initial])
        before = BeforeActing(
            self._story, self._link, self._people, self._edge, self._run, self._enter, self._say
        )
        self._warnings = ObjectiveWarnings(self._story, self._say)
        try:
            ready = await uncancelled(before.decide())
        except Cancelled:
            ready, self._story.stopped = None, "cancelled"
        if ready is None:
            self._story.stopped = self._story.stopped or "refused"
            dry = request.mode is Mode.DRY_RUN and self._story.graph is not None
            end = Outcome.ASSESSED if dry else Outcome.ROLLED_BACK
            return await self._end(Phase(end), end)
        if request.mode is Mode.DRY_RUN:
            return await self._end(Phase.ASSESSED, Outcome.ASSESSED)
        saga = self._begin(ready)
        await self._carry_out(saga)
        return await self._end(Phase(saga.outcome), saga.outcome)

    # The saga

    def _begin(self, ready: Ready) -> Saga:
        saga = Saga(
            ready.plan,
            self._story.observations,
            run=self._run,
            epoch=ready.epoch,
            late=ready.assessment.late,
            open_tier=self._gate.first_tier,
            holds=self._request.mode is not Mode.TEST,
        )
        self._saga = self._story.saga = saga
        self._performer = Performer(
            saga.graph, self._run, self._inbox.append, self._story.saw, self._edge
        )
        self._late_fences = LateFences(saga.graph, self._run, self._inbox.append)
        self._story.clock.decided(workflow.now())
        tightest = min((s.rto for s in ready.plan.services if s.rto), default=None)
        rto = [RTO_SECONDS.value_set(round(tightest.total_seconds()))] if tightest else []
        self._enter(Phase.RECOVERING, *rto)
        self._performer.perform(saga.start(workflow.now()).effects)
        self._gate.report(saga)
        return saga

    async def _carry_out(self, saga: Saga) -> None:
        while not self._after.finished(saga):
            try:
                await workflow.wait_condition(lambda: self._stirred(saga))
            except asyncio.CancelledError:
                # A request to roll back, not an abandonment: the run goes on until it has.
                if (current := asyncio.current_task()) is not None:
                    current.uncancel()
                self._cancelled(saga)
            self._drain(saga)
        if self._late_fences is not None:
            self._late_fences.stop()

    def _stirred(self, saga: Saga) -> bool:
        broken = self._performer is not None and self._performer.broken is not None
        return bool(self._inbox) or broken or self._after.due(saga)

    def _drain(self, saga: Saga) -> None:
        """Take every event that has come, then perform all that follows from them together."""
        assert self._performer is not None
        if self._performer.broken is not None:
            raise self._performer.broken
        effects: list[Effect] = []
        before = self._story.last_sentence, self._story.phase
        while self._inbox:
            effects += self._take(saga, *self._together())
        if (asked := self._after.next(saga)) is not None:
            effects += self._take(saga, asked)
        if (phase := self._after.phase(saga)) is not self._story.phase:
            self._enter(phase)
        if (self._story.last_sentence, self._story.phase) != before:
            workflow.set_current_details(details(self._story))
        self._performer.perform(effects)
        self._gate.report(saga)

    def _cancelled(self, saga: Saga) -> None:
        reason = workflow.cancellation_reason() or "the workflow was cancelled"
        request = RollbackRequested("cancellation", reason)
        if refusal := self._after.too_late(request) or saga.refusal(request):
            self._say(f"cancelled ({reason}), but it goes on: {refusal}")
        else:
            self._inbox.append(request)

    def _together(self) -> list[Event]:
        """The next event and those that came with it; what a person asks for stands by itself."""
        events = [self._inbox.popleft()]
        if isinstance(events[0], SagaIntervention):
            return events
        while self._inbox and not isinstance(self._inbox[0], SagaIntervention):
            events.append(self._inbox.popleft())
        return events

    def _take(self, saga: Saga, *events: Event) -> tuple[Effect, ...]:
        if isinstance(events[0], RollbackRequested) and (refusal := saga.refusal(events[0])):
            # What came before it in the same moment may have closed the way back.
            self._say(f"{events[0].actor} wants it undone, but it goes on: {refusal}")
            return ()
        decision = saga.handle_all(events, workflow.now())
        if isinstance(events[0], RollbackRequested):
            self._after.taken_back(events[0])
        actor = getattr(events[0], "actor", None)
        for sentence in decision.sentences:
            self._say(sentence, actor)
        for event in events:
            if isinstance(event, ApplySucceeded | RevertSucceeded):
                self._story.noticed(saga.steps[event.step].step.service, workflow.now())
        if self._late_fences is not None and saga.source.unfenced:
            self._late_fences.watch(saga.source.unfenced.values())
        phase = self._after.phase(saga)
        if phase is not self._story.phase:
            self._enter(phase)
        return decision.effects

    # What others see

    def _say(self, sentence: str, actor: str | None = None) -> None:
        workflow.logger.info(sentence)
        self._story.say(workflow.now(), sentence, actor)

    def _enter(self, phase: Phase, *attributes: SearchAttributeUpdate[Any]) -> None:
        if phase is Phase.APPROVING or (phase is Phase.WAITING and self._story.waits_long):
            self._gate.holds()
        if phase is not self._story.phase or attributes:
            self._story.phase = phase
            workflow.upsert_search_attributes([PHASE.value_set(phase), *attributes])
        workflow.set_current_details(details(self._story))

    async def _end(self, phase: Phase, outcome: Outcome) -> RecoveryReport:
        self._ending = True
        return await to_the_end(self._close(phase, outcome))

    async def _close(self, phase: Phase, outcome: Outcome) -> RecoveryReport:
        self._say(self._story.closing_sentence(outcome))
        await self._after.release(outcome)
        if self._warnings is not None:
            self._warnings.stop()
        self._gate.stop()
        self._story.ended(outcome, workflow.now())
        self._enter(phase, OUTCOME.value_set(outcome))
        await workflow.wait_condition(workflow.all_handlers_finished)
        return report(self._story, workflow.now())

    @workflow.signal(name=STEPS_PROGRESSED, description="What ended, of steps in one activity")
    def steps_progressed(self, progress: Any) -> None:
        """Take it as an event like any other; nobody but the activity sends this."""
        if self._performer is not None:
            self._performer.told(progress)

    @workflow.signal(name=COORDINATOR_SAYS, description="What the estate's coordinator decided")
    def coordinator_says(self, says: Any) -> None:
        """Take the coordinator's word; nobody else sends this."""
        self._link.heard(says)

    @workflow.signal(name=TIER_OPENED, description="The services up to this tier may act")
    def tier_opened(self, tier: int) -> None:
        """Let a tier act; the region's recovery sends this."""
        self._inbox.append(TierOpened(tier))

    @workflow.query(name=UNWANTED_STEPS, description="Steps to stop, of those in one activity")
    def unwanted_steps(self) -> tuple[str, ...]:
        """What a cancelled activity that steps share is to stop; what else runs in it goes on."""
        return self._performer.unwanted() if self._performer is not None else ()

    @workflow.query(description="Where the recovery is, what it waits for, and why")
    def status(self) -> RecoveryStatus:
        """Everything a person or program may want to know of the run."""
        return status(self._story, workflow.now())

    # What operators ask

    def _check(self, event: SagaIntervention) -> None:
        self._check_open()
        if self._saga is None:
            refuse(f"the run is {self._story.phase}: no step has started yet; try again later")
        elif isinstance(event, RollbackRequested) and (late := self._after.too_late(event)):
            refuse(late)
        else:
            refuse(self._saga.refusal(event))

    def _intervene(self, event: SagaIntervention) -> Accepted:
        # The validator may have seen an earlier state: another update can come between.
        self._check(event)
        assert self._saga is not None
        assert self._performer is not None
        self._performer.perform(self._take(self._saga, event))
        self._gate.report(self._saga)
        return self._accepted()

    def _check_answer(self, answer: Approve | Reject) -> None:
        self._check_open()
        refuse(self._people.refusal(answer))

    def _answer(self, answer: Approve | Reject) -> Accepted:
        self._check_answer(answer)
        self._people.take(answer)
        return self._accepted()

    def _check_commit(self, asked: Intervention) -> None:
        self._check_open()
        refuse(self._after.refusal(asked))

    def _commit(self, asked: Intervention) -> Accepted:
        self._check_commit(asked)
        self._after.commit(asked)
        return self._accepted()

    def _check_open(self) -> None:
        if self._ending:
            refuse(f"the run has ended, or is about to: {self._story.last_sentence}")

    def _accepted(self) -> Accepted:
        workflow.set_current_details(details(self._story))
        return Accepted(sentence=self._story.last_sentence)
