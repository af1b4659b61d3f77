"""The readiness of every plan of an estate: an entity that evaluates when asked, and on time.

It lives on between evaluations, instead of being started by a schedule each time, for three things
that a run which ends cannot do: it hears at any time that a recovery has proved or moved something,
it joins those who ask together, and its verdicts have one writer and one reader, who sees them
while they are being made.

Sites are evaluated in portions, some at once: their plans are compiled by an activity that is
handed the estate compressed, and steps of one action at one site share a probe, whichever plans
they belong to. It goes on as a new run before its history gets long, between two portions.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NoReturn

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from .activity_options import COMPILE_OPTIONS, LOWEST_PRIORITY
    from .coordinator_link import CoordinatorLink
    from .evaluation_probes import EvaluationProbes
    from .model.coordination import Facts
    from .model.failback import ReplicationChecks, ServiceReplication
    from .model.readiness import (
        AskReadiness,
        Begun,
        CompileSites,
        EstateReadiness,
        Evaluate,
        EvaluationInput,
        Proved,
        SitePlan,
        SitePlans,
    )
    from .model.recovery import Accepted, Intervention
    from .names import COMPILE_SITES, COORDINATOR_SAYS, PLANS_PROVED
    from .readiness.judging import Seen, judge, unseen
    from .readiness.memory import Memory
    from .readiness.page import page
    from .replication_watch import look as look_at_data
    from .search_attributes import ESTATE

LANES = 2
"""Portions at once: while the steps of one are looked at, the plans of the next are compiled."""
PROBES_AT_ONCE = 8
"""Recoveries have the worker and the systems' request budgets first; and each of these, which may
be of many steps, has to be done within the time of a probe."""
CHECKS_AT_ONCE = 100
MOST_UPDATES = 1_000
"""Temporal refuses the 2,001st of a run."""


@workflow.defn(name="PlanEvaluation")
class PlanEvaluation:
    """Whether every site's plan could be carried out now, and what keeps it from that."""

    @workflow.init
    def __init__(self, given: EvaluationInput) -> None:
        self._given = given
        self._memory = Memory.unpack(given.memory)
        info = workflow.info()
        self._link = CoordinatorLink(given.estate, info.run_id)
        self._probes = EvaluationProbes(PROBES_AT_ONCE)
        self._updates = 0

    @workflow.run
    async def run(self, given: EvaluationInput) -> NoReturn:
        """Evaluate whenever there is something to evaluate, for ever."""
        if workflow.info().typed_search_attributes.get(ESTATE) is None:
            workflow.upsert_search_attributes([ESTATE.value_set(given.estate)])
        while not self._long:
            if self._memory.todo:
                await asyncio.gather(*(self._lane() for _ in range(LANES)))
                self._show()
            else:
                await self._idle()
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(given.model_copy(update={"memory": self._memory.pack()}))

    @property
    def _long(self) -> bool:
        info = workflow.info()
        return (
            info.get_current_history_length() > self._given.most_events
            or info.is_continue_as_new_suggested()
            or self._updates >= MOST_UPDATES
        )

    # What is asked

    @workflow.update(description="Evaluate the plans of an estate's sites")
    def evaluate(self, asked: Evaluate) -> Begun:
        """Evaluate these sites, or all; what runs already is joined."""
        self._updates += 1
        return self._memory.ask(asked, workflow.now())

    @evaluate.validator
    def _may_evaluate(self, asked: Evaluate) -> None:
        if asked.estate.name != self._given.estate:
            raise ApplicationError(
                f"this evaluates {self._given.estate}, not {asked.estate.name}", type="Refused"
            )
        unknown = [name for name in asked.sites if name not in asked.estate.sites]
        if unknown:
            raise ApplicationError(
                f"{asked.estate.name} has no site {unknown[0]!r}", type="Refused"
            )

    @workflow.update(description="Evaluate no more by itself; only when asked")
    def unschedule(self, asked: Intervention) -> Accepted:
        """Evaluate no more by itself."""
        self._updates += 1
        was = self._memory.every_s
        self._memory.unschedule()
        known = "was evaluated by itself" if was else "was not evaluated by itself before either"
        return Accepted(sentence=f"{self._given.estate} is evaluated only when asked; it {known}")

    @workflow.signal(name=PLANS_PROVED, description="A recovery has proved plans, or changed some")
    def proved(self, told: Proved) -> None:
        """Take note of what a recovery has shown; sites that it touched are evaluated again."""
        self._memory.proved(told, workflow.now())

    @workflow.signal(name=COORDINATOR_SAYS, description="The coordinator answers")
    def coordinator_says(self, says: Any) -> None:
        """The coordinator answers a look."""
        self._link.heard(says)

    @workflow.query(description="The verdicts on these sites, or on all")
    def readiness(self, asked: AskReadiness) -> EstateReadiness | None:
        """The verdicts as they were made, None before the first; their age is the reader's care."""
        if self._memory.estate is None:
            return None
        return self._memory.readiness(asked.sites, brief=asked.brief)

    # The work

    async def _idle(self) -> None:
        due_at, now = self._memory.due_at, workflow.now()
        left = max(due_at - now, timedelta(milliseconds=1)) if due_at else None
        try:
            await workflow.wait_condition(
                lambda: bool(self._memory.todo) or self._memory.due_at != due_at or self._long,
                timeout=left,
                timeout_summary="until all sites are evaluated again",
            )
        except TimeoutError:
            self._memory.tick(workflow.now())

    async def _lane(self) -> None:
        while not self._long and (sites := self._memory.take(self._given.portion)):
            await self._portion(self._memory.number, sites)
            self._memory.tick(workflow.now())
            self._show()

    async def _portion(self, number: int, sites: Sequence[str]) -> None:
        facts = await self._link.look()
        try:
            found = await self._compiled(sites, facts)
        except (ActivityError, ValidationError) as error:
            if is_cancelled_exception(error):
                raise
            self._unseen(number, sites, error.cause if isinstance(error, ActivityError) else error)
            return
        if not found.plans:
            self._unseen(number, sites, "the compiler gave no plan at all")
            return
        compiled = {plan.site for plan in found.plans}
        self._memory.give_back(number, [site for site in sites if site not in compiled])
        plans = [each.plan for each in found.plans if each.plan is not None]
        (looks, stood_in), data = await asyncio.gather(
            self._probes.look(plans, found.edge), _data(found.checks)
        )
        for each in found.plans:
            seen = Seen(
                steps=looks.get(each.site, {}),
                data=data,
                past_s=facts.past_s,
                stood_in=stood_in.get(each.site, ()),
            )
            self._judge(number, each, seen)

    def _judge(self, number: int, plan: SitePlan, seen: Seen) -> None:
        now = workflow.now()
        self._memory.judged(number, judge(plan, seen, now), plan.definitions, now)

    def _unseen(self, number: int, sites: Sequence[str], why: object) -> None:
        now = workflow.now()
        for site in sites:
            judged = unseen(site, f"the plan cannot be compiled: {why}", now)
            self._memory.judged(number, judged, {}, now)

    async def _compiled(self, sites: Sequence[str], facts: Facts) -> SitePlans:
        assert self._memory.estate is not None
        answer: Any = await workflow.execute_activity(
            COMPILE_SITES,
            CompileSites(estate=self._memory.estate, sites=tuple(sites), facts=facts),
            result_type=Any,
            summary=f"the plans of {len(sites)} sites from {sites[0]} on",
            priority=Priority(priority_key=LOWEST_PRIORITY),
            **COMPILE_OPTIONS,
        )
        return SitePlans.model_validate(answer)

    def _show(self) -> None:
        if self._memory.estate is not None:
            workflow.set_current_details(page(self._memory.readiness()))


async def _data(checks: ReplicationChecks) -> dict[str, ServiceReplication]:
    some = [
        ReplicationChecks(checks=checks.checks[first : first + CHECKS_AT_ONCE], without=())
        for first in range(0, len(checks.checks), CHECKS_AT_ONCE)
    ]
    answers = await asyncio.gather(
        *(look_at_data(each, f"how {len(each.checks)} services are replicated") for each in some)
    )
    return {each.service: each for answer in answers for each in answer}
