"""A small Azure: two services at two sites, served over HTTP, reached by the official clients."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.trafficmanager import TrafficManagerManagementClient
from azure.mgmt.trafficmanager.aio import TrafficManagerManagementClient as AsyncClient

from holdfast.deploy.lab.azure import AccountSeed, AzureResourceManager
from holdfast.deploy.lab.journal import JOURNAL, SYSTEM, Entry, Journal
from holdfast.deploy.lab.seed import ProfileSeed

SUBSCRIPTION = "5ab00000-0000-4000-8000-0000000000ed"
TOKEN = "lab-token"
GROUP = "edge"
CHECKING_S = 5.0
OPERATION_S = 0.05

PROFILES = (
    ProfileSeed("historian", GROUP, "historian", "Priority", "lyon", ("lyon", "milan"), 30),
    ProfileSeed("orders", GROUP, "orders", "Weighted", "lyon", ("lyon", "milan"), 60),
)
ACCOUNTS = (AccountSeed(GROUP, "backups", "westeurope", "northeurope"),)


@dataclass
class World:
    """Which service is healthy where; everything is reachable at first."""

    up: set[tuple[str, str]] = field(
        default_factory=lambda: {("historian", "lyon"), ("orders", "lyon")}
    )
    lost: set[str] = field(default_factory=set)

    def healthy(self, service: str, site: str) -> bool:
        return (service, site) in self.up and site not in self.lost

    def ready_replicas(self, service: str, site: str) -> int:
        return 3 if (service, site) in self.up else 0

    def wanted_replicas(self, service: str, site: str) -> int:
        return self.ready_replicas(service, site)

    def reachable(self, site: str) -> bool:
        return site not in self.lost

    def services(self) -> list[str]:
        return ["historian", "orders"]

    def sites(self) -> list[str]:
        return ["lyon", "milan"]


class Clock:
    """Real time, and as much more as a test lets pass."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.skipped


class Credential:
    """Hands out one token, to the sync and (wrapped) to the async clients."""

    def __init__(self, token: str = TOKEN) -> None:
        self.token = token

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken(self.token, int(time.time()) + 3600)


class AsyncCredential:
    """The same for the async clients."""

    def __init__(self, token: str = TOKEN) -> None:
        self.token = token

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken(self.token, int(time.time()) + 3600)

    async def close(self) -> None:
        """Nothing is held open."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is held open."""


class AllowHttp(SansIOHTTPPolicy[Any, Any]):
    """Lets the bearer token go over plain HTTP, which the SDK refuses by itself."""

    def on_request(self, request: Any) -> None:
        request.context.options["enforce_https"] = False


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Azure:
    """The part under test, its world, and how to reach it."""

    part: AzureResourceManager
    world: World
    clock: Clock
    journal: Journal
    url: str
    requests: list[tuple[str, str]]
    drop_next: set[str]
    """Methods whose next answer is lost after its work was done."""

    def options(self, **given: Any) -> dict[str, Any]:
        return {
            "base_url": self.url,
            "per_call_policies": [AllowHttp()],
            "retry_total": 0,
            **given,
        }

    def client(self, *, token: str = TOKEN, **given: Any) -> AsyncClient:
        return AsyncClient(AsyncCredential(token), SUBSCRIPTION, **self.options(**given))

    def sync_client(self, *, token: str = TOKEN, **given: Any) -> TrafficManagerManagementClient:
        return TrafficManagerManagementClient(
            Credential(token), SUBSCRIPTION, **self.options(**given)
        )

    def last(self) -> Entry:
        return self.journal.since(0)[-1]


@asynccontextmanager
async def serve(**given: Any) -> AsyncIterator[Azure]:
    """Serve an Azure of its own; ``given`` goes to its constructor."""
    world, clock, journal = World(), Clock(), Journal()
    options = {"operation_s": OPERATION_S, "retry_after_s": 0, "accounts": ACCOUNTS, **given}
    part = AzureResourceManager(
        PROFILES,
        world,
        subscription_id=SUBSCRIPTION,
        token=TOKEN,
        checking_s=CHECKING_S,
        clock=clock,
        **options,
    )
    requests: list[tuple[str, str]] = []
    drop_next: set[str] = set()

    @web.middleware
    async def outermost(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[SYSTEM] = part.system
        requests.append((request.method, request.path))
        response = await handler(request)
        if request.method in drop_next:
            drop_next.discard(request.method)
            assert request.transport is not None
            request.transport.abort()
        return response

    app = web.Application(middlewares=[outermost])
    app[JOURNAL] = journal
    app.add_routes(part.routes())
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        yield Azure(part, world, clock, journal, url, requests, drop_next)


@pytest.fixture
def connecting() -> Callable[[str, str, str], AsyncClient]:
    """Connect the official client to an Azure of any process: url, subscription, token."""

    def connect(url: str, subscription_id: str, token: str) -> AsyncClient:
        options: dict[str, Any] = {"per_call_policies": [AllowHttp()], "retry_total": 0}
        return AsyncClient(AsyncCredential(token), subscription_id, base_url=url, **options)

    return connect


@pytest.fixture
def serving() -> Callable[..., Any]:
    """Serve an Azure with the test's own options: ``async with serving(throttle=…) as azure``."""
    return serve


@pytest.fixture
async def azure() -> AsyncIterator[Azure]:
    """An Azure of this test alone."""
    async with serve() as served:
        yield served
