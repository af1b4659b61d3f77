"""The JSON Schema says of a file's shape what the reader says."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from holdfast.workflows.planning.estate_schema import SCHEMA_ID, estate_json_schema
from holdfast.workflows.planning.estate_text import read_text

EXAMPLES = sorted((Path(__file__).parents[3] / "deploy" / "examples").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = estate_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def estate(**keys: Any) -> dict[str, Any]:
    return {
        "apiVersion": "holdfast.dev/v1",
        "kind": "Estate",
        "metadata": {"name": "x"},
        "sites": [{"name": "a", "region": "r"}],
        **keys,
    }


def service(**keys: Any) -> dict[str, Any]:
    return estate(services=[{"name": "s", "site": "a", **keys}])


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_example_is_valid(example: Path, validator: jsonschema.Draft202012Validator) -> None:
    validator.validate(read_text(example.read_bytes()).data)


@pytest.mark.parametrize(
    "document",
    [
        estate(extra=1),
        estate(apiVersion="v2"),
        estate(sites=[]),
        service(tiers=1),
        service(tier="1"),
        service(tier=10),
        service(approach="warm"),
        service(objectives={"rto": "soon"}),
        service(demand={"cpu": "much"}),
        service(recovery_sites="b"),
        service(recovery_sites={"regio": "r"}),
        service(recovery=[{"id": "a"}]),
        service(recovery=[{"id": "a", "run": "scale"}]),
        service(recovery=[{"id": "a", "run": "x.y", "inputs": {}}]),
    ],
    ids=str,
)
def test_a_file_of_another_shape_is_invalid(
    document: dict[str, Any], validator: jsonschema.Draft202012Validator
) -> None:
    assert not validator.is_valid(document)


def test_the_schema_names_itself_and_explains_every_key() -> None:
    schema = estate_json_schema()

    assert schema["$id"] == SCHEMA_ID
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for definition in (schema, *schema["$defs"].values()):
        for key, described in definition.get("properties", {}).items():
            assert described.get("description"), key


def test_the_schema_writes_durations_as_the_file_does() -> None:
    timeout = estate_json_schema()["$defs"]["Step"]["properties"]["timeout"]

    assert timeout["default"] == "5m"
    assert timeout["description"].startswith("How long the step may take: a duration")
