"""Judges what the probes saw before anything is changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from ..model.step import Applied, Observation, Qualification
from .graph import PlanGraph


@dataclass(frozen=True)
class Assessment:
    """Whether the plan may start, and with what epoch."""

    refusals: tuple[str, ...]
    """Why it must not start; empty if it may."""
    unseen: tuple[str, ...]
    """Steps whose before-image is missing because their system did not answer."""
    epoch: int
    """One more than the highest epoch on any resource of the plan."""
    late: frozenset[str]
    """Steps whose resource an earlier step changes: their before-image must be taken late."""


def assess(graph: PlanGraph, observations: Mapping[str, Observation]) -> Assessment:
    """Judge one observation per step of the plan."""
    refusals, unseen = [], []
    late, clashes = _shared(graph, observations)
    for step in graph.steps:
        seen = observations[step]
        if seen.qualification is Qualification.NOT_QUALIFIED:
            refusals.append(f"{step}: {seen.reason}")
        elif step not in late and lacks_before_image(seen):
            unseen.append(step)
    epoch = 1 + max((seen.epoch for seen in observations.values()), default=0)
    return Assessment((*refusals, *clashes), tuple(unseen), epoch, late)


def lacks_before_image(seen: Observation) -> bool:
    """The system did not answer, so that nothing may be changed there yet."""
    return seen.qualification is Qualification.UNKNOWN and seen.before_image is None


def blind(seen: Observation) -> bool:
    """Nothing was read, though the step may be applied all the same: look again just before."""
    return seen.state is Applied.UNKNOWN


def _shared(
    graph: PlanGraph, observations: Mapping[str, Observation]
) -> tuple[frozenset[str], list[str]]:
    by_resource: dict[str, list[str]] = {}
    for step in graph.steps:
        resource = observations[step].resource
        if resource is not None:
            by_resource.setdefault(resource, []).append(step)
    late: set[str] = set()
    clashes = []
    for resource, steps in by_resource.items():
        for earlier, later in pairwise(steps):
            late.add(later)
            if not graph.follows(later, earlier):
                clashes.append(
                    f"{later} and {earlier} both change {resource} in no order;"
                    f" let one of them need the other"
                )
    return frozenset(late), clashes
