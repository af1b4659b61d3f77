"""Estate files of a test's own, and what a shell is told of their recoveries."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from uuid import uuid4

from .shell import Shell

ANSWERS_WITHIN_S = 60.0


class Written(NamedTuple):
    """An estate file, and the name of the estate in it."""

    file: str
    name: str

    def recovery(self, site: str) -> str:
        """The workflow id of the recovery of a site."""
        return f"site-recovery/{self.name}/{site}"


class Write(Protocol):
    """Writes an estate file in which some text is replaced."""

    def __call__(self, changes: Mapping[str, str] = {}) -> Written: ...


def written_under_a_new_name(
    original: str, folder: Path, changes: Mapping[str, str] = {}
) -> Written:
    """An estate in which nothing was ever recovered: no cool-down, no budget that is spent."""
    name = f"acme-{uuid4().hex[:8]}"
    text = Path(original).read_text().replace("name: acme-manufacturing", f"name: {name}")
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    file = folder / f"{name}.yaml"
    file.write_text(text)
    return Written(str(file), name)


def until(shell: Shell, id: str, arrived: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The status of a run, once it is as it is waited for."""
    give_up = time.monotonic() + ANSWERS_WITHIN_S
    while True:
        told = shell.run("status", id, "--json")
        status: dict[str, Any] = json.loads(told.stdout) if told.returncode == 0 else {}
        if status and arrived(status):
            return status
        assert time.monotonic() < give_up, (told.stderr, status)
        time.sleep(0.2)


def ended(status: Mapping[str, Any]) -> bool:
    """Whether a run has ended."""
    return status["ended_at"] is not None
