"""Temporal's traps, each with the test that keeps us out of it; and what its Web UI is told."""

from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError

from holdfast.starters import Abandoned
from holdfast.workflows.model.recovery import Outcome, RecoveryRequest
from holdfast.workflows.names import site_recovery_id
from support.scripted import Stage, estate_of, stage


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
