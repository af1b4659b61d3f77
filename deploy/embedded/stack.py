"""The embedded stack: a Temporal server, the lab and a supervised worker, up and down together.

What it starts dies with it: at its end, on a signal, and when it is killed itself. Recoveries
survive it: they are in the state folder's database, and the next stack on that folder goes on with
them. The lab's world begins anew with each stack.
"""

import asyncio
import os
import shlex
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from ...workers.connection import connect
from .child import Child, ChildFailed
from .state import StateFolder
from .supervisor import Supervisor
from .temporal_server import HOST, PORT, UI_PORT, command, find_binary

START_WITHIN_S = 60.0
_WORKER_GRACE_S = 3.0
_SERVER_GRACE_S = 5.0
_CONNECT_WITHIN_S = 20.0


@dataclass(frozen=True)
class StackOptions:
    """What a stack is made of."""

    estate: Path
    """The lab's world is seeded from this file."""
    state: Path
    """The state folder."""
    task_queue: str
    external: str | None = None
    """The address of a Temporal that runs already, and is used instead of one of our own."""
    temporal_port: int | None = None
    ui_port: int | None = None
    lab_port: int | None = None
    """Ports; None takes the one of last time, then the usual one, then any that is free."""
    latency_ms: float = 0
    ready_after_ms: float = 300


class Stack:
    """An embedded stack, up while it is entered.

    Raises (on entering):
        ChildFailed: a process did not start; says where its log is.
        NoTemporalServer: there is no server binary.
        PortTaken: a port that was asked for is not free.
        StateFolderInUse: another stack is up on the folder.
        TemporalUnreachable: the external Temporal does not answer.
    """

    client: Client
    lab_url: str
    worker: Supervisor

    def __init__(self, options: StackOptions) -> None:
        self._options = options
        self._state = StateFolder(options.state)
        self._exits = AsyncExitStack()
        self._servers: list[Child] = []
        self.temporal_address = options.external or ""
        self.ui_url: str | None = None
        """The Web UI's address; unknown for an external Temporal."""

    @property
    def state(self) -> Path:
        """The state folder."""
        return self._state.path

    @property
    def env_file(self) -> Path:
        """The lab's env file, for other workers."""
        return self._state.env_file

    async def __aenter__(self) -> Self:
        try:
            self._exits.enter_context(self._state.held())
            await self._start_servers()
            await self._start_worker()
        except BaseException:
            await self._exits.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    async def failed(self) -> None:
        """Wait until a part of the stack has failed for good; end only by raising ChildFailed."""
        waits = [asyncio.ensure_future(self.worker.gave_up())]
        waits += [asyncio.ensure_future(_until_it_ends(server)) for server in self._servers]
        try:
            await asyncio.gather(*waits)
        finally:
            for wait in waits:
                wait.cancel()

    async def _start_servers(self) -> None:
        lab = await self._start_lab()
        if self._options.external is None:
            await self._start_temporal()
        else:
            self.client = await connect()
        ready = await lab.ready_line(START_WITHIN_S)
        self.lab_url = str(ready["url"])

    async def _start_lab(self) -> Child:
        options = self._options
        run = [
            sys.executable, "-m", "holdfast.deploy.lab", "--estate", str(options.estate.absolute()),
            "--port", str(self._state.port("lab", options.lab_port)),
            "--env-file", str(self.env_file), "--latency-ms", str(options.latency_ms),
            "--ready-after-ms", str(options.ready_after_ms),
        ]  # fmt: skip
        return await self._start("lab", run, dict(os.environ))

    async def _start_temporal(self) -> None:
        options = self._options
        port = self._state.port("temporal", options.temporal_port, [PORT])
        ui_port = self._state.port("web-ui", options.ui_port, [UI_PORT])
        run = command(find_binary(), self._state.database, port, ui_port)
        server = await self._start("temporal", run, dict(os.environ))
        await server.listening(HOST, port, START_WITHIN_S)
        self.temporal_address = f"{HOST}:{port}"
        self.ui_url = f"http://{HOST}:{ui_port}"
        self.client = await _connected(server, self.temporal_address)

    async def _start(self, name: str, run: list[str], env: dict[str, str]) -> Child:
        server = Child(name, run, env, self._state.log(name))
        await server.start()
        self._servers.append(server)
        self._exits.push_async_callback(server.stop, _SERVER_GRACE_S)
        return server

    async def _start_worker(self) -> None:
        run = [sys.executable, "-m", "holdfast.workers", "--json", "--standby"]
        env, log = self._worker_environment(), self._state.log("worker")
        self.worker = Supervisor(lambda: Child("worker", run, env, log))
        self._exits.push_async_callback(self.worker.stop, _WORKER_GRACE_S)
        await self.worker.start()

    def _worker_environment(self) -> dict[str, str]:
        """Ours without what points at other systems: this worker may touch the lab alone."""
        ours = ("HOLDFAST_", "TEMPORAL_") if self._options.external is None else ("HOLDFAST_",)
        kept = ("HOLDFAST_TEST_", "HOLDFAST_DEBUG")
        env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(ours) or name.startswith(kept)
        }
        if self._options.external is None:
            env |= {"TEMPORAL_ADDRESS": self.temporal_address, "TEMPORAL_CONFIG_FILE": os.devnull}
        return env | _read(self.env_file) | {
            "HOLDFAST_TASK_QUEUE": self._options.task_queue,
            "HOLDFAST_SHUTDOWN_GRACE_S": str(_WORKER_GRACE_S),
        }  # fmt: skip


def _read(env_file: Path) -> dict[str, str]:
    words = shlex.split(env_file.read_text(), comments=True)
    return dict(word.split("=", 1) for word in words)


async def _connected(server: Child, address: str) -> Client:
    loop = asyncio.get_running_loop()
    end = loop.time() + _CONNECT_WITHIN_S
    while True:
        try:
            return await Client.connect(address, data_converter=pydantic_data_converter)
        except RuntimeError as error:
            # It listens a moment before it serves.
            server.check()
            if loop.time() > end:
                raise ChildFailed(
                    f"temporal does not serve: {error}{server.last_words()}"
                ) from None
            await asyncio.sleep(0.05)


async def _until_it_ends(server: Child) -> None:
    await server.ended()
    server.check()
