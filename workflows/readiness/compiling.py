"""Compiles the plans of the loss of many sites of one estate."""

from collections.abc import Iterable

from ..model.coordination import Facts
from ..model.estate import Estate
from ..model.failback import ReplicationChecks, ReplicationInput
from ..model.readiness import SitePlan
from ..model.recovery import RecoveryRequest
from ..planning import compile_plan
from ..planning.replication import replication_checks
from .definitions import definitions
from .narrowing import Narrowing


class SiteCompiler:
    """Compiles plans of one estate, with the same facts."""

    def __init__(self, estate: Estate, facts: Facts) -> None:
        self._estate = estate
        self._facts = facts
        self._narrowing = Narrowing(estate, facts)
        self._at: dict[str, list[str]] = {}
        self._without: dict[str, list[str]] = {}
        self._homes: dict[str, str] = {}
        for service in estate.services:
            site = facts.locations.get(service.name, service.site)
            here = self._at if service.recovery else self._without
            here.setdefault(site, []).append(service.name)
            self._homes[service.name] = service.site

    def plan(self, site: str) -> SitePlan:
        """The plan of the loss of one site."""
        services = self._at.get(site, ())
        found = SitePlan(
            site=site,
            services=tuple(services),
            away={name: self._homes[name] for name in services if self._homes[name] != site},
            without=tuple(self._without.get(site, ())),
        )
        if not services:
            return found
        estate = self._narrowing.of(site, services)
        result = compile_plan(RecoveryRequest(estate=estate, site=site), self._facts)
        if result.plan is None:
            return found.model_copy(update={"refusals": result.refusals})
        made_from = definitions(estate, result.plan)
        return found.model_copy(update={"plan": result.plan, "definitions": made_from})


def checks_of(estate: Estate, plans: Iterable[SitePlan]) -> ReplicationChecks:
    """How far the data of every service that these plans move is behind, as queries."""
    return replication_checks(ReplicationInput(estate=estate, moves=_moves(plans)))


def _moves(plans: Iterable[SitePlan]) -> dict[str, tuple[str, str]]:
    return {
        service.name: (service.source, service.target)
        for found in plans
        if found.plan is not None
        for service in found.plan.services
        if service.source != service.target
    }
