"""Records one history of each shape a recovery can take: `make histories`.

Histories of a released version are never recorded again: a change of a workflow that cannot replay
them needs `workflow.patched`.
"""

import asyncio
import os
import socket
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from holdfast.workers.search_attributes import ensure_search_attributes
from support.processes import temporal_server
from support.scripted import stage

from .shapes import SHAPES
from .wider_shapes import WIDER

ROOT = Path(__file__).parent.parent.parent
HISTORIES = Path(__file__).parent / "histories"


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
            await _write(temporal, on.workflow_id, folder / f"SiteRecovery-{name}.json")
    for wide, (reach, words) in WIDER.items():
        async with stage(temporal, words) as on:
            await _write(temporal, await reach(on), folder / f"{wide}.json")


async def _write(temporal: Client, workflow_id: str, file: Path) -> None:
    history = await temporal.get_workflow_handle(workflow_id).fetch_history()
    file.write_text(_anonymous(history.to_json()) + "\n")
    sys.stdout.write(f"{file.stem}: {len(history.events)} events\n")


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
