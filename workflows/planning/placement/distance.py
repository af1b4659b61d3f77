"""How far two sites are from each other, by what the estate file says of either."""

from datetime import timedelta

from ...model.estate import Site

UNKNOWN = timedelta.max
"""Longer than any limit."""


def round_trip(one: Site, other: Site | None) -> timedelta:
    """The round trip between two sites, the longer where they disagree; UNKNOWN if neither says."""
    if other is None:
        return UNKNOWN
    if one.name == other.name:
        return timedelta(0)
    said = [
        near.latency[far.name]
        for near, far in ((one, other), (other, one))
        if far.name in near.latency
    ]
    return max(said, default=UNKNOWN)
