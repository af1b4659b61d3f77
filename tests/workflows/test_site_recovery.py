"""One recovery on the real Temporal server, its actions scripted: every end and every trap."""

import asyncio
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from holdfast.starters import Abandoned, Refused
from holdfast.workflows.model.recovery import Mode, Outcome, RecoveryStatus
from holdfast.workflows.names import site_recovery_id
from support.scripted import Stage, estate_of, stage


def states(status: RecoveryStatus) -> dict[str, str]:
    """`service/step` → state."""
    return {f"{step.service}/{step.id}": step.state.value for step in status.steps}


async def test_a_recovery_applies_every_step_in_dependency_order(temporal: Client) -> None:
    async with stage(temporal) as on:
        await on.start(estate_of({"bus": ["up", "verify"], "mes<bus": ["up"]}))
        status = await on.ends()

        assert status.outcome is Outcome.RECOVERED
        assert set(states(status).values()) == {"applied"}
        world = on.world
        assert world.index("bus/verify apply ends") < world.index("mes/up apply begins")
        assert status.sentence == "recovered 2 services of a"


async def test_before_images_are_in_history_before_the_first_change(temporal: Client) -> None:
    async with stage(temporal) as on:
        await on.start(estate_of({"bus": ["up"], "mes": ["up"]}))
        await on.ends()

        history = await temporal.get_workflow_handle(on.workflow_id).fetch_history()
        kinds = [
            event.activity_task_scheduled_event_attributes.activity_type.name
            for event in history.events
            if event.HasField("activity_task_scheduled_event_attributes")
        ]
        assert kinds == ["plan.compile", "test.set.probe", "test.set.apply", "test.set.apply"]


async def test_a_failed_step_undoes_its_service_and_its_dependents_and_nothing_else(
    temporal: Client,
) -> None:
    async with stage(temporal, {"mes/check.apply": ["conflict"]}) as on:
        await on.start(estate_of({"bus": ["up"], "mes<bus": ["up", "check"], "ui<mes": ["up"]}))
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert states(status) == {
            "bus/up": "applied",
            "mes/up": "reverted",
            "mes/check": "reverted",
            "ui/up": "not_run",
        }
        assert on.world.values["mes-up"] == "before"
        assert on.world.values["bus-up"] == "bus/up"


async def test_rollback_of_the_site_undoes_everything_in_reverse_order(temporal: Client) -> None:
    async with stage(temporal, {"ui/up.apply": ["conflict"]}) as on:
        await on.start(
            estate_of(
                {"bus": ["up", "check"], "mes<bus": ["up"], "ui<mes": ["up"]},
                policy={"rollback": "site"},
            )
        )
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert set(on.world.values.values()) == {"before"}
        ends = [entry for entry in on.world.happened if entry.endswith("revert ends")]
        assert ends == [f"{id} revert ends" for id in ("ui/up", "mes/up", "bus/check", "bus/up")]


async def test_a_step_that_may_fail_is_passed_over(temporal: Client) -> None:
    async with stage(temporal, {"bus/label.apply": ["unauthorized"]}) as on:
        steps: dict[str, Any] = {"label": {"on_failure": "continue"}}
        await on.start(estate_of({"bus": ["label", "up"]}, bus={"steps": steps}))
        status = await on.ends()

        assert status.outcome is Outcome.RECOVERED
        assert states(status) == {"bus/label": "failed", "bus/up": "applied"}


async def test_what_cannot_be_undone_becomes_residue_with_its_command(temporal: Client) -> None:
    script = {"mes/up.apply": ["conflict"], "bus/check.revert": ["unauthorized"]}
    async with stage(temporal, script) as on:
        await on.start(
            estate_of({"bus": ["up", "check"], "mes<bus": ["up"]}, policy={"rollback": "site"})
        )
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK_WITH_RESIDUE
        assert [(left.step, left.command) for left in status.residue] == [
            ("bus/check", "set bus-check before")
        ]
        assert on.world.values["bus-up"] == "before", "the rest is undone all the same"


async def test_a_step_that_is_not_qualified_refuses_the_run_before_anything_changes(
    temporal: Client,
) -> None:
    async with stage(temporal, {"mes/up.probe": ["missing"]}) as on:
        await on.start(estate_of({"bus": ["up"], "mes": ["up"]}))
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert on.world.happened == []
        assert "mes/up: it does not exist; create it" in [line.sentence for line in status.log]


async def test_a_dry_run_probes_everything_and_changes_nothing(temporal: Client) -> None:
    async with stage(temporal) as on:
        await on.start(estate_of({"bus": ["up", "check"], "mes<bus": ["up"]}), Mode.DRY_RUN)
        status = await on.ends()

        assert status.outcome is Outcome.ASSESSED
        assert status.predicted_recovery_time_s == 30
        assert on.world.happened == []


# What cannot be seen


async def test_a_lost_answer_is_looked_at_and_taken_for_what_it_is(temporal: Client) -> None:
    async with stage(temporal, {"bus/up.apply": ["landed:unavailable"] * 99}) as on:
        steps = {"up": {"timeout": "500ms"}}
        await on.start(estate_of({"bus": ["up"]}, bus={"steps": steps}))
        status = await on.ends()

        assert status.outcome is Outcome.RECOVERED
        assert status.steps[0].sentence.startswith("seen applied after Unavailable")


async def test_an_unknown_step_that_did_not_land_is_a_failed_one(temporal: Client) -> None:
    async with stage(temporal, {"bus/up.apply": ["unavailable"] * 99}) as on:
        steps = {"up": {"timeout": "500ms"}}
        await on.start(estate_of({"bus": ["up"]}, bus={"steps": steps}))
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert on.world.values == {}


async def test_a_step_that_cannot_be_seen_at_first_waits_until_it_can(temporal: Client) -> None:
    async with stage(temporal, {"bus/up.probe": ["unknown", "unknown"]}) as on:
        await on.start(estate_of({"bus": ["up"]}))
        status = await on.ends()

        assert status.outcome is Outcome.RECOVERED


async def test_an_answer_that_cannot_be_read_is_looked_into_and_never_ends_the_run(
    temporal: Client,
) -> None:
    script = {"mes/up.apply": ["garbled"], "bus/up.probe": ["absent"]}
    async with stage(temporal, script) as on:
        await on.start(estate_of({"bus": ["up"], "mes<bus": ["up"]}))
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert states(status) == {"bus/up": "applied", "mes/up": "reverted"}
        assert any("cannot be read" in line.sentence for line in status.log)


async def test_an_apply_that_hangs_is_stopped_when_its_time_is_up(temporal: Client) -> None:
    async with stage(temporal, {"bus/up.apply": ["slow:600"]}) as on:
        await on.start(estate_of({"bus": ["up"]}, bus={"steps": {"up": {"timeout": "500ms"}}}))
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert any("overran the step's time" in line.sentence for line in status.log)


async def test_a_step_that_a_newer_recovery_owns_is_left_alone_and_is_no_residue(
    temporal: Client,
) -> None:
    script = {"bus/up.apply": ["fenced"], "bus/up.revert": ["fenced"]}
    async with stage(temporal, script) as on:
        await on.start(estate_of({"bus": ["up"]}))
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert states(status) == {"bus/up": "not_run"}
        assert status.residue == ()


# Pivots


async def test_after_its_pivot_a_service_is_held_instead_of_undone(temporal: Client) -> None:
    async with stage(temporal, {"db/open.apply": ["conflict"]}) as on:
        steps: dict[str, Any] = {"promote": {"pivot": True}}
        await on.start(estate_of({"db": ["promote", "open"]}, db={"steps": steps}))
        status = await on.ends()

        assert status.outcome is Outcome.HELD
        assert states(status) == {"db/promote": "applied", "db/open": "held"}
        with pytest.raises(Refused, match="passed its pivot db/promote"):
            await on.client.roll_back(on.workflow_id, actor="op", reason="give up")
        await on.client.retry_step(on.workflow_id, "db/open", actor="op", reason="fixed")
        assert (await on.ends()).outcome is Outcome.RECOVERED


async def test_a_cancelled_run_past_its_pivot_goes_on_and_says_so(temporal: Client) -> None:
    async with stage(temporal, {"db/open.apply": ["slow:1"]}) as on:
        steps: dict[str, Any] = {"promote": {"pivot": True}}
        await on.start(estate_of({"db": ["promote", "open"]}, db={"steps": steps}))
        await on.until("db/open apply begins")
        await temporal.get_workflow_handle(on.workflow_id).cancel()
        status = await on.ends()

        assert status.outcome is Outcome.RECOVERED
        assert any("but it goes on" in line.sentence for line in status.log)


# Operators


async def test_a_held_step_waits_for_a_person_who_may_retry_it(temporal: Client) -> None:
    async with stage(temporal, {"bus/up.apply": ["unproved"]}) as on:
        steps: dict[str, Any] = {"up": {"on_failure": "hold"}}
        await on.start(estate_of({"bus": ["up"]}, bus={"steps": steps}))
        held = await on.ends()

        assert held.outcome is Outcome.HELD
        assert held.progress == "operator"
        sentence = await on.client.retry_step(
            on.workflow_id, "bus/up", actor="ana", reason="disk replaced"
        )
        assert sentence == "ana retries bus/up: disk replaced"
        assert (await on.ends()).outcome is Outcome.RECOVERED


async def test_a_held_step_may_be_skipped(temporal: Client) -> None:
    async with stage(temporal, {"bus/up.apply": ["unproved"]}) as on:
        steps: dict[str, Any] = {"up": {"on_failure": "hold"}}
        await on.start(estate_of({"bus": ["up", "check"]}, bus={"steps": steps}))
        await on.ends()
        await on.client.skip_step(on.workflow_id, "bus/up", actor="ana", reason="by hand")
        status = await on.ends()

        assert status.outcome is Outcome.RECOVERED
        assert states(status) == {"bus/up": "skipped", "bus/check": "applied"}


async def test_a_running_step_that_is_skipped_is_stopped_first(temporal: Client) -> None:
    async with stage(temporal, {"bus/up.apply": ["slow:60"]}) as on:
        steps: dict[str, Any] = {"up": {"timeout": "5m"}}
        await on.start(estate_of({"bus": ["up", "check"]}, bus={"steps": steps}))
        await on.until("bus/up apply begins")
        await on.client.skip_step(on.workflow_id, "bus/up", actor="ana", reason="too slow")
        status = await on.ends()

        assert states(status) == {"bus/up": "skipped", "bus/check": "applied"}


async def test_a_step_skipped_before_its_turn_lets_nothing_overtake_those_before_it(
    temporal: Client,
) -> None:
    async with stage(temporal, {"db/fence.apply": ["slow:1"]}) as on:
        await on.start(estate_of({"db": ["fence", "verify", "promote"]}))
        await on.until("db/fence apply begins")
        await on.client.skip_step(on.workflow_id, "db/verify", actor="ana", reason="known good")
        status = await on.ends()

        assert states(status) == {
            "db/fence": "applied",
            "db/verify": "skipped",
            "db/promote": "applied",
        }
        world = on.world
        assert world.index("db/fence apply ends") < world.index("db/promote apply begins")


async def test_a_paused_run_starts_nothing_until_it_is_resumed(temporal: Client) -> None:
    async with stage(temporal, {"bus/up.apply": ["slow:0.5"]}) as on:
        await on.start(estate_of({"bus": ["up", "check"]}))
        await on.until("bus/up apply begins")
        await on.client.pause(on.workflow_id, actor="ana", reason="wait for the vendor")
        paused = await on.ends()

        assert paused.outcome is Outcome.HELD
        assert paused.waits_for == "ana to resume: wait for the vendor"
        assert "bus/check apply begins" not in on.world.happened
        await on.client.resume(on.workflow_id, actor="ana", reason="go")
        assert (await on.ends()).outcome is Outcome.RECOVERED


async def test_an_operator_s_rollback_undoes_everything(temporal: Client) -> None:
    async with stage(temporal, {"mes/up.apply": ["slow:60"]}) as on:
        steps: dict[str, Any] = {"up": {"timeout": "5m"}}
        await on.start(estate_of({"bus": ["up"], "mes<bus": ["up"]}, mes={"steps": steps}))
        await on.until("mes/up apply begins")
        await on.client.roll_back(on.workflow_id, actor="ana", reason="the site is back")
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert set(on.world.values.values()) == {"before"}


async def test_requests_that_make_no_sense_are_refused_and_harm_nothing(temporal: Client) -> None:
    async with stage(temporal, {"bus/up.apply": ["slow:1.5"]}) as on:
        await on.start(estate_of({"bus": ["up"]}))
        await on.until("bus/up apply begins")
        for step, match in (("bus/nope", "is no step"), ("bus/up", "is applying, not held")):
            with pytest.raises(Refused, match=match):
                await on.client.retry_step(on.workflow_id, step, actor="x", reason="y")
        with pytest.raises(Refused, match="not paused"):
            await on.client.resume(on.workflow_id, actor="x", reason="y")
        handle = temporal.get_workflow_handle(on.workflow_id)
        for bad in ({}, {"actor": "", "reason": "r"}, {"actor": "a", "reason": "r", "x": 1}, 7):
            with pytest.raises(WorkflowUpdateFailedError):
                await handle.execute_update("pause", bad)

        assert (await on.ends()).outcome is Outcome.RECOVERED


# Cancellation


async def test_cancelling_a_run_rolls_it_back_after_what_runs_has_landed(
    temporal: Client,
) -> None:
    async with stage(temporal, {"bus/check.apply": ["deaf:1"]}) as on:
        await on.start(estate_of({"bus": ["up", "check"]}))
        await on.until("bus/check apply begins")
        await temporal.get_workflow_handle(on.workflow_id).cancel()
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert set(on.world.values.values()) == {"before"}
        world = on.world
        assert world.index("bus/check apply ends") < world.index("bus/check revert begins")


async def test_a_second_cancellation_does_not_abandon_the_rollback(temporal: Client) -> None:
    script = {"bus/check.apply": ["slow:30"], "bus/up.revert": ["slow:1"]}
    async with stage(temporal, script) as on:
        steps: dict[str, Any] = {"check": {"timeout": "5m"}}
        await on.start(estate_of({"bus": ["up", "check"]}, bus={"steps": steps}))
        handle = temporal.get_workflow_handle(on.workflow_id)
        await on.until("bus/check apply begins")
        await handle.cancel()
        await on.until("bus/up revert begins")
        await handle.cancel()
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert set(on.world.values.values()) == {"before"}


async def test_a_cancellation_while_a_failure_is_undone_changes_nothing(
    temporal: Client,
) -> None:
    script = {"bus/check.apply": ["conflict"], "bus/up.revert": ["slow:1"]}
    async with stage(temporal, script) as on:
        await on.start(estate_of({"bus": ["up", "check"]}))
        await on.until("bus/up revert begins")
        await temporal.get_workflow_handle(on.workflow_id).cancel()
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert set(on.world.values.values()) == {"before"}


async def test_a_run_cancelled_while_its_steps_are_probed_changes_nothing(
    temporal: Client,
) -> None:
    async with stage(temporal, {"bus/up.probe": ["unknown"] * 9}) as on:
        await on.start(estate_of({"bus": ["up"]}))
        async with asyncio.timeout(20):
            while not (await on.client.status(on.workflow_id)).log:
                await asyncio.sleep(0.05)
        await temporal.get_workflow_handle(on.workflow_id).cancel()
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert on.world.happened == []


# Temporal's traps


async def test_a_run_survives_a_worker_that_keeps_nothing_in_memory(temporal: Client) -> None:
    async with stage(temporal, {"mes/check.apply": ["conflict"]}, cached=0) as on:
        await on.start(
            estate_of({"bus": ["up"], "mes<bus": ["up", "check"]}, policy={"rollback": "site"})
        )
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert set(on.world.values.values()) == {"before"}


async def test_an_input_that_cannot_be_read_fails_the_run_at_once(temporal: Client) -> None:
    async with stage(temporal) as on:
        handle = await temporal.start_workflow(
            "SiteRecovery", {"estate": 7}, id=f"bad-{id(on)}", task_queue=_queue(on)
        )
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()

        assert isinstance(failed.value.cause, ApplicationError)


async def test_an_action_that_no_worker_registers_refuses_the_run(temporal: Client) -> None:
    async with stage(temporal) as on:
        steps: dict[str, Any] = {"up": {"run": "test.unheard_of"}}
        await on.start(estate_of({"bus": ["up"]}, bus={"steps": steps}))
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert any("no worker registers test.unheard_of" in line.sentence for line in status.log)


async def test_who_watches_a_run_that_is_terminated_is_told(temporal: Client) -> None:
    async with stage(temporal, {"bus/up.apply": ["slow:2"]}) as on:
        await on.start(estate_of({"bus": ["up"]}))
        await on.until("bus/up apply begins")
        await temporal.get_workflow_handle(on.workflow_id).terminate("by mistake")

        with pytest.raises(Abandoned, match="did not end by itself"):
            await on.ends()


async def test_a_second_request_for_the_site_joins_the_run_in_progress(temporal: Client) -> None:
    async with stage(temporal, {"bus/up.apply": ["slow:1"]}) as on:
        estate = estate_of({"bus": ["up"]})
        first = await on.start(estate)
        await on.until("bus/up apply begins")
        from holdfast.workflows.model.recovery import RecoveryRequest

        again = await on.client.recover(RecoveryRequest(estate=estate, site="a"))

        assert again.joined
        assert again.workflow_id == first == site_recovery_id(estate.name, "a")
        assert (await on.ends()).outcome is Outcome.RECOVERED


async def test_the_web_ui_is_told_the_story(temporal: Client) -> None:
    async with stage(temporal) as on:
        await on.start(estate_of({"bus": ["up"]}))
        await on.ends()

        handle = temporal.get_workflow_handle(on.workflow_id)
        described = await handle.describe()
        attributes = {
            pair.key.name: pair.value
            for pair in described.typed_search_attributes.search_attributes
        }
        assert attributes["HoldfastPhase"] == "recovered"
        assert attributes["HoldfastOutcome"] == "recovered"
        assert attributes["HoldfastSite"] == "a"
        assert "a of e" in (await described.static_summary() or "")
        summaries = [
            event.user_metadata.summary.data.decode()
            for event in (await handle.fetch_history()).events
            if event.HasField("activity_task_scheduled_event_attributes")
        ]
        assert '"bus: bus-up before → bus/up"' in summaries


def _queue(on: Stage) -> str:
    return on.client._task_queue
