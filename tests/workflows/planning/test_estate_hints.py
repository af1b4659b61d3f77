"""What an estate file says of where its services may go must be possible."""

import json
from typing import Any

import pytest

from holdfast.workflows.planning.estate_file import EstateInvalid, parse_estate


def faults(
    *services: dict[str, Any], sites: dict[str, dict[str, Any]] | None = None
) -> dict[str, str]:
    """The faults' messages by path, `services[0].` left out."""
    document = {
        "apiVersion": "holdfast.dev/v1",
        "kind": "Estate",
        "metadata": {"name": "x"},
        "sites": [{"name": n, "region": "r"} | (sites or {}).get(n, {}) for n in "abc"],
        "services": [{"site": "a", **service} for service in services],
    }
    try:
        parse_estate(json.dumps(document).encode(), "estate.json")
    except EstateInvalid as invalid:
        return {e.path.removeprefix("services[0]."): e.message for e in invalid.errors}
    return {}


@pytest.mark.parametrize(
    ("keys", "path", "message"),
    [
        (
            {"affinity": ["messs"]},
            "affinity[0]",
            "there is no service 'messs'; did you mean 'mes'?",
        ),
        (
            {"spread": {"across": "zone", "services": ["bus"]}},
            "spread.services[0]",
            "there is no service 'bus'",
        ),
        ({"near": {"to": "d", "within": "5ms"}}, "near.to", "there is no site 'd'"),
        ({"fallback": "bus"}, "fallback", "there is no service 'bus'"),
        ({"fallback": "s"}, "fallback", "s falls back to itself"),
        ({"fallback": "ui"}, "fallback", "ui depends on s and cannot stand in for it"),
        ({"affinity": ["s"]}, "affinity[0]", "s is with itself anyway; leave it out"),
        (
            {"spread": {"across": "site", "services": ["s"]}},
            "spread.services[0]",
            "s cannot be apart from itself; name other services",
        ),
    ],
)
def test_a_hint_leads_somewhere(keys: dict[str, Any], path: str, message: str) -> None:
    found = faults({"name": "s", **keys}, {"name": "mes"}, {"name": "ui", "depends_on": ["s"]})

    assert list(found) == [path]
    assert found[path].startswith(message)


def test_a_site_is_some_way_from_sites_that_there_are() -> None:
    found = faults(sites={"a": {"latency": {"b": "3ms", "e": "4ms"}}})

    assert found == {"sites[0].latency.e": "there is no site 'e'"}


def test_what_belongs_together_is_not_kept_apart() -> None:
    found = faults(
        {"name": "s", "affinity": ["t"]},
        {"name": "t", "affinity": ["u"]},
        {"name": "u", "spread": {"across": "site", "services": ["s"]}},
    )

    assert found == {
        "services[2].spread.services[0]": "u must be apart from s, but affinity puts both at one "
        "site; take one of the two out"
    }


def test_services_do_not_stand_in_for_each_other_in_a_circle() -> None:
    found = faults({"name": "s", "fallback": "t"}, {"name": "t", "fallback": "s"})

    assert found == {
        "fallback": "a circle: s → t → s; name a service that runs when this one does not"
    }


def test_degraded_is_less_than_whole_and_says_so() -> None:
    found = faults(
        {
            "name": "s",
            "demand": {"cpu": "500m"},
            "degraded": {"demand": {"cpu": 1, "gpu": 1}},
        }
    )

    assert found == {
        "degraded": "has no effect with approach: cold_standby; write approach: degraded, or "
        "leave it out",
        "degraded.demand.cpu": "1 cpu is more than the whole service needs, which is 500m; "
        "degraded needs less",
        "degraded.demand.gpu": "1 gpu is more than the whole service needs, which is 0; "
        "degraded needs less",
    }


SMALL = {"b": {"capacity": {"cpu": 4}}, "c": {"capacity": {"gpu": 1}}}
LARGE = {"name": "s", "demand": {"cpu": 8}, "recovery_sites": ["b", "c"]}


def test_a_demand_that_no_recovery_site_could_hold_is_an_error() -> None:
    assert faults(LARGE, sites=SMALL) == {
        "demand": "no recovery site could ever hold it: b has 4 cpu, 8 needed; c has no cpu, "
        "8 needed; lower it, or add a larger site"
    }


@pytest.mark.parametrize(
    ("keys", "sites"),
    [
        ({"approach": "degraded", "degraded": {"demand": {"cpu": 4}}}, SMALL),
        ({}, SMALL | {"c": {"capacity": {"cpu": 8}}}),
        ({}, {"b": SMALL["b"]}),
        ({"recovery_sites": []}, SMALL),
    ],
    ids=["degraded", "one is large enough", "one states no capacity", "no recovery"],
)
def test_a_demand_that_one_site_can_hold_is_none(
    keys: dict[str, Any], sites: dict[str, dict[str, Any]]
) -> None:
    assert not faults(LARGE | keys, sites=sites)


def test_no_demand_is_called_too_large_where_a_site_could_not_be_read() -> None:
    found = faults(LARGE, sites=SMALL | {"a": {"capcity": {}}})

    assert list(found) == ["sites[0].capcity"]
