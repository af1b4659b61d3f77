"""What a service's part of a plan is made from; while that is the same, a proof of it holds.

The hash of a plan would not do. A rehearsal's plan is another one than that of the recovery which
it rehearses, and a plan's hash changes with every core that somebody else takes at its target.
"""

import hashlib
import json

from ..model.estate import Estate
from ..model.plan import RecoveryPlan

_OF_THE_MOMENT = {"capacity", "latency"}
"""Of a site: it decides where services go, not what is done there."""


def definitions(estate: Estate, plan: RecoveryPlan) -> dict[str, str]:
    """By service that the plan moves: a hash of its definition, its source and its target."""
    services = {service.name: service for service in estate.services}
    sites = {
        site.name: site.model_dump(mode="json", by_alias=True, exclude=_OF_THE_MOMENT)
        for site in estate.sites
        if any(site.name in (each.source, each.target) for each in plan.services)
    }
    found = {}
    for planned in plan.services:
        if planned.source == planned.target:
            continue
        service = services[planned.name].model_dump(mode="json", by_alias=True)
        parts = [service, sites[planned.source], sites[planned.target], planned.degraded]
        text = json.dumps(parts, sort_keys=True, ensure_ascii=False)
        found[planned.name] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return found
