"""The Traffic Manager profiles there are now, and how they look from outside.

Keeps each profile's configuration, its etag and when each endpoint's first probe went out; asks the
lab's health for the rest each time it is read. Changes come in whole, as a new document.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .endpoints import TYPE_PREFIX
from .monitoring import CHECKING, answering, endpoint_status, probed, profile_status
from .profiles import DOMAIN, TYPE, new_profile

if TYPE_CHECKING:
    from ..parts import Health
    from ..seed import ProfileSeed


@dataclass(frozen=True, slots=True)
class Stored:
    """One profile: its configuration and what the service keeps beside it."""

    group: str
    service: str
    document: dict[str, Any]
    etag: str
    checking_since: Mapping[str, float]
    """When the first probe of an endpoint went out, in the clock's seconds, by lower-case name."""


class Profiles:
    """All profiles of the subscription, found by group and name in any case."""

    def __init__(
        self,
        seeds: Sequence[ProfileSeed],
        health: Health,
        *,
        subscription_id: str,
        checking_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._seeds = seeds
        self._health = health
        self._subscription = subscription_id
        self._checking_s = checking_s
        self._clock = clock
        self._stored: dict[tuple[str, str], Stored] = {}
        self.reset()

    @cached_property
    def _services(self) -> dict[str, str]:
        """The world's services by lower-case name; a world never gains one."""
        return {service.lower(): service for service in self._health.services()}

    @cached_property
    def _sites(self) -> dict[str, str]:
        """The world's sites by lower-case name."""
        return {site.lower(): site for site in self._health.sites()}

    def reset(self) -> None:
        """Go back to the seeded profiles, each probed long ago."""
        self._stored = {
            (seed.resource_group.lower(), seed.name.lower()): Stored(
                seed.resource_group, seed.service, _seeded(seed), _new_etag(), {}
            )
            for seed in self._seeds
        }

    def find(self, group: str, name: str) -> Stored | None:
        """The profile, or None."""
        return self._stored.get((group.lower(), name.lower()))

    def every(self, group: str | None = None) -> Iterator[Stored]:
        """All profiles, or those of one group, in the order of their ids."""
        for key in sorted(self._stored):
            if group is None or key[0] == group.lower():
                yield self._stored[key]

    def by_relative_name(self, relative_name: str) -> Stored | None:
        """The profile that owns a DNS name under trafficmanager.net, or None."""
        wanted = relative_name.lower()
        for stored in self._stored.values():
            if stored.document["properties"]["dnsConfig"]["relativeName"].lower() == wanted:
                return stored
        return None

    def put(self, group: str, name: str, document: dict[str, Any]) -> Stored:
        """Store a changed or new profile under a new etag, and probe what is new to probing."""
        before = self.find(group, name)
        since = dict(before.checking_since) if before else {}
        for started in _newly_probed(before.document if before else None, document):
            since[started] = self._clock()
        if before:
            stored = replace(before, document=document, etag=_new_etag(), checking_since=since)
        else:
            service = document["properties"]["dnsConfig"]["relativeName"]
            stored = Stored(group, service, document, _new_etag(), since)
        self._stored[group.lower(), name.lower()] = stored
        return stored

    def remove(self, group: str, name: str) -> None:
        """Forget a profile that is there."""
        del self._stored[group.lower(), name.lower()]

    def statuses(self, stored: Stored) -> list[str]:
        """The endpoints' monitor statuses now, in the order of the endpoints."""
        return [
            self._status(stored, endpoint)
            for endpoint in stored.document["properties"]["endpoints"]
        ]

    def answering(self, stored: Stored) -> Mapping[str, Any] | None:
        """The endpoint DNS answers with now, or None when none is enabled."""
        return answering(stored.document, self.statuses(stored))

    def place(self, stored: Stored, endpoint: Mapping[str, Any]) -> tuple[str, str]:
        """The service and the site that an endpoint leads to.

        A target ``<service>.<site>.…`` of this world says so itself; any other endpoint stands for
        the profile's service at the site it is named after.
        """
        labels = endpoint["properties"].get("target", "").lower().split(".")
        if len(labels) > 1 and labels[0] in self._services:
            return self._services[labels[0]], self._sites.get(labels[1], labels[1])
        name = endpoint["name"]
        return stored.service, self._sites.get(name.lower(), name)

    def identity(self, stored: Stored) -> str:
        """The profile's resource id, in canonical case."""
        return (
            f"/subscriptions/{self._subscription}/resourceGroups/{stored.group}/providers/{TYPE}/"
            f"{stored.document['name']}"
        )

    def shown(self, stored: Stored) -> dict[str, Any]:
        """The profile as a GET answers it now."""
        document = stored.document
        properties = document["properties"]
        relative_name = properties["dnsConfig"]["relativeName"]
        statuses = self.statuses(stored)
        return {
            "id": self.identity(stored),
            "type": TYPE,
            **document,
            "properties": {
                **properties,
                "dnsConfig": {**properties["dnsConfig"], "fqdn": f"{relative_name}.{DOMAIN}"},
                "monitorConfig": {
                    **properties["monitorConfig"],
                    "profileMonitorStatus": profile_status(document, statuses),
                },
                "endpoints": [
                    self._shown_endpoint(stored, endpoint, status)
                    for endpoint, status in zip(properties["endpoints"], statuses, strict=True)
                ],
            },
        }

    def shown_endpoint(self, stored: Stored, endpoint: Mapping[str, Any]) -> dict[str, Any]:
        """One endpoint as a GET answers it now."""
        return self._shown_endpoint(stored, endpoint, self._status(stored, endpoint))

    def configuration(self, stored: Stored | None) -> dict[str, Any] | None:
        """The profile without what changes by itself: what one request leaves, the next finds."""
        if stored is None:
            return None
        return {"id": self.identity(stored), "type": TYPE, **copy.deepcopy(stored.document)}

    def _shown_endpoint(
        self, stored: Stored, endpoint: Mapping[str, Any], status: str
    ) -> dict[str, Any]:
        kind = endpoint["type"].rpartition("/")[2]
        return {
            "id": f"{self.identity(stored)}/{kind}/{endpoint['name']}",
            **endpoint,
            "properties": {**endpoint["properties"], "endpointMonitorStatus": status},
        }

    def _status(self, stored: Stored, endpoint: Mapping[str, Any]) -> str:
        since = stored.checking_since.get(endpoint["name"].lower())
        checking = since is not None and self._clock() < since + self._checking_s
        unchecked = endpoint_status(stored.document, endpoint, checking=checking, healthy=False)
        if unchecked == CHECKING or not probed(stored.document, endpoint):
            return unchecked
        service, site = self.place(stored, endpoint)
        known = service.lower() in self._services and site.lower() in self._sites
        healthy = known and self._health.healthy(service, site)
        return endpoint_status(stored.document, endpoint, checking=False, healthy=healthy)


def _seeded(seed: ProfileSeed) -> dict[str, Any]:
    sites = [seed.source, *(site for site in seed.endpoints if site != seed.source)]
    endpoints = [
        {
            "name": site,
            "type": f"{TYPE_PREFIX}externalEndpoints",
            "properties": {
                "target": f"{seed.service}.{site}.example",
                "priority": place,
                "weight": 100 if site == seed.source else 1,
            },
        }
        for place, site in enumerate(sites, start=1)
    ]
    body = {
        "location": "global",
        "properties": {
            "trafficRoutingMethod": seed.routing,
            "dnsConfig": {"relativeName": seed.name, "ttl": seed.ttl_s},
            "monitorConfig": {"protocol": "HTTP", "port": 80, "path": "/healthz"},
            "endpoints": endpoints,
        },
    }
    return new_profile(seed.name, body, None)


def _newly_probed(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Iterator[str]:
    """Names of the endpoints whose probing starts, or starts anew because the target moved."""
    was = {}
    if before is not None:
        was = {
            endpoint["name"].lower(): endpoint["properties"].get("target")
            for endpoint in before["properties"]["endpoints"]
            if probed(before, endpoint)
        }
    for endpoint in after["properties"]["endpoints"]:
        name, target = endpoint["name"].lower(), endpoint["properties"].get("target")
        if probed(after, endpoint) and (name not in was or was[name] != target):
            yield name


def _new_etag() -> str:
    return f'"{uuid.uuid4()}"'
