"""A peer's program as a process: requests in, answers out, one JSON line each."""

import asyncio
import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from bench.environments import NotMeasured
from bench.peers.started import below, die_with_parent, kill_all
from bench.plan import BenchPlan

TESTS = Path(__file__).resolve().parents[2]
READY_WITHIN_S = 60.0
ANSWERS_WITHIN_S = 300.0
LONGEST_LINE = 2**26


class Program:
    """A started program. `start` starts one, `kill` ends it."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log

    @classmethod
    async def start(cls, python: Path, module: str, env: Mapping[str, str], log: Path) -> Self:
        """Start a program and wait until it is ready for requests. Raises NotMeasured."""
        program = await cls.spawn(python, module, env, log)
        try:
            await program._hear(READY_WITHIN_S)
        except BaseException:
            await program.kill()
            raise
        return program

    @classmethod
    async def spawn(cls, python: Path, module: str, env: Mapping[str, str], log: Path) -> Self:
        """Start a program without waiting."""
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                python, "-m", f"bench.peers.{module}",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=output,
                env={**os.environ, **env, "PYTHONPATH": str(TESTS)}, cwd=log.parent,
                limit=LONGEST_LINE, preexec_fn=die_with_parent,
            )  # fmt: skip
        return cls(process, log)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def submit(self, plans: Sequence[BenchPlan], together: bool) -> None:
        """Send a request; do not wait for its answer."""
        assert self._process.stdin is not None
        request = {"plans": [plan.model_dump() for plan in plans], "together": together}
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        await self._process.stdin.drain()

    async def times(self) -> dict[str, Any]:
        """The first answer to a request: `walls_s`, `wall_s`, `pids`. Raises NotMeasured."""
        return await self._hear(ANSWERS_WITHIN_S)

    async def events(self) -> int | None:
        """The second answer: events or rows that are kept. Raises NotMeasured."""
        answer = await self._hear(ANSWERS_WITHIN_S)
        counted: int | None = answer["events"]
        return counted

    async def kill(self) -> None:
        """End it as a crash does: SIGKILL to it and all below it."""
        children = below(self._process.pid)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        kill_all(children)
        await self._process.wait()

    async def _hear(self, within_s: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), within_s)
        except TimeoutError:
            raise NotMeasured(f"no answer within {within_s:g} s; see {self._log}") from None
        if not line:
            said = self._log.read_text(errors="replace").strip().splitlines()
            raise NotMeasured(f"its program ended: {said[-1] if said else 'no word'}")
        answer: dict[str, Any] = json.loads(line)
        return answer
