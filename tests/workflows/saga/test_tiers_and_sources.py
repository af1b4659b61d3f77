"""What waits for a tier to open, what is given up with the source, and what is fenced late."""

from datetime import UTC, datetime, timedelta
from typing import Any

from holdfast.workflows.model.estate import Approach, OnFailure
from holdfast.workflows.model.plan import PlannedService, PlannedStep, RecoveryPlan
from holdfast.workflows.model.policy import RollbackScope
from holdfast.workflows.model.recovery import Outcome, StepState
from holdfast.workflows.model.step import Applied, Evidence, Observation, Qualification
from holdfast.workflows.saga.graph import PlanGraph
from holdfast.workflows.saga.messages import (
    Apply,
    ApplyFailed,
    ApplySucceeded,
    Decision,
    Failure,
    Revert,
    RevertSucceeded,
    RollbackRequested,
    SkipRequested,
    SourceReturned,
    TierOpened,
    UngracefulRequested,
)
from holdfast.workflows.saga.saga import Saga
from holdfast.workflows.saga.tiers import effective_tiers

AT = datetime(2026, 1, 1, tzinfo=UTC)
UNPROVEN = Evidence(
    changed=False, sentence="nobody there", details={"evidence": "none: standing decision"}
)
PROVEN = Evidence(changed=True, sentence="fenced", details={"evidence": "no replica left"})


def plan_of(*services: tuple[str, int, tuple[str, ...]], **steps: list[dict[str, Any]]) -> Any:
    """Services as (name, tier, depends_on); `steps` by service, else one step `up` each."""
    planned: list[PlannedStep] = []
    for name, _, depends_on in services:
        for index, more in enumerate(steps.get(name, [{"id": "up"}])):
            before = [each for other in depends_on for each in planned if each.service == other]
            own = [each.id for each in planned if each.service == name][-1:]
            fields: dict[str, Any] = {
                "needs": tuple(own) if index else tuple(each.id for each in before[-1:]),
                "on_failure": OnFailure.ROLLBACK,
                "run": "test.set",
            }
            fields |= more
            fields["id"] = f"{name}/{more['id']}"
            planned.append(
                PlannedStep(
                    service=name,
                    inputs={},
                    site="b",
                    timeout=timedelta(seconds=20),
                    **fields,
                )
            )
    return RecoveryPlan(
        estate="e",
        site="a",
        rollback=RollbackScope.SERVICE,
        services=tuple(
            PlannedService(
                name=name,
                tier=tier,
                source="a",
                target="b",
                placement="b",
                approach=Approach.COLD_STANDBY,
                depends_on=depends_on,
            )
            for name, tier, depends_on in services
        ),
        steps=tuple(planned),
    ).sealed()


def saga_of(plan: RecoveryPlan, **more: Any) -> Saga:
    seen = {step.id: observed(step.id, {"value": 1}) for step in plan.steps}
    return Saga(plan, seen, run="r", epoch=1, **more)


def observed(step: str, before: Any) -> Observation:
    known = before is not None
    return Observation(
        step=step,
        state=Applied.NOT_APPLIED if known else Applied.UNKNOWN,
        qualification=Qualification.QUALIFIED if known else Qualification.UNKNOWN,
        reason="seen" if known else "no answer",
        resource=step,
        before_image=before,
        expected_duration=timedelta(seconds=10),
    )


def applied(decision: Decision) -> list[str]:
    return [effect.step for effect in decision.effects if isinstance(effect, Apply)]


def done(saga: Saga, step: str, evidence: Evidence = PROVEN) -> Decision:
    return saga.handle(ApplySucceeded(step, evidence), AT)


def test_a_service_goes_with_the_most_critical_one_that_depends_on_it() -> None:
    plan = plan_of(("disk", 3, ()), ("db", 2, ("disk",)), ("app", 0, ("db",)), ("log", 2, ()))
    assert effective_tiers(PlanGraph(plan)) == {"disk": 0, "db": 0, "app": 0, "log": 2}


def test_a_tier_that_is_not_open_does_not_start_and_does_not_end_the_run() -> None:
    saga = saga_of(plan_of(("bus", 0, ()), ("app", 1, ())), open_tier=-1)
    assert applied(saga.start(AT)) == []
    assert not saga.over
    assert saga.tiers.through() == -1
    assert applied(saga.handle(TierOpened(0), AT)) == ["bus/up"]
    assert saga.tiers.through() is None
    assert applied(done(saga, "bus/up")) == []
    assert saga.tiers.through() == 0
    assert applied(saga.handle(TierOpened(1), AT)) == ["app/up"]
    done(saga, "app/up")
    assert saga.over
    assert saga.outcome is Outcome.RECOVERED


def test_a_tier_is_never_closed_again() -> None:
    saga = saga_of(plan_of(("bus", 0, ()), ("app", 1, ())), open_tier=-1)
    saga.start(AT)
    saga.handle(TierOpened(1), AT)
    saga.handle(TierOpened(0), AT)
    assert saga.tiers.opened == 1


def test_a_held_step_lets_the_other_sites_go_on() -> None:
    held = [{"id": "up", "on_failure": OnFailure.HOLD}]
    saga = saga_of(plan_of(("bus", 0, ()), ("app", 1, ()), bus=held), open_tier=-1)
    saga.start(AT)
    saga.handle(TierOpened(0), AT)
    saga.handle(ApplyFailed("bus/up", Failure("Conflict", "taken", outcome_known=True)), AT)
    assert saga.steps["bus/up"].state is StepState.HELD
    assert saga.tiers.through() == 0


GRACEFUL: list[dict[str, Any]] = [
    {"id": "drain", "graceful": True},
    {"id": "sync", "graceful": True},
    {"id": "up"},
]


def test_giving_up_the_source_passes_over_every_graceful_step_that_is_left() -> None:
    saga = saga_of(plan_of(("bus", 0, ()), bus=[{**GRACEFUL[0], "on_failure": OnFailure.HOLD},
                                               *GRACEFUL[1:]]))  # fmt: skip
    saga.start(AT)
    saga.handle(ApplyFailed("bus/drain", Failure("Conflict", "gone", outcome_known=True)), AT)
    decision = saga.handle(UngracefulRequested("ana", "the site is lost now"), AT)
    assert applied(decision) == ["bus/up"]
    assert decision.sentences[0] == "ana gives up bus/drain, bus/sync: the site is lost now"
    assert saga.steps["bus/sync"].state is StepState.SKIPPED


def test_there_is_nothing_to_give_up_where_no_graceful_step_is_left() -> None:
    saga = saga_of(plan_of(("bus", 0, ())))
    saga.start(AT)
    refusal = saga.refusal(UngracefulRequested("ana", "why not"))
    assert refusal == "no graceful step is left to pass over"


FENCED = [{"id": "fence"}, {"id": "up"}]


def fenced_blindly() -> Saga:
    plan = plan_of(("bus", 0, ()), bus=FENCED)
    seen = {step.id: observed(step.id, {"value": 1}) for step in plan.steps}
    saga = Saga(plan, seen, run="r", epoch=1)
    saga.start(AT)
    done(saga, "bus/fence", UNPROVEN)
    return saga


def test_a_fence_without_evidence_is_remembered() -> None:
    saga = fenced_blindly()
    assert list(saga.source.unfenced) == ["bus/fence"]


def test_a_source_that_returns_is_fenced_under_a_newer_token_and_nothing_is_started_twice() -> None:
    saga = fenced_blindly()
    first = saga.steps["bus/fence"].token
    assert first is not None
    decision = saga.handle(SourceReturned("bus/fence", observed("bus/fence", {"value": 3})), AT)
    [effect] = decision.effects
    assert isinstance(effect, Apply)
    assert effect.step == "bus/fence"
    assert effect.before.before_image == {"value": 3}
    assert effect.token.sequence > first.sequence
    assert applied(done(saga, "bus/fence")) == []
    assert not saga.source.unfenced
    done(saga, "bus/up")
    assert saga.over
    assert saga.outcome is Outcome.RECOVERED


def test_a_late_fence_is_taken_off_again_by_a_rollback() -> None:
    saga = fenced_blindly()
    saga.handle(SourceReturned("bus/fence", observed("bus/fence", {"value": 3})), AT)
    done(saga, "bus/fence")
    done(saga, "bus/up")
    decision = saga.handle(RollbackRequested("ana", "not wanted"), AT)
    while reverts := [each for each in decision.effects if isinstance(each, Revert)]:
        last = reverts[-1]
        decision = saga.handle(RevertSucceeded(last.step, PROVEN), AT)
    assert last.step == "bus/fence"
    assert last.before.before_image == {"value": 3}
    assert saga.outcome is Outcome.ROLLED_BACK


def test_a_late_fence_that_fails_holds_up_nothing_and_stays_owed() -> None:
    saga = fenced_blindly()
    saga.handle(SourceReturned("bus/fence", observed("bus/fence", {"value": 3})), AT)
    saga.handle(ApplyFailed("bus/fence", Failure("Conflict", "moved", outcome_known=True)), AT)
    assert list(saga.source.unfenced) == ["bus/fence"]
    done(saga, "bus/up")
    assert saga.over
    assert saga.outcome is Outcome.RECOVERED


def test_a_source_that_returns_to_a_run_that_goes_back_is_left_alone() -> None:
    saga = fenced_blindly()
    saga.handle(RollbackRequested("ana", "not wanted"), AT)
    decision = saga.handle(SourceReturned("bus/fence", observed("bus/fence", {"value": 3})), AT)
    assert applied(decision) == []


def test_a_fence_that_a_person_passes_over_is_owed_all_the_same() -> None:
    fence = [{"id": "fence", "run": "kubernetes.fence", "on_failure": OnFailure.HOLD}, {"id": "up"}]
    saga = saga_of(plan_of(("bus", 0, ()), bus=fence))
    saga.start(AT)
    saga.handle(ApplyFailed("bus/fence", Failure("Unavailable", "gone", outcome_known=True)), AT)
    decision = saga.handle(SkipRequested("ana", "I saw it burn", "bus/fence"), AT)
    assert applied(decision) == ["bus/up"]
    assert list(saga.source.unfenced) == ["bus/fence"]
    assert "no evidence that bus no longer runs at b" in " ".join(decision.sentences)
    saga.handle(SourceReturned("bus/fence", observed("bus/fence", {"value": 3})), AT)
    saga.handle(ApplyFailed("bus/fence", Failure("Conflict", "moved", outcome_known=True)), AT)
    assert saga.steps["bus/fence"].state is StepState.SKIPPED
    assert list(saga.source.unfenced) == ["bus/fence"]
