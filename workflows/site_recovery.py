"""The recovery of one lost site: one saga over all its services' steps, as one graph.

The workflow interprets: it has the plan compiled, has every step probed, and then performs what the
saga decides until the saga is over. It decides nothing itself.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from .activity_options import COMPILE_OPTIONS
    from .model.compiling import CompileInput, CompileResult
    from .model.plan import RecoveryPlan
    from .model.recovery import (
        Accepted,
        Mode,
        Outcome,
        Phase,
        RecoveryReport,
        RecoveryRequest,
        RecoveryStatus,
    )
    from .names import COMPILE, STEPS_PROGRESSED, UNWANTED_STEPS
    from .operator_updates import OperatorUpdates
    from .performing import Performer
    from .probing import probe_steps
    from .saga.assessment import Assessment, assess
    from .saga.graph import PlanGraph
    from .saga.messages import (
        Effect,
        Event,
        RollbackRequested,
    )
    from .saga.messages import Intervention as SagaIntervention
    from .saga.saga import Saga
    from .search_attributes import ESTATE, OUTCOME, PHASE, RTO_SECONDS, at_start
    from .status import report, status
    from .story import Story
    from .web_details import details

LOOK_AGAIN_S = (1, 2, 4, 8, 15)
"""Waits, in seconds, between looks at a system that does not answer before the run is refused."""

ResultT = TypeVar("ResultT")


class _Cancelled(Exception):
    """The run was cancelled before the saga began: nothing has been changed."""


@workflow.defn(name="SiteRecovery")
class SiteRecovery(OperatorUpdates):
    """Recovers the services of a lost site on other sites, or leaves the world as it was."""

    @workflow.init
    def __init__(self, request: RecoveryRequest) -> None:
        info = workflow.info()
        self._request = request
        self._run = info.original_execution_run_id or info.run_id
        self._story = Story(info.workflow_id, info.run_id, request, workflow.now())
        self._graph: PlanGraph | None = None
        self._saga: Saga | None = None
        self._inbox: deque[Event] = deque()
        self._performer: Performer | None = None

    @workflow.run
    async def run(self, request: RecoveryRequest) -> RecoveryReport:
        """Recover the site; the report says how it ended."""
        if workflow.info().typed_search_attributes.get(ESTATE) is None:
            # Started by hand, or in a namespace that did not know them yet.
            initial = at_start(request).search_attributes
            workflow.upsert_search_attributes([each.key.value_set(each.value) for each in initial])
        try:
            plan = await self._uncancelled(self._compile())
            if plan is None:
                return await self._end(Phase.ROLLED_BACK, Outcome.ROLLED_BACK)
            assessment = await self._uncancelled(self._assess(plan))
        except _Cancelled:
            self._story.stopped = "cancelled"
            return await self._end(Phase.ROLLED_BACK, Outcome.ROLLED_BACK)
        if request.mode is Mode.DRY_RUN:
            return await self._end(Phase.ASSESSED, Outcome.ASSESSED)
        if assessment.refusals:
            self._story.stopped = "refused"
            return await self._end(Phase.ROLLED_BACK, Outcome.ROLLED_BACK)
        saga = self._begin(plan, assessment)
        await self._carry_out(saga)
        return await self._end(Phase(saga.outcome), saga.outcome)

    # Before anything is changed

    async def _compile(self) -> RecoveryPlan | None:
        try:
            answer: Any = await workflow.execute_local_activity(
                COMPILE,
                CompileInput(request=self._request),
                result_type=Any,
                summary=f"{self._request.site}: the recovery plan",
                **COMPILE_OPTIONS,
            )
            compiled = CompileResult.model_validate(answer)
        except (ActivityError, ValidationError) as error:
            if is_cancelled_exception(error):
                raise
            cause = error.cause if isinstance(error, ActivityError) else error
            compiled = CompileResult(plan=None, refusals=(f"the plan cannot be compiled: {cause}",))
        for refusal in compiled.refusals:
            self._say(refusal)
        if compiled.plan is not None:
            self._graph = self._story.graph = PlanGraph(compiled.plan)
        return compiled.plan

    async def _assess(self, plan: RecoveryPlan) -> Assessment:
        self._story.phase = Phase.ASSESSING
        workflow.set_current_details(details(self._story))
        assert self._graph is not None
        waits = () if self._request.mode is Mode.DRY_RUN else LOOK_AGAIN_S
        await self._probe(list(self._graph.steps))
        assessment = assess(self._graph, self._story.observations)
        for wait in waits:
            if assessment.refusals or not assessment.unseen:
                break
            first = assessment.unseen[0]
            self._say(f"looks again in {wait} s: {self._story.observations[first].reason}")
            await workflow.sleep(wait, summary=f"{len(assessment.unseen)} steps cannot be seen")
            await self._probe(assessment.unseen)
            assessment = assess(self._graph, self._story.observations)
        unseen = tuple(
            f"{step}: {self._story.observations[step].reason}" for step in assessment.unseen
        )
        refusals = (*assessment.refusals, *unseen)
        for refusal in refusals:
            self._say(refusal)
        self._story.assessed(assessment.epoch, refusals)
        return Assessment(refusals, assessment.unseen, assessment.epoch, assessment.late)

    async def _probe(self, steps: Iterable[str]) -> None:
        assert self._graph is not None
        self._story.observations.update(await probe_steps(self._graph, self._run, steps))

    async def _uncancelled(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        task = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise _Cancelled from None

    # The saga

    def _begin(self, plan: RecoveryPlan, assessment: Assessment) -> Saga:
        saga = Saga(
            plan,
            self._story.observations,
            run=self._run,
            epoch=assessment.epoch,
            late=assessment.late,
        )
        self._saga = self._story.saga = saga
        self._performer = Performer(saga.graph, self._run, self._inbox.append, self._story.saw)
        tightest = min((s.rto for s in plan.services if s.rto), default=None)
        rto = [RTO_SECONDS.value_set(round(tightest.total_seconds()))] if tightest else []
        self._enter(Phase.RECOVERING, *rto)
        self._performer.perform(saga.start(workflow.now()).effects)
        return saga

    async def _carry_out(self, saga: Saga) -> None:
        while not saga.over:
            try:
                await workflow.wait_condition(lambda: self._stirred(saga))
            except asyncio.CancelledError:
                # A request to roll back, not an abandonment: the run goes on until it has.
                if (current := asyncio.current_task()) is not None:
                    current.uncancel()
                self._cancelled(saga)
            self._drain(saga)

    def _stirred(self, saga: Saga) -> bool:
        broken = self._performer is not None and self._performer.broken is not None
        return bool(self._inbox) or broken or saga.over

    def _drain(self, saga: Saga) -> None:
        """Take every event that has come, then perform all that follows from them together."""
        assert self._performer is not None
        if self._performer.broken is not None:
            raise self._performer.broken
        effects: list[Effect] = []
        before = self._story.last_sentence, self._story.phase
        while self._inbox:
            effects += self._take(saga, *self._together())
        if (self._story.last_sentence, self._story.phase) != before:
            workflow.set_current_details(details(self._story))
        self._performer.perform(effects)

    def _cancelled(self, saga: Saga) -> None:
        reason = workflow.cancellation_reason() or "the workflow was cancelled"
        request = RollbackRequested("cancellation", reason)
        if refusal := saga.refusal(request):
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
        decision = saga.handle_all(events, workflow.now())
        actor = getattr(events[0], "actor", None)
        for sentence in decision.sentences:
            self._say(sentence, actor)
        phase = Phase.ROLLING_BACK if saga.rollback.services else Phase.RECOVERING
        if phase is not self._story.phase:
            self._enter(phase)
        return decision.effects

    # What others see

    def _say(self, sentence: str, actor: str | None = None) -> None:
        workflow.logger.info(sentence)
        self._story.say(workflow.now(), sentence, actor)

    def _enter(self, phase: Phase, *attributes: SearchAttributeUpdate[Any]) -> None:
        self._story.phase = phase
        workflow.upsert_search_attributes([PHASE.value_set(phase), *attributes])
        workflow.set_current_details(details(self._story))

    async def _end(self, phase: Phase, outcome: Outcome) -> RecoveryReport:
        self._say(self._story.closing_sentence(outcome))
        self._story.ended(outcome, workflow.now())
        self._enter(phase, OUTCOME.value_set(outcome))
        await workflow.wait_condition(workflow.all_handlers_finished)
        return report(self._story)

    @workflow.signal(name=STEPS_PROGRESSED, description="What ended, of steps in one activity")
    def steps_progressed(self, progress: Any) -> None:
        """Take it as an event like any other; nobody but the activity sends this."""
        if self._performer is not None:
            self._performer.told(progress)

    @workflow.query(name=UNWANTED_STEPS, description="Steps to stop, of those in one activity")
    def unwanted_steps(self) -> tuple[str, ...]:
        """What a cancelled activity that steps share is to stop; what else runs in it goes on."""
        return self._performer.unwanted() if self._performer is not None else ()

    @workflow.query(description="Where the recovery is, what it waits for, and why")
    def status(self) -> RecoveryStatus:
        """Everything a person or program may want to know of the run."""
        return status(self._story)

    # What operators ask

    def _check(self, event: SagaIntervention) -> None:
        if self._story.outcome is not None:
            raise ApplicationError(f"the run has ended: {self._story.outcome}", type="Refused")
        if self._saga is None:
            raise ApplicationError(
                f"the run is {self._story.phase}: no step has started yet; try again in a moment",
                type="Refused",
            )
        if refusal := self._saga.refusal(event):
            raise ApplicationError(refusal, type="Refused")

    def _intervene(self, event: SagaIntervention) -> Accepted:
        # The validator may have seen an earlier state: another update can come between.
        self._check(event)
        assert self._saga is not None
        assert self._performer is not None
        self._performer.perform(self._take(self._saga, event))
        workflow.set_current_details(details(self._story))
        return Accepted(sentence=self._story.last_sentence)
