"""Any bytes: an estate, or every fault with file, line and path."""

import json
from pathlib import Path

import pytest

from holdfast.workflows.planning.estate_file import EstateError, EstateInvalid, parse_estate

EXAMPLES = Path(__file__).parents[3] / "deploy" / "examples"
HEAD = "apiVersion: holdfast.dev/v1\nkind: Estate\nmetadata: {name: x}\n"
SITES = "sites:\n- {name: a, region: r}\n- {name: b, region: r}\n"


def faults(text: str | bytes) -> tuple[EstateError, ...]:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(EstateInvalid) as caught:
        parse_estate(data, "estate.yaml")
    return caught.value.errors


def only(text: str | bytes) -> EstateError:
    (fault,) = faults(text)
    return fault


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"", 1, "the file is empty"),
        (b"# nothing\n", 1, "the file is empty"),
        (b"a: 1\nb: \xff", 2, "not UTF-8; save the file as UTF-8"),
        ("a: 1".encode("utf-16"), 1, "UTF-16"),
        (b"a: 1\nb: x\x00y", 2, "control character U+0000"),
        (b"a:\n\tb: 1", 2, "a tab cannot indent"),
        (b"a: 1\n---\nb: 1", 2, "a second document begins here"),
        (b"a: [1, 2\nb: 3", 2, "a bracket or a quote is not closed"),
        (b"a: 'x\nb: 3\n", 3, "begins on line 1"),
        (b"a: *x", 1, "no anchor &x"),
        (b"a:\n- &x [*x]", 2, "inside its own anchor"),
        (b"[" * 5000, 1, "nested more than 64 levels deep"),
        (b"{a: " * 5000, 1, "nested more than 64 levels deep"),
        (b"- " * 5000, 1, "nested more than 64 levels deep"),
        (b"x" * (16 * 2**20 + 1), 1, "larger than 16 MiB"),
        (b"%FOO", 1, "not valid YAML"),
    ],
)
def test_what_cannot_be_read_is_one_fault_with_its_line(
    data: bytes, line: int, message: str
) -> None:
    fault = only(data)

    assert (fault.file, fault.line) == ("estate.yaml", line)
    assert message in fault.message


def test_aliases_that_multiply_are_stopped_before_they_are_expanded() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 10)}]\n" for i in range(20)
    )

    assert "more than 1000000 values" in only(bomb).message


@pytest.mark.parametrize("data", ["3", "[]", "text", "true"])
def test_a_file_that_is_no_mapping_is_told_to_be_one(data: str) -> None:
    assert "must be a mapping" in only(data).message


def test_a_byte_order_mark_is_no_fault() -> None:
    assert parse_estate(b"\xef\xbb\xbf" + (HEAD + SITES).encode(), "f").name == "x"


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_json_is_read_as_well(indent: int | str | None) -> None:
    document = {
        "apiVersion": "holdfast.dev/v1",
        "kind": "Estate",
        "metadata": {"name": "x", "labels": {"mood": "😀", "path": "a\\ud83d/b", "tab": "a\tb"}},
        "sites": [{"name": "a", "region": "r", "vars": {"none": None, "deep": [1.5, {"t": True}]}}],
    }

    estate = parse_estate(json.dumps(document, indent=indent).encode(), "estate.json")

    assert estate.metadata.labels == {"mood": "😀", "path": "a\\ud83d/b", "tab": "a\tb"}
    assert estate.sites[0].vars == {"none": None, "deep": [1.5, {"t": True}]}


@pytest.mark.parametrize(
    "written", ["NO", "on", "yes", "12:30", "2026-01-01", "1_000", "0b11", "=", "<", "1.2.3"]
)
def test_what_only_older_yaml_takes_for_something_else_stays_text(written: str) -> None:
    estate = parse_estate(
        f"{HEAD}sites: [{{name: a, region: r, vars: {{v: {written}}}}}]".encode(), "f"
    )

    assert estate.sites[0].vars == {"v": written}


@pytest.mark.parametrize(
    ("written", "value"),
    [("0o17", 15), ("0x1F", 31), ("-7", -7), ("1e3", 1000.0), ("~", None), ("True", True)],
)
def test_scalars_mean_what_the_core_schema_says(written: str, value: object) -> None:
    estate = parse_estate(
        f"{HEAD}sites: [{{name: a, region: r, vars: {{v: {written}}}}}]".encode(), "f"
    )

    assert estate.sites[0].vars == {"v": value}


@pytest.mark.parametrize(
    "written", ["9" * 5000, "0x" + "f" * 5000, "1e999", ".inf", "-.INF", ".nan"]
)
def test_a_number_that_json_cannot_carry_is_refused(written: str) -> None:
    fault = only(f"{HEAD}sites:\n- name: a\n  region: r\n  vars:\n    v: {written}\n")

    assert (fault.line, fault.path) == (8, "sites[0].vars.v")
    assert "quote it" in fault.message


def test_a_template_without_quotes_is_told_to_have_them() -> None:
    fault = only(f"{HEAD}sites:\n- name: a\n  region: r\n  vars: {{v: {{{{ target.name }}}}}}\n")

    assert (fault.line, fault.path) == (7, "sites[0].vars.v")
    assert 'in quotes: "{{ … }}"' in fault.message


def test_a_key_that_is_there_twice_is_named_with_both_lines() -> None:
    fault = only(f"{HEAD}{SITES}services:\n- name: s\n  site: a\n  name: t\n")

    assert (fault.line, fault.path) == (10, "services[0].name")
    assert fault.message == "the key is there already, on line 8"


def test_a_key_that_is_no_text_is_refused() -> None:
    assert 'write it in quotes: "1"' in only(f"{HEAD}{SITES}1: 2").message


def test_tags_are_refused() -> None:
    fault = only(f"{HEAD}{SITES}services: !!python/object:os.system []\n")

    assert "uses no tags" in fault.message


def test_anchors_and_merge_keys_spare_repetition() -> None:
    estate = parse_estate(
        f"{HEAD}{SITES}"
        "services:\n"
        "- &base {name: s, site: a, tier: 1, objectives: &o {rto: 5m}}\n"
        "- {<<: *base, name: t}\n"
        "- {<<: [*base], name: u, tier: 2, objectives: *o}\n".encode(),
        "f",
    )

    assert [(s.name, s.tier, s.site) for s in estate.services] == [
        ("s", 1, "a"),
        ("t", 1, "a"),
        ("u", 2, "a"),
    ]


@pytest.mark.parametrize(
    ("line", "path", "message"),
    [
        ("tiers: 1", "tiers", "unknown key 'tiers'; did you mean 'tier'?"),
        ("zzz: 1", "zzz", "unknown key 'zzz'; known are name, tier, site"),
        ("inputs: {}", "inputs", "unknown key 'inputs'"),
        ('tier: "1"', "tier", 'must be a whole number, not "1"'),
        ("tier: 10", "tier", "must be at most 9, not 10"),
        ("approach: warm", "approach", "must be hot_standby, warm_standby, cold_standby or"),
        ("depends_on: b", "depends_on", "must be a list: [b]"),
        ("depends_on:", "depends_on", "has no value"),
        ("residency: [1]", "residency[0]", 'must be text; write it in quotes: "1"'),
        ("objectives: {rto: 5}", "objectives.rto", "write it like 30s, 15m or 1h30m"),
        ("demand: {cpu: much}", "demand.cpu", "write it like 8, 500m or 256Gi"),
        ('demand: {"a b": x}', 'demand["a b"]', "not a Kubernetes quantity"),
        ("recovery_sites: b", "recovery_sites", "must be a mapping or a list"),
        ("recovery_sites: [B_]", "recovery_sites[0]", "lower-case letters, digits, dots"),
        ("recovery_sites: {regio: r}", "recovery_sites.regio", "did you mean 'region'?"),
        ("recovery_sites: {name: 3}", "recovery_sites.name", "must be text or a list"),
        ("recovery: [{id: s}]", "recovery[0].run", "the key 'run' is missing"),
        ("recovery: [{id: s, run: scale}]", "recovery[0].run", "like kubernetes.scale"),
        (
            "recovery: [{id: s, run: a.b, pivot: yes}]\n  recovery_sites: [b]",
            "recovery[0].pivot",
            "true or false",
        ),
        (
            "recovery: [{id: s, run: a.b, on_failure: x}]\n  recovery_sites: [b]",
            "recovery[0].on_failure",
            "rollback",
        ),
    ],
)
def test_what_does_not_fit_says_what_would(line: str, path: str, message: str) -> None:
    found = faults(f"{HEAD}{SITES}services:\n- name: s\n  site: a\n  {line}\n")

    assert [(fault.line, fault.path) for fault in found] == [(10, f"services[0].{path}")]
    assert message in found[0].message


def test_all_faults_are_reported_at_once_in_the_order_of_their_lines() -> None:
    text = f"""{HEAD}sites:
- name: a
  regio: r
- {{name: b, region: r}}
- {{name: b, region: r}}
services:
- name: s
  tiers: 1
  site: nowhere
  depends_on: [s2, t]
  recovery:
  - {{id: one, run: kubernetes.scale, timeout: 5, needs: [two, three]}}
- name: t
  site: b
  site: a
  depends_on: [s]
  recovery:
  - {{id: two, needs: []}}
- 3
"""
    assert [(fault.line, fault.path) for fault in faults(text)] == [
        (5, "sites[0].region"),
        (6, "sites[0].regio"),
        (8, "sites[2].name"),
        (11, "services[0].tiers"),
        (12, "services[0].site"),
        (13, "services[0].depends_on[0]"),
        (13, "services[0].depends_on"),
        (15, "services[0].recovery[0].timeout"),
        (15, "services[0].recovery[0].needs[0]"),
        (15, "services[0].recovery[0].needs[1]"),
        (18, "services[1].site"),
        (21, "services[1].recovery[0].run"),
        (22, "services[2]"),
    ]


def test_a_name_that_is_only_misspelt_in_itself_is_no_dangling_reference() -> None:
    text = f"""{HEAD}sites:
- {{name: a, regio: r}}
services:
- {{name: s, site: a, depends_on: [t]}}
- {{name: t}}
"""
    assert {fault.path for fault in faults(text)} == {
        "sites[0].region",
        "sites[0].regio",
        "services[1].site",
    }


def test_a_fault_prints_as_a_compiler_would() -> None:
    fault = only(f"{HEAD}sites: []")

    assert str(fault) == "estate.yaml:4: sites: must hold at least 1"


@pytest.mark.parametrize("name", ["minimal.yaml", "acme-manufacturing.yaml"])
def test_the_examples_are_valid(name: str) -> None:
    assert parse_estate((EXAMPLES / name).read_bytes(), name).services


def test_an_estate_of_a_thousand_services_in_one_long_chain_is_read() -> None:
    services = [
        {
            "name": f"s{index}",
            "site": "a",
            "depends_on": [f"s{index - 1}"] if index else [],
            "recovery_sites": {"region": "r"},
            "recovery": [{"id": "up", "run": "x.y", "with": {"at": "{{ target.name }}"}}],
        }
        for index in range(1000)
    ]

    estate = parse_estate(f"{HEAD}{SITES}services: {json.dumps(services)}".encode(), "f")

    assert len(estate.services) == 1000
