"""Steps of different workers never share an activity, whatever the plan and whatever happens."""

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.workflows.model.plan import PlannedStep, RecoveryPlan
from holdfast.workflows.model.recovery import StepState
from holdfast.workflows.model.step import Applied, Evidence, Observation, Qualification
from holdfast.workflows.saga.messages import (
    Apply,
    ApplySucceeded,
    ApplyTogether,
    Decision,
    Event,
    HandedBack,
)
from holdfast.workflows.saga.saga import Saga
from holdfast.workflows.saga.sharing import MOST_BYTES
from support.random_plans import random_plan

AT = datetime(2026, 1, 1, tzinfo=UTC)
SITES = (("b", None), ("c", "plant-c"), ("d", "plant-d"), ("e", "plant-d"))
"""Sites and their queues: two share one, one has none."""


def spread_plan(seed: int, size: int) -> RecoveryPlan:
    """Many random services side by side, their steps at random sites."""
    chance = random.Random(seed)
    services, steps = [], []
    for part in range(size):
        plan = random_plan(chance)

        def named(id: str, part: int = part) -> str:
            return f"p{part}-{id}"

        services += [
            service.model_copy(
                update={
                    "name": named(service.name),
                    "depends_on": tuple(map(named, service.depends_on)),
                }
            )
            for service in plan.services
        ]
        for step in plan.steps:
            site, queue = chance.choice(SITES)
            moved = {
                "id": named(step.id),
                "service": named(step.service),
                "needs": tuple(map(named, step.needs)),
                "site": site,
                "task_queue": queue,
                "inputs": {"manifest": "x" * chance.choice((10, 10, 200_000))},
            }
            steps.append(step.model_copy(update=moved))
    return plan.model_copy(update={"services": tuple(services), "steps": tuple(steps)}).sealed()


def seen(step: PlannedStep) -> Observation:
    """Qualified, brief, its before-image known."""
    return Observation(
        step=step.id,
        state=Applied.NOT_APPLIED,
        qualification=Qualification.QUALIFIED,
        reason="is before",
        resource=step.id,
        before_image="before",
        expected_duration=timedelta(milliseconds=50),
    )


def ends(saga: Saga, decision: Decision, chance: random.Random) -> list[Event]:
    """Checks what was decided; how each of its activities may end."""
    events: list[Event] = []
    bytes_given = 0
    for effect in decision.effects:
        if isinstance(effect, ApplyTogether):
            steps = [saga.graph.steps[apply.step] for apply in effect.applies]
            assert (
                len({(step.task_queue, step.site if step.task_queue else "") for step in steps})
                == 1
            )
            bytes_given += sum(len(str(step.inputs)) for step in steps)
            back = chance.random() < 0.3
            first = steps[0].id
            events += [
                HandedBack(step.id, begun=False, reason="gone")
                if back and step.id != first
                else ApplySucceeded(step.id, Evidence(changed=True, sentence="done"))
                for step in steps
            ]
        elif isinstance(effect, Apply):
            events.append(ApplySucceeded(effect.step, Evidence(changed=True, sentence="done")))
    assert bytes_given <= MOST_BYTES
    return events


@given(seed=st.integers(0, 2**32), size=st.integers(1, 20))
@settings(deadline=None, max_examples=60)
def test_what_shares_an_activity_runs_in_the_same_workers(seed: int, size: int) -> None:
    plan, chance = spread_plan(seed, size), random.Random(seed)
    saga = Saga(plan, {step.id: seen(step) for step in plan.steps}, run="run", epoch=1)

    waiting = ends(saga, saga.start(AT), chance)
    while waiting:
        waiting += ends(saga, saga.handle(waiting.pop(0), AT), chance)

    assert saga.over
    assert {run.state for run in saga.steps.values()} == {StepState.APPLIED}
