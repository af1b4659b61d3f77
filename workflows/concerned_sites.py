"""Which sites a recovery concerns: those to lock, those to know of, those that do not answer."""

from collections.abc import Iterable

from .model.coordination import Facts
from .model.recovery import Action, RecoveryRequest
from .saga.graph import PlanGraph

FEW_SITES = 100
"""An estate of no more is told whole."""


def silent_targets(graph: PlanGraph, unseen: Iterable[str]) -> tuple[str, ...]:
    """The recovery sites of which steps could not be seen; a source may be silent."""
    found: dict[str, None] = {}
    for id in unseen:
        step = graph.steps[id]
        service = graph.services[step.service]
        if step.site == service.target != service.source:
            found[step.site] = None
    return tuple(found)


def also_touched(request: RecoveryRequest) -> tuple[str, ...]:
    """Sites that must not be recovered meanwhile: for a way home, those it may start from."""
    if request.action is not Action.FAIL_BACK:
        return ()
    estate = request.estate
    found = {
        site.name: None
        for service in estate.services_at(request.site)
        for site in estate.candidates(service)
    }
    return tuple(found)


def concerns(request: RecoveryRequest) -> tuple[str, ...]:
    """The sites whose facts can matter to the plan; none named means all.

    In a storm of a thousand sites the facts of all of them would be told a thousand times.
    """
    estate = request.estate
    if len(estate.sites) <= FEW_SITES or any(s.affinity or s.spread for s in estate.services):
        return ()
    near = [request.site]
    for service in estate.services_at(request.site):
        near += [site.name for site in estate.candidates(service)]
    return tuple(dict.fromkeys(near))


def has_guests(request: RecoveryRequest, facts: Facts) -> bool:
    """Services of other sites run at this one, whose own recovery sites matter then too."""
    homed = {service.name for service in request.estate.services_at(request.site)}
    return any(at == request.site and name not in homed for name, at in facts.locations.items())
