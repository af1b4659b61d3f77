"""What is decided before a recovery acts, and after: consent, modes, the way back."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client

from holdfast.starters import RecoveryNotFound, Refused
from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.recovery import Mode, Outcome, Phase, RecoveryStatus
from holdfast.workflows.names import coordinator_id
from support.scripted import Stage, estate_of, stage, states

WHO = {"actor": "ana", "reason": "it was looked at"}
ASKED: dict[str, object] = {"approval": {"unplanned": "one"}}
WINDOW: dict[str, object] = {"commit": {"window": "1h"}}


async def approve(on: Stage, status: RecoveryStatus, actor: str, **more: Any) -> str:
    assert status.approval is not None
    answer: dict[str, Any] = {
        "plan_hash": status.approval.plan_hash,
        "request": status.approval.request,
        "reason": "it was looked at",
    } | more
    return await on.client.approve(on.workflow_id, actor=actor, **answer)


# Consent


async def test_nothing_is_changed_before_somebody_else_has_agreed(temporal: Client) -> None:
    async with stage(temporal) as on:
        await on.start(estate_of({"bus": ["up"]}, policy=ASKED))
        asked = await on.ends()

        assert (asked.phase, asked.outcome) == (Phase.APPROVING, Outcome.HELD)
        assert "holdfast approve" in asked.waits_for
        assert not on.world.happened or all("probe" in each for each in on.world.happened)
        await approve(on, asked, "ana")
        ended = await on.ends()
        assert ended.outcome is Outcome.RECOVERED
        assert ended.approval is not None
        assert [each.actor for each in ended.approval.given] == ["ana"]


async def test_who_asked_for_a_recovery_cannot_approve_it(temporal: Client) -> None:
    async with stage(temporal) as on:
        await on.start(estate_of({"bus": ["up"]}, policy=ASKED))
        asked = await on.ends()
        with pytest.raises(Refused, match="asked for it and cannot approve it"):
            await approve(on, asked, " TEST ")


async def test_another_plan_than_the_one_that_waits_cannot_be_approved(temporal: Client) -> None:
    async with stage(temporal) as on:
        await on.start(estate_of({"bus": ["up"]}, policy=ASKED))
        asked = await on.ends()
        with pytest.raises(Refused, match="the plan has changed since"):
            await approve(on, asked, "ana", plan_hash="0" * 64)
        with pytest.raises(Refused, match="for another request"):
            await approve(on, asked, "ana", request="an-older-one")


async def test_a_rejected_recovery_ends_with_nothing_changed(temporal: Client) -> None:
    async with stage(temporal) as on:
        await on.start(estate_of({"bus": ["up"]}, policy=ASKED))
        await on.ends()
        await on.client.reject(on.workflow_id, actor="ana", reason="the site is back")
        ended = await on.ends()
        assert ended.outcome is Outcome.ROLLED_BACK
        assert states(ended) == {"bus/up": "not_run"}
        assert any("ana rejects plan" in entry.sentence for entry in ended.log)


async def test_a_request_that_nobody_answers_expires(temporal: Client) -> None:
    policy = {"approval": {"unplanned": "one", "expires_after": "500ms"}}
    async with stage(temporal) as on:
        await on.start(estate_of({"bus": ["up"]}, policy=policy))
        report = await on.client.result(on.workflow_id)
        assert report.outcome is Outcome.ROLLED_BACK
        assert any("nobody approved within 500ms" in entry.sentence for entry in report.log)


async def test_two_people_are_two_and_neither_is_the_requester(temporal: Client) -> None:
    policy = {"approval": {"unplanned": "two"}}
    async with stage(temporal) as on:
        await on.start(estate_of({"bus": ["up"]}, policy=policy))
        asked = await on.ends()
        await approve(on, asked, "ana")
        with pytest.raises(Refused, match="has approved already"):
            await approve(on, asked, "Ana")
        with pytest.raises(Refused, match="asked for it"):
            await approve(on, asked, "test")
        await approve(on, asked, "ben")
        assert (await on.ends()).outcome is Outcome.RECOVERED


async def test_a_broken_glass_is_owed_a_review(temporal: Client) -> None:
    policy = {"approval": {"unplanned": "two"}}
    async with stage(temporal) as on:
        await on.start(estate_of({"bus": ["up"]}, policy=policy))
        asked = await on.ends()
        reason = "the plant stands still and nobody answers"
        await approve(on, asked, "test", reason=reason, break_glass=True)
        ended = await on.ends()
        assert ended.outcome is Outcome.RECOVERED
        assert ended.approval is not None
        assert ended.approval.review is not None


async def test_what_was_approved_before_a_reset_is_not_approved_after_it(
    temporal: Client,
) -> None:
    from temporalio.api.common.v1 import WorkflowExecution
    from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

    async with stage(temporal) as on:
        await on.start(estate_of({"bus": ["up"]}, policy=ASKED | WINDOW))
        asked = await on.ends()
        assert asked.approval is not None
        await approve(on, asked, "ana")
        async for status in on.client.watch(on.workflow_id):
            if status.phase is Phase.COMMIT_WINDOW:
                break
        handle = temporal.get_workflow_handle(on.workflow_id)
        history = await handle.fetch_history()
        first = next(
            event.event_id
            for event in history.events
            if event.HasField("workflow_task_completed_event_attributes")
        )
        await temporal.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=temporal.namespace,
                workflow_execution=WorkflowExecution(workflow_id=on.workflow_id),
                reason="a replayed approval",
                workflow_task_finish_event_id=first,
                request_id="reset",
            )
        )
        again = await on.ends()
        assert again.phase is Phase.APPROVING, again.log
        assert again.approval is not None
        assert again.approval.plan_hash == asked.approval.plan_hash
        assert again.approval.request != asked.approval.request
        assert not again.approval.given
        await on.client.reject(on.workflow_id, actor="ana", reason="not again")
        await on.ends()


# The way back


async def test_a_recovery_keeps_its_way_back_until_somebody_commits_it(temporal: Client) -> None:
    async with stage(temporal) as on:
        await on.start(estate_of({"bus": ["up"]}, policy=WINDOW))
        async for status in on.client.watch(on.workflow_id):
            if status.phase is Phase.COMMIT_WINDOW:
                break
        assert (status.outcome, status.ended_at) == (Outcome.RECOVERED, None)
        assert "holdfast commit" in status.waits_for
        await on.client.commit(on.workflow_id, **WHO)
        report = await on.client.result(on.workflow_id)
        assert report.outcome is Outcome.RECOVERED
        assert report.commit is not None
        assert report.commit.by == "ana"


async def test_a_recovery_can_be_taken_back_within_its_window(temporal: Client) -> None:
    async with stage(temporal) as on:
        await on.start(estate_of({"bus": ["up"]}, policy=WINDOW))
        async for status in on.client.watch(on.workflow_id):
            if status.phase is Phase.COMMIT_WINDOW:
                break
        await on.client.roll_back(on.workflow_id, **WHO)
        report = await on.client.result(on.workflow_id)
        assert report.outcome is Outcome.ROLLED_BACK
        assert on.world.values.get("bus-up", "before") == "before"
        with pytest.raises(RecoveryNotFound, match="has ended"):
            await on.client.commit(on.workflow_id, **WHO)


@pytest.mark.parametrize(
    ("on_timeout", "outcome"),
    [("commit", Outcome.RECOVERED), ("roll_back", Outcome.ROLLED_BACK)],
)
async def test_the_policy_decides_when_nobody_does(
    temporal: Client, on_timeout: str, outcome: Outcome
) -> None:
    policy = {"commit": {"window": "300ms", "on_timeout": on_timeout}}
    async with stage(temporal) as on:
        await on.start(estate_of({"bus": ["up"]}, policy=policy))
        report = await on.client.result(on.workflow_id)
        assert report.outcome is outcome
        assert any("nobody decided within 300ms" in entry.sentence for entry in report.log)


async def test_a_cancelled_commit_window_takes_the_way_back(temporal: Client) -> None:
    async with stage(temporal) as on:
        await on.start(estate_of({"bus": ["up"]}, policy=WINDOW))
        async for status in on.client.watch(on.workflow_id):
            if status.phase is Phase.COMMIT_WINDOW:
                break
        await temporal.get_workflow_handle(on.workflow_id).cancel()
        assert (await on.client.result(on.workflow_id)).outcome is Outcome.ROLLED_BACK


async def test_past_a_pivot_there_is_no_commit_window(temporal: Client) -> None:
    async with stage(temporal) as on:
        steps = {"bus": {"steps": {"up": {"pivot": True}}}}
        await on.start(estate_of({"bus": ["up"]}, policy=WINDOW, **steps))
        report = await on.client.result(on.workflow_id)
        assert report.outcome is Outcome.RECOVERED
        assert report.commit is None


# Modes


GRACEFUL: dict[str, Any] = {"steps": {"drain": {"graceful": True}}}


async def test_only_a_planned_move_does_what_needs_a_living_source(temporal: Client) -> None:
    policy = {"approval": {"planned": "none"}}
    for mode, wanted in ((Mode.UNPLANNED, ["up"]), (Mode.PLANNED, ["drain", "up"])):
        async with stage(temporal) as on:
            await on.start(estate_of({"bus": ["drain", "up"]}, policy=policy, bus=GRACEFUL), mode)
            ended = await on.ends()
            assert ended.outcome is Outcome.RECOVERED
            assert [step.id for step in ended.steps] == wanted


async def test_a_planned_move_goes_on_ungracefully_when_its_source_is_lost(
    temporal: Client,
) -> None:
    policy = {"approval": {"planned": "none"}}
    steps = {"steps": {"drain": {"graceful": True, "on_failure": "hold"}}}
    async with stage(temporal, {"bus/drain.apply": ["conflict"]}) as on:
        await on.start(estate_of({"bus": ["drain", "up"]}, policy=policy, bus=steps), Mode.PLANNED)
        held = await on.ends()
        assert held.outcome is Outcome.HELD
        await on.client.go_ungraceful(on.workflow_id, **WHO)
        ended = await on.ends()
        assert ended.outcome is Outcome.RECOVERED
        assert states(ended) == {"bus/drain": "skipped", "bus/up": "applied"}


async def test_a_test_is_always_cleaned_up_and_says_whether_it_passed(temporal: Client) -> None:
    forced: dict[str, Any] = {"steps": {"up": {"test": True}}}
    for script, passed in (({}, True), ({"bus/up.apply": ["conflict"]}, False)):
        async with stage(temporal, script) as on:
            await on.start(estate_of({"bus": ["up"]}, bus=forced), Mode.TEST)
            report = await on.client.result(on.workflow_id)
            assert report.outcome is Outcome.ROLLED_BACK
            assert report.test_passed is passed
            assert on.world.values.get("bus-up", "before") == "before"


# The clock


async def test_an_objective_that_is_missed_is_said_while_it_is_waited_for(
    temporal: Client,
) -> None:
    async with stage(temporal, {"bus/up.apply": ["slow:2"]}) as on:
        await on.start(estate_of({"bus": ["up"]}, bus={"objectives": {"rto": "1s"}}))
        ended = await on.ends()
        said = [entry.sentence for entry in ended.log]
        assert any("% of the 1s objective of bus is used" in each for each in said)
        assert any("the 1s objective of bus is missed" in each for each in said)
        assert ended.rto is not None
        assert ended.rto.missed == ("bus",)
        assert ended.rto.decide_s is not None
        assert ended.rto.verify_s is not None


async def test_what_past_runs_took_is_foretold(temporal: Client) -> None:
    async with stage(temporal) as on:
        policy = {"approval": {"unplanned": "one"}}
        estate = estate_of({"bus": ["up"]}, policy=policy, bus={"objectives": {"rto": "15m"}})
        await on.start(estate)
        first = await on.ends()
        assert "from probes" in first.prediction
        await approve(on, first, "ana")
        await on.ends()
        await on.start(estate)
        again = await on.ends()
        assert "from past runs: inside the 15m objective of bus" in again.prediction
        await on.client.reject(on.workflow_id, **WHO)


# The coordinator's word


async def test_an_alert_after_a_recovery_meets_its_cool_down(temporal: Client) -> None:
    async with stage(temporal) as on:
        estate = estate_of({"bus": ["up"]}, policy={"cooldown": "1h"})
        await on.start(estate)
        assert (await on.ends()).outcome is Outcome.RECOVERED
        happened = list(on.world.happened)
        await on.start(estate)
        refused = await on.ends()
        assert refused.outcome is Outcome.ROLLED_BACK
        assert any("cool-down" in entry.sentence for entry in refused.log)
        assert on.world.happened == happened


async def test_a_loss_is_held_down_before_it_is_acted_on(temporal: Client) -> None:
    async with stage(temporal) as on:
        await on.start(estate_of({"bus": ["up"]}, policy={"holddown": "1s"}))
        ended = await on.ends()
        assert ended.outcome is Outcome.RECOVERED
        assert ended.rto is not None
        assert ended.rto.decide_s is not None
        assert timedelta(seconds=ended.rto.decide_s) >= timedelta(seconds=0.9)


async def test_a_cancelled_wait_for_an_approval_gives_everything_back(temporal: Client) -> None:
    async with stage(temporal) as on:
        estate = estate_of({"bus": ["up"]}, policy=ASKED)
        await on.start(estate)
        await on.ends()
        await temporal.get_workflow_handle(on.workflow_id).cancel()
        report = await on.client.result(on.workflow_id)
        assert report.outcome is Outcome.ROLLED_BACK
        await on.start(estate)
        asked = await on.ends()
        assert asked.phase is Phase.APPROVING
        await on.client.reject(on.workflow_id, **WHO)


async def test_a_coordinator_that_somebody_stops_is_followed_by_one_that_knows_what_it_knew(
    temporal: Client,
) -> None:
    async with stage(temporal) as on:
        estate = estate_of({"bus": ["up"]}, policy={"cooldown": "1h"})
        await on.start(estate)
        assert (await on.ends()).outcome is Outcome.RECOVERED
        coordinator = temporal.get_workflow_handle(coordinator_id(estate.name))
        await coordinator.terminate("a mistake")
        async with asyncio.timeout(20):
            while not [
                each
                async for each in temporal.list_workflows(
                    f"WorkflowId = '{coordinator.id}' AND ExecutionStatus = 'Terminated'"
                )
            ]:
                await asyncio.sleep(0.05)
        await on.start(estate)
        refused = await on.ends()
        assert refused.outcome is Outcome.ROLLED_BACK
        assert any("cool-down" in entry.sentence for entry in refused.log)


async def test_a_recovery_site_that_does_not_answer_is_planned_around(temporal: Client) -> None:
    document = estate_of({"bus": ["up"]}).document()
    document["sites"].append({"name": "c", "region": "r"})
    document["services"][0]["recovery_sites"] = ["b", "c"]
    async with stage(temporal, {"bus/up.probe": ["unknown"] * 4}) as on:
        await on.start(Estate.model_validate(document))
        ended = await on.ends()
        assert ended.outcome is Outcome.RECOVERED
        assert [service.target for service in ended.services] == ["c"]
        assert any("b does not answer" in entry.sentence for entry in ended.log)


async def test_the_only_recovery_site_is_waited_for(temporal: Client) -> None:
    async with stage(temporal, {"bus/up.probe": ["unknown"] * 5}) as on:
        await on.start(estate_of({"bus": ["up"]}))
        ended = await on.ends()
        assert ended.outcome is Outcome.RECOVERED
        assert [service.target for service in ended.services] == ["b"]
