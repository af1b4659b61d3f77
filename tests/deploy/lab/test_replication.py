"""The data of the services as a client, a recovery and a person see it: all over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from holdfast.deploy.lab.server import Lab
from holdfast.workflows.model.estate import Estate
from support.historian import FENCE, Historian, until


@pytest.fixture
async def small(lab: Lab) -> AsyncIterator[Historian]:
    historian = Historian(lab)
    yield historian
    await historian.close()


@pytest.fixture
async def slow(small: Historian) -> Historian:
    """Nothing is replicated until somebody says so."""
    await small.admin("POST", "replication", {"service": "historian", "paused": True})
    return small


async def both_active(historian: Historian) -> None:
    """Lyon is lost while it runs, Milan takes over, and both take writes of their own."""
    assert (await historian.post("shared")).status_code == 201
    await until(lambda: holds(historian, "milan", ["shared"]))
    await historian.reach("lyon", False)
    await historian.scale("milan", 3)
    assert await historian.inside("lyon", "only-lyon") == 201
    assert (await historian.post("only-milan", "historian.milan.acme.example")).status_code == 201


async def holds(historian: Historian, site: str, ids: list[str]) -> bool:
    return sorted((await historian.copy(site))[0]) == sorted(ids)


async def test_a_record_is_taken_where_the_service_runs(small: Historian) -> None:
    answer = await small.post("r1")

    assert (answer.status_code, answer.json()["id"], answer.json()["site"]) == (201, "r1", "lyon")
    assert (await small.get("historian.lyon.acme.example")).json()["ids"] == ["r1"]


async def test_a_record_sent_twice_is_held_once(small: Historian) -> None:
    assert [(await small.post("r1")).status_code for _ in range(2)] == [201, 201]

    assert (await small.get("historian.lyon.acme.example", "?count")).json()["count"] == 1


@pytest.mark.parametrize("body", [{}, {"id": ""}, {"id": 7}, {"id": "a", "more": 1}, [], "x"])
async def test_a_body_that_is_no_record_is_refused(small: Historian, body: Any) -> None:
    async with httpx.AsyncClient(proxy=small.url, trust_env=False) as client:
        answer = await client.post("http://historian.lyon.acme.example/records", json=body)

    assert answer.status_code == 400
    assert await small.copy("lyon") == ([], [])


async def test_a_standby_takes_no_records(small: Historian) -> None:
    assert (await small.post("r1", "historian.milan.acme.example")).status_code == 503
    assert await small.inside("milan", "r1") == 503


async def test_a_lost_site_takes_no_records_but_from_those_who_are_there(slow: Historian) -> None:
    await slow.reach("lyon", False)

    assert (await slow.post("r1")).status_code == 504
    assert await slow.inside("lyon", "r2") == 201
    assert await slow.copy("lyon") == (["r2"], [])


@pytest.fixture
async def dying(estate: Estate) -> AsyncIterator[Historian]:
    """The historian in a lab whose pods take a minute to end."""
    lab = Lab(estate, ready_after_ms=300_000)
    await lab.start()
    historian = Historian(lab)
    yield historian
    await historian.close()
    await lab.stop()


async def test_a_fence_stops_the_writes_at_once_though_pods_are_ending(dying: Historian) -> None:
    await dying.patch("lyon", FENCE)

    assert (await dying.post("r1")).status_code == 503
    assert await dying.inside("lyon", "r1") == 503


async def test_pods_that_are_ending_without_a_fence_still_take_writes(dying: Historian) -> None:
    await dying.patch("lyon", {"spec": {"replicas": 0}})

    assert (await dying.post("r1")).status_code == 201


async def test_a_service_that_is_scaled_up_after_a_fence_takes_records_again(
    small: Historian,
) -> None:
    await small.patch("lyon", FENCE)
    await small.scale("lyon", 0)
    await small.scale("lyon", 3)

    assert (await small.post("r1")).status_code == 201


async def test_a_client_finds_the_active_site_by_the_profile_s_name(small: Historian) -> None:
    name = "historian.trafficmanager.net"
    home = await small.post("r1", name)
    await small.disable("lyon")
    nobody = await small.post("r2", name)
    await small.scale("lyon", 0)
    await small.scale("milan", 3)
    away = await small.post("r2", name)

    assert (home.status_code, home.json()["site"]) == (201, "lyon")
    assert nobody.status_code == 503
    assert (away.status_code, away.json()["site"]) == (201, "milan")


async def test_records_follow_to_the_standby(small: Historian) -> None:
    await small.post("r1")
    await small.post("r2")

    await until(lambda: holds(small, "milan", ["r1", "r2"]))
    assert await small.value("replication_lag_seconds", "lyon", "milan") == 0


async def test_what_did_not_flow_grows_old_and_flows_when_it_may(slow: Historian) -> None:
    await slow.post("r1")

    await until(lambda: older(slow, 0.05))
    assert await slow.copy("milan") == ([], [])

    await slow.admin("POST", "replication", {"paused": False})
    await until(lambda: holds(slow, "milan", ["r1"]))


async def older(historian: Historian, seconds: float) -> bool:
    return await historian.value("replication_lag_seconds", "lyon", "milan") > seconds


async def test_nothing_flows_over_a_lost_link_and_everything_when_it_is_back(
    small: Historian,
) -> None:
    await small.reach("milan", False)
    await small.post("r1")
    await small.admin("POST", "replication", {"service": "historian", "seconds": 0})
    assert await small.copy("milan") == ([], [])

    await small.reach("milan", True)

    assert await small.copy("milan") == (["r1"], [])


async def test_a_final_sync_from_a_stopped_source_loses_nothing(slow: Historian) -> None:
    for number in range(5):
        await slow.post(f"r{number}")
    await slow.disable("lyon")
    await slow.scale("lyon", 0)
    await slow.admin("POST", "replication", {"paused": False})
    await until(lambda: holds(slow, "milan", [f"r{number}" for number in range(5)]))
    await slow.scale("milan", 3)

    assert (await slow.admin("GET", "state"))["divergent"] == []


async def test_a_move_that_does_not_wait_for_the_sync_leaves_records_behind(
    slow: Historian,
) -> None:
    await slow.post("late")
    await slow.scale("lyon", 0)
    await slow.scale("milan", 3)

    assert await slow.value("replication_divergent_records", "milan", "lyon") == 1
    assert await slow.copy("milan") == ([], [])


async def test_after_a_recovery_records_flow_the_other_way(small: Historian) -> None:
    await small.scale("lyon", 0)
    await small.scale("milan", 3)
    await small.post("r1", "historian.milan.acme.example")

    await until(lambda: holds(small, "lyon", ["r1"]))


async def test_two_active_sites_diverge_and_each_keeps_its_own(small: Historian) -> None:
    await both_active(small)
    await small.reach("lyon", True)
    await small.admin("POST", "replication", {"seconds": 0})

    assert await small.copy("lyon") == (["shared", "only-lyon"], [])
    assert await small.copy("milan") == (["shared", "only-milan"], [])
    assert await small.value("replication_divergent_records", "milan", "lyon") == 1
    assert await small.value("replication_lag_seconds", "milan", "lyon") > 0


async def test_a_returning_site_is_resynced_once_it_is_fenced_and_its_own_records_are_kept_aside(
    small: Historian,
) -> None:
    await both_active(small)
    await small.reach("lyon", True)
    await small.patch("lyon", FENCE)

    await until(lambda: holds(small, "lyon", ["shared", "only-milan"]))
    assert await small.copy("lyon") == (["shared", "only-milan"], ["only-lyon"])
    assert await small.value("replication_lag_seconds", "milan", "lyon") == 0
    assert await small.value("replication_divergent_records", "milan", "lyon") == 1
    [divergent] = (await small.admin("GET", "state"))["divergent"]
    assert divergent == {
        "service": "historian",
        "site": "lyon",
        "ids": ["only-lyon"],
        "aside": ["only-lyon"],
    }


async def test_a_divergence_is_over_when_the_clients_have_sent_it_again(small: Historian) -> None:
    await both_active(small)
    await small.reach("lyon", True)
    await small.patch("lyon", FENCE)
    await small.post("only-lyon", "historian.milan.acme.example")

    await until(lambda: holds(small, "lyon", ["shared", "only-lyon", "only-milan"]))
    assert (await small.admin("GET", "state"))["divergent"] == []


async def test_what_is_about_a_lost_site_cannot_be_measured(small: Historian) -> None:
    await small.post("r1")
    await small.reach("lyon", False)

    assert await small.measured('replication_lag_seconds{service="historian"}') == []
    assert [labels["site"] for labels, _ in await small.measured("lab_records")] == [
        "milan",
        "milan",
        "milan",
    ]


async def test_the_gauges_are_there_before_the_first_record(small: Historian) -> None:
    found = await small.measured('replication_lag_seconds{service=~"hist.*",target!="lyon"}')

    assert found == [
        (
            {
                "__name__": "replication_lag_seconds",
                "service": "historian",
                "source": "lyon",
                "target": "milan",
            },
            0.0,
        )
    ]


async def test_the_labels_of_the_gauges_can_be_listed(small: Historian) -> None:
    async with httpx.AsyncClient(base_url=small.url, trust_env=False) as client:
        names = (await client.get("/api/v1/label/__name__/values")).json()["data"]
        sources = (await client.get("/api/v1/label/source/values")).json()["data"]

    assert {"replication_lag_seconds", "replication_divergent_records", "lab_records"} <= {*names}
    assert sources == ["lyon", "milan"]


async def test_the_state_counts_the_records_and_the_canonical_world_leaves_them_out(
    small: Historian,
) -> None:
    before = await small.admin("GET", "state?canonical=1")
    await small.post("r1")
    await small.post("r2")
    await until(lambda: holds(small, "milan", ["r1", "r2"]))

    assert (await small.admin("GET", "state"))["records"] == [
        {"service": "historian", "site": "lyon", "count": 2, "last": "r2"},
        {"service": "historian", "site": "milan", "count": 2, "last": "r2"},
    ]
    assert await small.admin("GET", "state?canonical=1") == before


async def test_what_clients_send_is_not_in_the_journal(small: Historian) -> None:
    await small.post("r1")
    await small.post("r2", "historian.trafficmanager.net")
    await small.post("r3", "historian.milan.acme.example")
    async with httpx.AsyncClient(base_url=small.url, trust_env=False) as client:
        direct = await client.post("/_ingress/historian/lyon/records", json={"id": "r4"})

    assert direct.status_code == 201
    assert await small.admin("GET", "journal") == []


async def test_a_lost_answer_leaves_a_record_that_was_not_acknowledged(small: Historian) -> None:
    match = {"system": "http", "path": "/records"}
    body = {"match": match, "behaviour": "drop_answer", "times": 1}
    await small.admin("POST", "faults", body)

    with pytest.raises(httpx.HTTPError):
        await small.post("r1")
    again = await small.post("r1")

    assert (again.status_code, (await small.copy("lyon"))[0]) == (201, ["r1"])


async def test_a_reset_forgets_records_settings_and_who_was_active(small: Historian) -> None:
    await both_active(small)
    await small.admin("POST", "replication", {"paused": True})
    await small.admin("POST", "reset")
    shown = {each["service"]: each for each in await small.admin("GET", "replication")}

    assert shown["historian"] == {
        "service": "historian",
        "seconds": 0.3,
        "paused": False,
        "primary": "lyon",
    }
    assert (await small.admin("GET", "state"))["records"] == []
    await small.post("r1")
    await until(lambda: holds(small, "milan", ["r1"]))
    await small.scale("lyon", 0)
    await small.scale("milan", 3)
    assert {each["primary"] for each in await small.admin("GET", "replication")} == {
        "lyon",
        "milan",
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"service": "historian"}, 400),
        ({"seconds": -1}, 400),
        ({"paused": "yes"}, 400),
        ({"service": "nobody", "paused": True}, 404),
    ],
)
async def test_a_setting_that_makes_no_sense_is_refused(
    small: Historian, body: Any, status: int
) -> None:
    async with httpx.AsyncClient(base_url=small.url, trust_env=False) as client:
        answer = await client.post("/_lab/replication", json=body)

    assert answer.status_code == status
    assert answer.json()["error"]
