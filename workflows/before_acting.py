"""All that is decided before anything is changed: whether to act, where to, and with whose consent.

Admitted by the coordinator; a plan made with what it knows; room and an epoch from it; every step
probed; people asked. Whatever ends here has changed nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from .activity_options import COMPILE_OPTIONS
    from .asking_people import AskingPeople
    from .concerned_sites import (
        also_touched,
        concerns,
        has_guests,
        silent_targets,
    )
    from .coordinator_link import CoordinatorLink
    from .edge_workers import EdgeWorkers
    from .model.compiling import CompileInput, CompileResult
    from .model.coordination import (
        Admission,
        Application,
        EpochClaim,
        Facts,
        Reservation,
        Verdict,
    )
    from .model.plan import RecoveryPlan
    from .model.recovery import Action, Mode, Phase, RecoveryRequest
    from .names import COMPILE
    from .probing import probe_steps
    from .saga.assessment import Assessment, assess
    from .saga.graph import PlanGraph
    from .story import Story

LOOK_AGAIN_S = (1, 2, 4, 8, 15)
"""Waits, in seconds, between looks at a system that does not answer before the run is refused."""
BRIEFLY = 3
"""So many of these looks a silent recovery site gets before it is planned around."""
MOST_PLANS = 20
"""Plans that are made anew because the room was taken meanwhile."""


@dataclass(frozen=True)
class Ready:
    """A plan that may be carried out."""

    plan: RecoveryPlan
    assessment: Assessment
    epoch: int


class BeforeActing:
    """One run's way to a plan that may be carried out, or to the reasons why there is none."""

    def __init__(
        self,
        story: Story,
        link: CoordinatorLink,
        people: AskingPeople,
        edge: EdgeWorkers,
        run: str,
        enter: Callable[[Phase], None],
        say: Callable[[str], None],
    ) -> None:
        self._story = story
        self._request: RecoveryRequest = story.request
        self._link = link
        self._people = people
        self._edge = edge
        self._run = run
        self._enter = enter
        self._say = say
        self._silent: tuple[str, ...] = ()
        """Recovery sites that do not answer."""
        self._dry = self._request.mode is Mode.DRY_RUN

    async def decide(self) -> Ready | None:
        """The plan, probed and agreed to; None if it is refused: the story says why."""
        facts = await self._facts()
        if facts is None:
            return None
        self._enter(Phase.COMPILING)
        planned = await self._plan(facts)
        if planned is None:
            return None
        plan, epoch, assessment = await self._around_the_silent(*planned)
        if assessment.refusals or self._dry:
            return Ready(plan, assessment, epoch) if not assessment.refusals else None
        self._story.predict(workflow.now())
        while await self._people.agree(plan):
            # People take their time: what was seen before may no longer be so.
            assessment = await self._assess()
            if assessment.refusals:
                return None
            if not self._people.lapsed():
                break
        if self._people.refused:
            return None
        if assessment.epoch > epoch or self._people.were_asked:
            # While people took their time the coordinator may have lost what it had granted.
            claim = EpochClaim(
                services=tuple(service.name for service in plan.services),
                at_least=max(epoch, assessment.epoch),
            )
            claimed = await self._link.claim_epoch(claim)
            if not claimed.granted:
                self._refuse(claimed.sentence)
                return None
            epoch = claimed.epoch
        self._story.epoch = epoch
        return Ready(plan, assessment, epoch)

    # Admission

    async def _facts(self) -> Facts | None:
        if self._dry:
            return await self._link.look(concerns(self._request))
        admission = await self._link.apply(self._application(), waiting=self._waits)
        self._story.admission = admission
        if admission.verdict is Verdict.REFUSED:
            self._refuse(admission.sentence)
            return None
        self._say(admission.sentence)
        return admission.facts

    def _waits(self, admission: Admission) -> None:
        known = self._story.admission
        self._story.admission = admission
        if known is None or known.sentence != admission.sentence:
            self._say(admission.sentence)
        self._enter(Phase.WAITING)

    def _application(self) -> Application:
        request, policy = self._request, self._request.estate.policy
        return Application(
            site=request.site,
            action=request.action,
            mode=request.mode,
            incident=request.incident,
            actor=request.actor,
            reason=request.reason,
            lost_sites=request.lost_sites,
            detected_at=self._story.detected_at,
            budget=policy.budget,
            cooldown=policy.cooldown,
            holddown=policy.holddown,
            also=also_touched(request),
            concerns=concerns(request),
        )

    # The plan, and room for it

    async def _plan(self, facts: Facts) -> tuple[RecoveryPlan, int] | None:
        for _ in range(MOST_PLANS):
            if concerns(self._request) and has_guests(self._request, facts):
                facts = await self._link.look()
            facts = facts.model_copy(
                update={"lost": tuple(dict.fromkeys((*facts.lost, *self._silent)))}
            )
            self._story.facts = facts
            compiled = await self._compile(facts)
            if compiled.plan is None:
                for refusal in compiled.refusals:
                    self._say(refusal)
                return None
            self._story.planned(compiled.plan)
            if self._dry:
                return compiled.plan, 0
            reservation = compiled.reservation or _no_reservation(compiled.plan)
            reserved = await self._link.reserve(reservation)
            if reserved.granted:
                return compiled.plan, reserved.epoch
            self._say(f"{reserved.sentence}; a plan is made anew")
            facts = reserved.facts
        self._refuse(
            f"the room at the recovery sites was taken {MOST_PLANS} times while the plan was made;"
            " start it again when the other recoveries have ended"
        )
        return None

    async def _compile(self, facts: Facts) -> CompileResult:
        try:
            answer: Any = await workflow.execute_local_activity(
                COMPILE,
                CompileInput(request=self._request, facts=facts),
                result_type=Any,
                summary=f"{self._request.site}: the recovery plan",
                **COMPILE_OPTIONS,
            )
            return CompileResult.model_validate(answer)
        except (ActivityError, ValidationError) as error:
            if is_cancelled_exception(error):
                raise
            cause = error.cause if isinstance(error, ActivityError) else error
            return CompileResult(plan=None, refusals=(f"the plan cannot be compiled: {cause}",))

    # What the probes see

    async def _around_the_silent(
        self, plan: RecoveryPlan, epoch: int
    ) -> tuple[RecoveryPlan, int, Assessment]:
        """Look at every step; where recovery sites do not answer, plan without them.

        Nobody may have said that they are lost too. If there is no plan without them, they are
        waited for like any other system.
        """
        while True:
            assessment = await self._look(() if self._dry else LOOK_AGAIN_S[:BRIEFLY])
            silent = silent_targets(self._graph, assessment.unseen)
            if not silent or not self._may_plan_around:
                break
            before, self._silent = self._silent, (*self._silent, *silent)
            self._say(f"{', '.join(silent)} does not answer: is there a plan without it?")
            again = await self._plan(self._story.facts)
            if again is None:
                self._silent = before
                self._story.planned(plan)
                break
            plan, epoch = again
        if assessment.unseen and not assessment.refusals and not self._dry:
            return plan, epoch, await self._assess()
        return plan, epoch, self._judged(assessment)

    @property
    def _may_plan_around(self) -> bool:
        request = self._request
        mode = request.dry_run_of if self._dry else request.mode
        return request.action is Action.RECOVER and mode is Mode.UNPLANNED

    async def _assess(self) -> Assessment:
        return self._judged(await self._look(LOOK_AGAIN_S))

    async def _look(self, waits: tuple[int, ...]) -> Assessment:
        self._enter(Phase.ASSESSING)
        graph = self._graph
        await self._probe(list(graph.steps))
        assessment = assess(graph, self._story.observations)
        for wait in waits:
            if assessment.refusals or not assessment.unseen:
                break
            first = assessment.unseen[0]
            self._say(f"looks again in {wait} s: {self._story.observations[first].reason}")
            await workflow.sleep(
                timedelta(seconds=wait), summary=f"{len(assessment.unseen)} steps cannot be seen"
            )
            await self._probe(assessment.unseen)
            assessment = assess(graph, self._story.observations)
        return assessment

    def _judged(self, assessment: Assessment) -> Assessment:
        """Refuse what could not be seen, and say so."""
        unseen = tuple(
            f"{step}: {self._story.observations[step].reason}" for step in assessment.unseen
        )
        refusals = (*assessment.refusals, *unseen)
        for refusal in refusals:
            self._say(refusal)
        self._story.assessed(assessment.epoch, refusals)
        return Assessment(refusals, assessment.unseen, assessment.epoch, assessment.late)

    async def _probe(self, steps: Iterable[str]) -> None:
        self._story.observations.update(
            await probe_steps(self._graph, self._run, steps, self._edge)
        )

    @property
    def _graph(self) -> PlanGraph:
        assert self._story.graph is not None
        return self._story.graph

    def _refuse(self, sentence: str) -> None:
        self._story.refusals = (sentence,)
        self._say(sentence)


def _no_reservation(plan: RecoveryPlan) -> Reservation:
    """The reservation of a plan whose compiler makes none: only the epoch matters."""
    return Reservation(plan_hash=plan.hash, bookings=(), room={}, seen=0)
