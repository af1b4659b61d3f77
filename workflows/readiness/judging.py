"""Judges one site: its plan, what the probes saw of its steps, and how its data follows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ..model.failback import ServiceReplication
from ..model.plan import PlannedService, RecoveryPlan
from ..model.readiness import (
    ServiceReadiness,
    SiteDetails,
    SitePlan,
    SiteReadiness,
    StepReadiness,
)
from ..model.scalars import format_duration
from ..model.step import Observation, Qualification
from ..rto_clock import predicted
from ..saga.assessment import assess
from ..saga.durations import finish_times
from ..saga.graph import PlanGraph
from .verdicts import Reason, kept, worst, worst_first

MOST_REASONS = 3
MOST_REMARKS = 2
MOST_LATE = 3
UNPROTECTED = "unprotected"


@dataclass(frozen=True)
class Seen:
    """What was found out about one site's plan."""

    steps: Mapping[str, Observation] = field(default_factory=dict)
    """By step; one that is missing was not seen."""
    data: Mapping[str, ServiceReplication] = field(default_factory=dict)
    """By service that says how its data follows."""
    past_s: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """By service: its last recovery times, seconds."""
    stood_in: Collection[str] = ()
    """Steps whose site has no worker now, so that the central one does them."""


@dataclass(frozen=True)
class Judged:
    """The verdict on one site: what is kept of it, and all of it."""

    site: SiteReadiness
    details: SiteDetails


def judge(found: SitePlan, seen: Seen, at: datetime) -> Judged:
    """The verdict on a site at a time."""
    if found.plan is None:
        return _without_plan(found, at)
    graph = PlanGraph(found.plan)
    steps = [_step(graph, id, seen) for id in graph.steps]
    prediction = _predicted(graph, seen)
    services = [
        _service(graph, service, steps, seen, prediction) for service in graph.services.values()
    ]
    services += [_left_out(found, found.plan, name) for name in _left_out_names(found.plan)]
    clashes = _clashes(graph, seen)
    reasons: list[Reason] = [(Qualification.NOT_QUALIFIED, clash) for clash in clashes]
    reasons += [(each.verdict, reason) for each in services for reason in each.reasons]
    return _summed_up(found, services, steps, reasons, at)


def unseen(site: str, sentence: str, at: datetime) -> Judged:
    """The verdict on a site of which nothing could be found out."""
    unknown = SiteReadiness(
        site=site,
        verdict=Qualification.UNKNOWN,
        observed_at=at,
        reasons=kept([sentence], MOST_REASONS),
    )
    return Judged(unknown, SiteDetails(site=site))


def _without_plan(found: SitePlan, at: datetime) -> Judged:
    verdict = Qualification.NOT_QUALIFIED if found.services else Qualification.EXCLUDED
    services = [
        ServiceReadiness(
            name=name, verdict=verdict, reasons=_unprotected(found, name, found.refusals)
        )
        for name in found.services
    ]
    sentences = list(found.refusals)
    if found.away:
        names = ", ".join(f"{name} of {home}" for name, home in found.away.items())
        sentences.insert(0, f"{UNPROTECTED}: {names}; if {found.site} is lost, it is lost with it")
    return _summed_up(found, services, [], [(verdict, each) for each in sentences], at)


def _summed_up(
    found: SitePlan,
    services: Sequence[ServiceReadiness],
    steps: Sequence[StepReadiness],
    reasons: Sequence[Reason],
    at: datetime,
) -> Judged:
    told = worst_first(reasons)
    verdicts = [verdict for verdict, _ in reasons]
    remarks = [remark for each in services for remark in each.remarks]
    if found.without:
        names = ", ".join(found.without)
        remarks.append(f"nothing says how to recover {names}: that is lost with {found.site}")
    late = [each.name for each in services if _is_late(each)]
    return Judged(
        SiteReadiness(
            site=found.site,
            verdict=worst([*(each.verdict for each in services), *verdicts]),
            observed_at=at,
            reasons=kept(told, MOST_REASONS),
            more_reasons=max(0, len(told) - MOST_REASONS),
            remarks=kept(remarks, MOST_REMARKS),
            services=len(services),
            services_qualified=sum(each.verdict is Qualification.QUALIFIED for each in services),
            steps=len(steps),
            steps_qualified=sum(each.verdict is Qualification.QUALIFIED for each in steps),
            predicted_s=max((s.predicted_s for s in services if s.predicted_s), default=None),
            rto_s=min((s.rto_s for s in services if s.rto_s), default=None),
            late=tuple(late[:MOST_LATE]),
            replicated=sum(each.in_step is not None for each in services),
            in_step=sum(each.in_step is True for each in services),
            plan=found.plan.hash[:12] if found.plan else "",
        ),
        SiteDetails(site=found.site, services=tuple(services), steps=tuple(steps)),
    )


def _step(graph: PlanGraph, id: str, seen: Seen) -> StepReadiness:
    step, looked = graph.steps[id], seen.steps.get(id)
    return StepReadiness(
        step=id,
        run=step.run,
        site=step.site,
        verdict=looked.qualification if looked else Qualification.UNKNOWN,
        sentence=looked.reason if looked else "it was not looked at",
    )


def _service(
    graph: PlanGraph,
    service: PlannedService,
    steps: Sequence[StepReadiness],
    seen: Seen,
    prediction: Mapping[str, float],
) -> ServiceReadiness:
    own = [step for step in steps if graph.steps[step.step].service == service.name]
    reasons: list[Reason] = [
        (step.verdict, f"{step.step}: {step.sentence}")
        for step in own
        if step.verdict in (Qualification.NOT_QUALIFIED, Qualification.UNKNOWN)
    ]
    moves = service.source != service.target
    data, remarks = _data(service, seen.data.get(service.name)) if moves else ([], [])
    reasons += data
    if service.degraded:
        remarks.append(f"{service.name} would run degraded: {service.placement}")
    alone = dict.fromkeys(graph.steps[step.step].site for step in own if step.step in seen.stood_in)
    remarks += [f"no worker at {site}: the central worker does its steps" for site in alone]
    looked = seen.data.get(service.name) if moves else None
    result = ServiceReadiness(
        name=service.name,
        tier=service.tier,
        target=service.target,
        verdict=worst([Qualification.QUALIFIED, *(verdict for verdict, _ in reasons)]),
        reasons=tuple(worst_first(reasons)),
        steps=len(own),
        steps_qualified=sum(step.verdict is Qualification.QUALIFIED for step in own),
        predicted_s=prediction.get(service.name),
        rto_s=service.rto.total_seconds() if service.rto else None,
        rpo_s=service.rpo.total_seconds() if service.rpo else None,
        in_step=looked.in_step if looked else None,
    )
    if _is_late(result):
        assert service.rto is not None
        remarks.append(
            f"{service.name} is predicted to be back after {result.predicted_s:.0f} s, and its"
            f" objective is {format_duration(service.rto)}"
        )
    return result.model_copy(update={"remarks": tuple(remarks)})


def _data(
    service: PlannedService, looked: ServiceReplication | None
) -> tuple[list[Reason], list[str]]:
    rpo = f"its recovery point objective of {format_duration(service.rpo)}" if service.rpo else ""
    if looked is None:
        return [], [f"{service.name} has a {rpo[4:]}, but does not say how its data follows"] * (
            1 if rpo else 0
        )
    remarks = []
    if looked.diverged:
        remarks.append(f"{service.name}: its copy has writes of its own: {looked.divergence}")
    if looked.in_step:
        return [], remarks
    if not rpo:
        return [], [*remarks, f"{service.name}: how far its copy is behind: {looked.sentence}"]
    if looked.in_step is None:
        sentence = f"{service.name}: not known whether its copy is within {rpo}: {looked.sentence}"
        return [(Qualification.UNKNOWN, sentence)], remarks
    sentence = f"{service.name}: its copy at {service.target} is not within {rpo}"
    return [(Qualification.NOT_QUALIFIED, f"{sentence}: {looked.sentence}")], remarks


def _left_out_names(plan: RecoveryPlan) -> list[str]:
    return [out.service for out in plan.left_out]


def _left_out(found: SitePlan, plan: RecoveryPlan, name: str) -> ServiceReadiness:
    out = next(each for each in plan.left_out if each.service == name)
    return ServiceReadiness(
        name=name,
        tier=out.tier,
        verdict=Qualification.NOT_QUALIFIED,
        reasons=_unprotected(found, name, (out.sentence,)),
    )


def _unprotected(found: SitePlan, name: str, sentences: tuple[str, ...]) -> tuple[str, ...]:
    home = found.away.get(name)
    if home is None:
        return sentences
    return tuple(
        f"{name} is {UNPROTECTED}, away from its home {home}: {each}" for each in sentences
    )


def _clashes(graph: PlanGraph, seen: Seen) -> list[str]:
    if any(id not in seen.steps for id in graph.steps):
        return []
    refusals = assess(graph, seen.steps).refusals
    # It names the steps that are not qualified first; those are judged already.
    bad = sum(seen.steps[id].qualification is Qualification.NOT_QUALIFIED for id in graph.steps)
    return list(refusals[bad:])


def _predicted(graph: PlanGraph, seen: Seen) -> Mapping[str, float]:
    expected = {
        id: looked.expected_duration.total_seconds()
        for id, looked in seen.steps.items()
        if looked.expected_duration is not None
    }
    ends = finish_times(graph, expected) if expected else {}
    by_service = {
        name: max(ends[id] for id in ids)
        for name, ids in graph.steps_of.items()
        if ids and all(id in ends for id in ids)
    }
    past_s = {name: seen.past_s.get(name, ()) for name in graph.services}
    prediction = predicted(past_s, by_service)
    return prediction.by_service if prediction else {}


def _is_late(service: ServiceReadiness) -> bool:
    if service.predicted_s is None or service.rto_s is None:
        return False
    return service.predicted_s > service.rto_s
