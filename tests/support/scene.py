"""One estate on a lab, with workers that may be killed, and everything that was done to it."""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from holdfast.starters import RecoveryClient
from holdfast.workers.search_attributes import ensure_search_attributes
from holdfast.workflows.estate_coordinator import EstateCoordinator
from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.estate_state import Allow, EstateState
from holdfast.workflows.model.failback import FailbackStatus
from holdfast.workflows.model.recovery import RecoveryStatus
from holdfast.workflows.model.standby import StandbyStatus
from holdfast.workflows.names import coordinator_id, failback_id, site_recovery_id
from holdfast.workflows.standby_guard import StandbyGuard

from .activity_oracle import Reached
from .processes import Lab, Worker
from .shell import Shell

REAL = "holdfast.workers"
"""The module that runs the real worker."""
TESTS = Path(__file__).parent.parent
ASKED_AGAIN_S = 0.4
_QUERY, _BRIEF = timedelta(seconds=3), timedelta(seconds=1)


class NotSo(Exception):
    """Something did not come to be in time."""


class Scene:
    """An estate under a name of its own; the world is the lab's initial one."""

    def __init__(
        self,
        address: str,
        lab: Lab,
        folder: Path,
        document: Mapping[str, Any],
        *,
        module: str = REAL,
    ) -> None:
        self.lab = lab
        self.folder = folder
        self.document = {**document, "metadata": {"name": _name(folder)}}
        self.estate = Estate.model_validate(self.document)
        self.file = folder / "estate.yaml"
        self.file.write_text(yaml.safe_dump(self.document, sort_keys=False))
        self.lost: dict[str, None] = {}
        self.reached: list[Reached] = []
        self.deaths = 0
        self.workers: list[Worker] = []
        self.states: list[EstateState] = []
        self._address = address
        self._module = module
        self._keeping: asyncio.Task[None] | None = None
        env = {"TEMPORAL_ADDRESS": address, "HOLDFAST_TASK_QUEUE": self.estate.name}
        self.shell = Shell(env)
        self._worker_env = {
            **lab.env,
            **env,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(TESTS), os.environ.get("PYTHONPATH")))),
            "HOLDFAST_SHUTDOWN_GRACE_S": "1",
        }

    async def start(self, workers: int) -> None:
        """The initial world; connect, and start the workers, which are replaced when they die."""
        self.lab.reset()
        self.before = self.lab.world()
        self.since = self.last_seq()
        temporal = await Client.connect(self._address, data_converter=pydantic_data_converter)
        await ensure_search_attributes(temporal)
        self.temporal = temporal
        self.client = RecoveryClient(temporal, task_queue=self.estate.name)
        for number in range(workers):
            log = self.folder / f"worker-{number}.log"
            self.workers.append(Worker(self._worker_env, log, self._module))
        for worker in self.workers:
            worker.start()
        self._keeping = asyncio.create_task(self._keep())

    def end(self) -> None:
        """Kill the workers."""
        if self._keeping is not None:
            self._keeping.cancel()
        for worker in self.workers:
            worker.end()

    @contextlib.asynccontextmanager
    async def playing(self, workers: int = 2) -> AsyncIterator["Scene"]:
        """Started, and ended with the block."""
        try:
            await self.start(workers)
            yield self
        finally:
            self.end()

    # What happens to it

    def lose(self, site: str, how: str = "refuse") -> None:
        """Cut a site off."""
        self.lab.reach(site, reachable=False, how=how)
        self.lost[site] = None
        self.reached.append(Reached(self.last_seq(), site, reachable=False))

    def bring_back(self, site: str) -> None:
        """Let a lost site be reached again, with all that it runs."""
        self.reached.append(Reached(self.last_seq(), site, reachable=True))
        self.lab.reach(site, reachable=True)
        self.lost.pop(site, None)

    def kill(self, chance: random.Random) -> None:
        """`kill -9` of one of the workers."""
        chance.choice(self.workers).signal(signal.SIGKILL)

    def last_seq(self) -> int:
        """The last entry of the journal."""
        return max((entry["seq"] for entry in self.lab.journal()), default=0)

    @property
    def journal(self) -> list[dict[str, Any]]:
        """Every mutating request since the start."""
        return self.lab.journal(self.since)

    # What people ask

    def command(self, name: str, *words: str) -> "subprocess.Popen[str]":
        """Start `holdfast NAME` with the estate file."""
        return self.shell.start(name, "--estate", str(self.file), *words, "--actor", "scene")

    async def said(self, *words: str, code: int | None = 0) -> str:
        """Run one command line to its end; what it printed.

        Raises:
            NotSo: it ended with another exit code.
        """
        done = await asyncio.to_thread(self.shell.run, *words)
        if code is not None and done.returncode != code:
            raise NotSo(f"holdfast {' '.join(words)} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    async def asked(self, name: str, *words: str, code: int | None = 0) -> dict[str, Any]:
        """Run `holdfast NAME --json` with the estate file to its end; what it printed."""
        about = ("--estate", str(self.file), *words, "--actor", "scene", "--json")
        printed = await self.said(name, *about, code=code)
        answer: dict[str, Any] = json.loads(printed) if printed.strip() else {}
        return answer

    async def allow(self, site: str) -> None:
        """A person lets a site go on."""
        handle = self.temporal.get_workflow_handle(coordinator_id(self.estate.name))
        asked = Allow(actor="ana", reason="it is really lost", site=site)
        await handle.execute_update(EstateCoordinator.allow, asked)

    # What is seen of it

    def recovery(self, site: str) -> str:
        """The workflow id of a site's recovery."""
        return site_recovery_id(self.estate.name, site)

    def failback(self, site: str) -> str:
        """The workflow id of a site's failback."""
        return failback_id(self.estate.name, site)

    async def state(self) -> EstateState:
        """What the coordinator knows."""
        handle = self.temporal.get_workflow_handle(coordinator_id(self.estate.name))
        found: EstateState = await until_answered(
            lambda: handle.query(EstateCoordinator.state, rpc_timeout=_QUERY)
        )
        return found

    async def runs(self, kind: str) -> list[tuple[str, str, bool]]:
        """Workflow id, run id and whether it runs, of every run of a workflow type here."""
        found = []
        query = f'WorkflowType = "{kind}" AND HoldfastEstate = "{self.estate.name}"'
        async for each in self.temporal.list_workflows(query):
            running = each.status is not None and each.status.name == "RUNNING"
            found.append((each.id, each.run_id, running))
        return found

    async def recoveries(self) -> list[RecoveryStatus]:
        """Every recovery that there is or was."""
        return [
            await self._ask(id, run, "status", RecoveryStatus)
            for id, run, _ in await self.runs("SiteRecovery")
        ]

    async def failbacks(self) -> list[FailbackStatus]:
        """Every failback that there is or was."""
        return [
            await self._ask(id, run, "status", FailbackStatus)
            for id, run, _ in await self.runs("Failback")
        ]

    async def guards(self) -> list[tuple[str, StandbyStatus]]:
        """Every standby guard that there is or was, with the run of the recovery that left it."""
        return [
            (id.rpartition("/")[2], await self._ask(id, run, "status", StandbyStatus))
            for id, run, _ in await self.runs(StandbyGuard.__name__)
        ]

    async def _ask(self, id: str, run: str, query: str, kind: type[Any]) -> Any:
        handle = self.temporal.get_workflow_handle(id, run_id=run)
        return await until_answered(
            lambda: handle.query(query, result_type=kind, rpc_timeout=_QUERY)
        )

    def replicas(self, site: str) -> dict[str, int]:
        """By service: what a site wants of it."""
        found: dict[str, int] = {}
        for each in self.lab.world()["workloads"]:
            if each["site"] == site:
                found[each["service"]] = found.get(each["service"], 0) + (each["replicas"] or 0)
        return found

    async def until(self, holds: Callable[[], Any], what: str, within_s: float = 60.0) -> float:
        """Wait for something to be so; how long it took, seconds.

        Raises:
            NotSo: it was not, in that time.
        """
        began = time.monotonic()
        while True:
            held = holds()
            if asyncio.iscoroutine(held):
                held = await held
            if held:
                return time.monotonic() - began
            if time.monotonic() - began > within_s:
                raise NotSo(f"{what}: not so within {within_s:g} s")
            await asyncio.sleep(0.1)

    async def evidence(self) -> dict[str, str]:
        """Histories, statuses, journal and logs, by file name."""
        files = {"journal.json": json.dumps(self.journal, indent=1)}
        with contextlib.suppress(Exception):
            files["coordinator.json"] = (await self.state()).model_dump_json(indent=1)
        query = f'HoldfastEstate = "{self.estate.name}"'
        async for each in self.temporal.list_workflows(query, limit=30):
            handle = self.temporal.get_workflow_handle(each.id, run_id=each.run_id)
            name = f"history-{each.id.replace('/', '.')}-{each.run_id}.json"
            files[name] = (await handle.fetch_history()).to_json()
        files["reached.txt"] = "\n".join(str(each) for each in self.reached)
        for path in (*self.folder.glob("*.log"), self.file):
            files[path.name] = path.read_text()[-200_000:]
        return files

    async def _keep(self) -> None:
        """Replace workers that have died, and look at the coordinator again and again."""
        looked = 0.0
        while True:
            for worker in self.workers:
                worker.supervise()
            self.deaths = sum(worker.deaths for worker in self.workers)
            if time.monotonic() - looked > ASKED_AGAIN_S:
                looked = time.monotonic()
                with contextlib.suppress(RPCError):
                    handle = self.temporal.get_workflow_handle(coordinator_id(self.estate.name))
                    state = await handle.query(EstateCoordinator.state, rpc_timeout=_BRIEF)
                    if not self.states or state.version != self.states[-1].version:
                        self.states.append(state)
            await asyncio.sleep(0.05)


async def until_answered(ask: Callable[[], Any], within_s: float = 60.0) -> Any:
    """The answer to a query, once a worker lives to give it."""
    end = time.monotonic() + within_s
    while True:
        try:
            return await ask()
        except RPCError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(ASKED_AGAIN_S)


def log_of(*statuses: Any) -> Sequence[str]:
    """Every sentence that runs have said."""
    return [entry.sentence for status in statuses for entry in status.log]


def _name(folder: Path) -> str:
    return f"s-{folder.name}-{os.getpid()}".replace("_", "-").lower()[:60].strip("-")
