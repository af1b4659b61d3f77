"""The file of effects: what steps did, before a kill and after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

Step = tuple[str, int]


@dataclass(frozen=True)
class Line:
    """A step began or ended in a process, at a moment of the machine's monotonic clock."""

    what: str
    step: Step
    pid: int
    at_s: float


def read_effects(path: Path, since: int = 0) -> tuple[Line, ...]:
    """All whole lines of a file of effects, from a byte on; none if there is no file yet."""
    if not path.exists():
        return ()
    with path.open("rb") as file:
        file.seek(since)
        text = file.read().decode()
    whole = text[: text.rfind("\n") + 1]
    return tuple(_line(line) for line in whole.splitlines())


def finished(lines: Sequence[Line]) -> frozenset[Step]:
    """The steps that have ended at least once."""
    return frozenset(line.step for line in lines if line.what == "end")


@dataclass(frozen=True)
class Aftermath:
    """What a kill cost; times are seconds from the kill."""

    taken_up_after_s: float
    """Until a step began."""
    next_effect_after_s: float
    """Until a step ended that had not ended before."""
    end_s: float
    """Until every step had ended."""
    finished: frozenset[Step]
    """Ended before the kill."""
    in_flight: int
    """Had begun before the kill, and not ended."""
    twice: int
    """Ended before the kill, and again after it."""


def aftermath(lines: Sequence[Line], killed_at_s: float, killed_pid: int) -> Aftermath:
    """Judge the lines of a run that is over. Raises ValueError if nothing came after the kill."""
    before = [line for line in lines if line.pid == killed_pid]
    after = [line for line in lines if line.pid != killed_pid]
    done = finished(before)
    new = [line for line in _first_ends(lines) if line.pid != killed_pid]
    if not new:
        raise ValueError("no step ended after the kill")
    begun = {line.step for line in before if line.what == "begin"}
    return Aftermath(
        taken_up_after_s=min(line.at_s for line in after) - killed_at_s,
        next_effect_after_s=min(line.at_s for line in new) - killed_at_s,
        end_s=max(line.at_s for line in new) - killed_at_s,
        finished=done,
        in_flight=len(begun - done),
        twice=len(done & finished(after)),
    )


def _first_ends(lines: Sequence[Line]) -> tuple[Line, ...]:
    ends: dict[Step, Line] = {}
    for line in lines:
        if line.what == "end":
            ends.setdefault(line.step, line)
    return tuple(ends.values())


def _line(text: str) -> Line:
    what, service, step, pid, at_s = text.split()
    return Line(what, (service, int(step)), int(pid), float(at_s))
