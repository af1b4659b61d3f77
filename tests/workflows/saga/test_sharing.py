"""Which steps share an activity, and how they come back from one."""

from datetime import UTC, datetime, timedelta

import pytest

from holdfast.workflows.model.estate import Approach, OnFailure
from holdfast.workflows.model.plan import PlannedService, PlannedStep, RecoveryPlan
from holdfast.workflows.model.policy import RollbackScope
from holdfast.workflows.model.recovery import StepState
from holdfast.workflows.model.step import Applied, Evidence, Observation, Qualification
from holdfast.workflows.saga.forward import MOST_GO_ON
from holdfast.workflows.saga.messages import (
    Apply,
    ApplyFailed,
    ApplySucceeded,
    ApplyTogether,
    Decision,
    Failure,
    HandedBack,
    PauseRequested,
    Recall,
    ResumeRequested,
)
from holdfast.workflows.saga.saga import Saga
from support.simulator import Simulation

AT = datetime(2026, 1, 1, tzinfo=UTC)
BRIEF, LONG = timedelta(milliseconds=50), timedelta(seconds=5)
ONCE_BROKEN = (4000002503, 50025031, 50053948)
"""Seeds of runs in which a recalled step stood in the queue twice and was applied twice at once."""


def chain(length: int, *, pivot: int | None = None) -> RecoveryPlan:
    """One service whose steps follow one another: `s/0`, `s/1`, …"""
    service = PlannedService(
        name="s", tier=0, source="a", target="b", placement="b", approach=Approach.COLD_STANDBY
    )
    steps = tuple(
        PlannedStep(
            id=f"s/{number}",
            service="s",
            run="test.set",
            inputs={},
            site="b",
            needs=(f"s/{number - 1}",) if number else (),
            timeout=timedelta(seconds=20),
            on_failure=OnFailure.HOLD,
            pivot=number == pivot,
        )
        for number in range(length)
    )
    scope = RollbackScope.SERVICE
    return RecoveryPlan(
        estate="e", site="a", rollback=scope, services=(service,), steps=steps
    ).sealed()


def seen(plan: RecoveryPlan, takes: timedelta | None) -> dict[str, Observation]:
    """Every step qualified, its before-image known."""
    return {
        step.id: Observation(
            step=step.id,
            state=Applied.NOT_APPLIED,
            qualification=Qualification.QUALIFIED,
            reason="is before",
            resource=step.id,
            before_image="before",
            expected_duration=takes,
        )
        for step in plan.steps
    }


def started(plan: RecoveryPlan, takes: timedelta | None = BRIEF) -> tuple[Saga, Decision]:
    """A saga, and what it wants done first."""
    saga = Saga(plan, seen(plan, takes), run="run", epoch=1)
    return saga, saga.start(AT)


def shared(decision: Decision) -> list[list[str]]:
    """The steps of each activity that is shared."""
    return [
        [apply.step for apply in effect.applies]
        for effect in decision.effects
        if isinstance(effect, ApplyTogether)
    ]


def alone(decision: Decision) -> list[str]:
    """The steps that have an activity of their own."""
    return [effect.step for effect in decision.effects if isinstance(effect, Apply)]


def done(step: str) -> ApplySucceeded:
    """A step is applied."""
    return ApplySucceeded(step, Evidence(changed=True, sentence="done"))


def test_brief_steps_that_follow_one_another_share_an_activity() -> None:
    saga, decision = started(chain(9))

    assert shared(decision) == [[f"s/{number}" for number in range(9)]]
    assert saga.steps["s/0"].state is StepState.APPLYING
    assert saga.steps["s/8"].state is StepState.QUEUED


def test_few_brief_steps_do_not_share() -> None:
    _, decision = started(chain(7))

    assert alone(decision) == ["s/0"]


def test_long_steps_do_not_share_in_a_plan_that_a_person_can_follow() -> None:
    assert alone(started(chain(99), LONG)[1]) == ["s/0"]
    assert alone(started(chain(99), None)[1]) == ["s/0"]


def test_all_steps_of_a_large_plan_share() -> None:
    assert len(shared(started(chain(100), LONG)[1])[0]) == 100
    assert len(shared(started(chain(100), None)[1])[0]) == 100


def test_a_pivot_and_what_follows_it_wait_for_the_saga() -> None:
    _, decision = started(chain(20, pivot=10))

    assert shared(decision) == [[f"s/{number}" for number in range(10)]]


def test_an_end_that_something_outside_waits_for_is_to_be_told_at_once() -> None:
    _, decision = started(chain(20, pivot=10))

    (effect,) = decision.effects
    assert isinstance(effect, ApplyTogether)
    assert effect.awaited == {"s/9"}


def test_tokens_rise_in_the_order_of_needs() -> None:
    _, decision = started(chain(9))

    (effect,) = decision.effects
    assert isinstance(effect, ApplyTogether)
    sequences = [apply.token.sequence for apply in effect.applies]
    assert sequences == sorted(set(sequences))


def test_what_does_not_fit_into_one_input_makes_two() -> None:
    plan = chain(100)
    heavy = plan.model_copy(
        update={
            "steps": tuple(
                step.model_copy(update={"inputs": {"manifest": "x" * 20_000}})
                for step in plan.steps
            )
        }
    )
    _, decision = started(heavy)

    (steps,) = shared(decision)
    assert 60 < len(steps) < 70


def test_a_step_handed_back_untouched_is_as_if_it_had_never_been_handed_out() -> None:
    saga, _ = started(chain(9))
    saga.handle(ApplyFailed("s/0", Failure("Conflict", "moved", True)), AT)
    saga.handle(HandedBack("s/1", begun=False, reason="s/0 did not go through"), AT)

    assert saga.steps["s/1"].state is StepState.PENDING
    assert not saga.steps["s/1"].started
    assert saga.steps["s/1"].attempts == 0


def test_a_step_handed_back_in_the_middle_goes_on_alone_under_its_token() -> None:
    saga, first = started(chain(9))
    (together,) = first.effects
    assert isinstance(together, ApplyTogether)
    decision = saga.handle(
        HandedBack("s/0", begun=True, reason="Unavailable: no answer", alone=True), AT
    )

    (effect,) = decision.effects
    assert isinstance(effect, Apply)
    assert effect.token == together.applies[0].token


def test_a_step_that_a_lost_worker_may_have_begun_still_waits_for_its_needs() -> None:
    saga, _ = started(chain(9))
    decision = saga.handle(HandedBack("s/5", begun=True, reason="the worker was lost"), AT)

    assert decision.effects == ()
    assert saga.steps["s/5"].state is StepState.PENDING
    assert saga.steps["s/5"].started


def test_a_pause_recalls_what_waits_and_lets_run_what_runs() -> None:
    saga, _ = started(chain(9))
    decision = saga.handle(PauseRequested("ana", "a look"), AT)

    recalled = [effect.step for effect in decision.effects if isinstance(effect, Recall)]
    assert recalled == [f"s/{number}" for number in range(1, 9)]


def test_a_recalled_step_whose_needs_were_done_meanwhile_starts_once() -> None:
    saga, _ = started(chain(9))
    saga.handle(PauseRequested("ana", "a look"), AT)
    saga.handle(done("s/0"), AT)
    for number in range(1, 9):
        saga.handle(HandedBack(f"s/{number}", begun=False, reason="asked for"), AT)
    decision = saga.handle(ResumeRequested("ana", "go on"), AT)

    assert shared(decision) == [[f"s/{number}" for number in range(1, 9)]]
    assert alone(decision) == []


def test_of_many_steps_that_a_lost_worker_had_a_hundred_go_on_at_once() -> None:
    plan = chain(300)
    apart = tuple(step.model_copy(update={"needs": ()}) for step in plan.steps)
    saga, _ = started(plan.model_copy(update={"steps": apart}))
    back = [HandedBack(step.id, begun=True, reason="the worker was lost") for step in apart]
    first = saga.handle_all(back, AT)
    then = saga.handle(done(alone(first)[0]), AT)

    assert len(alone(first)) == MOST_GO_ON
    assert len(alone(then)) == MOST_GO_ON
    assert not set(alone(first)) & set(alone(then))


@pytest.mark.parametrize("seed", ONCE_BROKEN)
def test_a_seed_that_once_broke_a_promise_ends(seed: int) -> None:
    Simulation(seed).run()
