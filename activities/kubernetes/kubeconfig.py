"""Kubeconfig files, by kubectl's rules: several may be named, and the first to name a thing wins.

Read once and again only when a file has changed: an estate may have a thousand contexts.
"""

import os
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from ...workflows.model.errors import InvalidInput

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CLUSTER_FILES = ("certificate-authority",)
_USER_FILES = ("client-certificate", "client-key", "tokenFile")


class Kubeconfig:
    """The contexts, clusters and users of one or more files."""

    def __init__(self, paths: str | None) -> None:
        """Keep where to look; nothing is read.

        Args:
            paths: one path or several joined by the system's path separator; None for KUBECONFIG,
                or else `~/.kube/config`.
        """
        self._given = paths
        self._seen: tuple[tuple[Path, int, int], ...] = ()
        self._sections: dict[str, dict[str, Any]] = {}

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that are named, whether they exist or not."""
        named = self._given or os.environ.get("KUBECONFIG") or "~/.kube/config"
        return tuple(Path(part).expanduser() for part in named.split(os.pathsep) if part)

    @property
    def exists(self) -> bool:
        """Whether any of the files is there."""
        return any(path.is_file() for path in self.paths)

    def only(self, context: str) -> dict[str, Any]:
        """A kubeconfig document that holds nothing but `context`; paths in it are absolute.

        Raises:
            InvalidInput: no file, a broken file, or no such context, cluster or user; the message
                lists the contexts there are.
        """
        self._refresh()
        contexts = self._sections["contexts"]
        where = ", ".join(str(path) for path in self.paths)
        if context not in contexts:
            known = ", ".join(sorted(contexts)[:20]) or "none"
            raise InvalidInput(
                f"there is no context {context!r} in the kubeconfig ({where}); it has: {known}."
                " Correct the step's context, or add it to the kubeconfig"
            )
        document: dict[str, Any] = {"current-context": context, "contexts": [contexts[context]]}
        body = contexts[context].get("context") or {}
        for section, key in (("clusters", "cluster"), ("users", "user")):
            name = body.get(key)
            entry = self._sections[section].get(name) if name else None
            if name and entry is None:
                raise InvalidInput(
                    f"context {context!r} names the {key} {name!r}, which the kubeconfig ({where})"
                    " does not have; add it there"
                )
            document[section] = [deepcopy(entry)] if entry else []
        if not document["clusters"]:
            raise InvalidInput(f"context {context!r} names no cluster in the kubeconfig ({where})")
        return document

    def _refresh(self) -> None:
        stats = tuple(
            (path, path.stat().st_mtime_ns, path.stat().st_size)
            for path in self.paths
            if path.is_file()
        )
        if not stats:
            where = ", ".join(str(path) for path in self.paths)
            raise InvalidInput(f"there is no kubeconfig at {where}; set KUBECONFIG to where it is")
        if stats == self._seen:
            return
        sections: dict[str, dict[str, Any]] = {"contexts": {}, "clusters": {}, "users": {}}
        for path, _, _ in stats:
            _merge(sections, path)
        self._sections, self._seen = sections, stats


def _merge(sections: dict[str, dict[str, Any]], path: Path) -> None:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER) or {}
        for section, entries in sections.items():
            for entry in document.get(section) or ():
                _absolute(entry, path.parent)
                entries.setdefault(entry["name"], entry)
    except (OSError, ValueError, yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        # The parser's own words may quote the line, and with it a token.
        raise InvalidInput(
            f"{path} is not a kubeconfig that can be read ({type(error).__name__}); check it with"
            " kubectl config view"
        ) from None


def _absolute(entry: Mapping[str, Any], folder: Path) -> None:
    for section, keys in (("cluster", _CLUSTER_FILES), ("user", _USER_FILES)):
        body = entry.get(section)
        if isinstance(body, dict):
            for key in keys:
                if body.get(key):
                    body[key] = str(folder / Path(body[key]).expanduser())


__all__ = ["Kubeconfig"]
