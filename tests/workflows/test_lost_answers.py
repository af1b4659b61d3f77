"""What a recovery does about what it cannot see."""

from temporalio.client import Client

from holdfast.workflows.model.recovery import Outcome
from support.scripted import estate_of, stage, states


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
