"""The JSON Schema of the estate file, with the models' own words, so that an editor can help."""

import ast
import inspect
from datetime import timedelta
from typing import Any, Final

from ..model import estate, policy
from ..model.document import Document
from ..model.estate import Estate
from ..model.scalars import format_duration

SCHEMA_ID: Final = "https://holdfast.dev/schema/estate-v1.json"


def estate_json_schema() -> dict[str, Any]:
    """The schema in JSON Schema 2020-12, as the file writes its keys.

    It holds the file's shape. What names refer to, and what actions make of their inputs, only
    `parse_estate` can check.
    """
    schema = Estate.model_json_schema(by_alias=True, mode="validation")
    definitions = schema.pop("$defs")
    field_words = _attribute_docstrings(
        "\n".join(inspect.getsource(module) for module in (estate, policy))
    )
    for name, definition in (("Estate", schema), *definitions.items()):
        for key, described in definition.get("properties", {}).items():
            described.pop("title", None)
            _mend_default(name, key, described)
            if words := field_words.get((name, key)):
                described["description"] = _joined(words, described.get("description"))
    schema.pop("title", None)
    description = schema.pop("description")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Holdfast estate",
        "description": description,
        **schema,
        "$defs": definitions,
    }


def _mend_default(cls: str, key: str, described: dict[str, Any]) -> None:
    """Write a default as the file would; say nothing where it only means that nothing is said."""
    if not described.get("default") and described.get("default") is not False:
        described.pop("default", None)
    fields = _model(cls).model_fields
    default = fields[key].default if key in fields else None
    if isinstance(default, timedelta):
        described["default"] = format_duration(default)
    elif isinstance(default, Document):
        described.pop("default", None)


def _joined(words: str, type_words: str | None) -> str:
    """The field's words, and those of its type: what it is for, and how it is written."""
    return f"{words.rstrip('.')}: {type_words}." if type_words else words


def _attribute_docstrings(source: str) -> dict[tuple[str, str], str]:
    """By class and key, the string that stands below a field.

    Read from the source, here and only when the schema is asked for: pydantic could keep them on
    the fields, but then every import of the models would read and parse it.
    """
    words: dict[tuple[str, str], str] = {}
    for cls in ast.parse(source).body:
        if not isinstance(cls, ast.ClassDef):
            continue
        for field, below in zip(cls.body, cls.body[1:], strict=False):
            match field, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(text))),
                ):
                    words[cls.name, _key(cls.name, name)] = text
    return words


def _key(cls: str, name: str) -> str:
    """What the file calls a field."""
    fields = _model(cls).__dict__.get("__pydantic_fields__", {})
    return (fields[name].alias or name) if name in fields else name


def _model(name: str) -> Any:
    return getattr(estate, name, None) or getattr(policy, name)
