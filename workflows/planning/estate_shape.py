"""Plain data held against the models: each misfit as a sentence that says what would be right."""

import difflib
import json
import types
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, NamedTuple, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from ..model.document import Document
from .yaml_reader import Path

D = TypeVar("D", bound=Document)

_WRONG_KIND = {
    "model_type": "a mapping",
    "dict_type": "a mapping",
    "tuple_type": "a list",
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
}
_FORMS = {
    r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$": "an action's name: dotted and lower-case, like "
    "kubernetes.scale",
    r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$": "a name: lower-case letters, digits, dots and dashes, "
    "like plant-milan",
}
"""By its pattern, what a text should be."""


class Misfit(NamedTuple):
    """A path and what is wrong there."""

    path: Path
    message: str


def read_document(model: type[D], data: Any) -> D:
    """Validate plain data as strictly as the JSON Schema does: no text for a number.

    Raises:
        ValidationError: it does not fit.
    """
    # By way of JSON, because only there may a list stand for a tuple and text for an enum.
    text = json.dumps(data, ensure_ascii=False)
    return model.model_validate_json(text, strict=True, by_alias=True, by_name=False)


def misfits(model: type[Document], data: Any, error: ValidationError) -> list[Misfit]:
    """What a validation error says, in the file's terms."""
    found: dict[Misfit, None] = {}
    for detail in error.errors(include_url=False):
        located = _locate(model, data, detail["loc"])
        # A list is also called too short because its items are faulty: no second fault.
        emptied = detail["type"] == "too_short" and detail["input"]
        if located is not None and not emptied:
            message = _message(detail["type"], detail.get("ctx", {}), detail["input"], located)
            found[Misfit(located.path, message or detail["msg"])] = None
    return list(found)


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` where something known is near, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def one_of(names: Sequence[str], limit: int = 8) -> str:
    """Names as a phrase: `a, b or c`, cut short where they are many."""
    if len(names) > limit:
        return f"{', '.join(names[:limit])} and {len(names) - limit} more"
    return " or ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


class _Place(NamedTuple):
    """Where an error is: its path, the model that should hold its last key, the choice it is in."""

    path: Path
    model: type[BaseModel] | None
    or_a_list: bool


def _locate(model: type[Document], data: Any, loc: tuple[str | int, ...]) -> _Place | None:
    """The place of an error, or None if it is of a branch that the data does not try to be."""
    path: list[str | int] = []
    kind: Any = model
    holder: type[BaseModel] | None = None
    or_a_list = False
    for part in loc:
        branches = _branches(kind)
        if len(branches) > 1:
            is_list_branch = str(part).startswith("tuple[")
            if isinstance(data, list) != is_list_branch:
                return None
            kind = next(
                branch for branch in branches if (get_origin(branch) is tuple) == is_list_branch
            )
            or_a_list = not is_list_branch
            continue
        path.append(part)
        holder = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
        kind = _below(kind, part)
        data = _child(data, part)
        or_a_list = False
    return _Place(tuple(path), holder, or_a_list)


def _plain(kind: Any) -> Any:
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return kind


def _branches(kind: Any) -> list[Any]:
    if get_origin(kind) not in (Union, types.UnionType):
        return [kind]
    return [_plain(branch) for branch in get_args(kind) if branch is not type(None)]


def _below(kind: Any, part: str | int) -> Any:
    """The type of what stands at `part` below a value of type `kind`."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if part == (field.alias or name):
                branches = _branches(_plain(field.annotation))
                return branches[0] if len(branches) == 1 else field.annotation
        return None
    below = get_args(kind)
    if get_origin(kind) is tuple:
        return _plain(below[0])
    return _plain(below[1]) if get_origin(kind) is dict else None


def _child(data: Any, part: str | int) -> Any:
    if isinstance(data, dict):
        return data.get(part)
    if isinstance(data, list) and isinstance(part, int) and part < len(data):
        return data[part]
    return None


def _message(kind: str, context: dict[str, Any], value: Any, place: _Place) -> str:
    key = str(place.path[-1]) if place.path else ""
    if kind == "missing":
        return f"the key {key!r} is missing"
    if kind == "extra_forbidden":
        known = _keys(place.model)
        return f"unknown key {key!r}" + (nearest(key, known) or f"; known are {one_of(known, 20)}")
    if value is None:
        return "has no value; give it one, or leave the key out"
    if kind in _WRONG_KIND:
        return _wrong_kind(_WRONG_KIND[kind], value, or_a_list=place.or_a_list)
    if kind == "string_pattern_mismatch":
        pattern = context.get("pattern")
        return f"{_shown(value)} is not {_FORMS[pattern]}" if pattern in _FORMS else ""
    if kind in ("enum", "literal_error"):
        expected = str(context.get("expected", "")).replace("'", "")
        return f"must be {expected}, not {_shown(value)}"
    if kind == "value_error":
        return f"{_shown(value)} is {context.get('error', 'not valid')}"
    return _out_of_bounds(kind, context, value)


def _out_of_bounds(kind: str, context: dict[str, Any], value: Any) -> str:
    bounds = {
        "greater_than_equal": f"must be at least {context.get('ge')}, not {_shown(value)}",
        "less_than_equal": f"must be at most {context.get('le')}, not {_shown(value)}",
        "string_too_short": "must not be empty",
        "string_too_long": f"is longer than {context.get('max_length')} characters",
        "too_short": f"must hold at least {context.get('min_length')}",
    }
    return bounds.get(kind, "")


def _wrong_kind(wanted: str, value: Any, *, or_a_list: bool) -> str:
    wanted += " or a list" if or_a_list else ""
    if wanted.startswith("text") and isinstance(value, bool | int | float):
        return f"must be {wanted}; write it in quotes: {json.dumps(json.dumps(value))}"
    if wanted == "a list" and isinstance(value, str) and len(value) <= 63:
        return f"must be a list: [{value}]"
    return f"must be {wanted}, not {_shown(value)}"


def _keys(model: type[BaseModel] | None) -> list[str]:
    if model is None:
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _shown(value: Any) -> str:
    """A value as a sentence can hold it."""
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:50]}…"
