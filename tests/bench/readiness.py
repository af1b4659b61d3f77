"""`python -m bench.readiness`: what it takes to evaluate every plan of a large estate.

One worker in this process, its only action a scripted one; the real Temporal server. It prints one
line of JSON: seconds, runs, events and megabytes of history, and how large the answer is.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from holdfast.workers.registry import Registry
from holdfast.workers.search_attributes import ensure_search_attributes
from holdfast.workers.settings import Settings
from holdfast.workers.worker import build_worker
from holdfast.workflows.model.estate import Estate
from holdfast.workflows.names import evaluation_id
from support.processes import temporal_server
from support.scripted import SetValue, Stage, World

STEPS = ("fence", "up", "check")
QUEUE = "readiness"


def wide(sites: int, hubs: int, services: int) -> Estate:
    """Sites with so many services of three steps each, which recover at two of the hubs."""
    names = [f"site-{number:04}" for number in range(sites)]
    places: list[dict[str, Any]] = [
        {"name": name, "region": f"r{number % 30}", "capacity": {"cpu": "64"}}
        for number, name in enumerate(names)
    ]
    places += [
        {"name": f"hub-{number}", "region": "hubs", "capacity": {"cpu": "1M"}}
        for number in range(hubs)
    ]
    described = [
        {
            "name": f"{site}-v{number}",
            "site": site,
            "tier": number % 4,
            "demand": {"cpu": "2"},
            "depends_on": [f"{site}-v{number - 1}"] if number else [],
            "objectives": {"rto": "15m"},
            "recovery_sites": [f"hub-{place % hubs}", f"hub-{(place + 1) % hubs}"],
            "recovery": [
                {
                    "id": id,
                    "run": "test.set",
                    "with": {"resource": f"{{{{ service.name }}}}-{id}"},
                    "needs": [STEPS[index - 1]] if index else [],
                }
                for index, id in enumerate(STEPS)
            ],
        }
        for place, site in enumerate(names)
        for number in range(services)
    ]
    return Estate.model_validate(
        {
            "apiVersion": "holdfast.dev/v1",
            "kind": "Estate",
            "metadata": {"name": f"wide-{sites}-{hubs}"},
            "sites": places,
            "services": described,
        }
    )


async def histories(client: Client, id: str) -> AsyncIterator[list[HistoryEvent]]:
    """The events of each run of a chain, the last run first."""
    run: str | None = None
    while True:
        events = [
            each async for each in client.get_workflow_handle(id, run_id=run).fetch_history_events()
        ]
        yield events
        run = events[0].workflow_execution_started_event_attributes.continued_execution_run_id
        if not run:
            return


async def measure(address: str, sites: int, hubs: int, services: int) -> dict[str, Any]:
    """Evaluate once, and say what it took."""
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    await ensure_search_attributes(client)
    estate = wide(sites, hubs, services)
    world = World()
    settings = Settings(task_queue=QUEUE, shutdown_grace_s=0)
    async with build_worker(client, Registry(actions=(SetValue(world),)), settings):
        on = Stage(client, QUEUE, world)
        spent, began = psutil.Process().cpu_times(), time.monotonic()
        begun = await on.client.evaluate(estate)
        asked_s = time.monotonic() - began
        every = timedelta(seconds=1)
        async for found in on.client.watch_evaluation(estate.name, begun, every=every):
            last = found
        seconds = time.monotonic() - began
        used = psutil.Process().cpu_times()
        began = time.monotonic()
        await on.client.readiness(estate.name)
        query_s = time.monotonic() - began
        runs = [events async for events in histories(client, evaluation_id(estate.name))]
    flat = [event for events in runs for event in events]
    scheduled = [e for e in flat if e.HasField("activity_task_scheduled_event_attributes")]
    return {
        "sites": sites,
        "steps": sum(site.steps for site in last.sites),
        "steps_qualified": sum(site.steps_qualified for site in last.sites),
        "sentence": last.sentence,
        "seconds": round(seconds, 1),
        "cpu_s": round(used.user + used.system - spent.user - spent.system, 1),
        "asked_s": round(asked_s, 2),
        "query_s": round(query_s, 2),
        "runs": len(runs),
        "most_events_in_a_run": max(map(len, runs)),
        "events": len(flat),
        "activities": len(scheduled),
        "history_mb": round(sum(event.ByteSize() for event in flat) / 1e6, 2),
        "largest_run_mb": round(max(sum(e.ByteSize() for e in run) for run in runs) / 1e6, 2),
        "answer_kb": round(len(last.model_dump_json()) / 1e3),
    }


def main(
    sites: Annotated[int, typer.Option(help="Sites with services.")] = 1000,
    hubs: Annotated[int, typer.Option(help="Sites where they recover.")] = 20,
    services: Annotated[int, typer.Option(help="Of each site, of three steps each.")] = 5,
) -> None:
    """Evaluate an estate of so many sites once."""
    with (
        tempfile.TemporaryDirectory(prefix="readiness-") as folder,
        temporal_server(Path(folder)) as address,
    ):
        print(json.dumps(asyncio.run(measure(address, sites, hubs, services))))


if __name__ == "__main__":
    typer.run(main)
