"""The oracle of "never two active sites for one service", on journals written by hand."""

from typing import Any

import pytest

from support.activity_oracle import Reached, Violation, active_sites, violations

WORKLOADS = "/apis/apps/v1/namespaces/historian/deployments"
PROFILES = "/subscriptions/s/resourceGroups/Edge/providers/Microsoft.Network/trafficManagerProfiles"


def world(*lost: str, lyon: int = 3, milan: int = 0, routed: bool = True) -> dict[str, Any]:
    """The historian runs at Lyon; Milan stands by."""
    workload = {"kind": "Deployment", "namespace": "historian", "name": "api"}
    replicas = {"lyon": lyon, "milan": milan}
    return {
        "sites": {site: {"reachable": site not in lost} for site in ("lyon", "milan")},
        "workloads": [
            {**workload, "site": site, "service": "historian", "replicas": wanted}
            for site, wanted in replicas.items()
        ],
        "profiles": {
            "edge/hist": {
                "service": "historian",
                "status": "Enabled",
                "endpoints": {
                    "home": {"status": "Enabled", "target": "historian.lyon.example"},
                    "milan": {"status": "Enabled", "target": None},
                },
            }
        }
        if routed
        else {},
    }


def change(seq: int, system: str, path: str, after: Any, **more: Any) -> dict[str, Any]:
    entry = {"seq": seq, "site": None, "system": system, "method": "PATCH", "path": path}
    return {**entry, "applied": True, "before": None, "after": after, **more}


def scale(seq: int, site: str, replicas: int, **more: Any) -> dict[str, Any]:
    after = {"metadata": {"name": "api"}, "spec": {"replicas": replicas}}
    return change(seq, "kubernetes", f"{WORKLOADS}/api", after, site=site, **more)


def route(seq: int, lyon: str = "Enabled", profile: str = "Enabled") -> dict[str, Any]:
    endpoints = [
        {"name": "home", "properties": {"target": "historian.lyon.example", "endpointStatus": lyon}}
    ]
    after = {"properties": {"profileStatus": profile, "endpoints": endpoints}}
    return change(seq, "azure", f"{PROFILES}/hist/externalEndpoints/home", after)


BOTH = ("lyon", "milan")


def test_fencing_before_promoting_breaks_nothing() -> None:
    assert violations(world(), [scale(1, "lyon", 0), scale(2, "milan", 3)]) == []


def test_promoting_before_fencing_is_told_with_the_entry_that_did_it() -> None:
    found = violations(world(), [scale(4, "milan", 3), scale(5, "lyon", 0)])

    assert found == [Violation(4, "historian", BOTH)]


def test_each_time_it_begins_is_told_once() -> None:
    journal = [
        scale(1, "milan", 1),
        scale(2, "milan", 3),
        scale(3, "milan", 0),
        scale(4, "milan", 1),
    ]

    assert [each.seq for each in violations(world(), journal)] == [1, 4]


def test_a_world_that_begins_twice_active_is_told_as_well() -> None:
    assert violations(world(milan=1), []) == [Violation(0, "historian", BOTH)]


def test_a_write_that_did_not_apply_changes_nothing() -> None:
    assert violations(world(), [scale(1, "milan", 3, applied=False)]) == []


@pytest.mark.parametrize("path", [f"{WORKLOADS}/api/scale", WORKLOADS])
def test_the_scale_subresource_and_a_creation_count_as_well(path: str) -> None:
    assert violations(world(), [{**scale(1, "milan", 3), "path": path}])


def test_deleting_a_workload_ends_it() -> None:
    gone = {"metadata": {"name": "api"}, "spec": {"replicas": 3}}
    single = scale(1, "lyon", 0, before=gone) | {"after": None}
    collection = {**single, "path": WORKLOADS, "before": {"items": [gone]}}

    for deletion in (single, collection):
        assert violations(world(), [deletion, scale(2, "milan", 3)]) == []


def test_a_workload_of_another_namespace_is_another_one() -> None:
    copy = {**scale(1, "milan", 3), "path": WORKLOADS.replace("historian", "test") + "/api"}

    assert violations(world(), [copy]) == []


def test_a_lost_copy_counts_as_long_as_traffic_is_led_to_it() -> None:
    journal = [scale(2, "milan", 3)]

    assert violations(world("lyon"), journal) == [Violation(2, "historian", BOTH)]
    assert violations(world("lyon"), [route(1, lyon="Disabled"), *journal]) == []
    assert violations(world("lyon"), [route(1, profile="Disabled"), *journal]) == []


def test_leading_traffic_to_a_lost_copy_again_makes_it_count_again() -> None:
    journal = [route(1, lyon="Disabled"), scale(2, "milan", 3), route(3)]

    assert [each.seq for each in violations(world("lyon"), journal)] == [3]


def test_a_copy_in_reach_counts_whether_or_not_traffic_is_led_to_it() -> None:
    assert violations(world(), [route(1, lyon="Disabled"), scale(2, "milan", 3)])


def test_a_copy_without_traffic_of_its_own_does_not_count_while_its_site_is_lost() -> None:
    assert violations(world("lyon", routed=False), [scale(1, "milan", 3)]) == []


def test_a_site_that_returns_with_its_copy_running_is_told() -> None:
    journal = [route(1, lyon="Disabled"), scale(2, "milan", 3), scale(3, "lyon", 0)]
    back = Reached(after=2, site="lyon", reachable=True)

    assert violations(world("lyon"), journal, reached=[back]) == [Violation(2, "historian", BOTH)]
    later = back._replace(after=3)
    assert violations(world("lyon"), journal, reached=[later]) == []


def test_a_site_that_is_lost_meanwhile_is_judged_as_lost_from_then_on() -> None:
    journal = [route(1, lyon="Disabled"), scale(2, "milan", 3)]

    gone = [Reached(after=1, site="lyon", reachable=False)]
    assert violations(world(), journal, reached=gone) == []


def test_services_that_may_run_twice_are_left_out_when_asked() -> None:
    assert violations(world(), [scale(1, "milan", 3)], services={"orders"}) == []


def test_a_site_is_active_as_long_as_pods_are_wanted_or_still_there() -> None:
    state = world(lyon=0)
    assert active_sites(state, "historian") == set()

    state["workloads"][0]["readyReplicas"] = 1
    assert active_sites(state, "historian") == {"lyon"}
