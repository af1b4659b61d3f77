"""Brief steps share one activity, and each is still a step: seen, timed, undone, skipped alone."""

import asyncio

from temporalio.client import Client

from holdfast.workflows.model.recovery import Outcome, RecoveryStatus
from holdfast.workflows.names import START_COORDINATOR
from support.scripted import Stage, estate_of, stage, states

CHAINS = {
    "bus": ["up", "check", "open"],
    "db<bus": ["up", "check", "open"],
    "web<bus": ["up", "check", "open"],
}
STEPS = [f"{title.partition('<')[0]}/{id}" for title, ids in CHAINS.items() for id in ids]


async def activities(on: Stage) -> list[str]:
    """The types of the run's activities, in the order in which they were scheduled."""
    history = await on.temporal.get_workflow_handle(on.workflow_id).fetch_history()
    return [
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
        and event.activity_task_scheduled_event_attributes.activity_type.name != START_COORDINATOR
    ]


def times(status: RecoveryStatus, step: str) -> tuple[float, float]:
    """When a step began and ended, in seconds."""
    service, _, id = step.partition("/")
    one = next(each for each in status.steps if (each.service, each.id) == (service, id))
    assert one.started_at is not None
    assert one.ended_at is not None
    return one.started_at.timestamp(), one.ended_at.timestamp()


async def test_brief_steps_share_one_activity_in_the_order_of_their_needs(
    temporal: Client,
) -> None:
    async with stage(temporal, brief=True) as on:
        await on.start(estate_of(CHAINS))
        status = await on.ends()

        assert status.outcome is Outcome.RECOVERED
        assert await activities(on) == ["test.set.probe", "steps.apply"]
        assert on.world.index("bus/open apply ends") < on.world.index("db/up apply begins")
        assert on.world.index("web/up apply ends") < on.world.index("web/check apply begins")


async def test_each_of_them_has_its_own_times_evidence_and_sentence(temporal: Client) -> None:
    async with stage(temporal, {"bus/check.apply": ["slow:0.4"]}, brief=True) as on:
        await on.start(estate_of(CHAINS))
        status = await on.ends()

        began, ended = times(status, "bus/check")
        assert ended - began >= 0.4
        assert times(status, "bus/up")[1] <= began
        assert times(status, "db/up")[0] >= ended
        assert {step.sentence for step in status.steps if step.service == "bus"} == {
            "bus-up is bus/up",
            "bus-check is bus/check",
            "bus-open is bus/open",
        }


async def test_a_few_brief_steps_have_an_activity_each(temporal: Client) -> None:
    async with stage(temporal, brief=True) as on:
        await on.start(estate_of({"bus": ["up", "check"], "db<bus": ["up"]}))
        await on.ends()

        assert (await activities(on)).count("test.set.apply") == 3


async def test_long_steps_have_an_activity_each(temporal: Client) -> None:
    async with stage(temporal) as on:
        await on.start(estate_of(CHAINS))
        await on.ends()

        assert (await activities(on)).count("test.set.apply") == len(STEPS)


async def test_one_that_fails_undoes_its_service_and_lets_the_others_finish(
    temporal: Client,
) -> None:
    async with stage(temporal, {"db/check.apply": ["conflict"]}, brief=True) as on:
        await on.start(estate_of(CHAINS))
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        seen = states(status)
        assert seen["db/up"] == "reverted"
        assert seen["db/open"] == "not_run"
        assert "db/open apply begins" not in on.world.happened
        assert {seen[step] for step in STEPS if not step.startswith("db/")} == {"applied"}


async def test_what_does_not_answer_goes_on_in_an_activity_of_its_own(temporal: Client) -> None:
    script = {"db/check.apply": ["unavailable", "unavailable"]}
    async with stage(temporal, script, brief=True) as on:
        await on.start(estate_of(CHAINS))
        status = await on.ends()

        assert status.outcome is Outcome.RECOVERED
        assert "test.set.apply" in await activities(on)
        assert any("db/check goes on by itself" in line.sentence for line in status.log)


async def test_one_whose_answer_was_lost_is_not_applied_twice(temporal: Client) -> None:
    async with stage(temporal, {"bus/up.apply": ["landed:unavailable"]}, brief=True) as on:
        await on.start(estate_of(CHAINS))
        status = await on.ends()

        assert status.outcome is Outcome.RECOVERED
        assert states(status)["bus/up"] == "applied"


async def test_an_answer_that_cannot_be_read_is_not_taken_for_an_end(temporal: Client) -> None:
    async with stage(temporal, {"web/up.apply": ["garbled"]}, brief=True) as on:
        await on.start(estate_of(CHAINS))
        status = await on.ends()

        assert status.outcome is Outcome.RECOVERED
        assert any("web/up goes on by itself" in line.sentence for line in status.log)


async def test_a_queued_step_may_be_skipped(temporal: Client) -> None:
    async with stage(temporal, {"bus/up.apply": ["slow:1.5"]}, brief=True) as on:
        await on.start(estate_of(CHAINS))
        await on.until("bus/up apply begins")
        await on.client.skip_step(on.workflow_id, "db/check", actor="ana", reason="known good")
        status = await on.ends()

        assert status.outcome is Outcome.RECOVERED
        assert states(status)["db/check"] == "skipped"
        assert "db/check apply begins" not in on.world.happened
        assert states(status)["db/open"] == "applied"


async def test_a_paused_run_starts_no_queued_step(temporal: Client) -> None:
    async with stage(temporal, {"bus/up.apply": ["slow:1.5"]}, brief=True) as on:
        await on.start(estate_of(CHAINS))
        await on.until("bus/up apply begins")
        await on.client.pause(on.workflow_id, actor="ana", reason="a look first")
        paused = await on.ends()

        assert paused.outcome is Outcome.HELD
        assert states(paused)["bus/check"] == "pending"
        assert "bus/check apply begins" not in on.world.happened
        await on.client.resume(on.workflow_id, actor="ana", reason="go on")
        assert (await on.ends()).outcome is Outcome.RECOVERED


async def test_cancellation_stops_the_shared_activity_and_undoes_what_it_did(
    temporal: Client,
) -> None:
    async with stage(temporal, {"web/check.apply": ["slow:20"]}, brief=True) as on:
        await on.start(estate_of(CHAINS))
        await on.until("web/check apply begins")
        await temporal.get_workflow_handle(on.workflow_id).cancel()
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert set(on.world.values.values()) == {"before"}
        assert states(status)["web/open"] == "not_run"


async def test_a_step_that_runs_longer_than_expected_is_seen_running(temporal: Client) -> None:
    async with stage(temporal, {"bus/check.apply": ["slow:2"]}, brief=True) as on:
        await on.start(estate_of(CHAINS))
        await on.until("bus/check apply begins")
        async with asyncio.timeout(1.5):
            while states(await on.client.status(on.workflow_id))["bus/check"] != "applying":
                await asyncio.sleep(0.05)
        running = states(await on.client.status(on.workflow_id))

        assert running["bus/up"] == "applied"
        assert running["bus/open"] == "queued"
        assert (await on.ends()).outcome is Outcome.RECOVERED


async def test_a_terminated_run_begins_nothing_more_once_its_worker_has_heard(
    temporal: Client,
) -> None:
    many = {"bus": [f"t{number}" for number in range(40)]}
    slow = {f"bus/t{number}.apply": ["slow:0.2"] for number in range(40)}
    async with stage(temporal, slow, brief=True) as on:
        await on.start(estate_of(many))
        await on.until("bus/t2 apply begins")
        await temporal.get_workflow_handle(on.workflow_id).terminate()
        await asyncio.sleep(2.5)
        begun = len(on.world.happened)
        await asyncio.sleep(1)

        assert len(on.world.happened) == begun
        assert "bus/t39 apply begins" not in on.world.happened


async def test_evidence_of_any_size_lets_the_run_end(temporal: Client) -> None:
    async with stage(temporal, brief=True) as on:
        on.world.evidence = "x" * 9_000
        await on.start(estate_of({f"s{number}": ["up", "check"] for number in range(120)}))
        assert (await on.ends()).outcome is Outcome.RECOVERED
