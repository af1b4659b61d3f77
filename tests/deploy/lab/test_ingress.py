"""The services by name, through the lab as an HTTP proxy and without one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from holdfast.deploy.lab.azure import AzureResourceManager
from holdfast.deploy.lab.ingress import Ingress
from holdfast.deploy.lab.journal import JOURNAL, SYSTEM, Journal
from holdfast.deploy.lab.seed import ProfileSeed

PROFILE = ProfileSeed("historian", "edge", "hist", "Priority", "lyon", ("lyon", "milan"), 30)
ENDPOINT = (
    "/subscriptions/s/resourceGroups/edge/providers/Microsoft.Network/trafficManagerProfiles/hist"
    "/ExternalEndpoints/{}?api-version=2026-09-01"
)


@dataclass
class World:
    """The historian runs at Lyon; what a test changes is seen at once."""

    up: set[tuple[str, str]] = field(default_factory=lambda: {("historian", "lyon")})
    lost: set[str] = field(default_factory=set)

    def healthy(self, service: str, site: str) -> bool:
        return (service, site) in self.up and site not in self.lost

    def ready_replicas(self, service: str, site: str) -> int:
        return int((service, site) in self.up)

    def wanted_replicas(self, service: str, site: str) -> int:
        return int((service, site) in self.up)

    def reachable(self, site: str) -> bool:
        return site not in self.lost

    def services(self) -> list[str]:
        return ["historian", "orders"]

    def sites(self) -> list[str]:
        return ["lyon", "milan"]


@dataclass
class Served:
    """The ingress behind its middleware, a client with it as proxy and one without."""

    world: World
    url: str
    proxied: httpx.AsyncClient
    direct: httpx.AsyncClient

    async def disable(self, *sites: str) -> None:
        for site in sites:
            answer = await self.direct.patch(
                self.url + ENDPOINT.format(site),
                json={"properties": {"endpointStatus": "Disabled"}},
                headers={"Authorization": "Bearer t"},
            )
            assert answer.status_code == 200


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    world = World()
    azure = AzureResourceManager([PROFILE], world, subscription_id="s", token="t", checking_s=0)
    ingress = Ingress(world, azure)

    @web.middleware
    async def outermost(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        request[SYSTEM] = ingress.system
        return await (ingress.handle(request) if ingress.matches(request) else handler(request))

    async def other_part(_: web.Request) -> web.Response:
        return web.Response(text="another part")

    app = web.Application(middlewares=[outermost])
    app[JOURNAL] = Journal()
    app.add_routes([*ingress.routes(), *azure.routes(), web.get("/healthz", other_part)])
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        async with httpx.AsyncClient(proxy=url) as proxied, httpx.AsyncClient() as direct:
            yield Served(world, url, proxied, direct)


async def test_a_healthy_service_answers_through_the_proxy(served: Served) -> None:
    answer = await served.proxied.get("http://historian.lyon.example/healthz")

    assert answer.status_code == 200
    assert answer.json() == {"service": "historian", "site": "lyon", "status": "ok"}


@pytest.mark.parametrize(
    "address",
    [
        "http://HISTORIAN.Lyon.example/",
        "http://historian.lyon.example:8080/a/b?c=d",
        "http://historian.lyon/",
        "http://historian.lyon.example./healthz",
    ],
)
async def test_a_name_is_read_as_dns_reads_it(served: Served, address: str) -> None:
    assert (await served.proxied.get(address)).status_code == 200


async def test_a_service_that_is_not_healthy_answers_503(served: Served) -> None:
    answer = await served.proxied.get("http://historian.milan.example/healthz")

    assert answer.status_code == 503
    assert answer.json() == {"service": "historian", "site": "milan", "status": "unavailable"}


async def test_a_lost_site_is_a_gateway_timeout_of_the_proxy(served: Served) -> None:
    served.world.lost.add("lyon")
    answer = await served.proxied.get("http://historian.lyon.example/healthz")

    assert answer.status_code == 504
    assert answer.json()["error"] == "no route to site lyon: it is unreachable"


@pytest.mark.parametrize(
    "host", ["nobody.lyon.example", "historian.nowhere.example", "localdomain"]
)
async def test_an_unknown_host_is_a_bad_gateway(served: Served, host: str) -> None:
    answer = await served.proxied.get(f"http://{host}/healthz")

    assert answer.status_code == 502
    assert "no such host" in answer.json()["error"]


async def test_a_traffic_manager_name_is_served_where_the_profile_answers(served: Served) -> None:
    before = await served.proxied.get("http://hist.trafficmanager.net/healthz")
    served.world.up.add(("historian", "milan"))
    await served.disable("lyon")
    after = await served.proxied.get("http://Hist.TrafficManager.net/healthz")

    assert (before.json()["site"], after.json()["site"]) == ("lyon", "milan")


async def test_a_degraded_profile_still_answers_and_the_service_says_so(served: Served) -> None:
    served.world.up.clear()
    answer = await served.proxied.get("http://hist.trafficmanager.net/healthz")

    assert (answer.status_code, answer.json()["site"]) == (503, "lyon")


async def test_a_profile_without_an_enabled_endpoint_is_a_bad_gateway(served: Served) -> None:
    await served.disable("lyon", "milan")
    answer = await served.proxied.get("http://hist.trafficmanager.net/healthz")

    assert answer.status_code == 502
    assert "no endpoint of the profile is enabled" in answer.json()["error"]


async def test_a_profile_that_does_not_exist_is_a_bad_gateway(served: Served) -> None:
    answer = await served.proxied.get("http://none.trafficmanager.net/healthz")

    assert answer.status_code == 502
    assert "no Traffic Manager profile has that name" in answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("historian/lyon/healthz", 200),
        ("historian/lyon", 200),
        ("historian/milan/deep/path", 503),
        ("nobody/lyon/healthz", 502),
    ],
)
async def test_the_same_is_served_without_a_proxy(served: Served, path: str, status: int) -> None:
    assert (await served.direct.get(f"{served.url}/_ingress/{path}")).status_code == status


async def test_a_request_to_the_lab_itself_is_not_taken_even_through_the_proxy(
    served: Served,
) -> None:
    direct = await served.direct.get(f"{served.url}/healthz")
    proxied = await served.proxied.get(f"{served.url}/healthz")

    assert direct.text == proxied.text == "another part"


async def test_a_tunnel_is_refused_because_the_proxy_speaks_plain_http(served: Served) -> None:
    with pytest.raises(httpx.ProxyError, match="501"):
        await served.proxied.get("https://historian.lyon.example/healthz")
