"""What Traffic Manager's probes say, and what its DNS answers: pure functions of one moment.

An endpoint is ``CheckingEndpoint`` until its first probe has come back, then ``Online`` or
``Degraded``. An endpoint under check does take traffic, as the service documents; when every
enabled endpoint is degraded, DNS answers as if all were online.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

CHECKING: Final = "CheckingEndpoint"
ONLINE: Final = "Online"
DEGRADED: Final = "Degraded"
DISABLED: Final = "Disabled"
INACTIVE: Final = "Inactive"
UNMONITORED: Final = "Unmonitored"

_IN_DNS: Final = frozenset({ONLINE, CHECKING, UNMONITORED})


def probed(profile: Mapping[str, Any], endpoint: Mapping[str, Any]) -> bool:
    """Whether the service probes this endpoint at all."""
    properties = endpoint["properties"]
    switches = (profile["properties"]["profileStatus"], properties["endpointStatus"])
    return switches == ("Enabled", "Enabled") and bool(properties["alwaysServe"] != "Enabled")


def endpoint_status(
    profile: Mapping[str, Any], endpoint: Mapping[str, Any], *, checking: bool, healthy: bool
) -> str:
    """The ``endpointMonitorStatus`` of one endpoint.

    Args:
        profile: the stored profile.
        endpoint: one of its endpoints.
        checking: whether the first probe is still out.
        healthy: what a probe finds.
    """
    if endpoint["properties"]["endpointStatus"] == "Disabled":
        return DISABLED
    if profile["properties"]["profileStatus"] == "Disabled":
        return INACTIVE
    if endpoint["properties"]["alwaysServe"] == "Enabled":
        return UNMONITORED
    if checking:
        return CHECKING
    return ONLINE if healthy else DEGRADED


def profile_status(profile: Mapping[str, Any], statuses: Sequence[str]) -> str:
    """The ``profileMonitorStatus`` that follows from the endpoints' statuses."""
    if profile["properties"]["profileStatus"] == "Disabled":
        return DISABLED
    if DEGRADED in statuses:
        return DEGRADED
    if ONLINE in statuses or UNMONITORED in statuses:
        return ONLINE
    return "CheckingEndpoints" if CHECKING in statuses else INACTIVE


def answering(profile: Mapping[str, Any], statuses: Sequence[str]) -> Mapping[str, Any] | None:
    """The endpoint DNS answers with, or None when no endpoint is enabled.

    Priority routing answers the lowest priority number. Weighted routing answers the highest
    weight: the lab is one client that asks once, so it takes the likeliest draw rather than a
    random one. Other methods answer the first endpoint.
    """
    endpoints: list[dict[str, Any]] = profile["properties"]["endpoints"]
    pairs = list(zip(endpoints, statuses, strict=True))
    candidates = [endpoint for endpoint, status in pairs if status in _IN_DNS] or [
        endpoint for endpoint, status in pairs if status == DEGRADED
    ]
    if not candidates:
        return None
    routing = profile["properties"]["trafficRoutingMethod"]
    if routing == "Weighted":
        return max(candidates, key=lambda endpoint: int(endpoint["properties"]["weight"]))
    if routing == "Priority":
        return min(candidates, key=lambda endpoint: int(endpoint["properties"]["priority"]))
    return candidates[0]
