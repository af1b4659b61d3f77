"""Steps of every kind must be possible wherever they may have to be done."""

from typing import Any

from pydantic import JsonValue

from holdfast.workflows.planning.estate_file import EstateInvalid, parse_estate
from support.compiling import FENCE, SCALE, estate, service, step


def faults(*services: dict[str, Any], actions: Any = None, **keys: Any) -> dict[str, str]:
    """The faults' messages by path, `services[0].` left out."""
    text = estate(*services, **keys).model_dump_json(by_alias=True, exclude_none=True)
    try:
        parse_estate(text.encode(), "estate.json", actions=actions)
    except EstateInvalid as invalid:
        return {e.path.removeprefix("services[0]."): e.message for e in invalid.errors}
    return {}


def refuses_nine(inputs: dict[str, JsonValue]) -> list[tuple[tuple[str | int, ...], str]]:
    return [(("replicas",), "too many")] if inputs.get("replicas") == 9 else []


ACTIONS = {"kubernetes.scale": refuses_nine}


def with_inputs(**inputs: Any) -> dict[str, Any]:
    return {**step("up"), "with": inputs}


def test_an_estate_without_fault_has_none() -> None:
    assert faults(service("s", give_way=[step("down")])) == {}


def test_steps_that_give_way_are_checked_as_those_of_the_recovery() -> None:
    steps = [
        with_inputs(x="{{ target.rack }}"),
        with_inputs(replicas=9),
        {**step("other", "nowhere"), "run": "kubernetes.scal"},
        step("one", "two"),
        step("two", "one"),
    ]
    found = faults(service("s", recovery=[SCALE | {"needs": []}], give_way=steps), actions=ACTIONS)

    assert set(found) == {
        "give_way[0].with.x",
        "give_way[1].id",
        "give_way[1].with.replicas",
        "give_way[2].run",
        "give_way[2].needs[0]",
        "give_way[3].needs",
    }
    assert found["give_way[2].needs[0]"].startswith("s has no step 'nowhere' in its give_way")


def test_a_step_that_gives_way_does_so_where_the_service_runs() -> None:
    sites = {"b": {"vars": {"x": 1}}, "c": {"vars": {"x": 1}}}
    found = faults(service("s", give_way=[with_inputs(x="{{ target.vars.x }}")]), sites=sites)

    assert list(found) == ["give_way[0].with.x"]
    assert found["give_way[0].with.x"].endswith("(with recovery site a)")


def test_not_every_step_that_gives_way_may_be_graceful() -> None:
    found = faults(service("s", give_way=[step("drain", graceful=True)]))

    assert list(found) == ["give_way"]
    assert "all its steps are graceful" in found["give_way"]


def test_the_queries_of_replication_are_rendered_for_every_recovery_site() -> None:
    queries = {
        "lag": 'lag{from="{{ source.name }}",to="{{ target.vars.shard }}"}',
        "divergence": "{{ nothing }}",
    }
    found = faults(service("s", replication=queries), sites={"b": {"vars": {"shard": 1}}})

    assert set(found) == {"replication.lag", "replication.divergence"}
    assert found["replication.lag"].endswith("(with recovery site c)")


def test_a_query_must_be_text() -> None:
    found = faults(service("s", replication={"lag": "{{ service.tier }}"}))

    assert found == {"replication.lag": "'{{ service.tier }}': renders to 3, which is no text"}


def test_a_step_is_tried_in_its_degraded_form_too() -> None:
    s = service(
        "s",
        vars={"replicas": 3},
        approach="degraded",
        degraded={"demand": {}, "vars": {"replicas": 9}},
        recovery=[with_inputs(replicas="{{ service.vars.replicas }}")],
    )

    assert faults(s, actions=ACTIONS) == {
        "recovery[0].with.replicas": "too many (where it runs degraded)"
    }


def test_a_step_is_tried_in_every_mode_that_it_speaks_of() -> None:
    template = "{{ target.rack if mode == 'test' else 'x' }}"
    found = faults(service("s", recovery=[with_inputs(x=template)]))

    assert found["recovery[0].with.x"].endswith("(in mode test)")


def test_a_test_cannot_be_told_to_touch_what_runs() -> None:
    found = faults(service("s", recovery=[{**FENCE, "test": True}]))

    assert list(found) == ["recovery[0].test"]
    assert found["recovery[0].test"].startswith("a test acts on copies at b alone")
