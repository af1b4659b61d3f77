"""The Prometheus query API over a small world, through httpx."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from holdfast.deploy.lab.prometheus import PrometheusApi

WANTED = {("historian", "lyon"): 3, ("orders", "lyon"): 2}
READY = {("historian", "lyon"): 3, ("orders", "lyon"): 1}


class World:
    """Lyon runs both services, orders only half; Milan stands by; Turin is lost."""

    def healthy(self, service: str, site: str) -> bool:
        return self.wanted_replicas(service, site) == self.ready_replicas(service, site) > 0

    def ready_replicas(self, service: str, site: str) -> int:
        return READY.get((service, site), 0)

    def wanted_replicas(self, service: str, site: str) -> int:
        return WANTED.get((service, site), 0)

    def reachable(self, site: str) -> bool:
        return site != "turin"

    def services(self) -> list[str]:
        return ["historian", "orders"]

    def sites(self) -> list[str]:
        return ["lyon", "milan", "turin"]


class Asked:
    """The API, asked by query."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def data(self, query: str) -> dict[str, Any]:
        answer = await self.client.get("/api/v1/query", params={"query": query})
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "success"
        data: dict[str, Any] = answer.json()["data"]
        return data

    async def values(self, query: str, *labels: str) -> dict[tuple[str, ...], str]:
        data = await self.data(query)
        assert data["resultType"] == "vector"
        return {
            tuple(each["metric"].get(label, "") for label in labels): each["value"][1]
            for each in data["result"]
        }


@pytest.fixture
async def prometheus() -> AsyncIterator[Asked]:
    app = web.Application()
    app.add_routes(PrometheusApi(World()).routes())
    async with (
        TestServer(app) as server,
        httpx.AsyncClient(base_url=str(server.make_url(""))) as client,
    ):
        yield Asked(client)


async def test_a_selector_answers_a_vector_in_prometheus_shape(prometheus: Asked) -> None:
    data = await prometheus.data('up{service="historian",site="lyon"}')

    assert data["resultType"] == "vector"
    [sample] = data["result"]
    assert sample["metric"] == {"__name__": "up", "service": "historian", "site": "lyon"}
    at, value = sample["value"]
    assert abs(at - time.time()) < 5
    assert value == "1"


async def test_a_service_is_up_only_where_it_is_whole(prometheus: Asked) -> None:
    assert await prometheus.values('up{site=~"lyon|milan"}', "service", "site") == {
        ("historian", "lyon"): "1",
        ("historian", "milan"): "0",
        ("orders", "lyon"): "0",
        ("orders", "milan"): "0",
    }


async def test_ready_and_wanted_replicas_are_told_apart(prometheus: Asked) -> None:
    selector = '{service="orders",site="lyon"}'

    ready = await prometheus.values(f"holdfast_lab_ready_replicas{selector}")
    wanted = await prometheus.values(f"holdfast_lab_wanted_replicas{selector}")
    assert (ready, wanted) == ({(): "1"}, {(): "2"})


async def test_a_lost_site_is_down_and_its_replicas_are_absent_not_zero(
    prometheus: Asked,
) -> None:
    reachable = await prometheus.values("holdfast_lab_site_reachable", "site")
    up = await prometheus.values('up{site="turin"}', "service")
    ready = await prometheus.values('holdfast_lab_ready_replicas{site="turin"}')

    assert reachable == {("lyon",): "1", ("milan",): "1", ("turin",): "0"}
    assert up == {("historian",): "0", ("orders",): "0"}
    assert ready == {}


async def test_an_unknown_metric_is_an_empty_vector(prometheus: Asked) -> None:
    assert await prometheus.data("node_load1") == {"resultType": "vector", "result": []}


@pytest.mark.parametrize(
    ("matchers", "sites"),
    [
        ('site="lyon"', {"lyon"}),
        ('site!="lyon"', {"milan", "turin"}),
        ('site=~".*i.*"', {"milan", "turin"}),
        ('site=~"ly"', set()),
        ('site!~"m.+|turin"', {"lyon"}),
        ('site=~".+",zone=""', {"lyon", "milan", "turin"}),
        ("site='lyon',", {"lyon"}),
        ("", {"lyon", "milan", "turin"}),
    ],
)
async def test_matchers_choose_series(prometheus: Asked, matchers: str, sites: set[str]) -> None:
    found = await prometheus.values(f"holdfast_lab_site_reachable{{{matchers}}}", "site")

    assert {site for (site,) in found} == sites


async def test_a_metric_can_be_named_by_its_label(prometheus: Asked) -> None:
    query = '{__name__=~"holdfast_lab_(ready|wanted)_replicas",site="lyon",service="orders"}'

    assert await prometheus.values(query, "__name__") == {
        ("holdfast_lab_ready_replicas",): "1",
        ("holdfast_lab_wanted_replicas",): "2",
    }


@pytest.mark.parametrize(
    ("comparison", "sites"),
    [
        ("== 1", {"lyon", "milan"}),
        ("!= 1", {"turin"}),
        ("> 0", {"lyon", "milan"}),
        (">= 1e0", {"lyon", "milan"}),
        ("< 1", {"turin"}),
        ("<= -1", set()),
        ("< +Inf", {"lyon", "milan", "turin"}),
    ],
)
async def test_a_comparison_keeps_the_series_that_meet_it(
    prometheus: Asked, comparison: str, sites: set[str]
) -> None:
    found = await prometheus.values(f"holdfast_lab_site_reachable {comparison}", "site")

    assert {site for (site,) in found} == sites


async def test_a_number_may_stand_on_the_left(prometheus: Asked) -> None:
    found = await prometheus.values("0 == holdfast_lab_site_reachable", "site")

    assert set(found) == {("turin",)}


async def test_a_bool_comparison_keeps_all_series_and_drops_the_name(prometheus: Asked) -> None:
    found = await prometheus.values("holdfast_lab_site_reachable == bool 0", "__name__", "site")

    assert found == {("", "lyon"): "0", ("", "milan"): "0", ("", "turin"): "1"}


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("sum(holdfast_lab_ready_replicas)", {(""): "4"}),
        ("sum by (service) (holdfast_lab_ready_replicas)", {"historian": "3", "orders": "1"}),
        ("max(holdfast_lab_ready_replicas) by (service)", {"historian": "3", "orders": "1"}),
        ("min without (site) (holdfast_lab_wanted_replicas)", {"historian": "0", "orders": "0"}),
        ("avg(holdfast_lab_wanted_replicas)", {"": "1.25"}),
        ("count(up == 1)", {"": "1"}),
        ("count by (service) (up) > 5", {}),
        ("sum(node_load1)", {}),
        ('(min(up{service="historian",site="lyon"})) >= bool 1', {"": "1"}),
    ],
)
async def test_aggregations_group_by_label(
    prometheus: Asked, query: str, values: dict[str, str]
) -> None:
    found = await prometheus.values(query, "service")

    assert {service: value for (service,), value in found.items()} == values


@pytest.mark.parametrize(("query", "value"), [("1", "1"), ("-0.5", "-0.5"), ("NaN", "NaN")])
async def test_a_number_is_a_scalar(prometheus: Asked, query: str, value: str) -> None:
    data = await prometheus.data(query)

    assert (data["resultType"], data["result"][1]) == ("scalar", value)


async def test_scalars_compare_with_bool(prometheus: Asked) -> None:
    assert (await prometheus.data("2 > bool 1"))["result"][1] == "1"


async def test_what_is_not_understood_is_bad_data(prometheus: Asked) -> None:
    answer = await prometheus.client.get("/api/v1/query", params={"query": "up{"})

    assert answer.status_code == 400
    assert answer.json() == {
        "status": "error",
        "errorType": "bad_data",
        "error": 'invalid parameter "query": 1:4: parse error: unexpected end of input',
    }


async def test_a_query_may_be_posted_as_a_form(prometheus: Asked) -> None:
    answer = await prometheus.client.post("/api/v1/query", data={"query": "up == 1", "time": "7"})

    [sample] = answer.json()["data"]["result"]
    assert sample["value"] == [7, "1"]


@pytest.mark.parametrize(
    ("given", "at"), [("1763712000.5", 1763712000.5), ("2025-11-21T08:00:00Z", 1763712000)]
)
async def test_a_time_is_echoed(prometheus: Asked, given: str, at: float) -> None:
    answer = await prometheus.client.get("/api/v1/query", params={"query": "1", "time": given})

    assert answer.json()["data"]["result"][0] == at


async def test_a_time_that_is_none_is_bad_data(prometheus: Asked) -> None:
    answer = await prometheus.client.get("/api/v1/query", params={"query": "1", "time": "noon"})

    assert answer.status_code == 400
    assert answer.json()["error"] == (
        'invalid parameter "time": cannot parse "noon" to a valid timestamp'
    )


async def test_a_range_has_a_point_at_each_step(prometheus: Asked) -> None:
    given = {"query": "up == 1", "start": "0", "end": "60", "step": "30s"}
    answer = await prometheus.client.get("/api/v1/query_range", params=given)

    assert answer.json()["data"]["resultType"] == "matrix"
    [series] = answer.json()["data"]["result"]
    assert series["values"] == [[0, "1"], [30, "1"], [60, "1"]]


@pytest.mark.parametrize(
    "given",
    [
        {"start": "1", "end": "0", "step": "1"},
        {"start": "0", "end": "1", "step": "0"},
        {"start": "0", "end": "1", "step": "soon"},
        {"start": "0", "end": "11000", "step": "1"},
        {"end": "1", "step": "1"},
        {"start": "-1e308", "end": "1e308", "step": "1e-300"},
        {"start": "0", "end": "1", "step": "9" * 400 + "s"},
    ],
)
async def test_a_range_that_makes_no_sense_is_bad_data(
    prometheus: Asked, given: dict[str, str]
) -> None:
    answer = await prometheus.client.get("/api/v1/query_range", params={"query": "up", **given})

    assert (answer.status_code, answer.json()["errorType"]) == (400, "bad_data")


async def test_the_server_says_that_it_is_ready_and_what_it_has(prometheus: Asked) -> None:
    client = prometheus.client

    assert (await client.get("/-/ready")).text == "Prometheus Server is Ready.\n"
    assert (await client.get("/-/healthy")).status_code == 200
    assert (await client.get("/api/v1/status/buildinfo")).json()["data"]["version"]
    assert (await client.get("/api/v1/labels")).json()["data"] == ["__name__", "service", "site"]
    values = await client.get("/api/v1/label/service/values")
    assert values.json()["data"] == ["historian", "orders"]


async def test_only_placements_have_series_when_they_are_given() -> None:
    app = web.Application()
    part = PrometheusApi(World(), placements=[("historian", "lyon")], prefix="/prometheus")
    app.add_routes(part.routes())
    async with TestServer(app) as server, httpx.AsyncClient() as client:
        url = str(server.make_url("/prometheus/api/v1/query"))
        answer = await client.get(url, params={"query": "up"})

    assert len(answer.json()["data"]["result"]) == 1
