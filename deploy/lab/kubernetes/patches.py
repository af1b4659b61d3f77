"""The patch formats of the Kubernetes API: JSON patch, merge patch, strategic merge patch.

Each takes the current document and returns a new one; the current one is left as it is.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

from .status import ApiError, bad_request

_MERGE_KEYS: Final = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "conditions": "type",
    "ownerReferences": "uid",
}
_SET_LISTS: Final = frozenset({"finalizers"})


def json_patch(current: Any, operations: Any) -> Any:
    """Apply a JSON patch (RFC 6902); one failed operation, and nothing is applied."""
    if not isinstance(operations, list):
        raise bad_request("error decoding patch: json: cannot unmarshal object into []Operation")
    document = deepcopy(current)
    for operation in operations:
        if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
            raise bad_request("error decoding patch: an operation needs op and path")
        document = _operate(document, operation)
    return document


def merge_patch(current: Any, patch: Any) -> Any:
    """Apply a merge patch (RFC 7386): null deletes, lists are replaced whole."""
    if not isinstance(patch, dict):
        return deepcopy(patch)
    merged = dict(current) if isinstance(current, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def strategic_merge_patch(current: Any, patch: Any) -> Any:
    """Apply a strategic merge patch: a merge patch in which a pod's lists merge by their keys."""
    if not isinstance(patch, dict):
        return deepcopy(patch)
    directive = patch.get("$patch")
    if directive == "replace":
        return {name: deepcopy(value) for name, value in patch.items() if name != "$patch"}
    if directive == "delete":
        return {}
    merged = dict(current) if isinstance(current, dict) else {}
    if "$retainKeys" in patch:
        kept = _listed(patch["$retainKeys"])
        merged = {name: value for name, value in merged.items() if name in kept}
    for name, value in patch.items():
        if name.startswith(("$setElementOrder/", "$retainKeys", "$patch")):
            continue
        if name.startswith("$deleteFromPrimitiveList/"):
            field = name.partition("/")[2]
            gone = value if isinstance(value, list) else []
            merged[field] = [item for item in _listed(merged.get(field)) if item not in gone]
        elif value is None:
            merged.pop(name, None)
        elif isinstance(value, list):
            merged[name] = _merge_list(name, _listed(merged.get(name)), value)
        else:
            merged[name] = strategic_merge_patch(merged.get(name), value)
    return merged


def _merge_list(name: str, current: list[Any], patch: list[Any]) -> list[Any]:
    if name in _SET_LISTS:
        return current + [item for item in patch if item not in current]
    key = _merge_key(name, current + patch)
    if key is None:
        return deepcopy(patch)
    if {"$patch": "replace"} in patch:
        return [deepcopy(item) for item in patch if item != {"$patch": "replace"}]
    merged = list(current)
    for item in patch:
        if not isinstance(item, dict) or key not in item:
            raise bad_request(f"map: {item!r} does not contain declared merge key: {key}")
        at = next((i for i, old in enumerate(merged) if _has(old, key, item[key])), None)
        if item.get("$patch") == "delete":
            merged = [old for old in merged if not _has(old, key, item[key])]
        elif at is None:
            merged.append(deepcopy(item))
        else:
            merged[at] = strategic_merge_patch(merged[at], item)
    return merged


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _has(item: Any, key: str, value: Any) -> bool:
    return isinstance(item, dict) and item.get(key) == value


def _merge_key(name: str, items: list[Any]) -> str | None:
    if name == "ports":
        # Two kinds have a list of this name: a container's ports and a Service's ports.
        of_container = any(isinstance(item, dict) and "containerPort" in item for item in items)
        return "containerPort" if of_container else "port"
    return _MERGE_KEYS.get(name)


def _operate(document: Any, operation: dict[str, Any]) -> Any:
    name = operation.get("op")
    path = _tokens(operation["path"])
    if name == "test":
        if _read(document, path) != operation.get("value"):
            raise _failed(f"testing path {operation['path']} value failed")
        return document
    if name in ("add", "replace"):
        value = deepcopy(operation.get("value"))
        return _write(document, path, value, insert=name == "add")
    if name == "remove":
        _read(document, path)
        return _removed(document, path)
    if name in ("copy", "move"):
        source = _tokens(str(operation.get("from", "")))
        value = deepcopy(_read(document, source))
        if name == "move":
            document = _removed(document, source)
        return _write(document, path, value, insert=True)
    raise bad_request(f"unexpected kind of patch operation: {name!r}")


def _failed(why: str) -> ApiError:
    return ApiError(
        422,
        "Invalid",
        f"the server rejected our request due to an error in our request: {why}",
        details={},
    )


def _tokens(path: str) -> list[str]:
    if path == "":
        return []
    if not path.startswith("/"):
        raise bad_request(f"error decoding patch: path {path!r} does not start with /")
    return [token.replace("~1", "/").replace("~0", "~") for token in path[1:].split("/")]


def _index(items: list[Any], token: str, end: int) -> int:
    if not token.isdigit() or int(token) >= end:
        raise _failed(f"unable to access invalid index: {token}")
    return int(token)


def _read(document: Any, path: list[str]) -> Any:
    for token in path:
        if isinstance(document, dict) and token in document:
            document = document[token]
        elif isinstance(document, list):
            document = document[_index(document, token, len(document))]
        else:
            raise _failed(f"path does not exist: /{'/'.join(path)}")
    return document


def _write(document: Any, path: list[str], value: Any, *, insert: bool) -> Any:
    if not path:
        return value
    parent, last = _read(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        if insert:
            parent.insert(
                len(parent) if last == "-" else _index(parent, last, len(parent) + 1), value
            )
        else:
            parent[_index(parent, last, len(parent))] = value
    elif isinstance(parent, dict) and (insert or last in parent):
        parent[last] = value
    else:
        raise _failed(f"replace operation does not apply: /{'/'.join(path)}")
    return document


def _removed(document: Any, path: list[str]) -> Any:
    if not path:
        raise _failed("the whole document cannot be removed")
    parent, last = _read(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        del parent[_index(parent, last, len(parent))]
    else:
        del parent[last]
    return document
