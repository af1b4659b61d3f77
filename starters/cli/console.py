"""What all commands share towards the terminal: exit codes, complaints, text made safe to print."""

import difflib
import sys
from collections.abc import Sequence
from enum import IntEnum

_MOST_NAMES = 8


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    FAILED = 1
    """Failed, or rolled back."""
    USAGE = 2
    """Wrong usage, or an invalid file."""
    HELD = 3
    """Held, or waiting for a person."""
    UNREACHABLE = 4
    """Temporal cannot be reached."""
    INTERRUPTED = 130
    """Ctrl-C."""


class CommandFailed(Exception):
    """A command cannot go on; its message, one line, says why and what to do."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.code = code


def complain(message: str) -> None:
    """Print one line to stderr, as coming from this program."""
    print(f"holdfast: {printable(message)}", file=sys.stderr)


def printable(text: str) -> str:
    """Text from a file or a server, without what could steer the terminal or break the line."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def unknown(owner: str, kind: str, name: str, known: Sequence[str]) -> str:
    """That there is no such thing, what is near, and what there is, in one line."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ";"
    more = f" and {len(known) - _MOST_NAMES} more" if len(known) > _MOST_NAMES else ""
    names = f"{', '.join(known[:_MOST_NAMES])}{more}" or "none"
    return f"{owner} has no {kind} {name!r}{hint} its {kind}s are: {names}"
