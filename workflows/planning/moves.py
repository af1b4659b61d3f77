"""Which services a recovery is about, and where each of them runs now."""

from dataclasses import dataclass

from ..model.coordination import Facts
from ..model.estate import Service, Site
from ..model.recovery import Action, Mode, RecoveryRequest


@dataclass(frozen=True)
class Move:
    """A service that is to run elsewhere."""

    service: Service
    source: Site
    """Where it runs now, or ran until the site was lost."""
    target: str | None = None
    """The one site where it may go; None where that is to be chosen."""


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
    found = found or _again(request, facts, sites)
    if found:
        return found, ()
    away = [f"{s.name} at {_runs_at(s, facts)}" for s in _away(request, facts)]
    gone = f"; its own services run elsewhere: {', '.join(away)}" if away else ""
    return (), (f"no service at {request.site} has a recovery; there is nothing to do{gone}",)


def _again(request: RecoveryRequest, facts: Facts, sites: dict[str, Site]) -> tuple[Move, ...]:
    """What was recovered from the site before, to be made sure of where it is.

    A site can be lost again after its services have left it. No other target is safe: the service
    runs at this one. Steps that are done already change nothing.
    """
    mode = request.dry_run_of if request.mode is Mode.DRY_RUN else request.mode
    if mode is not Mode.UNPLANNED:
        return ()
    lost = {*request.lost_sites, *facts.lost}
    return tuple(
        Move(service, sites[request.site], at)
        for service in _away(request, facts)
        if (at := _runs_at(service, facts)) in sites and at not in lost
    )


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
    return tuple(Move(each, sites[_runs_at(each, facts)], home) for each in away), ()


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
