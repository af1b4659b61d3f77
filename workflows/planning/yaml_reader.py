"""YAML events to nodes: plain data in which every value still knows its line.

What comes out is what JSON can carry. It is bounded in size and depth, aliases counted in full,
and costs no recursion, so that no document can exhaust the reader.
"""

import json
import re
from typing import Any, Final, NamedTuple

import yaml

from .yaml_scalars import plain_value

Path = tuple[str | int, ...]
"""Where a value stands: the keys and indexes that lead to it."""

MAX_DEPTH: Final = 64
MAX_VALUES: Final = 1_000_000

# Only the slower parser lets such an escape through.
_SURROGATE = re.compile("[\ud800-\udfff]")
# The C parser is ten times as fast; it is in every wheel, but not in every build from source.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Fault(NamedTuple):
    """One thing that is wrong, and the line (from 1) and path at which it is."""

    line: int
    path: Path
    message: str


class Node:
    """A value with its line; `items` holds what is below a mapping or a list."""

    __slots__ = ("depth", "items", "key_lines", "line", "size", "value")

    def __init__(self, value: Any, line: int) -> None:
        self.value = value
        self.line = line
        self.items: dict[str | int, Node] = {}
        self.key_lines: dict[str | int, int] = {}
        self.size = 1
        self.depth = 1

    def put(self, key: str | int, child: "Node", line: int) -> None:
        """Hang `child` below this node."""
        if isinstance(self.value, list):
            self.value.append(child.value)
        else:
            self.value[key] = child.value
        self.items[key] = child
        self.key_lines[key] = line
        self.size += child.size
        self.depth = max(self.depth, child.depth + 1)


class Stop(Exception):
    """Reading cannot go on after this fault."""

    def __init__(self, line: int, path: Path, message: str) -> None:
        super().__init__(message)
        self.fault = Fault(line, path, message)


class _Frame:
    """A mapping or list that is being read."""

    def __init__(self, node: Node, path: Path, anchor: str | None) -> None:
        self.node = node
        self.path = path
        self.anchor = anchor
        self.key: str | None = None
        """The key whose value comes next; None if that value is to be dropped."""
        self.key_line = 0
        self.awaits_value = False
        self.merges = False
        self.merged: list[Node] = []

    @property
    def is_list(self) -> bool:
        return isinstance(self.node.value, list)

    def next_path(self) -> Path:
        """The path of the value that comes next."""
        if self.is_list:
            return (*self.path, len(self.node.value))
        return self.path if self.key is None else (*self.path, self.key)


class Reader:
    """Builds nodes from the parser's events with a stack of its own: depth costs no recursion."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self._frames: list[_Frame] = []
        self._anchors: dict[str, Node] = {}

    def read(self, text: str) -> Node:
        """Read one document, or stop."""
        root: Node | None = None
        documents = 0
        for event in yaml.parse(text, Loader=_LOADER):
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise Stop(line, (), "a second document begins here; a file holds one estate")
            root = self._take(event, line) or root
        if root is None or root.value is None:
            raise Stop(1, (), "the file is empty; an estate begins: apiVersion: holdfast.dev/v1")
        return root

    def _take(self, event: yaml.Event, line: int) -> Node | None:
        """Take one event; return the root once it is complete."""
        if isinstance(event, yaml.AliasEvent):
            return self._add(self._alias(event.anchor, line), line, plain=False)
        if isinstance(event, yaml.ScalarEvent):
            node = Node(self._scalar(event, line), line)
            if event.anchor:
                self._anchors[event.anchor] = node
            return self._add(node, line, plain=event.implicit[0])
        if isinstance(event, yaml.CollectionStartEvent):
            self._open(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            return self._close()
        return None

    def _path(self) -> Path:
        return self._frames[-1].next_path() if self._frames else ()

    def _fault(self, line: int, message: str, path: Path | None = None) -> None:
        self.faults.append(Fault(line, self._path() if path is None else path, message))

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> Any:
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            self._fault(line, f"an estate uses no tags; remove {event.tag!r}")
        if not event.value.isascii() and _SURROGATE.search(event.value):
            self._fault(line, "half of a surrogate pair, which is no character; write it whole")
            return ""
        if not event.implicit[0]:
            return event.value
        try:
            return plain_value(event.value)
        except ValueError as error:
            self._fault(line, str(error))
            return event.value

    def _alias(self, name: str | None, line: int) -> Node:
        if any(frame.anchor == name for frame in self._frames):
            raise Stop(line, self._path(), f"the alias *{name} stands inside its own anchor")
        node = self._anchors.get(name or "")
        if node is None:
            raise Stop(line, self._path(), f"the alias *{name} has no anchor &{name} above it")
        if len(self._frames) + node.depth > MAX_DEPTH:
            raise Stop(line, self._path(), f"nested more than {MAX_DEPTH} levels deep")
        return node

    def _open(self, event: yaml.CollectionStartEvent, line: int) -> None:
        if len(self._frames) >= MAX_DEPTH:
            raise Stop(line, self._path(), f"nested more than {MAX_DEPTH} levels deep")
        is_list = isinstance(event, yaml.SequenceStartEvent)
        if event.tag not in (None, "!", f"tag:yaml.org,2002:{'seq' if is_list else 'map'}"):
            self._fault(line, f"an estate uses no tags; remove {event.tag!r}")
        node = Node([] if is_list else {}, line)
        self._frames.append(_Frame(node, self._path(), event.anchor))

    def _close(self) -> Node | None:
        frame = self._frames.pop()
        for source in frame.merged:
            for key, child in source.items.items():
                if key not in frame.node.items:
                    frame.node.put(key, child, source.key_lines[key])
        if frame.anchor:
            self._anchors[frame.anchor] = frame.node
        return self._add(frame.node, frame.node.line, plain=False)

    def _add(self, node: Node, line: int, *, plain: bool) -> Node | None:
        """Hang a complete node below the open frame; return it if it is the root."""
        if node.size > MAX_VALUES:
            raise Stop(line, self._path(), f"more than {MAX_VALUES} values, aliases followed")
        if not self._frames:
            return node
        frame = self._frames[-1]
        if frame.is_list:
            frame.node.put(len(frame.node.value), node, line)
        elif frame.awaits_value:
            frame.awaits_value = False
            if frame.merges:
                self._merge(frame, node, line)
            elif frame.key is not None:
                frame.node.put(frame.key, node, frame.key_line)
            frame.key = None
        else:
            frame.awaits_value = True
            frame.merges = plain and node.value == "<<"
            frame.key, frame.key_line = self._key(frame, node, line), line
        if frame.node.size > MAX_VALUES:
            raise Stop(line, frame.path, f"more than {MAX_VALUES} values, aliases followed")
        return None

    def _key(self, frame: _Frame, node: Node, line: int) -> str | None:
        """The key that a node stands for; None, and a fault, if it is none or is there already."""
        key = node.value
        if frame.merges:
            return None
        if isinstance(key, dict | list):
            self._fault(line, 'a key must be text; a template stands in quotes: "{{ … }}"')
        elif not isinstance(key, str):
            self._fault(line, f"a key must be text; write it in quotes: {json.dumps(str(key))}")
        elif key in frame.node.items:
            first = frame.node.key_lines[key]
            self._fault(line, f"the key is there already, on line {first}", (*frame.path, key))
        else:
            return key
        return None

    def _merge(self, frame: _Frame, node: Node, line: int) -> None:
        sources = list(node.items.values()) if isinstance(node.value, list) else [node]
        if all(isinstance(source.value, dict) for source in sources):
            frame.merged += sources
        else:
            self._fault(line, "<< takes an alias of a mapping, or a list of them")
