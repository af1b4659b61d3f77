"""The worker process kept running: as a service manager would, or as `holdfast dev` does.

A plain one is started anew when it has died, as `holdfast worker` is in production by whatever
supervises it. A standby is the product's own `Supervisor`: the next process is loaded while the
present one works, and is called when that dies.
"""

import asyncio
import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import psutil

from bench.holdfast.worker import MODULE
from holdfast.deploy.embedded.child import Child
from holdfast.deploy.embedded.supervisor import Supervisor
from support.processes import Worker

LOOK_EVERY_S = 0.005
READY = re.compile(r"^worker (\d+) ready", re.MULTILINE)


class Kept(Protocol):
    """A worker process that is replaced when it dies."""

    @property
    def pid(self) -> int:
        """The process that works now."""

    async def start(self) -> None:
        """Start it, and wait until it polls."""

    async def kill(self) -> float:
        """Kill it with SIGKILL; when it was found dead, seconds since the epoch."""

    async def stop(self) -> None:
        """End it."""


class PlainWorker:
    """A process that is started from nothing, and again at once when it has died."""

    def __init__(self, env: Mapping[str, str], log: Path, module: str = MODULE) -> None:
        self._worker = Worker(env, log, module)
        self._log = log
        self._died = asyncio.Event()
        self._died_at = 0.0
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The process that said last that it is ready."""
        return int(READY.findall(self._log.read_text())[-1])

    async def start(self) -> None:
        """Start it, and wait until it polls."""
        await asyncio.to_thread(self._worker.start)
        self._watch = asyncio.create_task(self._supervise())

    async def kill(self) -> float:
        """Kill it; when it was found dead, seconds since the epoch."""
        self._died.clear()
        os.kill(self.pid, signal.SIGKILL)
        await self._died.wait()
        return self._died_at

    async def stop(self) -> None:
        """End it."""
        if self._watch is not None:
            self._watch.cancel()
        self._worker.end()

    async def _supervise(self) -> None:
        deaths = 0
        while True:
            found_at = time.time()
            self._worker.supervise()
            if self._worker.deaths > deaths:
                deaths, self._died_at = self._worker.deaths, found_at
                self._died.set()
            await asyncio.sleep(LOOK_EVERY_S)


class StandbyWorker:
    """The product's supervisor, with a process that stands by."""

    def __init__(self, env: Mapping[str, str], log: Path, module: str = MODULE) -> None:
        run = [sys.executable, "-m", module, "--json", "--standby"]
        whole = {**os.environ, **env}
        self._supervisor = Supervisor(lambda: Child("worker", run, whole, log))

    @property
    def pid(self) -> int:
        """The process that works now."""
        return self._supervisor.pid

    async def start(self) -> None:
        """Start it, and wait until it polls."""
        await self._supervisor.start()

    async def kill(self) -> float:
        """Kill it; when it was found dead, seconds since the epoch."""
        return await self._supervisor.kill()

    async def stop(self) -> None:
        """End it, and the one that stands by."""
        await self._supervisor.stop(0)


def worker_pids(module: str = MODULE) -> list[int]:
    """The worker processes that this process has started and that live, those standing by too."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if module in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child.pid)
    return found
