"""What an estate says of itself must be possible."""

import json
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from holdfast.workflows.planning.cycles import cycles
from holdfast.workflows.planning.estate_file import EstateInvalid, parse_estate
from holdfast.workflows.planning.estate_steps import InputChecks

STEP = {"id": "up", "run": "kubernetes.scale"}


def site(name: str, **keys: Any) -> dict[str, Any]:
    return {"name": name, "region": "r", **keys}


def service(name: str, **keys: Any) -> dict[str, Any]:
    return {"name": name, "site": "a", **keys}


def document(*services: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {
        "apiVersion": "holdfast.dev/v1",
        "kind": "Estate",
        "metadata": {"name": "x"},
        "sites": [site("a"), site("b"), site("c")],
        "services": list(services),
        **keys,
    }


def faults(
    *services: dict[str, Any], actions: InputChecks | None = None, **keys: Any
) -> dict[str, str]:
    """The faults' messages by path, `services[0].` left out."""
    data = json.dumps(document(*services, **keys)).encode()
    try:
        parse_estate(data, "estate.json", actions=actions)
    except EstateInvalid as invalid:
        return {e.path.removeprefix("services[0]."): e.message for e in invalid.errors}
    return {}


def test_names_of_sites_services_and_steps_are_given_once() -> None:
    found = faults(
        service("s", recovery=[STEP, STEP], recovery_sites=["b"]),
        service("s"),
        sites=[site("a"), site("b"), site("b")],
    )

    assert found == {
        "sites[2].name": "'b' is the name of sites[1] already; give each site its own",
        "services[1].name": "'s' is the name of services[0] already; give each service its own",
        "recovery[1].id": "'up' is the name of recovery[0] already; give each step its own",
    }


def test_two_sites_do_not_share_a_cluster() -> None:
    found = faults(sites=[site(n, kubernetes={"context": "k"}) for n in "ab"])

    assert "'k' is the cluster of a already" in found["sites[1].kubernetes.context"]


@pytest.mark.parametrize(
    ("keys", "path", "message"),
    [
        ({"site": "aa"}, "site", "there is no site 'aa'; did you mean 'a'?"),
        ({"depends_on": ["mes"]}, "depends_on[0]", "there is no service 'mes'"),
        ({"recovery_sites": ["b", "d"]}, "recovery_sites[1]", "there is no site 'd'"),
        ({"recovery_sites": ["a"]}, "recovery_sites[0]", "a is where the service runs"),
        ({"depends_on": ["s"]}, "depends_on", "s depends on itself"),
    ],
)
def test_a_name_leads_somewhere(keys: dict[str, Any], path: str, message: str) -> None:
    found = faults(service("s", **keys))

    assert list(found) == [path]
    assert found[path].startswith(message)


def test_a_circle_of_services_is_named() -> None:
    found = faults(
        service("s", depends_on=["t"]),
        service("t", depends_on=["u"]),
        service("u", depends_on=["s"]),
        service("v", depends_on=["s"]),
    )

    assert found == {"depends_on": "a circle: s → t → u → s; take one arrow out"}


def test_a_circle_of_steps_is_named() -> None:
    steps = [
        {**STEP, "id": "one", "needs": ["two"]},
        {**STEP, "id": "two", "needs": ["one"]},
        {**STEP, "id": "three", "needs": ["three"]},
    ]

    assert faults(service("s", recovery=steps, recovery_sites=["b"])) == {
        "recovery[0].needs": "a circle: one → two → one; take one arrow out",
        "recovery[2].needs": "three needs itself",
    }


def test_a_step_needs_steps_of_its_own_service_only() -> None:
    steps = [{**STEP, "needs": ["upp", "t"]}]
    found = faults(
        service("s", recovery=steps, recovery_sites=["b"], depends_on=["t"]), service("t")
    )

    assert found == {
        "recovery[0].needs[0]": "s has no step 'upp'; did you mean 'up'?",
        "recovery[0].needs[1]": "s has no step 't'; the services of depends_on are waited for "
        "anyway",
    }


def test_steps_without_a_recovery_site_are_refused() -> None:
    assert "no site to recover at" in faults(service("s", recovery=[STEP]))["recovery"]


def test_a_misspelt_key_is_not_taken_for_a_missing_one() -> None:
    found = faults(service("s", recovery=[STEP], recovery_site=["b"]))

    assert list(found) == ["recovery_site"]


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ({"region": ["s", "t"]}, "selects no site: no site has the region 's'"),
        ({"name": "a"}, "selects no site but a itself"),
        ({"jurisdiction": "EU"}, "selects no site: no site has the jurisdiction 'EU'"),
    ],
)
def test_a_selector_selects_a_site(selector: dict[str, Any], message: str) -> None:
    assert faults(service("s", recovery_sites=selector))["recovery_sites"].startswith(message)


@pytest.mark.parametrize("recovery_sites", [["b", "c"], {"region": "r"}])
def test_no_recovery_site_is_outside_the_residency(recovery_sites: Any) -> None:
    found = faults(
        service("s", residency=["EU", "CH"], recovery_sites=recovery_sites),
        sites=[site("a"), site("b", jurisdiction="EU"), site("c", jurisdiction="US")],
    )

    assert list(found.values()) == ["c is in US, but the service's residency is EU or CH"]


def test_a_service_is_back_no_sooner_than_what_it_depends_on() -> None:
    found = faults(
        service("s", objectives={"rto": "5m"}, depends_on=["t"]),
        service("t", depends_on=["u"]),
        service("u", objectives={"rto": "1h"}),
    )

    assert found == {"objectives.rto": "5m cannot be met: s depends on u, whose rto is 1h"}


def test_an_objective_of_another_site_does_not_bind() -> None:
    below = service("t", objectives={"rto": "1h"}) | {"site": "b"}

    assert not faults(service("s", objectives={"rto": "5m"}, depends_on=["t"]), below)


def recovering(inputs: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return service("s", recovery=[{**STEP, "with": inputs}], **{"recovery_sites": ["b"], **keys})


def test_every_template_of_a_step_is_tried() -> None:
    found = faults(
        recovering({"one": "{{ target.name }}", "two": "{{ targt.name }}", "three": ["{{ x"]})
    )

    assert set(found) == {"recovery[0].with.two", "recovery[0].with.three[0]"}
    assert "targt" in found["recovery[0].with.two"]


def test_a_template_is_tried_at_every_recovery_site() -> None:
    found = faults(
        recovering({"context": "{{ target.kubernetes.context }}"}, recovery_sites=["b", "c"]),
        sites=[site("a"), site("b", kubernetes={"context": "b"}), site("c")],
    )

    assert list(found) == ["recovery[0].with.context"]
    assert found["recovery[0].with.context"].endswith("(with recovery site c)")


def test_of_many_selected_sites_each_form_is_tried() -> None:
    sites = [site(f"s{i}", kubernetes={"context": f"s{i}"}) for i in range(300)]
    found = faults(
        recovering({"context": "{{ target.kubernetes.context }}"}, recovery_sites={"region": "r"}),
        sites=[site("a"), *sites, site("bare")],
    )

    assert found["recovery[0].with.context"].endswith("(with recovery site bare)")


def refuses_many(inputs: dict[str, JsonValue]) -> list[tuple[tuple[str | int, ...], str]]:
    return [(("replicas",), "too many")] if inputs.get("replicas") == 9 else []


def test_an_action_that_no_worker_has_is_an_error() -> None:
    found = faults(recovering({}), actions={"kubernetes.scales": refuses_many})

    assert found == {
        "recovery[0].run": "no worker has an action 'kubernetes.scale'; did you mean "
        "'kubernetes.scales'?"
    }


def test_inputs_that_the_action_refuses_are_an_error_once() -> None:
    found = faults(
        recovering({"replicas": "{{ 4 + 5 }}"}, recovery_sites=["b", "c"]),
        actions={"kubernetes.scale": refuses_many},
    )

    assert found == {"recovery[0].with.replicas": "too many"}


def test_the_input_of_one_site_is_refused_with_its_name() -> None:
    found = faults(
        recovering({"replicas": "{{ target.vars.replicas }}"}, recovery_sites=["b", "c"]),
        sites=[site("a"), site("b", vars={"replicas": 1}), site("c", vars={"replicas": 9})],
        actions={"kubernetes.scale": refuses_many},
    )

    assert found == {"recovery[0].with.replicas": "too many (with recovery site c)"}


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdefg"))))
def test_a_cycle_found_is_one_and_none_is_found_only_where_none_is(
    edges: dict[str, list[str]],
) -> None:
    found = cycles(edges)

    for cycle in found:
        assert cycle[0] == cycle[-1]
        assert all(need in edges[name] for name, need in pairwise(cycle))
    known = {name: [need for need in needs if need in edges] for name, needs in edges.items()}
    try:
        TopologicalSorter(known).prepare()
    except CycleError:
        assert found
    else:
        assert not found


def test_an_unknown_key_of_a_site_hides_no_fault_of_a_step() -> None:
    text = """
apiVersion: holdfast.dev/v1
kind: Estate
metadata: {name: x}
sites:
  - {name: a, region: r}
  - {name: b, region: r, capcity: {cpu: 1}}
services:
  - name: s
    site: a
    recovery_sites: [b]
    recovery:
      - {id: x, run: kubernetes.scale, with: {namespace: "{{ target.rack }}"}}
      - {id: y, run: kubernetes.scale, with: {namespace: "{{ target.capacity.cpu }}"}}
"""
    with pytest.raises(EstateInvalid) as invalid:
        parse_estate(text.encode(), "x.yaml")

    assert [error.path for error in invalid.value.errors] == [
        "sites[1].capcity",
        "services[0].recovery[0].with.namespace",
    ]
