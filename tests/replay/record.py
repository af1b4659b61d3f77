"""Records one history of each shape a recovery can take: `make histories`.

Histories of a released version are never recorded again: a change of a workflow that cannot replay
them needs `workflow.patched`.
"""

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from holdfast.workers.search_attributes import ensure_search_attributes
from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.recovery import Mode
from support.processes import temporal_server
from support.scripted import Stage, estate_of, stage

ROOT = Path(__file__).parent.parent.parent
HISTORIES = Path(__file__).parent / "histories"
SITE: dict[str, Any] = {"rollback": "site"}
THREE = {"bus": ["up", "check"], "mes<bus": ["up"], "ui<mes": ["up"]}


async def _plain(on: Stage, estate: Estate) -> None:
    await on.start(estate)


async def _dry_run(on: Stage, estate: Estate) -> None:
    await on.start(estate, Mode.DRY_RUN)


async def _skip(on: Stage, estate: Estate) -> None:
    await on.start(estate)
    await on.ends()
    await on.client.skip_step(on.workflow_id, "bus/up", actor="ana", reason="done by hand")


async def _retry(on: Stage, estate: Estate) -> None:
    await on.start(estate)
    await on.ends()
    await on.client.retry_step(on.workflow_id, "bus/up", actor="ana", reason="mended")


async def _pause(on: Stage, estate: Estate) -> None:
    await on.start(estate)
    await on.until("bus/up apply begins")
    await on.client.pause(on.workflow_id, actor="ana", reason="wait")
    await on.ends()
    await on.client.resume(on.workflow_id, actor="ana", reason="go on")


async def _cancel(on: Stage, estate: Estate) -> None:
    await on.start(estate)
    await on.until("bus/check apply begins")
    await on.temporal.get_workflow_handle(on.workflow_id).cancel()


async def _roll_back(on: Stage, estate: Estate) -> None:
    await on.start(estate)
    await on.until("bus/check apply begins")
    await on.client.roll_back(on.workflow_id, actor="ana", reason="the site is back")


def _hold() -> Estate:
    return estate_of({"bus": ["up"]}, bus={"steps": {"up": {"on_failure": "hold"}}})


def _lost() -> Estate:
    return estate_of({"bus": ["up"]}, bus={"steps": {"up": {"timeout": "500ms"}}})


Shape = tuple[Callable[[Stage, Estate], Awaitable[None]], Estate, dict[str, list[str]]]
NINE = {title: ["up", "check", "open"] for title in ("bus", "db<bus", "web<bus")}
SLOW = {"bus/check.apply": ["slow:1"]}
SHAPES: dict[str, Shape] = {
    "recovered": (_plain, estate_of(THREE), {}),
    "assessed": (_dry_run, estate_of(THREE), {}),
    "refused": (_plain, estate_of(THREE), {"mes/up.probe": ["missing"]}),
    "looked-again": (_plain, estate_of(THREE), {"mes/up.probe": ["unknown"]}),
    "service-rolled-back": (_plain, estate_of(THREE), {"mes/up.apply": ["conflict"]}),
    "site-rolled-back": (
        _plain, estate_of(THREE, policy=SITE), {"ui/up.apply": ["conflict"]},
    ),
    "residue": (
        _plain,
        estate_of(THREE, policy=SITE),
        {"ui/up.apply": ["conflict"], "bus/up.revert": ["unauthorized"]},
    ),
    "lost-answer": (_plain, _lost(), {"bus/up.apply": ["landed:unavailable"] * 9}),
    "skipped": (_skip, _hold(), {"bus/up.apply": ["unproved"]}),
    "retried": (_retry, _hold(), {"bus/up.apply": ["unproved"]}),
    "paused": (_pause, estate_of(THREE), {"bus/up.apply": ["slow:0.5"]}),
    "cancelled": (_cancel, estate_of(THREE), dict(SLOW)),
    "operator-rolled-back": (_roll_back, estate_of(THREE), dict(SLOW)),
    "shared-recovered": (_plain, estate_of(NINE), {"bus/check.apply": ["slow:1.2"]}),
    "shared-service-rolled-back": (_plain, estate_of(NINE), {"db/check.apply": ["conflict"]}),
    "shared-went-alone": (_plain, estate_of(NINE), {"db/check.apply": ["unavailable"]}),
    "shared-paused": (_pause, estate_of(NINE), {"bus/up.apply": ["slow:1.5"]}),
    "shared-cancelled": (_cancel, estate_of(NINE), {"bus/check.apply": ["slow:20"]}),
}  # fmt: skip


async def record(address: str) -> None:
    """Play every shape and write its history."""
    folder = HISTORIES / version("holdfast")
    folder.mkdir(parents=True, exist_ok=True)
    temporal = await Client.connect(address, data_converter=pydantic_data_converter)
    await ensure_search_attributes(temporal)
    for name, (play, estate, script) in SHAPES.items():
        async with stage(temporal, script, brief=name.startswith("shared-")) as on:
            await play(on, estate)
            await on.client.result(on.workflow_id)
            history = await temporal.get_workflow_handle(on.workflow_id).fetch_history()
            text = _anonymous(history.to_json())
            (folder / f"SiteRecovery-{name}.json").write_text(text + "\n")
            sys.stdout.write(f"{name}: {len(history.events)} events\n")


def _anonymous(text: str) -> str:
    """Without this machine's name and folders, which stand in identities and stack traces."""
    for private, public in (
        (str(ROOT), "/holdfast"),
        (sys.base_prefix, "/python"),
        (socket.gethostname(), "recorder"),
    ):
        text = text.replace(private, public)
    return text


def main() -> None:
    """Record against a server of its own."""
    with tempfile.TemporaryDirectory() as folder, temporal_server(Path(folder)) as address:
        asyncio.run(record(address))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
