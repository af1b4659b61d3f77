"""Chooses where a service is recovered to. The seam for placement that weighs capacity."""

from collections.abc import Set
from dataclasses import dataclass

from ...model.estate import Estate, Service, Site


@dataclass(frozen=True)
class Placement:
    """A service's target, or none; and one sentence why."""

    target: Site | None
    sentence: str


def place(estate: Estate, service: Service, lost: Set[str]) -> Placement:
    """The first recovery site of `service` that is not lost."""
    candidates = estate.candidates(service)
    passed_over = [site.name for site in candidates if site.name in lost]
    for site in candidates:
        if site.name not in lost:
            after = f" after {', '.join(passed_over)} (lost)" if passed_over else ""
            return Placement(site, f"{site.name}: the first recovery site{after}")
    if passed_over:
        return Placement(
            None, f"{service.name} has no recovery site left: {', '.join(passed_over)} lost"
        )
    return Placement(None, f"{service.name} names no recovery site; give it `recovery_sites`")
