"""Which tiers may act yet: in a region's recovery the most critical services of all sites go first.

A service goes no later than the services that depend on it: what a tier 0 service needs belongs to
tier 0, whatever its own tier is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.recovery import StepState
from .graph import PlanGraph
from .step_run import IN_FLIGHT

if TYPE_CHECKING:
    from .saga import Saga


class Tiers:
    """The tiers of one run: all open, unless somebody opens them one after the other."""

    def __init__(self, saga: Saga, graph: PlanGraph, opened: int | None) -> None:
        self._saga = saga
        self.opened = opened
        """The least critical tier that may act; None if all may."""
        self._of = effective_tiers(graph)
        self.all = tuple(sorted(set(self._of.values())))
        """The tiers that have services here, the most critical first."""

    def admits(self, service: str) -> bool:
        """Whether the service's turn has come."""
        return self.opened is None or self._of[service] <= self.opened

    @property
    def waiting(self) -> bool:
        """Nothing can go on before the next tier is opened."""
        return self.opened is not None and any(tier > self.opened for tier in self.all)

    def through(self) -> int | None:
        """The last open tier, once nothing of it or of those before it can go on by itself.

        What waits for a person does not count: the other sites need not wait with it.
        """
        if self.opened is None or not self._still():
            return None
        return self.opened

    def _still(self) -> bool:
        ready = self._saga.forward.ready
        return not any(
            run.state in IN_FLIGHT or (run.state is StepState.PENDING and id in ready)
            for id, run in self._saga.steps.items()
            if self.admits(run.step.service)
        )


def effective_tiers(graph: PlanGraph) -> dict[str, int]:
    """By service: its tier, or that of the most critical service which depends on it."""
    tiers = {name: service.tier for name, service in graph.services.items()}
    frontier = sorted(tiers, key=lambda name: (tiers[name], name))
    while frontier:
        name = frontier.pop(0)
        for needed in graph.services[name].depends_on:
            if tiers[needed] > tiers[name]:
                tiers[needed] = tiers[name]
                frontier.append(needed)
    return tiers
