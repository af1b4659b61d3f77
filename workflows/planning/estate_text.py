"""Bytes to plain data in which every value still knows its line.

What comes out is what JSON can carry: mappings with text keys, lists, text, numbers, true, false,
null. Scalars follow the YAML 1.2 core schema, so that `NO`, `on`, `12:30` and `2026-01-01` stay the
text they were written as. JSON is read too. Bytes that are no such document end in `Fault`s, never
in another exception, and what was built is bounded in size and depth.
"""

import re
from typing import Any, Final, NamedTuple

import yaml

from .yaml_reader import Fault, Node, Path, Reader, Stop

MAX_BYTES: Final = 16 * 2**20

_FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\ufeff"
)
_SURROGATE_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB]\w\w)\\u([dD][c-fC-F]\w\w)")
_HINTS = {
    "found character that cannot start any token": "a tab cannot indent, and text that begins with "
    "a sign such as @ ` % must stand in quotes",
    "mapping values are not allowed in this context": "is a quote missing, or is the line indented "
    "too far?",
    "mapping values are not allowed here": "is a quote missing, or is the line indented too far?",
    "did not find expected key": "is the line indented as the one above?",
    "could not find expected ':'": "a key is followed by a colon and a space",
    "did not find expected ',' or '}'": "a brace or a quote is not closed",
    "did not find expected ',' or ']'": "a bracket or a quote is not closed",
    "found undefined alias": "no anchor of that name stands above",
}


class Text(NamedTuple):
    """A parsed file: its data (None if there is none), the lines of its values, its faults."""

    root: Node | None
    faults: tuple[Fault, ...]

    @property
    def data(self) -> Any:
        """The plain data."""
        return self.root.value if self.root else None

    def line(self, path: Path) -> int:
        """The line of what stands at `path`, or of the nearest value above it."""
        node, line = self.root, self.root.line if self.root else 1
        for part in path:
            if node is None or part not in node.items:
                break
            line = node.key_lines[part]
            node = node.items[part]
        return line


def read_text(data: bytes) -> Text:
    """Read a file's bytes; all that is wrong with them as text, YAML or JSON is in `faults`."""
    reader = Reader()
    try:
        root = reader.read(_decode(data))
    except Stop as stop:
        return Text(None, (*reader.faults, stop.fault))
    except yaml.MarkedYAMLError as error:
        return Text(None, (*reader.faults, _syntax_fault(error)))
    except yaml.YAMLError as error:
        return Text(None, (*reader.faults, Fault(1, (), f"not valid YAML: {error}")))
    return Text(root, tuple(reader.faults))


def _decode(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise Stop(1, (), f"larger than {MAX_BYTES >> 20} MiB; an estate is a text of your own")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Stop(1, (), "not UTF-8 but UTF-16; save the file as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Stop(line, (), "not UTF-8; save the file as UTF-8") from None
    if found := _FORBIDDEN.search(text):
        line = text.count("\n", 0, found.start()) + 1
        name = f"U+{ord(found[0]):04X}"
        raise Stop(line, (), f"the control character {name}, which a text file cannot hold")
    if text.lstrip().startswith("{"):
        text = _as_yaml(text)
    return text


def _as_yaml(text: str) -> str:
    """Bridge what JSON allows and libyaml does not: tabs as indentation, and surrogate pairs."""

    def join(pair: re.Match[str]) -> str:
        try:
            high, low = int(pair[2], 16), int(pair[3], 16)
        except ValueError:
            return pair[0]
        return f"{pair[1]}\\U{0x10000 + ((high - 0xD800) << 10) + low - 0xDC00:08X}"

    text = re.sub(r"^[\t ]+", lambda indent: " " * len(indent[0]), text, flags=re.MULTILINE)
    return _SURROGATE_PAIR.sub(join, text)


def _syntax_fault(error: yaml.MarkedYAMLError) -> Fault:
    mark = error.problem_mark or error.context_mark
    problem = error.problem or error.context or "it cannot be read"
    hint = next((text for key, text in _HINTS.items() if key in problem), "")
    message = f"not valid YAML: {problem}"
    if error.context and error.context_mark:
        message += f" {error.context} that begins on line {error.context_mark.line + 1}"
    return Fault(mark.line + 1 if mark else 1, (), message + (f"; {hint}" if hint else ""))
