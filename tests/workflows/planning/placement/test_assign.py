"""What an assignment weighs, one thing at a time, and the sentence that it gives for it."""

import subprocess
import sys
from typing import Any

import pytest

from holdfast.workflows.model.coordination import Booking, Facts
from holdfast.workflows.planning.placement import Assignment, assign
from support.placing import estate_of

GIVES_WAY = {"give_way": [{"id": "stop", "run": "kubernetes.scale"}]}
HALF = {"approach": "degraded", "degraded": {"demand": {"cpu": 4}}}


def site(name: str, cpu: int | None = None, **keys: Any) -> dict[str, Any]:
    capacity = {} if cpu is None else {"capacity": {"cpu": cpu}}
    return {"name": name, "region": "r", **capacity, **keys}


def service(name: str, cpu: int = 0, **keys: Any) -> dict[str, Any]:
    demand = {"demand": {"cpu": cpu}} if cpu else {}
    return {"name": name, "site": "a", "recovery_sites": ["b", "c"], **demand, **keys}


def assigned(
    *services: dict[str, Any],
    sites: list[dict[str, Any]],
    lost: tuple[str, ...] = (),
    facts: Facts | None = None,
    targets: dict[str, str] | None = None,
    moving: str = "a",
    **policy: Any,
) -> Assignment:
    """Everything of site a moves, or what `moving` names."""
    estate = estate_of([site("a"), *sites], services, **policy)
    facts = facts or Facts()
    movers = [
        s
        for s in estate.services
        if facts.locations.get(s.name, s.site) == moving
        and s.name not in {b.service for b in facts.booked}
    ]
    return assign(estate, movers, lost={moving, *lost}, facts=facts, targets=targets)


def where(found: Assignment) -> dict[str, str]:
    return {name: placed.site.name for name, placed in found.placed.items()}


def left_out(found: Assignment) -> dict[str, str]:
    return {out.service: out.sentence for out in found.left_out}


def test_a_choice_tells_what_is_free_and_after_whom() -> None:
    found = assigned(service("bus", 6), service("mes", 4), sites=[site("b", 40), site("c", 40)])

    assert found.placed["bus"].sentence == "b: the first recovery site; 40 of 40 cpu free"
    assert found.placed["mes"].sentence == "b: the first recovery site; 34 of 40 cpu free after bus"


def test_of_several_resources_the_tightest_is_told() -> None:
    big = service("mes") | {"demand": {"cpu": 2, "memory": "12Gi"}}
    found = assigned(big, sites=[site("b", capacity={"cpu": 8, "memory": "16Gi"}), site("c")])

    assert "16Gi of 16Gi memory free" in found.placed["mes"].sentence


def test_a_site_that_is_full_is_passed_over_with_its_numbers() -> None:
    found = assigned(service("bus", 6), service("mes", 4), sites=[site("b", 8), site("c", 8)])

    assert where(found) == {"bus": "b", "mes": "c"}
    assert found.placed["mes"].sentence == (
        "c: the first recovery site that takes it; 8 of 8 cpu free; "
        "b has 2 of 8 cpu free beside bus, 4 needed"
    )


def test_a_site_in_another_jurisdiction_is_excluded() -> None:
    found = assigned(
        service("mes", residency=["EU"]),
        sites=[site("b", jurisdiction="US"), site("c", jurisdiction="EU")],
    )

    assert found.placed["mes"].sentence == (
        "c: the first recovery site; b excluded: jurisdiction US, residency EU"
    )


def test_a_site_that_states_no_capacity_counts_as_unlimited_and_is_said_to() -> None:
    found = assigned(service("mes", 400), sites=[site("b"), site("c")])

    assert found.placed["mes"].sentence == (
        "b: the first recovery site; b states no capacity, so it counts as unlimited"
    )
    assert found.room == {}


def test_a_resource_that_a_site_does_not_name_is_not_there() -> None:
    vision = service("vision") | {"demand": {"gpu": 1}}
    found = assigned(vision, sites=[site("b", 8), site("c", capacity={"gpu": 1})])

    assert found.placed["vision"].sentence == (
        "c: the first recovery site that takes it; 1 of 1 gpu free; b has no gpu, 1 needed"
    )


def test_what_runs_at_a_site_and_what_is_on_its_way_there_takes_room() -> None:
    facts = Facts(
        locations={"moved-in": "b", "moved-away": "c"},
        booked=(Booking(service="on-its-way", site="b", demand={"cpu": "2"}),),
    )
    found = assigned(
        service("mes", 1),
        service("here", 1) | {"site": "b"},
        service("moved-in", 3) | {"site": "c"},
        service("moved-away", 90) | {"site": "b"},
        service("on-its-way", 2) | {"site": "a"},
        sites=[site("b", 10), site("c", 100)],
        facts=facts,
    )

    assert found.placed["mes"].sentence == "b: the first recovery site; 4 of 10 cpu free"
    assert found.room == {"b": {"cpu": "6"}}


def test_sites_that_other_recoveries_hold_for_lost_take_nothing() -> None:
    found = assigned(service("mes"), sites=[site("b"), site("c")], facts=Facts(lost=("b",)))

    assert found.placed["mes"].sentence == "c: the first recovery site after b (lost)"


def test_a_critical_service_is_served_before_one_that_comes_first_in_the_file() -> None:
    found = assigned(
        service("label", 6, tier=2), service("bus", 6, tier=0), sites=[site("b", 8), site("c", 4)]
    )

    assert where(found) == {"bus": "b"}
    assert left_out(found) == {
        "label": "label finds no room: b has 2 of 8 cpu free beside bus, 6 needed; "
        "c has 4 of 4 cpu free, 6 needed"
    }


def test_a_dependency_is_as_critical_as_what_depends_on_it() -> None:
    found = assigned(
        service("label", 6, tier=1),
        service("bus", 6, tier=3),
        service("scada", 1, tier=0, depends_on=["bus"]),
        sites=[site("b", 8), site("c", 0)],
    )

    assert list(where(found)) == ["bus", "scada"]
    assert list(left_out(found)) == ["label"]


def test_without_its_dependency_a_service_is_of_no_use() -> None:
    found = assigned(
        service("bus", 9),
        service("scada", 1, depends_on=["bus"]),
        service("mes", 1),
        sites=[site("b", 8), site("c", 8)],
    )

    assert list(where(found)) == ["mes"]
    assert left_out(found)["scada"] == ("scada is of no use: it depends on bus, which is left out")


def test_a_fallback_stands_in_for_a_dependency() -> None:
    found = assigned(
        service("bus", 9, fallback="mini-bus"),
        service("scada", 1, depends_on=["bus"]),
        service("mini-bus", 2) | {"site": "c"},
        sites=[site("b", 8), site("c", 8)],
    )

    assert list(where(found)) == ["scada"]
    assert left_out(found)["bus"].endswith("; mini-bus stands in at c")


def test_what_may_run_degraded_does_where_there_is_not_room_for_all_of_it() -> None:
    found = assigned(service("mes", 10, **HALF), sites=[site("b", 6), site("c", 2)])

    assert found.placed["mes"].degraded
    assert found.placed["mes"].sentence == (
        "b: the first recovery site; degraded: 6 of 6 cpu free, 10 needed for all of it"
    )


def test_a_further_site_is_better_than_running_degraded() -> None:
    found = assigned(service("mes", 10, **HALF), sites=[site("b", 6), site("c", 10)])

    assert where(found) == {"mes": "c"}
    assert not found.placed["mes"].degraded


def test_services_that_belong_together_go_together() -> None:
    found = assigned(
        service("bus", 4),
        service("mes", 4, affinity=["bus"]),
        service("ui", 4, affinity=["mes"]),
        sites=[site("b", 8), site("c", 12)],
    )

    assert where(found) == {"bus": "c", "mes": "c", "ui": "c"}


def test_a_service_goes_where_the_one_runs_that_it_belongs_with() -> None:
    found = assigned(
        service("mes", affinity=["db"]), service("db") | {"site": "c"}, sites=[site("b"), site("c")]
    )

    assert found.placed["mes"].sentence == (
        "c: the first recovery site; b excluded: it belongs with db, which runs at c"
    )


@pytest.mark.parametrize(
    ("across", "b", "c", "chosen"),
    [
        ("site", {}, {}, "c"),
        ("zone", {"zone": "1"}, {"zone": "2"}, "c"),
        ("zone", {"zone": "1"}, {"zone": "1"}, ""),
        ("zone", {"zone": "1"}, {}, ""),
        ("zone", {"zone": "1"}, {"region": "s"}, "c"),
        ("region", {}, {"region": "s"}, "c"),
        ("region", {}, {"zone": "2"}, ""),
    ],
)
def test_services_that_must_not_fall_together_are_kept_apart(
    across: str, b: dict[str, Any], c: dict[str, Any], chosen: str
) -> None:
    spread = {"across": across, "services": ["one"]}
    found = assigned(
        service("one"), service("two", spread=spread), sites=[site("b", **b), site("c", **c)]
    )

    assert where(found).get("two", "") == chosen
    if not chosen:
        assert left_out(found)["two"] == (
            f"two finds no room: b shares its {across} with one at b; "
            f"c shares its {across} with one at b"
        )


def test_a_service_keeps_apart_from_what_does_not_move_too() -> None:
    apart: dict[str, Any] = {"spread": {"across": "site", "services": ["mes"]}}
    found = assigned(
        service("mes"), service("twin", **apart) | {"site": "b"}, sites=[site("b"), site("c")]
    )

    assert found.placed["mes"].sentence == (
        "c: the first recovery site; b excluded: it must not share a site with twin at b"
    )


def test_a_site_too_far_or_of_unknown_distance_is_excluded() -> None:
    found = assigned(
        service("mes", near={"to": "a", "within": "10ms"}, recovery_sites=["b", "c", "d"]),
        sites=[site("b", latency={"a": "12ms"}), site("c"), site("d", latency={"a": "9ms"})],
    )

    assert found.placed["mes"].sentence == (
        "d: the first recovery site; b excluded: 12ms from a, 10ms is the limit; "
        "c excluded: its round trip to a is not known, 10ms is the limit"
    )


def test_of_the_sites_that_a_selector_selects_the_nearest_comes_first() -> None:
    near: dict[str, Any] = {
        "near": {"to": "a", "within": "50ms"},
        "recovery_sites": {"region": "r"},
    }
    far, close = site("b", latency={"a": "40ms"}), site("c", latency={"a": "4ms"})

    assert where(assigned(service("mes", **near), sites=[far, close])) == {"mes": "c"}


def test_a_lower_tier_gives_way_where_the_policy_says_so() -> None:
    estate = (
        service("bus", 6, tier=0),
        service("batch", 5, tier=5, **GIVES_WAY) | {"site": "b"},
        service("report", 5, tier=7, **GIVES_WAY) | {"site": "b"},
    )
    sites = [site("b", 12), site("c", 1)]

    assert assigned(*estate, sites=sites, shortage="shed").refusals
    found = assigned(*estate, sites=sites, shortage="preempt")
    assert [way.service for way in found.gives_way] == ["report"]
    assert found.gives_way[0].sentence == (
        "report (tier 7) gives way at b: bus (tier 0) needs the room"
    )
    assert found.room == {"b": {"cpu": "7"}}


@pytest.mark.parametrize(
    "other",
    [
        {"tier": 0, **GIVES_WAY},
        {"tier": 5},
        {"tier": 5, "depends_on": [], **GIVES_WAY, "name": "needed"},
    ],
    ids=["as critical", "no steps", "needed"],
)
def test_what_is_as_critical_or_needed_or_has_no_steps_does_not_give_way(
    other: dict[str, Any],
) -> None:
    runs = service("batch", 5) | {"site": "b"} | other
    needs = [runs["name"]] if runs["name"] == "needed" else []
    found = assigned(
        service("bus", 6, tier=0, depends_on=needs),
        runs,
        sites=[site("b", 8), site("c", 1)],
        shortage="preempt",
    )

    assert (found.gives_way, found.placed) == ((), {})
    assert found.refusals == (
        "bus finds no room: b has 3 of 8 cpu free, 6 needed; c has 1 of 1 cpu free, 6 needed",
    )


def test_where_the_policy_refuses_a_shortage_nothing_is_placed_not_even_degraded() -> None:
    found = assigned(
        service("bus", 6),
        service("mes", 8, **HALF),
        sites=[site("b", 10), site("c", 4)],
        shortage="refuse",
    )

    assert found.placed == {}
    assert found.refusals == (
        "mes finds no room: b has 4 of 10 cpu free beside bus, 8 needed; "
        "c has 4 of 4 cpu free, 8 needed",
    )


def test_on_the_way_home_only_life_law_and_room_count() -> None:
    facts = Facts(locations={"mes": "b", "bus": "b"})
    home = site("a", 10)
    estate = estate_of(
        [home, site("b")],
        [
            service("mes", 4, recovery_sites=["b"], near={"to": "b", "within": "1ms"}),
            service("bus", 8, recovery_sites=["b"]),
        ],
    )
    found = assign(
        estate, estate.services, lost=set(), facts=facts, targets={"mes": "a", "bus": "a"}
    )

    assert len(found.placed) == 1
    (placed,) = found.placed.values()
    assert placed.sentence == "a: its own site; 10 of 10 cpu free"
    (left,) = left_out(found).values()
    assert "a has" in left


def test_a_plan_that_fits_needs_no_solver() -> None:
    code = (
        "import sys, json, holdfast.starters.cli\n"
        "from holdfast.workflows.model.estate import Estate\n"
        "from holdfast.workflows.planning.placement import assign\n"
        "e = Estate.model_validate_json(sys.argv[1])\n"
        "print(len(assign(e, e.services, lost={'a'}).placed), 'highspy' in sys.modules)\n"
    )
    estate = estate_of([site("a"), site("b", 8)], [service("mes", 4, recovery_sites=["b"])])
    done = subprocess.run(
        [sys.executable, "-c", code, estate.model_dump_json(by_alias=True)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["1", "False"]
