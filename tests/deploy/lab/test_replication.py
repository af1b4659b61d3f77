"""The data of the services as a client, a recovery and a person see it: all over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from holdfast.deploy.lab.server import SUBSCRIPTION_ID, TOKEN, Lab

HISTORIAN = "/apis/apps/v1/namespaces/historian/deployments/api"
PROFILE = (
    f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/edge/providers/Microsoft.Network"
    "/trafficManagerProfiles/historian"
)
FENCE = {"metadata": {"annotations": {"holdfast.dev/fenced": "run-1"}}, "spec": {"replicas": 0}}


class Estate:
    """The small estate's lab, from outside."""

    def __init__(self, lab: Lab) -> None:
        self.url = lab.url
        self._sites = lab.site_urls
        self._http = httpx.AsyncClient(trust_env=False)
        self._proxied = httpx.AsyncClient(proxy=lab.url, trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()
        await self._proxied.aclose()

    async def post(self, id: str, at: str = "historian.lyon.acme.example") -> httpx.Response:
        """Write a record as a client does."""
        return await self._proxied.post(f"http://{at}/records", json={"id": id})

    async def get(self, at: str, query: str = "") -> httpx.Response:
        return await self._proxied.get(f"http://{at}/records{query}")

    async def inside(self, site: str, id: str) -> int:
        """Write a record as a client at the site does."""
        path = f"/_lab/records/historian/{site}"
        return (await self._http.post(self.url + path, json={"id": id})).status_code

    async def admin(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self._http.request(method, f"{self.url}/_lab/{path}", json=body)
        answer.raise_for_status()
        return answer.json()

    async def copy(self, site: str) -> tuple[list[str], list[str]]:
        """What a site holds, and what it keeps aside."""
        shown = await self.admin("GET", f"records/historian/{site}")
        return shown["ids"], shown["aside"]

    async def patch(self, site: str, body: Any) -> None:
        """Change the historian at a site."""
        answer = await self._http.patch(
            self._sites[site] + HISTORIAN,
            json=body,
            headers={
                "Authorization": f"Bearer {TOKEN}",
                "Content-Type": "application/merge-patch+json",
            },
        )
        answer.raise_for_status()

    async def scale(self, site: str, replicas: int) -> None:
        """Scale the historian at a site, and wait until its pods are there or gone."""
        await self.patch(site, {"spec": {"replicas": replicas}})
        await until(lambda: self._ready(site, replicas))

    async def _ready(self, site: str, replicas: int) -> bool:
        state = await self.admin("GET", "state")
        return any(
            each["readyReplicas"] == replicas
            for each in state["workloads"]
            if (each["service"], each["site"]) == ("historian", site)
        )

    async def reach(self, site: str, reachable: bool) -> None:
        await self.admin("POST", f"sites/{site}", {"reachable": reachable})

    async def disable(self, endpoint: str) -> None:
        """Take a site out of the historian's traffic."""
        answer = await self._http.patch(
            f"{self.url}{PROFILE}/externalEndpoints/{endpoint}?api-version=2022-04-01",
            json={"properties": {"endpointStatus": "Disabled"}},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        answer.raise_for_status()

    async def measured(self, query: str) -> list[tuple[dict[str, str], float]]:
        """The answer to a query."""
        answer = await self._http.get(f"{self.url}/api/v1/query", params={"query": query})
        return [
            (each["metric"], float(each["value"][1])) for each in answer.json()["data"]["result"]
        ]

    async def value(self, metric: str, source: str, target: str) -> float:
        labels = f'service="historian",source="{source}",target="{target}"'
        [(_, value)] = await self.measured(f"{metric}{{{labels}}}")
        return value


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.01)


@pytest.fixture
async def small(lab: Lab) -> AsyncIterator[Estate]:
    estate = Estate(lab)
    yield estate
    await estate.close()


@pytest.fixture
async def slow(small: Estate) -> Estate:
    """Nothing is replicated until somebody says so."""
    await small.admin("POST", "replication", {"service": "historian", "paused": True})
    return small


async def both_active(estate: Estate) -> None:
    """Lyon is lost while it runs, Milan takes over, and both take writes of their own."""
    assert (await estate.post("shared")).status_code == 201
    await until(lambda: holds(estate, "milan", ["shared"]))
    await estate.reach("lyon", False)
    await estate.scale("milan", 3)
    assert await estate.inside("lyon", "only-lyon") == 201
    assert (await estate.post("only-milan", "historian.milan.acme.example")).status_code == 201


async def holds(estate: Estate, site: str, ids: list[str]) -> bool:
    return sorted((await estate.copy(site))[0]) == sorted(ids)


async def test_a_record_is_taken_where_the_service_runs(small: Estate) -> None:
    answer = await small.post("r1")

    assert (answer.status_code, answer.json()["id"], answer.json()["site"]) == (201, "r1", "lyon")
    assert (await small.get("historian.lyon.acme.example")).json()["ids"] == ["r1"]


async def test_a_record_sent_twice_is_held_once(small: Estate) -> None:
    assert [(await small.post("r1")).status_code for _ in range(2)] == [201, 201]

    assert (await small.get("historian.lyon.acme.example", "?count")).json()["count"] == 1


@pytest.mark.parametrize("body", [{}, {"id": ""}, {"id": 7}, {"id": "a", "more": 1}, [], "x"])
async def test_a_body_that_is_no_record_is_refused(small: Estate, body: Any) -> None:
    async with httpx.AsyncClient(proxy=small.url, trust_env=False) as client:
        answer = await client.post("http://historian.lyon.acme.example/records", json=body)

    assert answer.status_code == 400
    assert await small.copy("lyon") == ([], [])


async def test_a_standby_takes_no_records(small: Estate) -> None:
    assert (await small.post("r1", "historian.milan.acme.example")).status_code == 503
    assert await small.inside("milan", "r1") == 503


async def test_a_lost_site_takes_no_records_but_from_those_who_are_there(slow: Estate) -> None:
    await slow.reach("lyon", False)

    assert (await slow.post("r1")).status_code == 504
    assert await slow.inside("lyon", "r2") == 201
    assert await slow.copy("lyon") == (["r2"], [])


async def test_a_fence_stops_the_writes_at_once_even_while_pods_are_ending(small: Estate) -> None:
    await small.patch("lyon", FENCE)

    assert (await small.post("r1")).status_code == 503


async def test_a_service_that_is_scaled_up_after_a_fence_takes_records_again(
    small: Estate,
) -> None:
    await small.patch("lyon", FENCE)
    await small.scale("lyon", 3)

    assert (await small.post("r1")).status_code == 201


async def test_a_client_finds_the_active_site_by_the_profile_s_name(small: Estate) -> None:
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


async def test_records_follow_to_the_standby(small: Estate) -> None:
    await small.post("r1")
    await small.post("r2")

    await until(lambda: holds(small, "milan", ["r1", "r2"]))
    assert await small.value("replication_lag_seconds", "lyon", "milan") == 0


async def test_what_did_not_flow_grows_old_and_flows_when_it_may(slow: Estate) -> None:
    await slow.post("r1")

    await until(lambda: older(slow, 0.05))
    assert await slow.copy("milan") == ([], [])

    await slow.admin("POST", "replication", {"paused": False})
    await until(lambda: holds(slow, "milan", ["r1"]))


async def older(estate: Estate, seconds: float) -> bool:
    return await estate.value("replication_lag_seconds", "lyon", "milan") > seconds


async def test_nothing_flows_over_a_lost_link_and_everything_when_it_is_back(
    small: Estate,
) -> None:
    await small.reach("milan", False)
    await small.post("r1")
    await small.admin("POST", "replication", {"service": "historian", "seconds": 0})
    assert await small.copy("milan") == ([], [])

    await small.reach("milan", True)

    assert await small.copy("milan") == (["r1"], [])


async def test_a_final_sync_from_a_stopped_source_loses_nothing(slow: Estate) -> None:
    for number in range(5):
        await slow.post(f"r{number}")
    await slow.disable("lyon")
    await slow.scale("lyon", 0)
    await slow.admin("POST", "replication", {"paused": False})
    await until(lambda: holds(slow, "milan", [f"r{number}" for number in range(5)]))
    await slow.scale("milan", 3)

    assert (await slow.admin("GET", "state"))["divergent"] == []


async def test_a_move_that_does_not_wait_for_the_sync_leaves_records_behind(slow: Estate) -> None:
    await slow.post("late")
    await slow.scale("lyon", 0)
    await slow.scale("milan", 3)

    assert await slow.value("replication_divergent_records", "milan", "lyon") == 1
    assert await slow.copy("milan") == ([], [])


async def test_after_a_recovery_records_flow_the_other_way(small: Estate) -> None:
    await small.scale("lyon", 0)
    await small.scale("milan", 3)
    await small.post("r1", "historian.milan.acme.example")

    await until(lambda: holds(small, "lyon", ["r1"]))


async def test_two_active_sites_diverge_and_each_keeps_its_own(small: Estate) -> None:
    await both_active(small)
    await small.reach("lyon", True)
    await small.admin("POST", "replication", {"seconds": 0})

    assert await small.copy("lyon") == (["shared", "only-lyon"], [])
    assert await small.copy("milan") == (["shared", "only-milan"], [])
    assert await small.value("replication_divergent_records", "milan", "lyon") == 1
    assert await small.value("replication_lag_seconds", "milan", "lyon") > 0


async def test_a_returning_site_is_resynced_once_it_is_fenced_and_its_own_records_are_kept_aside(
    small: Estate,
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


async def test_a_divergence_is_over_when_the_clients_have_sent_it_again(small: Estate) -> None:
    await both_active(small)
    await small.reach("lyon", True)
    await small.patch("lyon", FENCE)
    await small.post("only-lyon", "historian.milan.acme.example")

    await until(lambda: holds(small, "lyon", ["shared", "only-lyon", "only-milan"]))
    assert (await small.admin("GET", "state"))["divergent"] == []


async def test_what_is_about_a_lost_site_cannot_be_measured(small: Estate) -> None:
    await small.post("r1")
    await small.reach("lyon", False)

    assert await small.measured('replication_lag_seconds{service="historian"}') == []
    assert [labels["site"] for labels, _ in await small.measured("lab_records")] == [
        "milan",
        "milan",
        "milan",
    ]


async def test_the_gauges_are_there_before_the_first_record(small: Estate) -> None:
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


async def test_the_labels_of_the_gauges_can_be_listed(small: Estate) -> None:
    async with httpx.AsyncClient(base_url=small.url, trust_env=False) as client:
        names = (await client.get("/api/v1/label/__name__/values")).json()["data"]
        sources = (await client.get("/api/v1/label/source/values")).json()["data"]

    assert {"replication_lag_seconds", "replication_divergent_records", "lab_records"} <= {*names}
    assert sources == ["lyon", "milan"]


async def test_the_state_counts_the_records_and_the_canonical_world_leaves_them_out(
    small: Estate,
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


async def test_what_clients_send_is_not_in_the_journal(small: Estate) -> None:
    await small.post("r1")
    await small.post("r2", "historian.trafficmanager.net")
    await small.post("r3", "historian.milan.acme.example")
    async with httpx.AsyncClient(base_url=small.url, trust_env=False) as client:
        direct = await client.post("/_ingress/historian/lyon/records", json={"id": "r4"})

    assert direct.status_code == 201
    assert await small.admin("GET", "journal") == []


async def test_a_lost_answer_leaves_a_record_that_was_not_acknowledged(small: Estate) -> None:
    match = {"system": "http", "path": "/records"}
    body = {"match": match, "behaviour": "drop_answer", "times": 1}
    await small.admin("POST", "faults", body)

    with pytest.raises(httpx.HTTPError):
        await small.post("r1")
    again = await small.post("r1")

    assert (again.status_code, (await small.copy("lyon"))[0]) == (201, ["r1"])


async def test_a_reset_forgets_records_settings_and_who_was_active(small: Estate) -> None:
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
    small: Estate, body: Any, status: int
) -> None:
    async with httpx.AsyncClient(base_url=small.url, trust_env=False) as client:
        answer = await client.post("/_lab/replication", json=body)

    assert answer.status_code == status
    assert answer.json()["error"]
