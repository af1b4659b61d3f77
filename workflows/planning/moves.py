"""Which services a recovery is about, and where each of them runs now."""

from dataclasses import dataclass

from ..model.coordination import Facts
from ..model.estate import Service, Site
from ..model.recovery import Action, RecoveryRequest


@dataclass(frozen=True)
class Move:
    """A service that is to run elsewhere."""

    service: Service
    source: Site
    """Where it runs now, or ran until the site was lost."""


def moves(request: RecoveryRequest, facts: Facts) -> tuple[tuple[Move, ...], tuple[str, ...]]:
    """The services that move, in the file's order; or, second, every reason why none may."""
    sites = {site.name: site for site in request.estate.sites}
    if request.site not in sites:
        known = ", ".join(sites)
        return (), (f"{request.site} is no site of {request.estate.name}; it has {known}",)
    if request.action is Action.FAIL_BACK:
        return _home(request, facts, sites)
    found = tuple(
        Move(service, sites[request.site])
        for service in request.estate.services
        if service.recovery and _runs_at(service, facts) == request.site
    )
    if found:
        return found, ()
    away = [f"{s.name} at {_runs_at(s, facts)}" for s in _away(request, facts)]
    gone = f"; its own services run elsewhere: {', '.join(away)}" if away else ""
    return (), (f"no service at {request.site} has a recovery; there is nothing to do{gone}",)


def _home(
    request: RecoveryRequest, facts: Facts, sites: dict[str, Site]
) -> tuple[tuple[Move, ...], tuple[str, ...]]:
    home = request.site
    away = _away(request, facts)
    if not away:
        return (), (f"every service of {home} is at home; there is nothing to bring back",)
    unfenced = {fact.service for fact in facts.unfenced if fact.site == home}
    refusals = [
        f"{service.name} may still run at {home}: it was never fenced there; fence it first"
        for service in away
        if service.name in unfenced
    ]
    refusals += [
        f"{service.name} runs at {where}, which is no site of {request.estate.name}; add the site "
        "to the estate file"
        for service in away
        if (where := _runs_at(service, facts)) not in sites
    ]
    if refusals:
        return (), tuple(refusals)
    return tuple(Move(service, sites[_runs_at(service, facts)]) for service in away), ()


def _away(request: RecoveryRequest, facts: Facts) -> tuple[Service, ...]:
    """The services of the site that run elsewhere and know how to move."""
    return tuple(
        service
        for service in request.estate.services_at(request.site)
        if service.recovery and _runs_at(service, facts) != request.site
    )


def _runs_at(service: Service, facts: Facts) -> str:
    return facts.locations.get(service.name, service.site)


__all__ = ["Move", "moves"]
