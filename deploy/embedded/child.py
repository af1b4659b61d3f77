"""One process of the stack: it logs to a file, dies with its parent, and says why it failed."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_LAUNCH = Path(__file__).with_name("launch.py")
_LAST_LINES = 8
_LOOK_EVERY_S = 0.02


class ChildFailed(Exception):
    """A process did not start, or died; the message ends with its log's path and last lines."""


class Child:
    """A process that is started once, waited for and ended."""

    def __init__(
        self, name: str, command: Sequence[str], env: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self._command = list(command)
        self._env = dict(env)
        self._log = log
        self._from = 0
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How the process ended; None while it runs, negative for a signal."""
        return self._process.returncode if self._process else None

    async def start(self) -> None:
        """Start the process; it is in a session of its own, so that Ctrl-C reaches only us.

        Raises:
            ChildFailed: it cannot be started at all.
        """
        launcher = [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid())]
        try:
            with self._log.open("ab") as log:
                self._from = log.tell()
                self._process = await asyncio.create_subprocess_exec(
                    *launcher, *self._command, stdin=asyncio.subprocess.PIPE, stdout=log,
                    stderr=log, env=self._env, start_new_session=True,
                )  # fmt: skip
        except OSError as error:
            raise ChildFailed(f"{self.name} cannot be started: {error}") from None

    def call(self) -> None:
        """Tell a process that stands by to go on; one that has died stays dead."""
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(b"go\n")

    async def ready_line(self, within_s: float) -> dict[str, Any]:
        """Wait for the JSON line with `"ready": true` that the process prints, and return it.

        A line that names another process is not its own: two may write to one log.

        Raises:
            ChildFailed: it ended, or said nothing in time.
        """
        end = time.monotonic() + within_s
        while True:
            for line in self._said().splitlines():
                if line.startswith("{") and '"ready"' in line:
                    with contextlib.suppress(ValueError):
                        ready: dict[str, Any] = json.loads(line)
                        if ready.get("pid", self.pid) == self.pid:
                            return ready
            self.check(end)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def listening(self, host: str, port: int, within_s: float) -> None:
        """Wait until the process takes connections.

        Raises:
            ChildFailed: it ended, or does not listen in time.
        """
        end = time.monotonic() + within_s
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(host, port)
                writer.close()
                return
            self.check(end)
            await asyncio.sleep(_LOOK_EVERY_S)

    def check(self, end: float | None = None) -> None:
        """Raise ChildFailed if the process has ended, or if the monotonic time `end` has passed."""
        if self.exit_code is not None:
            raise ChildFailed(f"{self.name} ended with {_how(self.exit_code)}{self.last_words()}")
        if end is not None and time.monotonic() > end:
            raise ChildFailed(f"{self.name} does not get ready{self.last_words()}")

    async def ended(self) -> int:
        """Wait until the process ends; return its exit code."""
        assert self._process is not None
        return await self._process.wait()

    def kill(self) -> None:
        """Kill the process as a power cut would."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def stop(self, grace_s: float) -> None:
        """Ask the process to end, and kill it if it has not after `grace_s` seconds."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), grace_s)
        except TimeoutError:
            self.kill()
            await self._process.wait()

    def last_words(self) -> str:
        """Where the log is, and its last lines, to be put at the end of a message."""
        lines = self._said().splitlines()[-_LAST_LINES:]
        return f"; its log is {self._log}" + "".join(f"\n  {line}" for line in lines)

    def _said(self) -> str:
        with self._log.open("rb") as log:
            log.seek(self._from)
            return log.read().decode(errors="replace")


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
