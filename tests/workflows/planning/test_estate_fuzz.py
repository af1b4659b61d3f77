"""Whatever the bytes: an estate or its faults, never another exception."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.workers.registry import input_checks
from holdfast.workflows.planning import yaml_reader
from holdfast.workflows.planning.estate_file import EstateError, EstateInvalid, parse_estate

EXAMPLE = (
    Path(__file__).parents[3] / "deploy" / "examples" / "acme-manufacturing.yaml"
).read_text()
CHUNKS = EXAMPLE.splitlines(keepends=True)
ACTIONS = input_checks()
SOME = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])

NASTY = st.sampled_from(
    (
        "{{",
        "{% for x in y %}",
        "\t",
        "&a",
        "*a",
        "<<: *a",
        "!!int x",
        "|",
        ">",
        "---",
        "...",
        *"~'\"[]{}#\x00",
        "- ",
        "? ",
        ": ",
        "%TAG",
        "9" * 50,
        "1e999",
    )
)
LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
WORDS = (
    "apiVersion kind metadata policy sites services name region tier site depends_on demand "
    "objectives approach recovery_sites residency recovery id run with timeout needs vars "
    "on_failure pivot kubernetes context rto rpo jurisdiction labels budget window"
)
KEYS = st.sampled_from(tuple(WORDS.split())) | st.text(max_size=4)
TREE = st.recursive(
    LEAF | st.sampled_from(["a", "b", "5m", "kubernetes.scale", "{{ target.name }}", "{{ x }}"]),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=5),
    max_leaves=25,
)


def judged(data: bytes) -> None:
    """Read the bytes; every fault there is must be printable and have a line."""
    errors: tuple[EstateError, ...] = ()
    try:
        estate = parse_estate(data, "f", actions=ACTIONS)
    except EstateInvalid as invalid:
        errors = invalid.errors
    else:
        estate.model_dump_json()
        return
    assert errors
    assert all(error.line >= 1 and error.message for error in errors)
    json.dumps([error.model_dump() for error in errors], ensure_ascii=False).encode()


@SOME
@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    judged(data)


@SOME
@given(st.lists(NASTY | st.text(max_size=5), max_size=12).map("".join))
def test_random_pieces_of_yaml(text: str) -> None:
    judged(text.encode("utf-8", "surrogatepass"))


@st.composite
def mutated(draw: st.DrawFn) -> str:
    chunks = list(CHUNKS)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(chunks) - 1))
        size = draw(st.integers(1, 12))
        match draw(st.sampled_from(["delete", "duplicate", "move", "replace", "cut", "insert"])):
            case "delete":
                del chunks[at : at + size]
            case "duplicate":
                chunks[at:at] = chunks[at : at + size]
            case "move":
                to = draw(st.integers(0, len(chunks) - 1))
                chunks[to:to] = chunks[at : at + size]
            case "replace":
                words = chunks[at].split(" ")
                words[draw(st.integers(0, len(words) - 1))] = draw(NASTY)
                chunks[at] = " ".join(words)
            case "cut":
                chunks[at] = chunks[at][: draw(st.integers(0, len(chunks[at])))]
            case "insert":
                chunks.insert(at, draw(st.text(max_size=10)) + "\n")
        if not chunks:
            break
    return "".join(chunks)


@SOME
@given(mutated())
def test_the_example_mutated(text: str) -> None:
    judged(text.encode("utf-8", "surrogatepass"))


@SOME
@given(TREE)
def test_random_trees(tree: Any) -> None:
    judged(json.dumps(tree).encode())


@st.composite
def near_estates(draw: st.DrawFn) -> Any:
    """An estate with faults of every depth: a tree of the right keys hung below the right ones."""
    parts: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
        st.dictionaries(KEYS, TREE, max_size=4), max_size=3
    )
    services: list[dict[str, Any]] = draw(parts)
    for service in services:
        service.setdefault("name", draw(st.sampled_from("stuv")))
        service.setdefault("site", draw(st.sampled_from("ab")))
        service.setdefault("depends_on", draw(st.lists(st.sampled_from("stuv"), max_size=2)))
        service.setdefault("recovery_sites", draw(st.sampled_from([["a"], ["b"], {"region": "r"}])))
        steps = draw(parts)
        for step in steps:
            step.setdefault("id", draw(st.sampled_from("xyz")))
            step.setdefault("run", draw(st.sampled_from([*ACTIONS, "no.such"])))
        service.setdefault("recovery", steps)
    return {
        "apiVersion": "holdfast.dev/v1",
        "kind": "Estate",
        "metadata": {"name": "x"},
        "sites": [{"name": n, "region": "r", "kubernetes": {"context": n}} for n in "ab"],
        "services": services,
    }


@SOME
@given(near_estates())
def test_random_faults_in_an_estate(tree: Any) -> None:
    judged(json.dumps(tree).encode())


@pytest.mark.parametrize("escape", [r'a: "\ud800"', r'a: "\0"', r'{"a": "\ud83d\ude00"}', "a: 'x"])
def test_the_parser_written_in_python_does_as_well(
    escape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_reader, "_LOADER", yaml.SafeLoader)

    judged(escape.encode())
    parse_estate(EXAMPLE.encode(), "f")
