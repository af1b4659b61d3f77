"""Steps of a site with workers of its own run there; without one, as the policy says."""

import asyncio
import contextlib
import json
import subprocess
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes
from temporalio.client import Client
from temporalio.worker import Worker

from holdfast.workers.registry import Registry
from holdfast.workers.settings import Settings
from holdfast.workers.worker import build_worker
from holdfast.workflows.model.recovery import Mode, Outcome, RecoveryStatus
from holdfast.workflows.names import PRESENT, presence_queue
from support.edge import edge_estate, site_worker
from support.scripted import SetValue, Stage, World, estate_of, stage, states
from support.shell import Shell

AT_SOURCE: dict[str, Any] = {"with": {"resource": "{{ source.name }}"}}


@pytest.fixture
def queue() -> str:
    """The queue of the workers at the recovery site."""
    return f"plant-{uuid4().hex}"


async def scheduled(on: Stage) -> list[ActivityTaskScheduledEventAttributes]:
    """The run's activities in the order in which they were scheduled."""
    history = await on.temporal.get_workflow_handle(on.workflow_id).fetch_history()
    return [
        event.activity_task_scheduled_event_attributes
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]


def said(status: RecoveryStatus, text: str) -> int:
    """How many lines of the log say this."""
    return sum(text in line.sentence for line in status.log)


async def until_said(on: Stage, text: str) -> None:
    """Wait until the log says this."""
    async with asyncio.timeout(30):
        while not said(await on.client.status(on.workflow_id), text):
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def gone_after(
    temporal: Client, queue: str, world: World
) -> AsyncIterator[contextlib.AsyncExitStack]:
    """A worker at the site that goes when the stack it is on is closed."""
    async with contextlib.AsyncExitStack() as there:
        await there.enter_async_context(site_worker(temporal, queue, SetValue(world)))
        yield there


# Where a step runs


async def test_a_step_of_a_site_with_workers_of_its_own_runs_there(
    temporal: Client, queue: str
) -> None:
    at_site = World()
    async with stage(temporal) as on, site_worker(temporal, queue, SetValue(at_site)):
        await on.start(edge_estate({"bus": ["up", "check"]}, queue))
        status = await on.ends()

        assert status.outcome is Outcome.RECOVERED
        assert at_site.values == {"bus-up": "bus/up", "bus-check": "bus/check"}
        assert on.world.happened == []


async def test_what_a_site_did_is_undone_there(temporal: Client, queue: str) -> None:
    at_site = World(script={"bus/check.apply": ["conflict"]})
    async with stage(temporal) as on, site_worker(temporal, queue, SetValue(at_site)):
        await on.start(edge_estate({"bus": ["up", "check"]}, queue))
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert at_site.values["bus-up"] == "before"
        assert on.world.happened == []


async def test_brief_steps_of_a_site_share_an_activity_there(temporal: Client, queue: str) -> None:
    async with stage(temporal, brief=True) as on:
        async with site_worker(temporal, queue, SetValue(on.world)):
            await on.start(edge_estate({"bus": [f"t{number}" for number in range(9)]}, queue))
            assert (await on.ends()).outcome is Outcome.RECOVERED

        together = [
            each.task_queue.name
            for each in await scheduled(on)
            if each.activity_type.name == "steps.apply"
        ]
        assert together == [queue]


async def test_a_site_whose_queue_is_the_common_one_needs_no_worker_of_its_own(
    temporal: Client,
) -> None:
    async with stage(temporal) as on:
        await on.start(edge_estate({"bus": ["up"]}, on.queue))
        assert (await on.ends()).outcome is Outcome.RECOVERED


# Without a worker at the site


async def test_a_dry_run_says_that_no_worker_is_at_the_site(temporal: Client, queue: str) -> None:
    async with stage(temporal) as on:
        await on.start(edge_estate({"bus": ["up"]}, queue), mode=Mode.DRY_RUN)
        status = await on.ends()

        reason = f"no worker polls {queue}; start one at b, or set policy.edge.no_worker: central"
        assert said(status, reason)
        assert on.world.happened == []


async def test_a_worker_that_comes_in_time_lets_the_run_begin(temporal: Client, queue: str) -> None:
    async with stage(temporal) as on:
        await on.start(edge_estate({"bus": ["up"]}, queue))
        await until_said(on, "looks again")
        async with site_worker(temporal, queue, SetValue(on.world)):
            assert (await on.ends()).outcome is Outcome.RECOVERED


async def test_the_central_worker_stands_in_where_the_policy_says_so(
    temporal: Client, queue: str
) -> None:
    async with stage(temporal) as on:
        await on.start(edge_estate({"bus": ["up", "check"]}, queue, no_worker="central"))
        status = await on.ends()

        assert status.outcome is Outcome.RECOVERED
        assert said(status, "no worker at b: its steps run in the central worker") == 1


async def test_steps_for_a_lost_site_run_centrally_whatever_the_policy_says(
    temporal: Client, queue: str
) -> None:
    lost = f"lost-{uuid4().hex}"
    async with stage(temporal) as on, site_worker(temporal, queue, SetValue(on.world)):
        services = {"bus": ["fence", "up"]}
        fence: dict[str, Any] = {"steps": {"fence": AT_SOURCE}}
        await on.start(edge_estate(services, queue, source_queue=lost, bus=fence))
        status = await on.ends()

        assert status.outcome is Outcome.RECOVERED
        assert said(status, "no worker at a, which is lost: its steps run in the central worker")
        assert said(status, "no worker at b") == 0


async def test_a_worker_that_survived_at_a_lost_site_does_its_steps(
    temporal: Client, queue: str
) -> None:
    lost, at_source = f"lost-{uuid4().hex}", World()
    async with (
        stage(temporal) as on,
        site_worker(temporal, queue, SetValue(on.world)),
        site_worker(temporal, lost, SetValue(at_source)),
    ):
        fence: dict[str, Any] = {"steps": {"fence": AT_SOURCE}}
        await on.start(edge_estate({"bus": ["fence", "up"]}, queue, source_queue=lost, bus=fence))
        assert (await on.ends()).outcome is Outcome.RECOVERED
        assert at_source.values == {"a": "bus/fence"}


# A worker that goes in the middle


def fenced_first(seconds: int) -> tuple[dict[str, list[str]], dict[str, Any]]:
    """The script and the keys of a service whose first step runs centrally for a while."""
    keys: dict[str, Any] = {"steps": {"fence": AT_SOURCE | {"timeout": "30s"}}}
    return {"bus/fence.apply": [f"slow:{seconds}"]}, keys


async def test_a_step_that_no_worker_picked_up_is_held_until_one_is_back(
    temporal: Client, queue: str
) -> None:
    script, keys = fenced_first(1)
    async with stage(temporal, script) as on:
        async with gone_after(temporal, queue, on.world) as there:
            await on.start(edge_estate({"bus": ["fence", "up"]}, queue, bus=keys))
            await on.until("bus/fence apply begins")
            await there.aclose()
            held = await on.ends()

        assert held.outcome is Outcome.HELD
        assert states(held) == {"bus/fence": "applied", "bus/up": "held"}
        assert said(held, f"NoWorker: no worker polls {queue}")
        async with site_worker(temporal, queue, SetValue(on.world)):
            await on.client.retry_step(on.workflow_id, "bus/up", actor="op", reason="it is back")
            assert (await on.ends()).outcome is Outcome.RECOVERED
        assert on.world.happened.count("bus/up apply begins") == 1


async def test_a_step_that_no_worker_picked_up_has_nothing_to_be_undone(
    temporal: Client, queue: str
) -> None:
    script, keys = fenced_first(1)
    async with stage(temporal, script) as on:
        async with gone_after(temporal, queue, on.world) as there:
            await on.start(edge_estate({"bus": ["fence", "up"]}, queue, bus=keys))
            await on.until("bus/fence apply begins")
            await there.aclose()
            assert (await on.ends()).outcome is Outcome.HELD
        async with site_worker(temporal, queue, SetValue(on.world)):
            await on.client.roll_back(on.workflow_id, actor="op", reason="not wanted")
            undone = await on.ends()

        assert undone.outcome is Outcome.ROLLED_BACK
        assert states(undone)["bus/up"] == "not_run"


async def test_steps_that_share_an_activity_are_held_until_a_worker_is_back(
    temporal: Client, queue: str
) -> None:
    ids = [f"t{number}" for number in range(9)]
    script, keys = fenced_first(2)
    async with stage(temporal, script, brief=True) as on:
        async with gone_after(temporal, queue, on.world) as there:
            await on.start(edge_estate({"bus": ["fence", *ids]}, queue, bus=keys))
            await on.until("bus/fence apply begins")
            await there.aclose()
            held = await on.ends()

        assert held.outcome is Outcome.HELD
        assert states(held) == {"bus/fence": "applied", "bus/t0": "held"} | {
            f"bus/{id}": "pending" for id in ids[1:]
        }
        async with site_worker(temporal, queue, SetValue(on.world)):
            await on.client.retry_step(on.workflow_id, "bus/t0", actor="op", reason="it is back")
            assert (await on.ends()).outcome is Outcome.RECOVERED


async def test_the_central_worker_goes_on_with_what_a_site_had_begun(
    temporal: Client, queue: str
) -> None:
    async with stage(temporal, {"bus/up.apply": ["slow:20"]}) as on:
        async with gone_after(temporal, queue, on.world) as there:
            long: dict[str, Any] = {"steps": {"up": {"timeout": "30s"}}}
            estate = edge_estate({"bus": ["up"]}, queue, no_worker="central", bus=long)
            await on.start(estate)
            await on.until("bus/up apply begins")
            await there.aclose()
            status = await on.ends()

        assert status.outcome is Outcome.RECOVERED
        assert said(status, "no worker at b: its steps run in the central worker") == 1
        assert on.world.happened.count("bus/up apply ends") == 1


async def test_what_a_worker_that_is_gone_had_begun_is_looked_at_before_it_is_tried_again(
    temporal: Client, queue: str
) -> None:
    async with stage(temporal, {"bus/up.apply": ["slow:20"]}) as on:
        async with gone_after(temporal, queue, on.world) as there:
            await on.start(edge_estate({"bus": ["up"]}, queue))
            await on.until("bus/up apply begins")
            await there.aclose()
            held = await on.ends()

        assert held.outcome is Outcome.HELD
        assert said(held, "bus/up is unknown: NoWorker")
        async with site_worker(temporal, queue, SetValue(on.world)):
            await on.client.retry_step(on.workflow_id, "bus/up", actor="op", reason="it is back")
            assert (await on.ends()).outcome is Outcome.RECOVERED
        assert on.world.happened.count("bus/up apply ends") == 1


async def test_a_worker_whose_slots_are_taken_is_waited_for(temporal: Client, queue: str) -> None:
    script = {"bus/up.apply": ["slow:7"], "db/up.apply": ["slow:7"]}
    long: dict[str, Any] = {"steps": {"up": {"timeout": "30s"}}}
    async with stage(temporal, script) as on:
        async with site_worker(temporal, queue, SetValue(on.world), slots=1):
            await on.start(edge_estate({"bus": ["up"], "db": ["up"]}, queue, bus=long, db=long))
            status = await on.ends()

        assert status.outcome is Outcome.RECOVERED
        assert said(status, f"the workers of {queue} are busy") == 1
        assert on.world.happened.count("bus/up apply begins") == 1
        assert on.world.happened.count("db/up apply begins") == 1


async def test_a_worker_that_has_no_time_to_answer_is_there_all_the_same(
    temporal: Client, queue: str
) -> None:
    @activity.defn(name=PRESENT)
    async def busy() -> None:
        await asyncio.sleep(30)

    registry = Registry(actions=(SetValue(world := World()),))
    settings = Settings(task_queue=queue, workflows=False, shutdown_grace_s=0)
    async with (
        stage(temporal) as on,
        build_worker(temporal, registry, settings),
        Worker(temporal, task_queue=presence_queue(queue), activities=[busy]),
    ):
        await on.start(edge_estate({"bus": ["up"]}, queue))
        assert (await on.ends()).outcome is Outcome.RECOVERED
        assert world.values == {"bus-up": "bus/up"}


async def test_a_stopped_run_does_not_wait_for_a_worker_that_is_gone(
    temporal: Client, queue: str
) -> None:
    script, keys = fenced_first(1)
    async with stage(temporal, script) as on:
        async with gone_after(temporal, queue, on.world) as there:
            await on.start(edge_estate({"bus": ["fence", "up"]}, queue, bus=keys))
            await on.until("bus/fence apply begins")
            await there.aclose()
            await on.until("bus/fence apply ends")
            await temporal.get_workflow_handle(on.workflow_id).cancel()
            status = await on.ends()

        assert status.ended_at is not None
        assert states(status)["bus/fence"] == "reverted"


class Health:
    """A service's health endpoint, which counts who asks."""

    def __init__(self) -> None:
        self.status = 503
        self.asked = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        head = f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
        writer.close()

    async def asked_more_than(self, times: int) -> None:
        """Wait until it was."""
        async with asyncio.timeout(30):
            while self.asked <= times:
                await asyncio.sleep(0.02)


async def process_at_site(address: str, queue: str) -> subprocess.Popen[str]:
    """A worker process at the site, that polls."""
    options = ("--json", "--activities-only", "--actions", "http.*", "--task-queue", queue)
    process = Shell().start("worker", *options, TEMPORAL_ADDRESS=address)
    assert process.stdout is not None
    ready = json.loads(await asyncio.to_thread(process.stdout.readline))
    assert ready["task_queue"] == queue
    return process


async def test_a_site_whose_only_worker_is_killed_is_held_and_goes_on_when_one_is_back(
    temporal: Client, temporal_address: str, queue: str
) -> None:
    health = Health()
    server = await asyncio.start_server(health.answer, "127.0.0.1")
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    check = {"run": "http.expect", "with": {"url": url}, "timeout": "5s"}
    keys: dict[str, Any] = {"steps": {"check": check}}
    async with server, stage(temporal) as on:
        first = await process_at_site(temporal_address, queue)
        await on.start(edge_estate({"bus": ["check"]}, queue, bus=keys))
        await health.asked_more_than(1)
        first.kill()
        held = await on.ends()

        assert held.outcome is Outcome.HELD
        assert said(held, f"bus/check is unknown: NoWorker: no worker polls {queue}")
        second = await process_at_site(temporal_address, queue)
        health.status = 200
        await on.client.retry_step(on.workflow_id, "bus/check", actor="op", reason="it is back")
        status = await on.ends()
        second.kill()

        assert status.outcome is Outcome.RECOVERED
    for process in (first, second):
        process.communicate()


# A worker with some actions


async def test_a_plan_that_needs_more_than_a_sites_worker_has_is_refused(
    temporal: Client, queue: str
) -> None:
    class OtherAction(SetValue):
        name = "test.other"

    async with stage(temporal) as on, site_worker(temporal, queue, OtherAction(on.world)):
        await on.start(edge_estate({"bus": ["up"]}, queue))
        status = await on.ends()

        assert status.outcome is Outcome.ROLLED_BACK
        assert said(status, f"no worker registers test.set on {queue} at b; start one there")
        assert on.world.happened == []


# What goes first


async def test_the_most_critical_services_have_the_highest_priority(temporal: Client) -> None:
    tiers: dict[str, Any] = {"bus": {"tier": 0}, "db": {"tier": 3}, "web": {"tier": 9}}
    async with stage(temporal, {"db/up.apply": ["conflict"]}) as on:
        await on.start(estate_of({"bus": ["up"], "db": ["up"], "web": ["up"]}, **tiers))
        await on.ends()

        keys: dict[str, list[int]] = {}
        for each in await scheduled(on):
            keys.setdefault(each.activity_type.name, []).append(each.priority.priority_key)
        assert keys["test.set.probe"] == [1]
        assert sorted(keys["test.set.apply"]) == [1, 4, 5]
        assert keys["test.set.revert"] == [4]
