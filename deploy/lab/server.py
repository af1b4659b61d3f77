"""The lab: one process that serves a world seeded from an estate.

Its own port serves the admin API, Azure Resource Manager, Prometheus and the services' ingress;
each site's Kubernetes API has a port of its own, so that a lost site can refuse connections for
real.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from ...workflows.model.estate import Estate
from .admin import PREFIX, Admin
from .agents import Agents
from .azure import AzureResourceManager, Throttle
from .env_file import Access
from .faults import Faults
from .ingress import Ingress
from .journal import JOURNAL, SITE, SYSTEM, TRAFFIC, Journal
from .kubernetes.api import KubernetesApi
from .link import How
from .listener import Listener
from .parts import Part
from .prometheus import PrometheusApi
from .replication import DELAY_S, Replication
from .replication_metrics import ReplicationMetrics
from .seed import Seed, seed
from .serving import Handler, Serving
from .world import World

TOKEN: Final = "holdfast-lab-token"
SUBSCRIPTION_ID: Final = "5ab00000-0000-4000-8000-000000000001"
_LARGEST_BODY: Final = 16 * 2**20


class Lab:
    """The lab of one estate, in this process.

    After :meth:`start`, ``url`` is the base of everything but Kubernetes, and ``site_urls`` has the
    Kubernetes API of each site.
    """

    def __init__(
        self,
        estate: Estate,
        latency_ms: float = 0,
        ready_after_ms: float = 300,
        replication_ms: float = DELAY_S * 1000,
        throttle: Throttle | None = None,
    ) -> None:
        """Prepare the lab; nothing runs before :meth:`start`.

        Args:
            estate: what the world is seeded from.
            latency_ms: what every answer but the admin API's is late by.
            ready_after_ms: what pods take to become ready; they go in a fifth of it. Traffic
                Manager probes an endpoint for as long before it is ``Online``.
            replication_ms: how old a record is when it arrives at a standby.
            throttle: the request limits of Resource Manager; None for none.
        """
        self._estate = estate
        self._seed = seed(estate)
        self._ready_after = ready_after_ms / 1000
        self._replication_s = replication_ms / 1000
        self._throttle = throttle
        self._journal = Journal()
        self._faults = Faults()
        self._serving = Serving(self._journal, self._faults, latency_ms / 1000)
        self._sites: dict[str, Listener] = {}
        self._listeners: list[Listener] = []

    @property
    def url(self) -> str:
        """Return the URL of the admin API, of ARM, Prometheus and the ingress."""
        return self._main.url

    @property
    def site_urls(self) -> dict[str, str]:
        """Return the URL of each site's Kubernetes API."""
        return {site: listener.url for site, listener in self._sites.items()}

    @property
    def busy(self) -> int:
        """Return how many mutating requests are being served."""
        return self._serving.busy

    async def start(self, port: int = 0) -> None:
        """Serve: on ``port``, and the sites on the ports after it where they are free.

        Raises:
            OSError: the port is taken.
        """
        self.world = World(self._seed, ready_after=self._ready_after)
        self._replication = Replication(self.world, self._seed.workloads, self._replication_s)
        self._azure, parts = _parts(
            self._seed, self.world, self._ready_after, self._replication, self._throttle
        )
        self._agents = Agents(self.world, self._journal)
        parts.append(self._agents)
        self._main = Listener(self._main_app(parts))
        self._listeners.append(self._main)
        await self._main.open(port)
        for index, (site, cluster) in enumerate(self.world.clusters.items()):
            listener = Listener(self._site_app(site, KubernetesApi(cluster, TOKEN)))
            self._listeners.append(listener)
            await listener.open(port + 1 + index if port else 0, or_any=True)
            self._sites[site] = listener

    async def stop(self) -> None:
        """Stop serving, at once."""
        await self._serving.stop()
        for listener in self._listeners:
            await listener.stop()
        if self._listeners:
            self._agents.reset()
            self._replication.close()
            self.world.close()

    def access(self) -> Access:
        """Return how this lab is reached."""
        contexts = {
            site.kubernetes.context: self._sites[site.name].url
            for site in self._estate.sites
            if site.kubernetes
        }
        return Access(self.url, contexts, TOKEN, SUBSCRIPTION_ID)

    def write_env_file(self, path: Path | str) -> None:
        """Write the env file, and a kubeconfig beside it."""
        self.access().write(Path(path))

    async def lose_site(self, site: str, how: How = "refuse") -> None:
        """Lose the network to a site; raise ``KeyError`` if there is none of that name."""
        link, listener = self.world.links[site], self._sites[site]
        link.lose(how)
        if how == "refuse":
            await listener.refuse()
        else:
            await listener.accept()

    async def restore_site(self, site: str) -> None:
        """Bring a site back on its port; raise ``KeyError`` if there is none of that name."""
        link, listener = self.world.links[site], self._sites[site]
        await listener.accept()
        link.restore()

    def compact(self, site: str) -> None:
        """Expire a site's past resource versions, and end its watches as expired."""
        self.world.clusters[site].store.compact()

    def _main_app(self, parts: list[Part]) -> web.Application:
        systems: dict[web.AbstractRoute, str] = {}
        to_services: set[web.AbstractRoute] = set()
        ingress = Ingress(self.world, self._azure, self._replication)

        @web.middleware
        async def dispatch(request: web.Request, handler: Handler) -> web.StreamResponse:
            if ingress.matches(request):
                request[SYSTEM], handler = ingress.system, ingress.handle
                request[TRAFFIC] = True
            elif request.path.startswith(PREFIX):
                return await handler(request)
            else:
                request[SYSTEM] = systems.get(request.match_info.route, ingress.system)
                if request.match_info.route in to_services:
                    request[TRAFFIC] = True
            return await self._serving.serve(request, handler)

        app = self._app(dispatch)
        for part in (*parts, ingress):
            for definition in part.routes():
                for route in definition.register(app.router):
                    systems[route] = part.system
                    if part is ingress:
                        to_services.add(route)
        admin = Admin(
            parts,
            self._journal,
            self._faults,
            lose=self.lose_site,
            restore=self.restore_site,
            compact=self.compact,
        )
        app.router.add_routes(admin.routes())
        return app

    def _site_app(self, site: str, api: KubernetesApi) -> web.Application:
        link = self.world.links[site]

        async def handle(request: web.Request) -> web.StreamResponse:
            request[SITE], request[SYSTEM] = site, self.world.system
            return await self._serving.serve(request, api.handle, link)

        app = self._app()
        app.router.add_route("*", "/{path:.*}", handle)
        return app

    def _app(self, *middlewares: Middleware) -> web.Application:
        app = web.Application(middlewares=middlewares, client_max_size=_LARGEST_BODY)
        app[JOURNAL] = self._journal
        return app


def _parts(
    seeded: Seed,
    world: World,
    ready_after: float,
    replication: Replication,
    throttle: Throttle | None,
) -> tuple[AzureResourceManager, list[Part]]:
    azure = AzureResourceManager(
        seeded.profiles,
        world,
        subscription_id=SUBSCRIPTION_ID,
        token=TOKEN,
        checking_s=ready_after,
        throttle=throttle,
    )
    placements = {(workload.service, workload.site) for workload in seeded.workloads}
    exporters = [ReplicationMetrics(world, replication)]
    prometheus = PrometheusApi(world, placements=placements, exporters=exporters)
    return azure, [world, azure, prometheus, replication]
