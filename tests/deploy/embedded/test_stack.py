"""The stack as `holdfast dev` runs it: up together, replaced when killed, gone together."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

WITHIN_S = 30.0


class Dev:
    """A `holdfast dev` process."""

    def __init__(self, state: Path) -> None:
        self.state = state
        ours = ("HOLDFAST_", "TEMPORAL_")
        env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        holdfast = str(Path(sys.executable).with_name("holdfast"))
        command = [holdfast, "dev", "--json", "--state", str(state)]
        self.process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.ready: dict[str, Any] = json.loads(self.process.stdout.readline())

    def processes(self) -> list[int]:
        """The processes that name the stack's state folder in their command or environment."""
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self._is(pid)]

    def _is(self, pid: int) -> bool:
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False
        return str(self.state).encode() in command + environment


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Dev]:
    """A stack that is up."""
    dev = Dev(tmp_path / "state")
    yield dev
    dev.process.kill()
    dev.process.wait()


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + WITHIN_S
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return False


def test_dev_replaces_a_killed_worker_and_ends_with_nothing_left(dev: Dev) -> None:
    os.kill(dev.ready["worker_pid"], signal.SIGKILL)
    log = dev.state / "worker.log"
    replaced = eventually(lambda: log.read_text().count('"ready": true') == 2)
    parts = len(dev.processes())
    dev.process.terminate()
    code = dev.process.wait(WITHIN_S)

    assert replaced
    assert parts >= 4
    assert code == 0
    assert eventually(lambda: dev.processes() == [])
    assert dev.ready["ready"] is True
    assert {"temporal_address", "ui_url", "lab_url", "env_file", "state"} <= dev.ready.keys()
