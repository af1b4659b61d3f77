"""Pivots, and what operators say to a running recovery."""

from typing import Any

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError

from holdfast.starters import Refused
from holdfast.workflows.model.recovery import Outcome
from support.scripted import estate_of, stage, states

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
