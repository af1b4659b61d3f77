"""How a recovery ends, on the real Temporal server with scripted actions."""

from typing import Any

from temporalio.client import Client

from holdfast.workflows.model.recovery import Mode, Outcome
from support.scripted import estate_of, stage, states


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
        assert [each for each in kinds if each.startswith("test.")] == [
            "test.set.probe",
            "test.set.apply",
            "test.set.apply",
        ]


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
