"""Endpoints of a Traffic Manager profile, as stored: what a request body makes of one.

Pure functions from a body (and the endpoint before) to a new endpoint document in canonical case. A
stored endpoint is ``{"name", "type", "properties"}`` and holds configuration only: ids and monitor
status are added when it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .errors import bad_request
from .fields import child, enum, integer, items, text

TYPE_PREFIX: Final = "Microsoft.Network/trafficManagerProfiles/"
KINDS: Final = {
    kind.lower(): kind for kind in ("externalEndpoints", "azureEndpoints", "nestedEndpoints")
}
ON_OFF: Final = ("Enabled", "Disabled")

_INTEGERS: Final = {
    "weight": (1, 1000),
    "priority": (1, 1000),
    "minChildEndpoints": (1, 1000),
    "minChildEndpointsIPv4": (1, 1000),
    "minChildEndpointsIPv6": (1, 1000),
}
_ENUMS: Final = {"endpointStatus": ON_OFF, "alwaysServe": ON_OFF}
_TEXTS: Final = ("target", "targetResourceId", "endpointLocation")
_LISTS: Final = ("geoMapping", "subnets", "customHeaders")


def kind_of(name: str) -> str:
    """The endpoint type in canonical case, from a path segment or a full resource type.

    Raises:
        ArmError: 400 when there is no such type.
    """
    kind = KINDS.get(name.rpartition("/")[2].lower())
    if kind is None:
        raise bad_request(
            f"'{name}' is not an endpoint type. Endpoint types are ExternalEndpoints, "
            "AzureEndpoints and NestedEndpoints."
        )
    return kind


def new_endpoint(
    kind: str, name: str, body: Mapping[str, Any], previous: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The endpoint that a PUT stores; a priority that is not given stays as it was."""
    properties: dict[str, Any] = {
        "endpointStatus": "Enabled",
        "weight": 1,
        "alwaysServe": "Disabled",
    }
    if previous is not None and "priority" in previous["properties"]:
        properties["priority"] = previous["properties"]["priority"]
    properties |= _given(body)
    return {"name": name, "type": f"{TYPE_PREFIX}{kind}", "properties": properties}


def patched_endpoint(endpoint: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The endpoint after a PATCH: properties that are given replace those that were."""
    return {**endpoint, "properties": {**endpoint["properties"], **_given(body)}}


def listed_endpoint(
    body: Mapping[str, Any], previous: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """One entry of a profile's ``endpoints`` list.

    Args:
        body: the entry, with its name and type.
        previous: the profile's endpoints before, by lower-case name.
    """
    name = text(body, "name")
    kind = text(body, "type")
    if name is None or kind is None:
        raise bad_request("Each endpoint of a profile needs a name and a type.")
    return new_endpoint(kind_of(kind), name, body, previous.get(name.lower()))


def check_endpoint(endpoint: Mapping[str, Any]) -> None:
    """Refuse an endpoint that lacks what its type needs."""
    kind, properties = endpoint["type"].rpartition("/")[2], endpoint["properties"]
    needed = {
        "externalEndpoints": ("target",),
        "azureEndpoints": ("targetResourceId",),
        "nestedEndpoints": ("targetResourceId", "minChildEndpoints"),
    }[kind]
    for name in needed:
        if name not in properties:
            raise bad_request(
                f"The '{name}' property is required for endpoint '{endpoint['name']}' of type "
                f"'{endpoint['type']}'."
            )


def _given(body: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration a body names; what is read-only (ids, monitor status) passes unread."""
    properties = child(body, "properties")
    found: dict[str, Any] = {}
    for name, allowed in _ENUMS.items():
        found[name] = enum(properties, name, allowed)
    for name, (low, high) in _INTEGERS.items():
        found[name] = integer(properties, name, low, high)
    for name in _TEXTS:
        found[name] = text(properties, name)
    for name in _LISTS:
        found[name] = items(properties, name)
    return {name: value for name, value in found.items() if value is not None}
