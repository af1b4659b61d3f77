"""The checks of whole estates: each of them notices what it is there for."""

from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast.workflows.model.coordination import Booking
from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.estate_state import BudgetState, EstateState, HolderState
from holdfast.workflows.model.recovery import Action, LogEntry, Mode

from .crowded_estate import crowded, crowded_service
from .invariants import (
    gone_back,
    misplaced,
    over_budget,
    overbooked,
    overfull,
    repeated,
    untrue,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SCALED = "bus/scale-up: bus/app on b 0 → 2, 2 ready after 0.2 s"
FENCED = "bus/fence: bus/app on a fenced, 2 → 0, none left after 0.1 s"
PREFERS = "bus/shift-traffic: Traffic Manager profile edge/bus prefers b, Online after 0.0 s; so"
WITHDRAWN = "bus/withdraw: Traffic Manager profile edge/bus no longer answers with a; clients may"


def estate() -> Estate:
    """A bus at a and a line at b; b has room for both, if the bus is degraded."""
    less = {"demand": {"cpu": 1}, "vars": {"replicas": 1}}
    bus = crowded_service("bus", "a", ["b"], cpu=4, approach="degraded", degraded=less)
    line = crowded_service("line", "b", ["a"], cpu=4)
    return Estate.model_validate(crowded({"a": 8, "b": 6}, [bus, line]))


def world(**replicas: dict[str, int]) -> dict[str, Any]:
    return {
        "sites": {"a": {"reachable": True}, "b": {"reachable": True}},
        "workloads": [
            {"service": service, "site": site, "replicas": count, "readyReplicas": count}
            for service, sites in replicas.items()
            for site, count in sites.items()
        ],
    }


def holder(*bookings: Booking) -> HolderState:
    return HolderState(
        site="a",
        workflow_id="site-recovery/e/a",
        action=Action.RECOVER,
        mode=Mode.UNPLANNED,
        incident="",
        since=NOW,
        actor="test",
        bookings=bookings,
    )


def state(**known: Any) -> EstateState:
    return EstateState(estate="e", at=NOW, **known)


def scaled(
    step: str, site: str, old: int, new: int, *, seq: int = 1, epoch: int = 1, fenced: str = ""
) -> dict[str, Any]:
    annotations = {"holdfast.dev/fenced": fenced} if fenced else {}
    return {
        "seq": seq,
        "site": site,
        "system": "kubernetes",
        "method": "PATCH",
        "path": "/apis/apps/v1/namespaces/bus/deployments/app",
        "key": f"hash/run-1/bus/{step}",
        "epoch": epoch,
        "applied": True,
        "before": {"metadata": {}, "spec": {"replicas": old}},
        "after": {"metadata": {"annotations": annotations}, "spec": {"replicas": new}},
    }


def routed(step: str, **endpoints: tuple[int, str]) -> dict[str, Any]:
    shown = [
        {"name": name, "properties": {"priority": priority, "endpointStatus": status}}
        for name, (priority, status) in endpoints.items()
    ]
    return {
        "seq": 1,
        "site": None,
        "system": "azure",
        "method": "PATCH",
        "path": "/x/providers/Microsoft.Network/trafficmanagerprofiles/bus",
        "key": f"hash/run-1/bus/{step}",
        "epoch": 1,
        "applied": True,
        "before": None,
        "after": {"properties": {"endpoints": shown}},
    }


def said(*sentences: str) -> list[LogEntry]:
    return [LogEntry(at=NOW, sentence=sentence) for sentence in sentences]


def test_a_service_that_runs_elsewhere_than_the_coordinator_says_is_misplaced() -> None:
    seen = world(bus={"a": 0, "b": 2}, line={"b": 2})

    assert misplaced(estate(), seen, {"bus": "b"}) == []
    assert misplaced(estate(), seen, {}) == ["bus is active at b, the coordinator says a"]


def test_a_service_that_runs_at_two_sites_is_misplaced() -> None:
    seen = world(bus={"a": 2, "b": 2}, line={"b": 2})

    assert misplaced(estate(), seen, {"bus": "b"}) == [
        "bus is active at a, b, the coordinator says b"
    ]


def test_a_site_is_overfull_by_what_runs_there_in_full_but_not_by_what_is_degraded() -> None:
    full, degraded = ({"a": 0, "b": replicas} for replicas in (2, 1))

    assert overfull(estate(), world(bus=degraded, line={"b": 2})) == []
    assert overfull(estate(), world(bus=full, line={"b": 2})) == [
        "b can carry 6 cpu, its active services demand 8"
    ]


def test_what_is_booked_counts_beside_what_is_there() -> None:
    in_full, degraded = (Booking(service="bus", site="b", demand={"cpu": n}) for n in "41")

    assert overbooked(estate(), [state(holders=(holder(degraded),))]) == []
    assert overbooked(estate(), [state(holders=(holder(in_full),))]) != []


def test_what_was_booked_degraded_still_is_when_it_has_come() -> None:
    booking = Booking(service="bus", site="b", demand={"cpu": "1"})
    came = state(locations={"bus": "b"})

    assert overbooked(estate(), [state(holders=(holder(booking),)), came]) == []
    assert overbooked(estate(), [came]) != []


def test_a_site_more_than_the_budget_and_people_allow_is_noticed() -> None:
    seen = [state(budget=BudgetState(sites=1, used=("a", "b")))]

    assert over_budget(seen, allowed=1) == []
    assert over_budget(seen, allowed=0) == ["2 lost sites were granted (a, b) where 1 may be"]


def test_an_epoch_that_goes_back_on_one_resource_is_noticed() -> None:
    newer, older = scaled("fence", "a", 2, 0, epoch=3), scaled("up", "a", 0, 2, seq=2, epoch=2)

    assert gone_back([newer, {**older, "site": "b"}]) == []
    assert len(gone_back([newer, older])) == 1


def test_a_key_that_changed_the_world_twice_is_noticed() -> None:
    once = scaled("fence", "a", 2, 0)

    assert repeated([once, {**once, "applied": False}]) == []
    assert repeated([once, once]) == ["hash/run-1/bus/fence changed the world 2 times"]


@pytest.mark.parametrize(
    ("sentence", "so", "not_so"),
    [
        (SCALED, scaled("scale-up", "b", 0, 2), scaled("scale-up", "b", 0, 1)),
        (SCALED, scaled("scale-up", "b", 0, 2), scaled("scale-up", "a", 0, 2)),
        (FENCED, scaled("fence", "a", 2, 0, fenced="run-1"), scaled("fence", "a", 2, 0)),
        (
            PREFERS,
            routed("shift-traffic", a=(2, "Enabled"), b=(1, "Enabled")),
            routed("shift-traffic", a=(1, "Enabled"), b=(2, "Enabled")),
        ),
        (
            WITHDRAWN,
            routed("withdraw", a=(1, "Disabled"), b=(2, "Enabled")),
            routed("withdraw", a=(1, "Enabled"), b=(2, "Enabled")),
        ),
    ],
)
def test_a_sentence_is_true_only_if_the_journal_shows_its_effect(
    sentence: str, so: dict[str, Any], not_so: dict[str, Any]
) -> None:
    assert untrue("run-1", said(sentence, "all is well"), [so]) == []
    assert untrue("run-1", said(sentence), [not_so]) == [f"said but not so: {sentence}"]
    assert untrue("run-2", said(sentence), [so]) == [f"said but not so: {sentence}"]
