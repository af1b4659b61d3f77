"""Traffic Manager profiles, as stored: what a request body makes of one, and which are refused.

Pure functions over JSON documents, so that "did this request change anything" is an equality. A
stored profile is ``{"name", "location", "tags", "properties"}`` in canonical case and holds
configuration only. ``endpoints`` in a body replaces the whole list, in PATCH as in PUT.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from .endpoints import ON_OFF, check_endpoint, listed_endpoint
from .errors import ArmError, bad_request
from .fields import child, enum, integer, items, tags, text

TYPE: Final = "Microsoft.Network/trafficManagerProfiles"
DOMAIN: Final = "trafficmanager.net"
DEFAULT_TTL_S: Final = 60

_ROUTING: Final = ("Performance", "Priority", "Weighted", "Geographic", "MultiValue", "Subnet")
_ENUMS: Final = {
    "profileStatus": ON_OFF,
    "trafficRoutingMethod": _ROUTING,
    "trafficViewEnrollmentStatus": ON_OFF,
    "recordType": ("A", "AAAA", "CNAME"),
}
_MONITOR_INTEGERS: Final = {
    "port": (1, 65535),
    "intervalInSeconds": (10, 30),
    "timeoutInSeconds": (5, 10),
    "toleratedNumberOfFailures": (0, 9),
}
_MONITOR_DEFAULTS: Final = {
    "protocol": "HTTP",
    "port": 80,
    "path": "/",
    "intervalInSeconds": 30,
    "timeoutInSeconds": 10,
    "toleratedNumberOfFailures": 3,
}
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)


def new_profile(
    name: str, body: Mapping[str, Any], previous: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The profile that a PUT stores.

    Raises:
        ArmError: 400, naming what is missing or wrong.
    """
    location = text(body, "location")
    if location is None:
        raise ArmError(
            400, "LocationRequired", "The location property is required for this definition."
        )
    if location.lower() != "global":
        raise ArmError(
            400,
            "LocationNotAvailableForResourceType",
            f"The provided location '{location}' is not available for resource type '{TYPE}'. "
            "List of available regions for the resource type is 'global'.",
        )
    properties = child(body, "properties")
    if enum(properties, "trafficRoutingMethod", _ROUTING) is None:
        raise bad_request("The 'trafficRoutingMethod' property of the profile is required.")
    if text(child(properties, "dnsConfig"), "relativeName") is None:
        raise bad_request("The 'dnsConfig.relativeName' property of the profile is required.")
    blank = {
        "name": previous["name"] if previous else name,
        "location": "global",
        "tags": {},
        "properties": {
            "profileStatus": "Enabled",
            "trafficViewEnrollmentStatus": "Disabled",
            "dnsConfig": {"ttl": DEFAULT_TTL_S},
            "monitorConfig": dict(_MONITOR_DEFAULTS),
            "endpoints": previous["properties"]["endpoints"] if previous else [],
        },
    }
    merged = _merged(
        blank, {**body, "properties": {**properties, "endpoints": _listed(properties)}}
    )
    _refuse_renaming(previous, merged)
    return _checked(merged)


def patched_profile(profile: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The profile after a PATCH: tags and endpoints as given, the rest field by field.

    Raises:
        ArmError: 400, naming what is wrong.
    """
    merged = _merged(profile, body)
    _refuse_renaming(profile, merged)
    return _checked(merged)


def with_endpoints(
    profile: Mapping[str, Any], endpoints: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """The profile with another list of endpoints.

    Raises:
        ArmError: 400 when the list breaks a rule of the profile.
    """
    return _checked(
        {**profile, "properties": {**profile["properties"], "endpoints": list(endpoints)}}
    )


def find_endpoint(profile: Mapping[str, Any], kind: str, name: str) -> dict[str, Any] | None:
    """The profile's endpoint of that type and name, both in any case."""
    for endpoint in profile["properties"]["endpoints"]:
        stored: dict[str, Any] = endpoint
        if (
            stored["name"].lower() == name.lower()
            and stored["type"].rpartition("/")[2].lower() == kind.lower()
        ):
            return stored
    return None


def _listed(properties: Mapping[str, Any]) -> Any:
    given = properties.get("endpoints")
    return [] if given is None else given


def _merged(profile: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The profile with the fields of the body laid over it."""
    properties, given = dict(profile["properties"]), child(body, "properties")
    for name, allowed in _ENUMS.items():
        value = enum(given, name, allowed)
        if value is not None:
            properties[name] = value
    max_return = integer(given, "maxReturn", 1, 8)
    if max_return is not None:
        properties["maxReturn"] = max_return
    record_types = items(given, "allowedEndpointRecordTypes")
    if record_types is not None:
        properties["allowedEndpointRecordTypes"] = record_types
    properties["dnsConfig"] = {**properties["dnsConfig"], **_dns(child(given, "dnsConfig"))}
    properties["monitorConfig"] = {
        **properties["monitorConfig"],
        **_monitor(child(given, "monitorConfig")),
    }
    if given.get("endpoints") is not None:
        properties["endpoints"] = _endpoints(given["endpoints"], properties["endpoints"])
    given_tags = tags(body)
    return {
        **profile,
        "tags": profile["tags"] if given_tags is None else given_tags,
        "properties": properties,
    }


def _endpoints(given: Any, previous: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    if not isinstance(given, list) or not all(isinstance(entry, dict) for entry in given):
        raise bad_request("The value of 'endpoints' must be a list of objects.")
    known = {endpoint["name"].lower(): endpoint for endpoint in previous}
    return [listed_endpoint(entry, known) for entry in given]


def _dns(given: Mapping[str, Any]) -> dict[str, Any]:
    name = text(given, "relativeName")
    if name is not None and not _LABEL.fullmatch(name):
        raise bad_request(f"The value '{name}' of 'relativeName' is not a DNS label.")
    found = {"relativeName": name, "ttl": integer(given, "ttl", 0, 2_147_483_647)}
    return {field: value for field, value in found.items() if value is not None}


def _monitor(given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        field: integer(given, field, low, high) for field, (low, high) in _MONITOR_INTEGERS.items()
    }
    found["protocol"] = enum(given, "protocol", ("HTTP", "HTTPS", "TCP"))
    found["path"] = text(given, "path")
    for field in ("customHeaders", "expectedStatusCodeRanges"):
        found[field] = items(given, field)
    return {field: value for field, value in found.items() if value is not None}


def _refuse_renaming(previous: Mapping[str, Any] | None, merged: Mapping[str, Any]) -> None:
    if previous is None:
        return
    was = previous["properties"]["dnsConfig"]["relativeName"]
    now = merged["properties"]["dnsConfig"]["relativeName"]
    if was.lower() != now.lower():
        raise bad_request(
            f"The relative DNS name of a profile cannot be changed (from '{was}' to '{now}')."
        )


def _checked(profile: dict[str, Any]) -> dict[str, Any]:
    """The profile with every endpoint given a priority, or the refusal."""
    endpoints = [dict(endpoint) for endpoint in profile["properties"]["endpoints"]]
    for endpoint in endpoints:
        check_endpoint(endpoint)
    _refuse_duplicates("name", (endpoint["name"].lower() for endpoint in endpoints))
    _refuse_duplicates(
        "priority",
        (e["properties"]["priority"] for e in endpoints if "priority" in e["properties"]),
    )
    _refuse_duplicates(
        "target",
        (e["properties"]["target"].lower() for e in endpoints if "target" in e["properties"]),
    )
    highest = max((e["properties"].get("priority", 0) for e in endpoints), default=0)
    for endpoint in endpoints:
        if "priority" not in endpoint["properties"]:
            highest += 1
            endpoint["properties"] = {**endpoint["properties"], "priority": highest}
    if highest > 1000:
        raise bad_request("No priority from 1 to 1000 is left; give the endpoint one.")
    return {**profile, "properties": {**profile["properties"], "endpoints": endpoints}}


def _refuse_duplicates(what: str, values: Iterable[Any]) -> None:
    twice = sorted(str(value) for value, count in Counter(values).items() if count > 1)
    if twice:
        raise bad_request(
            f"Some of the endpoints of the profile have the same {what}: {', '.join(twice)}. "
            f"Each endpoint of a profile must have its own {what}."
        )
