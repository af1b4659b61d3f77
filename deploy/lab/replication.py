"""The data of the services: clients write records at one site, and they follow to the others.

A service takes records wherever it is active: its pods are ready there and it is not fenced. They
flow as :class:`~.records.Records` says, each one ``seconds`` after it was written, while both sites
can be reached; what was not over when a site was lost stays behind. As storage does, replication
goes on from a primary whose pods have been stopped.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError, model_validator

from .kubernetes.store import Event, Key
from .records import Copy, Records
from .seed import WorkloadSeed
from .world import World

Document = dict[str, Any]

DELAY_S: Final = 0.3
_PREFIX: Final = "/_lab/replication"
_RECORDS: Final = "/_lab/records/{service}/{site}"


class NewRecord(BaseModel):
    """A record, as ``POST /records`` takes it; its id says all that is known of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(min_length=1, max_length=200)]


class _Order(BaseModel):
    """A setting of one service's replication, or of every service's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str | None = None
    seconds: Annotated[float, Field(ge=0, le=86_400)] | None = None
    paused: StrictBool | None = None

    @model_validator(mode="after")
    def _says_something(self) -> _Order:
        if self.seconds is None and self.paused is None:
            raise ValueError("say seconds or paused")
        return self


@dataclass(frozen=True, slots=True)
class _Setting:
    seconds: float
    paused: bool = False


class Replication:
    """The records of every service, a :class:`~.parts.Part`."""

    system = "http"

    def __init__(self, world: World, workloads: Iterable[WorkloadSeed], delay_s: float) -> None:
        """Start without records; needs a running event loop.

        Args:
            world: whose sites and pods decide what is taken and what flows.
            workloads: which services have a workload at which sites, and where they run.
            delay_s: how old a record is when it arrives at a standby, unless told otherwise.
        """
        self._world = world
        self._seeds = tuple(workloads)
        self._delay_s = delay_s
        self._loop = asyncio.get_running_loop()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._by_site: dict[str, set[str]] = {}
        for seed in self._seeds:
            self._by_site.setdefault(seed.site, set()).add(seed.service)
        for site, link in world.links.items():
            link.listen(partial(self._on_link, site))
        self.reset()

    def routes(self) -> list[web.RouteDef]:
        """Return the admin API of records and their replication."""
        return [
            web.get(_PREFIX, self._get_settings),
            web.post(_PREFIX, self._post_setting),
            web.get(_RECORDS, self._get_records),
            web.post(_RECORDS, self._post_record),
        ]

    def state(self, *, canonical: bool) -> Document:
        """Return what each site holds; nothing in the canonical world: records are clients'."""
        if canonical:
            return {}
        places = [
            (service, site, records)
            for service, records in self._records.items()
            if not records.empty
            for site in records.sites
        ]
        return {
            "records": [
                {"service": service, "site": site, **_counted(records.copy(site))}
                for service, site, records in places
            ],
            "divergent": [
                {"service": service, "site": site, "ids": ids, "aside": [*records.copy(site).aside]}
                for service, site, records in places
                if (ids := records.divergent(records.primary, site))
            ],
        }

    def reset(self) -> None:
        """Forget all records and settings; to be called when the world has been reset."""
        self.close()
        self._settings: dict[str, _Setting] = {}
        self._records = dict(_empty(self._seeds))
        for site, cluster in self._world.clusters.items():
            keys = {cluster.place(seed)[1]: seed.service for seed in cluster.seeds()}
            cluster.store.listen(partial(self._on_event, site, keys))

    def close(self) -> None:
        """Let nothing flow any more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def services(self) -> list[str]:
        """Return the names of all services, in the estate's order."""
        return list(self._records)

    def records(self, service: str) -> Records:
        """Return a service's records as they are now; ``KeyError`` for one that is not there."""
        return self._records[service]

    def taken(self, service: str, site: str) -> bool:
        """Return whether the service takes records at the site, for who is at the site."""
        return site in self._records[service].sites and self._world.active(service, site)

    def write(self, service: str, site: str, id: str) -> None:
        """Take a record; a second one of the same id changes nothing."""
        if self._records[service].write(site, id, self._loop.time()):
            self._flow(service)

    def ids(self, service: str, site: str) -> list[str]:
        """Return the ids that a site holds, in order of arrival."""
        return list(self._records[service].copy(site).held)

    def lag(self, service: str, source: str, target: str) -> float:
        """Return the age of the oldest record of a source that a target lacks, or 0."""
        return self._records[service].lag(source, target, self._loop.time())

    def _on_event(self, site: str, services: Mapping[Key, str], event: Event) -> None:
        service = services.get(event.key)
        if service is not None:
            self._records[service].set_active(site, self._world.active(service, site))
            self._flow(service)

    def _on_link(self, site: str) -> None:
        for service in self._by_site.get(site, ()):
            self._flow(service)

    def _flow(self, service: str) -> None:
        timer = self._timers.pop(service, None)
        if timer is not None:
            timer.cancel()
        setting = self._setting(service)
        if setting.paused:
            return
        due = self._records[service].flow(self._loop.time(), setting.seconds, self._connected)
        if due is not None:
            self._timers[service] = self._loop.call_at(due, self._flow, service)

    def _connected(self, source: str, target: str) -> bool:
        return self._world.reachable(source) and self._world.reachable(target)

    def _setting(self, service: str) -> _Setting:
        return self._settings.get(service, _Setting(self._delay_s))

    async def _get_settings(self, _: web.Request) -> web.Response:
        return web.json_response([self._shown(service) for service in self._records])

    async def _post_setting(self, request: web.Request) -> web.Response:
        try:
            order = _Order.model_validate_json(await request.read())
        except ValidationError as error:
            raise _refused(web.HTTPBadRequest, faults_of(error)) from None
        if order.service is not None and order.service not in self._records:
            raise _refused(web.HTTPNotFound, f"no such service: {order.service}")
        changed = self.services() if order.service is None else [order.service]
        for service in changed:
            setting = self._setting(service)
            if order.seconds is not None:
                setting = replace(setting, seconds=order.seconds)
            if order.paused is not None:
                setting = replace(setting, paused=order.paused)
            self._settings[service] = setting
            self._flow(service)
        return web.json_response([self._shown(service) for service in changed])

    async def _get_records(self, request: web.Request) -> web.Response:
        service, site, copy = self._place(request)
        held = {"ids": [*copy.held], "aside": [*copy.aside]}
        return web.json_response({"service": service, "site": site, **held})

    async def _post_record(self, request: web.Request) -> web.Response:
        """Take a record from a client who is at the site, whether or not the site is reachable."""
        service, site, _ = self._place(request)
        try:
            record = NewRecord.model_validate_json(await request.read())
        except ValidationError as error:
            raise _refused(web.HTTPBadRequest, faults_of(error)) from None
        if not self.taken(service, site):
            raise _refused(web.HTTPServiceUnavailable, f"{service} does not run at {site}")
        self.write(service, site, record.id)
        return web.json_response({"id": record.id, "site": site}, status=201)

    def _place(self, request: web.Request) -> tuple[str, str, Copy]:
        service, site = request.match_info["service"], request.match_info["site"]
        try:
            return service, site, self._records[service].copy(site)
        except KeyError:
            raise _refused(web.HTTPNotFound, f"{service} has no workload at {site}") from None

    def _shown(self, service: str) -> Document:
        setting = self._setting(service)
        return {
            "service": service,
            "seconds": setting.seconds,
            "paused": setting.paused,
            "primary": self._records[service].primary,
        }


def faults_of(error: ValidationError) -> str:
    """Return what is wrong with a body, in one line."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'body'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_input=False)
    )


def _refused(refusal: type[web.HTTPError], message: str) -> web.HTTPError:
    return refusal(text=json.dumps({"error": message}), content_type="application/json")


def _counted(copy: Copy) -> Document:
    return {"count": len(copy.held), "last": copy.last}


def _empty(seeds: Iterable[WorkloadSeed]) -> Iterable[tuple[str, Records]]:
    by_service: dict[str, dict[str, WorkloadSeed]] = {}
    for seed in seeds:
        by_service.setdefault(seed.service, {}).setdefault(seed.site, seed)
    for service, places in by_service.items():
        active = [site for site, seed in places.items() if seed.replicas]
        yield service, Records(places, active, (active or list(places))[0])
