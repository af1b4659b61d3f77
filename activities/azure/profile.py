"""A Traffic Manager profile as Resource Manager shows it, and what the actions make of it.

The documents are kept as they came: what this program does not know is written back untouched.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import JsonValue

from ...workflows.model.errors import Conflict, NotFound
from ..fencing import Mark, from_labels
from ..mutation import AGAIN
from .inputs import ProfileRef

TAG_PREFIX = "holdfast-"
ENABLED, DISABLED = "Enabled", "Disabled"
READ_ONLY = "endpointMonitorStatus"


@dataclass(frozen=True)
class Endpoint:
    """One endpoint's place in the routing."""

    name: str
    type: str
    status: str
    priority: int | None
    weight: int | None

    @property
    def enabled(self) -> bool:
        """Whether it takes part in the routing."""
        return self.status == ENABLED

    def image(self) -> dict[str, JsonValue]:
        """As part of a before-image."""
        return {
            "name": self.name,
            "type": self.type,
            "status": self.status,
            "priority": self.priority,
            "weight": self.weight,
        }


@dataclass(frozen=True)
class Profile:
    """A profile at one moment."""

    ref: ProfileRef
    document: Mapping[str, Any]
    etag: str | None
    """What a conditional write needs; None where the service gives none."""

    @property
    def _properties(self) -> Mapping[str, Any]:
        return self.document.get("properties") or {}

    @property
    def tags(self) -> Mapping[str, str]:
        """All tags."""
        return self.document.get("tags") or {}

    @property
    def mark(self) -> Mark | None:
        """What the last mutation of a recovery left; tag names have no case."""
        return from_labels({k.lower(): v for k, v in self.tags.items()}, TAG_PREFIX)

    @property
    def enabled(self) -> bool:
        """Whether the profile answers at all."""
        return bool(self._properties.get("profileStatus", ENABLED) == ENABLED)

    @property
    def routing(self) -> str:
        """The routing method."""
        return str(self._properties.get("trafficRoutingMethod"))

    @property
    def ttl(self) -> timedelta:
        """How long a client may keep an old answer."""
        dns = self._properties.get("dnsConfig") or {}
        return timedelta(seconds=dns.get("ttl") or 0)

    @property
    def interval(self) -> timedelta:
        """How often Traffic Manager probes an endpoint."""
        monitor = self._properties.get("monitorConfig") or {}
        return timedelta(seconds=monitor.get("intervalInSeconds") or 30)

    @property
    def first_verdict(self) -> timedelta:
        """How long the first probe of an endpoint may take: an interval and a timeout."""
        monitor = self._properties.get("monitorConfig") or {}
        return self.interval + timedelta(seconds=monitor.get("timeoutInSeconds") or 10)

    @property
    def raw_endpoints(self) -> list[Mapping[str, Any]]:
        """The endpoints as they came."""
        return list(self._properties.get("endpoints") or ())

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints in the profile's order."""
        return tuple(_endpoint(raw) for raw in self.raw_endpoints)

    def endpoint(self, name: str) -> Endpoint:
        """The endpoint of that name, in any case.

        Raises:
            NotFound: there is none.
        """
        for endpoint in self.endpoints:
            if endpoint.name.lower() == name.lower():
                return endpoint
        known = ", ".join(endpoint.name for endpoint in self.endpoints) or "none"
        raise NotFound(
            f"{self.ref} has no endpoint {name!r}; it has: {known}. Correct the step's endpoint, or"
            " add it to the profile"
        )

    def monitor_status(self, name: str) -> str:
        """What Traffic Manager's own probes say of an endpoint."""
        for raw in self.raw_endpoints:
            if str(raw.get("name", "")).lower() == name.lower():
                return str((raw.get("properties") or {}).get(READ_ONLY) or "CheckingEndpoint")
        return "Missing"

    def image(self) -> JsonValue:
        """The before-image: the routing of every endpoint."""
        return {"endpoints": [endpoint.image() for endpoint in self.endpoints]}

    def written(self, wanted: Mapping[str, Endpoint], tags: Mapping[str, str]) -> dict[str, Any]:
        """The body of a PATCH that gives the endpoints named their status, priority and weight.

        Args:
            wanted: the endpoints to change, by lower-case name.
            tags: the mark; the profile's other tags are kept.
        """
        others = {k: v for k, v in self.tags.items() if k.lower() not in tags}
        body: dict[str, Any] = {"tags": {**others, **tags}}
        if wanted:
            body["properties"] = {
                "endpoints": [_rewritten(raw, wanted) for raw in self.raw_endpoints]
            }
        return body


def parse_image(image: JsonValue, ref: ProfileRef) -> dict[str, Endpoint]:
    """The endpoints of a before-image, by lower-case name.

    Raises:
        Conflict: there is no before-image, so what is there now could not be put back.
    """
    entries: Any = image.get("endpoints") if isinstance(image, dict) else None
    if not isinstance(entries, list):
        raise Conflict(
            f"{ref} was never seen as it was before, so it could not be put back and is left as it"
            f" is; make sure that Azure answers, then, {AGAIN}"
        )
    return {endpoint.name.lower(): endpoint for endpoint in (Endpoint(**each) for each in entries)}


def _endpoint(raw: Mapping[str, Any]) -> Endpoint:
    properties = raw.get("properties") or {}
    return Endpoint(
        name=str(raw["name"]),
        type=str(raw.get("type", "")).rpartition("/")[2],
        status=str(properties.get("endpointStatus", ENABLED)),
        priority=properties.get("priority"),
        weight=properties.get("weight"),
    )


def _rewritten(raw: Mapping[str, Any], wanted: Mapping[str, Endpoint]) -> dict[str, Any]:
    properties = {k: v for k, v in (raw.get("properties") or {}).items() if k != READ_ONLY}
    endpoint = wanted.get(str(raw["name"]).lower())
    if endpoint is not None:
        properties["endpointStatus"] = endpoint.status
        for key, value in (("priority", endpoint.priority), ("weight", endpoint.weight)):
            if value is not None:
                properties[key] = value
    return {**raw, "properties": properties}


__all__ = ["DISABLED", "ENABLED", "TAG_PREFIX", "Endpoint", "Profile", "parse_image"]
