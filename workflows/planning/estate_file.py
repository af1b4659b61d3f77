"""Reads an estate file: any bytes in, an `Estate` or every fault of the file out.

A fault names file, line, path and what would be right. Nothing but `EstateInvalid` is raised for
what a file holds.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from pydantic import Field, ValidationError

from ..model.document import Document
from ..model.estate import Estate
from .estate_checks import check
from .estate_parts import readable, whole
from .estate_shape import Misfit, misfits, read_document
from .estate_steps import InputChecks
from .estate_text import Text, read_text
from .yaml_reader import Path

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")


class EstateError(Document):
    """One fault of an estate file."""

    file: str
    line: int = Field(ge=1)
    """From 1; where a key is missing, the line of what should hold it."""
    path: str
    """Such as `services[2].recovery[0].with.replicas`; empty for the file as a whole."""
    message: str
    """What is wrong, and what would be right."""

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{self.file}:{self.line}: {where}{self.message}"


class EstateInvalid(Exception):
    """A file that is no estate, with all its faults in the order of their lines."""

    def __init__(self, errors: tuple[EstateError, ...]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = errors


def parse_estate(data: bytes, file: str, *, actions: InputChecks | None = None) -> Estate:
    """Read the bytes of an estate file; `file` is what faults call it.

    With `actions`, a step whose action is not among them, or whose inputs the action's model
    rejects, is a fault as well.

    Raises:
        EstateInvalid: the file has faults.
    """
    text = read_text(data)
    if text.root is None:
        raise EstateInvalid(_errors(file, text, ()))
    estate, found = _judge(text.data, actions)
    if found or text.faults or estate is None:
        raise EstateInvalid(_errors(file, text, found))
    return estate


def format_path(path: Path) -> str:
    """A path as people write it: `services[2].recovery[0].with.replicas`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part)}]"
    return text


def _judge(data: Any, actions: InputChecks | None) -> tuple[Estate | None, list[Misfit]]:
    try:
        estate = read_document(Estate, data)
    except ValidationError as error:
        found = misfits(Estate, data, error)
        return None, [*found, *check(readable(data), actions)]
    return estate, list(check(whole(estate), actions))


def _errors(file: str, text: Text, found: Iterable[Misfit]) -> tuple[EstateError, ...]:
    unread = {(fault.path, fault.line) for fault in text.faults}
    located = [(fault.line, fault.path, fault.message) for fault in text.faults]
    for misfit in found:
        line = text.line(misfit.path)
        # A value that could not be read is a fault already; that it does not fit is no second one.
        if (misfit.path, line) not in unread:
            located.append((line, misfit.path, misfit.message))
    located.sort(key=lambda fault: fault[0])
    return tuple(
        EstateError(file=file, line=line, path=format_path(path), message=message)
        for line, path, message in dict.fromkeys(located)
    )
