"""What the parts of the lab owe to each other: the protocols between systems and the server.

A part is one real-world system (the Kubernetes sites, Azure Resource Manager, Prometheus, the
services' ingress). The server mounts its routes, asks it for its share of the world's state and
resets it. Parts learn about one another only through :class:`Health`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from aiohttp import web

from .promql import Sample


class Part(Protocol):
    """One system of the lab."""

    @property
    def system(self) -> str:
        """Return its name: ``kubernetes``, ``azure``, ``prometheus`` or ``http``."""
        ...

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        """Return the routes of this system; the server mounts them as they are."""
        ...

    def state(self, *, canonical: bool) -> dict[str, Any]:
        """Return this part's top-level keys of ``/_lab/state``.

        The keys of all parts are joined; ``epochs`` (service to the highest epoch seen) may come
        from several parts and is merged by the highest. ``canonical`` leaves out what changes by
        itself and the fencing bookkeeping, which never goes back.
        """
        ...

    def reset(self) -> None:
        """Go back to the seeded world."""
        ...


class Health(Protocol):
    """What the lab knows about its services, for probes, metrics and the ingress."""

    def healthy(self, service: str, site: str) -> bool:
        """Return whether the service answers at the site.

        True when the site is reachable and every workload of the service there wants at least one
        replica and has as many ready as it wants.
        """
        ...

    def ready_replicas(self, service: str, site: str) -> int:
        """Return the ready replicas of the service's workloads at the site."""
        ...

    def wanted_replicas(self, service: str, site: str) -> int:
        """Return the replicas that the service's workloads at the site ask for."""
        ...

    def reachable(self, site: str) -> bool:
        """Return whether the site's network answers."""
        ...

    def services(self) -> list[str]:
        """Return the names of all services, sorted."""
        ...

    def sites(self) -> list[str]:
        """Return the names of all sites, in the estate's order."""
        ...


class Exporter(Protocol):
    """Series for the Prometheus query API."""

    def series(self, wanted: Callable[[str, str], bool]) -> Iterator[Sample]:
        """Return the series of which each label is wanted: name and value are asked for."""
        ...

    def labels(self) -> Iterator[dict[str, str]]:
        """Return label sets in which every value of every label occurs."""
        ...


class DataPlane(Protocol):
    """The records of the services, for the ingress."""

    def taken(self, service: str, site: str) -> bool:
        """Return whether the service takes records at the site, if the site can be reached."""
        ...

    def write(self, service: str, site: str, id: str) -> None:
        """Take a record; a second one of the same id changes nothing."""
        ...

    def ids(self, service: str, site: str) -> list[str]:
        """Return the ids that a site holds, in order of arrival."""
        ...
