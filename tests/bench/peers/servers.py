"""The servers that peers need, each with its state in a folder of its own."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from bench.environments import (
    NotMeasured,
    postgres_programs,
    python_with,
    redis_program,
    restate_program,
)
from bench.peers.started import started
from support.processes import free_port, temporal_server


@dataclass(frozen=True)
class Servers:
    """What runs: its processes, what a peer's program must know, what to call it in the table."""

    pids: tuple[int, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    variant: str = ""


@contextlib.contextmanager
def nothing(folder: Path) -> Iterator[Servers]:
    """No server at all."""
    yield Servers()


@contextlib.contextmanager
def temporal(folder: Path) -> Iterator[Servers]:
    """The dev server exactly as the project's own tests run it."""
    with temporal_server(folder) as address:
        port = address.rpartition(":")[2]
        pids = [child.pid for child in psutil.Process().children() if port in child.cmdline()]
        yield Servers(tuple(pids), {"BENCH_TEMPORAL": address}, "SQLite file, WAL")


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[Servers]:
    """PostgreSQL with its defaults, or none: then DBOS keeps its rows in a SQLite file."""
    try:
        programs = postgres_programs()
    except NotMeasured:
        yield Servers(env={"BENCH_DBOS": f"sqlite:///{folder / 'dbos.sqlite'}"}, variant="SQLite")
        return
    data, port, user = folder / "postgres", free_port(), _other_than_root()
    data.mkdir()
    if user:
        shutil.chown(data, user)
    made = subprocess.run(
        [programs / "initdb", "-D", data, "-U", "bench", "-A", "trust"],
        user=user, capture_output=True, text=True, cwd="/",
    )  # fmt: skip
    if made.returncode:
        raise NotMeasured(f"initdb: {made.stderr.strip().splitlines()[-1]}")
    command = [str(programs / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port)]
    command += ["-k", ""]
    with started(command, folder / "postgres.log", {}, _listening(port), user) as pid:
        url = f"postgresql://bench@127.0.0.1:{port}/bench"
        version = (data / "PG_VERSION").read_text().strip()
        yield Servers((pid,), {"BENCH_DBOS": url}, f"PostgreSQL {version}")


@contextlib.contextmanager
def redis(folder: Path) -> Iterator[Servers]:
    """Redis with an append-only file, synced every second."""
    port = free_port()
    command = [
        str(redis_program()), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder),
        "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
    ]  # fmt: skip
    with started(command, folder / "redis.log", {}, _listening(port)) as pid:
        yield Servers((pid,), {"BENCH_REDIS": f"redis://127.0.0.1:{port}/0"}, "Redis, AOF 1 s")


@contextlib.contextmanager
def prefect(folder: Path) -> Iterator[Servers]:
    """Prefect's own server on its SQLite file."""
    port = free_port()
    api = f"http://127.0.0.1:{port}/api"
    env = {
        "PREFECT_HOME": str(folder),
        "PREFECT_API_URL": api,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "DO_NOT_TRACK": "1",
    }
    program = python_with("prefect").with_name("prefect")
    command = [str(program), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with started(command, folder / "prefect.log", env, _answers(f"{api}/health")) as pid:
        yield Servers((pid,), env, "local server, SQLite")


@contextlib.contextmanager
def restate(folder: Path) -> Iterator[Servers]:
    """A single Restate node with its defaults: RocksDB, its log synced."""
    ingress, admin, node = free_port(), free_port(), free_port()
    env = {
        "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ingress}",
        "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{admin}",
        "RESTATE_BIND_ADDRESS": f"127.0.0.1:{node}",
        "RESTATE_LISTEN_MODE": "tcp",
        "RESTATE_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "1",
    }
    command = [str(restate_program()), "--no-logo", "--base-dir", str(folder / "restate")]
    up = _answers(f"http://127.0.0.1:{admin}/health", f"http://127.0.0.1:{ingress}/restate/health")
    with started(command, folder / "restate.log", env, up) as pid:
        told = {
            "BENCH_RESTATE_ADMIN": f"http://127.0.0.1:{admin}",
            "BENCH_RESTATE_INGRESS": f"http://127.0.0.1:{ingress}",
            "BENCH_RESTATE_PORT": str(free_port()),
        }
        yield Servers((pid,), told, "single node, RocksDB")


def _listening(port: int) -> Callable[[], bool]:
    def ask() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    return ask


def _answers(*urls: str) -> Callable[[], bool]:
    def ask() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return all(httpx.get(url, timeout=1, trust_env=False).is_success for url in urls)
        return False

    return ask


def _other_than_root() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in names:
            return name
    raise NotMeasured("postgres does not run as root, and there is no other user")
