"""The services' own HTTP endpoints, reached as clients reach them: by name, through a proxy.

The lab is a plain-HTTP forward proxy for the names of its world. A client with
``proxy=http://<lab>`` that asks for ``http://<service>.<site>.example/healthz`` is answered as the
service at that site; ``http://<name>.trafficmanager.net/`` is answered as whatever that Traffic
Manager profile's DNS answers at this moment. Without a proxy, ``/_ingress/<service>/<site>/<path>``
is the same. Where the service runs, ``POST /records`` ``{"id": "..."}`` takes a record (201, a
second time as well) and ``GET /records`` lists their ids, or with ``?count`` their number.

For whoever mounts it: a proxy request has an absolute target (``GET http://host/path``). aiohttp
leaves that target in ``request.raw_path`` but routes by its path alone, so
``http://orders.lyon.example/-/ready`` would reach Prometheus. The outermost middleware therefore
asks ``matches(request)`` first and, when it says yes, answers ``await ingress.handle(request)`` in
place of the handler that was routed to. Requests whose target is the lab itself (a loopback host)
are not matched: a client with a proxy set for everything still reaches every other part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiohttp import hdrs, web
from pydantic import ValidationError
from yarl import URL

from .azure.profiles import DOMAIN
from .replication import NewRecord, faults_of

if TYPE_CHECKING:
    from .azure import AzureResourceManager
    from .parts import DataPlane, Health

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_ABSOLUTE: Final = ("http://", "https://")


def matches(request: web.Request) -> bool:
    """Whether this is a proxy request for a name of the world, to be given to :class:`Ingress`."""
    if request.method == hdrs.METH_CONNECT:
        return True
    if not request.raw_path.lower().startswith(_ABSOLUTE):
        return False
    return _host(request) not in _LOOPBACK


class Ingress:
    """Answers as the services do, wherever a name leads to."""

    system = "http"

    def __init__(
        self, health: Health, azure: AzureResourceManager, data: DataPlane | None = None
    ) -> None:
        """Stand in front of the services.

        Args:
            health: whether a service answers at a site.
            azure: what the names under trafficmanager.net lead to.
            data: the services' records; None for services that keep none.
        """
        self._health = health
        self._azure = azure
        self._data = data

    def routes(self) -> list[web.RouteDef]:
        """The way in without a proxy."""
        return [
            web.route("*", "/_ingress/{service}/{site}", self._direct),
            web.route("*", "/_ingress/{service}/{site}/{path:.*}", self._direct),
        ]

    def state(self, *, canonical: bool) -> dict[str, Any]:
        """Nothing: what answers follows from other parts."""
        return {}

    def reset(self) -> None:
        """Nothing to go back to."""

    def matches(self, request: web.Request) -> bool:
        """The module's :func:`matches`."""
        return matches(request)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one proxy request."""
        if request.method == hdrs.METH_CONNECT:
            return _refused(501, "this proxy speaks plain HTTP: ask for an http:// address")
        host = _host(request)
        if host.endswith(f".{DOMAIN}"):
            return await self._by_profile(request, host)
        labels = host.split(".")
        if len(labels) < 2:
            return _refused(502, f"no such host: {host}; a name is <service>.<site>.example")
        return await self._serve(request, request.path, labels[0], labels[1])

    async def _direct(self, request: web.Request) -> web.Response:
        found = request.match_info
        path = f"/{found.get('path', '')}"
        return await self._serve(request, path, found["service"], found["site"])

    async def _by_profile(self, request: web.Request, host: str) -> web.Response:
        try:
            place = self._azure.leads_to(host.removesuffix(f".{DOMAIN}"))
        except KeyError:
            return _refused(502, f"no such host: {host}; no Traffic Manager profile has that name")
        if place is None:
            return _refused(502, f"no answer for {host}: no endpoint of the profile is enabled")
        return await self._serve(request, request.path, *place)

    async def _serve(
        self, request: web.Request, path: str, service: str, site: str
    ) -> web.Response:
        """Answer as the service at the site; names in any case, as DNS has it."""
        services = {name.lower(): name for name in self._health.services()}
        sites = {name.lower(): name for name in self._health.sites()}
        if service.lower() not in services or site.lower() not in sites:
            return _refused(502, f"no such host: {service}.{site}; no such service or site")
        service, site = services[service.lower()], sites[site.lower()]
        if not self._health.reachable(site):
            return _refused(504, f"no route to site {site}: it is unreachable")
        if path == "/records" and self._data is not None:
            return await self._records(self._data, request, service, site)
        healthy = self._health.healthy(service, site)
        return web.json_response(
            {"service": service, "site": site, "status": "ok" if healthy else "unavailable"},
            status=200 if healthy else 503,
        )

    async def _records(
        self, data: DataPlane, request: web.Request, service: str, site: str
    ) -> web.Response:
        if request.method not in (hdrs.METH_GET, hdrs.METH_POST):
            return _answered(405, service, site, error="records are written by POST, read by GET")
        raw = await request.read()
        # Nothing may be awaited from here on: a record taken is a record that was taken *here*.
        if not data.taken(service, site) or not self._health.reachable(site):
            return _answered(503, service, site, status="unavailable")
        if request.method == hdrs.METH_GET:
            ids = data.ids(service, site)
            shown = {"count": len(ids)} if "count" in request.query else {"ids": ids}
            return _answered(200, service, site, **shown)
        try:
            record = NewRecord.model_validate_json(raw)
        except ValidationError as error:
            return _answered(400, service, site, error=faults_of(error))
        data.write(service, site, record.id)
        return _answered(201, service, site, id=record.id)


def _answered(code: int, service: str, site: str, /, **said: object) -> web.Response:
    """An answer of a service."""
    return web.json_response({"service": service, "site": site, **said}, status=code)


def _host(request: web.Request) -> str:
    """The host of an absolute target, in lower case and without a trailing dot."""
    try:
        host = URL(request.raw_path).host
    except ValueError:
        host = None
    return (host or "").lower().rstrip(".")


def _refused(status: int, why: str) -> web.Response:
    """An answer of the proxy itself, not of a service."""
    return web.json_response(
        {"status": "error", "proxy": "holdfast lab", "error": why}, status=status
    )
