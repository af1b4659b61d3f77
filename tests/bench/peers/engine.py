"""A peer on the clock: its servers, its program, and the rows that they give."""

import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from bench.environments import NotMeasured, python_with, version_of
from bench.measure import Meter, quiet
from bench.peers.catalogue import Peer
from bench.peers.effects import aftermath, finished, read_effects
from bench.peers.program import Program
from bench.peers.wire import EFFECTS
from bench.plan import BenchPlan
from bench.rows import Row
from bench.table import CONFIGURED

SETTLES_WITHIN_S = 3.0
CARRIES_ON_WITHIN_S = 120.0
LATE_COMERS_S = 1.0
POLL_S = 0.01


class PeerBench:
    """A peer's servers and program, up while it is entered."""

    _program: Program

    def __init__(self, peer: Peer, folder: Path) -> None:
        """Keep the servers' state and all logs in `folder`."""
        self._peer = peer
        self._folder = folder
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Install, start and warm up. Raises NotMeasured."""
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            await self._start()
        except BaseException:
            await self._exits.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    async def run(
        self, plans: Sequence[BenchPlan], together: bool = True, *, scenario: str = "ratio"
    ) -> Row:
        """Run the plans, all at once or one after another. Raises NotMeasured."""
        await asyncio.to_thread(quiet, SETTLES_WITHIN_S)
        with Meter([self._program.pid, *self._servers.pids]) as meter:
            await self._program.submit(plans, together)
            times = await self._program.times()
        return Row.measured(
            engine=self._peer.name,
            variant=self._variant,
            scenario=scenario,
            plans=plans,
            wall_s=times["wall_s"],
            reading=meter.done(),
            events=await self._program.events(),
            details={"slowest_plan_s": max(times["walls_s"]), "python": self._version},
        )

    async def kill(self, plan: BenchPlan) -> Row:
        """Kill the program at half of the steps, start it again at once. Raises NotMeasured."""
        file = self._folder / f"effects-{time.monotonic_ns()}.txt"
        env = {**self._env, **self._peer.kill_env, EFFECTS: str(file)}
        await self._program.kill()
        self._program = await self._started(env)
        await self._warm_up()
        since = file.stat().st_size
        await asyncio.to_thread(quiet, SETTLES_WITHIN_S)
        with Meter([self._program.pid, *self._servers.pids]) as meter:
            began_s = time.monotonic()
            await self._program.submit([plan], together=True)
            await self._await_steps(file, since, plan.steps // 2)
            killed_at_s, killed = time.monotonic(), self._program.pid
            await self._program.kill()
            self._program = await self._spawned(env)
            meter.add(self._program.pid)
            await self._await_steps(file, since, plan.steps)
        await asyncio.sleep(LATE_COMERS_S)
        seen = aftermath(read_effects(file, since), killed_at_s, killed)
        remaining_s = plan.remaining_path_s(seen.finished)
        return Row.measured(
            engine=self._peer.name,
            variant=self._variant,
            scenario="kill",
            plans=[plan],
            wall_s=killed_at_s + seen.end_s - began_s,
            reading=meter.done(),
            details={
                "effects_at_kill": len(seen.finished),
                "in_flight_at_kill": seen.in_flight,
                "taken_up_after_s": round(seen.taken_up_after_s, 3),
                "next_effect_after_s": round(seen.next_effect_after_s, 3),
                "remaining_path_s": round(remaining_s, 3),
                "overhead_s": round(seen.end_s - remaining_s, 3),
                "effects_twice": seen.twice,
                "python": self._version,
                **({CONFIGURED: self._peer.kill_configured} if self._peer.kill_configured else {}),
            },
        )

    async def _start(self) -> None:
        self._python = await asyncio.to_thread(self._installed)
        self._version = await asyncio.to_thread(version_of, self._python)
        self._servers = self._exits.enter_context(self._peer.servers(self._folder))
        self._variant = ", ".join(filter(None, (self._peer.variant, self._servers.variant)))
        self._env = dict(self._servers.env)
        self._program = await self._started(self._env)
        self._exits.push_async_callback(self._end)
        await self._warm_up()

    def _installed(self) -> Path:
        wanted = self._peer.requirements
        return python_with(wanted) if wanted else Path(sys.executable)

    async def _warm_up(self) -> None:
        await self._program.submit([BenchPlan.make(services=5, step_ms=1, name="warm-up")], True)
        await self._program.times()
        await self._program.events()

    async def _started(self, env: dict[str, str]) -> Program:
        return await Program.start(self._python, self._peer.module, env, self._log)

    async def _spawned(self, env: dict[str, str]) -> Program:
        return await Program.spawn(self._python, self._peer.module, env, self._log)

    @property
    def _log(self) -> Path:
        return self._folder / "program.log"

    async def _end(self) -> None:
        await self._program.kill()

    async def _await_steps(self, file: Path, since: int, steps: int) -> None:
        end = time.monotonic() + CARRIES_ON_WITHIN_S
        while len(finished(read_effects(file, since))) < steps:
            if time.monotonic() > end:
                raise NotMeasured(f"stood still for {CARRIES_ON_WITHIN_S:g} s after kill -9")
            await asyncio.sleep(POLL_S)
