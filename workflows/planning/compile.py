"""Compiles a site's recovery: estate and request in, one immutable, hashed graph of steps out.

Pure and deterministic: the same estate and request give the same plan, byte for byte.
"""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from ..model.compiling import CompileResult
from ..model.estate import Estate, Service, Step
from ..model.plan import PlannedService, PlannedStep, RecoveryPlan
from ..model.recovery import RecoveryRequest
from .placement import place
from .templates import RenderedStep, TemplateError, render_recovery


def compile_plan(request: RecoveryRequest) -> CompileResult:
    """The plan of the recovery asked for; or, in `refusals`, every reason why there is none."""
    estate = request.estate
    if request.site not in {site.name for site in estate.sites}:
        known = ", ".join(site.name for site in estate.sites)
        return CompileResult(
            plan=None, refusals=(f"{request.site} is no site of {estate.name}; it has {known}",)
        )
    lost = {request.site, *request.lost_sites}
    planned: list[PlannedService] = []
    rendered: dict[str, tuple[RenderedStep, ...]] = {}
    refusals: list[str] = []
    affected = [service for service in estate.services_at(request.site) if service.recovery]
    if not affected:
        refusals.append(f"no service at {request.site} has a recovery; there is nothing to do")
    names = {service.name for service in affected}
    for service in affected:
        placement = place(estate, service, lost)
        if placement.target is None:
            refusals.append(placement.sentence)
            continue
        source = estate.site(service.site)
        try:
            rendered[service.name] = render_recovery(estate, service, source, placement.target)
        except TemplateError as error:
            path = ".".join(str(part) for part in error.path)
            refusals.append(f"{service.name}/{error.step}: with.{path}: {error.message}")
            continue
        depends_on = tuple(sorted(names & set(_reached(estate, service, names))))
        planned.append(_service(service, placement.target.name, placement.sentence, depends_on))
    if refusals:
        return CompileResult(plan=None, refusals=tuple(refusals))
    try:
        steps = _ordered(_steps(estate, planned, rendered))
    except CycleError as error:
        cycle = " → ".join(reversed(error.args[1]))
        return CompileResult(
            plan=None, refusals=(f"the steps need each other in a circle: {cycle}",)
        )
    plan = RecoveryPlan(
        estate=estate.name,
        site=request.site,
        rollback=estate.policy.rollback,
        services=tuple(planned),
        steps=steps,
    )
    return CompileResult(plan=plan.sealed())


def _service(
    service: Service, target: str, placement: str, depends_on: tuple[str, ...]
) -> PlannedService:
    return PlannedService(
        name=service.name,
        tier=service.tier,
        source=service.site,
        target=target,
        placement=placement,
        approach=service.approach,
        depends_on=depends_on,
        rto=service.objectives.rto,
        rpo=service.objectives.rpo,
    )


def _reached(estate: Estate, service: Service, within: set[str]) -> Iterable[str]:
    """The services that `service` waits for: its dependencies, seen through those not recovered."""
    by_name = {other.name: other for other in estate.services}
    seen: set[str] = set()
    frontier = list(service.depends_on)
    while frontier:
        name = frontier.pop()
        if name in seen or name not in by_name or name == service.name:
            continue
        seen.add(name)
        if name in within:
            yield name
        else:
            frontier.extend(by_name[name].depends_on)


def _steps(
    estate: Estate,
    planned: Iterable[PlannedService],
    rendered: Mapping[str, tuple[RenderedStep, ...]],
) -> list[PlannedStep]:
    last = {
        name: tuple(f"{name}/{step.id}" for step in _last(estate.service(name).recovery))
        for name in rendered
    }
    steps = []
    for service in planned:
        awaited = tuple(step for name in service.depends_on for step in last[name])
        for step, filled in zip(
            estate.service(service.name).recovery, rendered[service.name], strict=True
        ):
            own = tuple(f"{service.name}/{need}" for need in step.needs)
            steps.append(
                PlannedStep(
                    id=f"{service.name}/{step.id}",
                    service=service.name,
                    run=step.run,
                    inputs=filled.inputs,
                    site=filled.site,
                    needs=own or awaited,
                    timeout=step.timeout,
                    on_failure=step.on_failure,
                    pivot=step.pivot,
                )
            )
    return steps


def _last(steps: tuple[Step, ...]) -> list[Step]:
    needed = {need for step in steps for need in step.needs}
    return [step for step in steps if step.id not in needed]


def _ordered(steps: list[PlannedStep]) -> tuple[PlannedStep, ...]:
    by_id = {step.id: step for step in steps}
    place_of = {step.id: index for index, step in enumerate(steps)}
    sorter = TopologicalSorter({step.id: step.needs for step in steps})
    sorter.prepare()
    ordered: list[PlannedStep] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=place_of.__getitem__)
        ordered.extend(by_id[step] for step in ready)
        sorter.done(*ready)
    return tuple(ordered)
