"""What the steps of a benchmark did: one line per call and per effect, in a file that only grows.

It is the system that the steps act on. A mark is judged and the change is written under one lock of
the file, so that it is as conditional as a write to a real system; what is in it survives the
process that wrote it.
"""

import fcntl
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from holdfast.activities.fencing import Mark
from holdfast.activities.mutation import Moved

CHUNK = 1 << 16
CALLED, APPLIED, REVERTED, SEALED = "called", "applied", "reverted", "sealed"


@dataclass(frozen=True)
class Line:
    """One line: `what` happened to a resource, under which token, in which process, when."""

    what: str
    resource: str
    step: str
    epoch: int
    sequence: int
    run: str
    key: str
    pid: int
    at: float
    """Seconds since the epoch."""
    sealed_over: str = ""

    @property
    def mark(self) -> Mark:
        """The mark that it left on its resource."""
        return Mark(self.epoch, self.sequence, self.run, self.key, self.sealed_over)


class Effects:
    """The file, and what is in it by resource; other processes may write to it as well."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it."""
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        self._read_to = 0
        self._last: dict[str, Line] = {}

    def look(self, resource: str) -> Line | None:
        """The last change of a resource, of what has been read; None if it is untouched."""
        return self._last.get(resource)

    def call(self, line: Line) -> None:
        """Say that a verb was called, whatever comes of it, and read what has been written."""
        with self._locked():
            self.read()
            self._append(line)

    def write(self, line: Line, *, after: Line | None) -> Line:
        """Change a resource whose last change is still `after`.

        Raises:
            Moved: it is not; what it is has been read.
        """
        with self._locked():
            self.read()
            if self.look(line.resource) != after:
                raise Moved(f"{line.resource} was changed meanwhile")
            self._append(line)
            self._last[line.resource] = line
        return line

    def read(self) -> list[Line]:
        """Take in what has been written since, by whomever; the new lines, in the file's order."""
        new: list[Line] = []
        while written := os.pread(self._file, CHUNK, self._read_to):
            whole, newline, _ = written.rpartition(b"\n")
            self._read_to += len(whole) + len(newline)
            new += [Line(**json.loads(text)) for text in whole.splitlines()]
            if len(written) < CHUNK:
                break
        self._last.update((line.resource, line) for line in new if line.what != CALLED)
        return new

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _append(self, line: Line) -> None:
        text = json.dumps(vars(line)).encode() + b"\n"
        os.write(self._file, text)
        # Written under the lock, right behind what was read: it need not be read again.
        self._read_to += len(text)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)


@dataclass(frozen=True)
class Tally:
    """How often steps were called and took effect."""

    steps: int
    """Steps of which at least one effect is known."""
    effects: int
    calls: int
    """Applies that began, whatever came of them."""
    twice: int
    """Steps whose effect was made more than once."""
    called_again: int
    """Applies of steps that had been called before."""
    called_again_when_done: int
    """Of those, the ones of steps whose effect was there already."""


def tally(lines: Sequence[Line]) -> Tally:
    """Count the applies and their effects."""
    called: Counter[str] = Counter()
    made: Counter[str] = Counter()
    called_again_when_done = 0
    for line in lines:
        if line.what == CALLED:
            called[line.key] += 1
            called_again_when_done += line.key in made
        elif line.what == APPLIED:
            made[line.key] += 1
    return Tally(
        steps=len(made),
        effects=made.total(),
        calls=called.total(),
        twice=sum(1 for times in made.values() if times > 1),
        called_again=called.total() - len(called),
        called_again_when_done=called_again_when_done,
    )


def now() -> float:
    """Seconds since the epoch, as lines have them."""
    return time.time()
