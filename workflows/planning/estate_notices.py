"""What an estate file may say and looks like a mistake, although it is none that can be proved."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from ..model.estate import Estate, Service
from ..model.policy import Approval, Shortage
from ..model.scalars import format_duration
from .templates import Names, TemplateError, render_step

TOP_TIER = 0


def notices(estate: Estate) -> tuple[str, ...]:
    """One sentence for each thing that will hardly do what was meant, and what would."""
    return (
        *_of_approval(estate),
        *_of_holddown(estate),
        *_of_giving_way(estate),
        *_of_demand(estate),
        *_of_nearness(estate),
        *_of_recovery_points(estate),
        *_of_the_way_home(estate),
    )


def _of_approval(estate: Estate) -> Iterator[str]:
    policy = estate.policy.approval
    kinds = ("unplanned", "planned", "failback", "test")
    asked = [kind for kind in kinds if getattr(policy, kind) is not Approval.NONE]
    if asked and policy.on_timeout == "approve":
        yield (
            "policy.approval.on_timeout is approve: a recovery "
            f"({', '.join(asked)}) acts in the end although nobody agreed."
        )
    if policy.escalate_after is None:
        return
    if policy.escalate_to is None:
        yield "policy.approval.escalate_after has no effect: escalate_to names nobody."
    elif policy.escalate_after >= policy.expires_after:
        after, within = map(format_duration, (policy.escalate_after, policy.expires_after))
        yield (
            f"policy.approval.escalate_after has no effect: after {after} nobody is asked any "
            f"more, a request expires after {within}."
        )


def _of_holddown(estate: Estate) -> Iterator[str]:
    hold = estate.policy.holddown or timedelta()
    late = [s.name for s in estate.services if s.objectives.rto and s.objectives.rto <= hold]
    if late:
        yield (
            f"policy.holddown of {format_duration(hold)} is as long as a recovery may take in "
            f"all: objectives.rto cannot be met ({_names(late)})."
        )


def _of_giving_way(estate: Estate) -> Iterator[str]:
    able = [service for service in estate.services if service.give_way]
    if able and estate.policy.shortage is not Shortage.PREEMPT:
        yield (
            f"give_way has no effect while policy.shortage is {estate.policy.shortage}; "
            f"preempt makes room with it ({_names(s.name for s in able)})."
        )
    if top := [service.name for service in able if service.tier == TOP_TIER]:
        yield f"give_way has no effect on tier 0: nothing is more critical ({_names(top)})."
    if empty := [service.name for service in able if not service.demand]:
        yield f"give_way has no effect without a demand: it would free nothing ({_names(empty)})."


def _of_demand(estate: Estate) -> Iterator[str]:
    unweighed = []
    for service in estate.services:
        sites = estate.candidates(service)
        if not sites or not service.demand:
            continue
        if not any(site.capacity for site in sites):
            unweighed.append(service.name)
            continue
        for resource in service.demand:
            if not any(not site.capacity or resource in site.capacity for site in sites):
                yield (
                    f"{service.name} demands {resource}, of which no recovery site of it has any: "
                    "there is never room for all of it."
                )
    if unweighed:
        yield f"demand is not weighed where no recovery site has a capacity ({_names(unweighed)})."


def _of_nearness(estate: Estate) -> Iterator[str]:
    sites = {site.name: site for site in estate.sites}
    for service in estate.services:
        near = service.near
        if near is None:
            continue
        to = sites.get(near.to)
        known = [
            site
            for site in estate.candidates(service)
            if site.name == near.to or near.to in site.latency or (to and site.name in to.latency)
        ]
        if not known and estate.candidates(service):
            yield (
                f"{service.name} must be near {near.to}, but no latency between that and any of "
                "its recovery sites is given: it can go nowhere."
            )


def _of_recovery_points(estate: Estate) -> Iterator[str]:
    blind = [
        service.name
        for service in estate.services
        if service.objectives.rpo is not None and service.replication is None
    ]
    if blind:
        yield (
            "objectives.rpo is not watched without `replication`, which says how far the copy is "
            f"behind ({_names(blind)})."
        )


def _of_the_way_home(estate: Estate) -> Iterator[str]:
    """Steps that can be rendered for the way there, which is checked, but not for the way back."""
    sites = {site.name: site for site in estate.sites}
    for service in estate.services:
        fault = next(_faults_home(estate, service), None) if service.site in sites else None
        if fault is not None:
            yield f"{service.name} cannot be brought home: {fault}"


def _faults_home(estate: Estate, service: Service) -> Iterator[str]:
    home = estate.site(service.site)
    for away in estate.candidates(service)[:1]:
        names = Names.of(estate, service, away, home)
        for step in service.recovery:
            try:
                render_step(step, names)
            except TemplateError as error:
                path = ".".join(str(part) for part in error.path)
                yield f"from {away.name}, {step.id}: with.{path}: {error.message}."


def _names(found: Iterable[str], shown: int = 3) -> str:
    names = list(found)
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
