"""The state folder of a stack: what is in it, and that only one stack uses it at a time."""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

DEFAULT_STATE = Path(".holdfast")
"""Of `holdfast dev`: in the working folder, so that it belongs to the estate that is worked on."""


class StateFolderInUse(Exception):
    """Another stack uses the folder; the message names it."""


class PortTaken(Exception):
    """Something else listens on the port that was asked for."""


class StateFolder:
    """A folder that outlives the stack: the database, the addresses, the logs."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.database = self.path / "temporal.db"
        self.env_file = self.path / "lab.env"
        self._ports = self.path / "ports.json"

    def log(self, name: str) -> Path:
        """Where the process `name` logs to."""
        return self.path / f"{name}.log"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Make the folder, and keep every other stack out of it.

        Raises:
            StateFolderInUse: one is in already.
            OSError: it cannot be made or written.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / ".gitignore").write_text("*\n")
        with (self.path / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise StateFolderInUse(
                    f"{self.path} is used by process {lock.read().strip() or 'unknown'};"
                    " end it, or give --state another folder"
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def port(self, name: str, asked: int | None, preferred: Sequence[int] = ()) -> int:
        """A free port: the one `asked` for, else the same as last time if possible.

        Raises:
            PortTaken: the one asked for is not free.
        """
        if asked and not _is_free(asked):
            raise PortTaken(f"port {asked} is taken; name another for {name}, or none")
        known = self._known_ports()
        if not asked:
            last = [known[name]] if name in known else []
            asked = next(filter(_is_free, (*last, *preferred)), 0) or _any_free_port()
        self._ports.write_text(json.dumps(known | {name: asked}))
        return asked

    def _known_ports(self) -> dict[str, int]:
        try:
            known = json.loads(self._ports.read_text())
        except (OSError, ValueError):
            return {}
        return {name: port for name, port in known.items() if isinstance(port, int)}


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _any_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
