"""What all commands share towards the terminal: exit codes, complaints, text made safe to print."""

import sys
from enum import IntEnum


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
