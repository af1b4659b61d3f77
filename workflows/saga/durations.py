"""Critical paths: when each step of a plan ends, given how long each takes by itself."""

from collections.abc import Mapping

from .graph import PlanGraph


def finish_times(graph: PlanGraph, durations_s: Mapping[str, float]) -> dict[str, float]:
    """Seconds from the start to the end of each step if nothing but the plan's order delays it."""
    ends: dict[str, float] = {}
    for id, step in graph.steps.items():
        begin = max((ends[need] for need in step.needs), default=0.0)
        ends[id] = begin + durations_s.get(id, 0.0)
    return ends
