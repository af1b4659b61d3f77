"""What placement answers: who goes where, who stays out, who gives way, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...model.estate import Site
from ...model.plan import LeftOut


@dataclass(frozen=True)
class Placed:
    """A service that has a site to go to."""

    service: str
    site: Site
    degraded: bool
    """There is not room for all of it: it goes with the demand of `degraded`."""
    sentence: str
    """Why there, and which sites were passed over for what."""


@dataclass(frozen=True)
class GivesWay:
    """A running service that must free its room for more critical ones."""

    service: str
    site: str
    sentence: str
    """For whom, and what else suffers."""


@dataclass(frozen=True)
class Assignment:
    """Where every moving service goes; or, in `refusals`, why none may move."""

    placed: Mapping[str, Placed] = field(default_factory=dict)
    """By service, in the order in which they were given."""
    left_out: tuple[LeftOut, ...] = ()
    gives_way: tuple[GivesWay, ...] = ()
    refusals: tuple[str, ...] = ()
    """Every reason why nothing may start; nothing is placed then."""
    room: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By site used: its capacity less what runs there and neither moves nor gives way, without what
    others have booked; Kubernetes quantities. A site that states no capacity is not named: it
    counts as unlimited."""
    gap: str = ""
    """How far from the best this may be, where it is not proven to be the best; else empty."""
