"""Joins the services' parts to one graph: who waits for whom, in an order that follows it."""

from collections.abc import Iterator, Mapping, Sequence, Set
from graphlib import CycleError, TopologicalSorter

from ..model.estate import Service
from ..model.plan import PlannedService, PlannedStep
from .drafts import Draft, first_at, last
from .parts import Part
from .waiting import waits


class StepCycle(Exception):
    """The steps need each other in a circle; the message names it."""


def joined(
    services: Mapping[str, Service],
    moved: Sequence[Part],
    give_way: Sequence[Part],
    left_out: Set[str],
) -> tuple[tuple[PlannedService, ...], tuple[PlannedStep, ...]]:
    """The services and the steps of the plan; `moved` and `give_way` have no service in common.

    Raises:
        StepCycle: no order of the steps follows what they need.
    """
    depends_on = waits(services, [part.service.name for part in moved], left_out)
    freed = {
        part.service.name: tuple(
            giving for giving in give_way if giving.target.name == part.target.name
        )
        for part in moved
    }
    ends = {part.service.name: _ids(part, last(part.drafts)) for part in (*moved, *give_way)}
    planned = []
    steps: list[PlannedStep] = []
    for part in give_way:
        steps += _steps(part, awaited=(), freed=())
    for part in moved:
        name = part.service.name
        awaited = tuple(id for other in depends_on[name] for id in ends[other])
        room = tuple(id for giving in freed[name] for id in ends[giving.service.name])
        steps += _steps(part, awaited=awaited, freed=room)
        waited_for = {*depends_on[name], *(giving.service.name for giving in freed[name])}
        planned.append(_service(part, tuple(sorted(waited_for))))
    planned += [_gives_way(part) for part in give_way]
    return tuple(planned), _ordered(steps)


def _service(part: Part, depends_on: tuple[str, ...]) -> PlannedService:
    service = part.service
    return PlannedService(
        name=service.name,
        tier=service.tier,
        source=part.source.name,
        target=part.target.name,
        placement=part.sentence,
        approach=service.approach,
        depends_on=depends_on,
        rto=service.objectives.rto,
        rpo=service.objectives.rpo,
        degraded=part.degraded,
    )


def _gives_way(part: Part) -> PlannedService:
    """It is not recovered: its objectives do not bind."""
    return _service(part, ()).model_copy(update={"rto": None, "rpo": None})


def _ids(part: Part, drafts: Sequence[Draft]) -> tuple[str, ...]:
    return tuple(f"{part.service.name}/{draft.id}" for draft in drafts)


def _steps(
    part: Part, *, awaited: tuple[str, ...], freed: tuple[str, ...]
) -> Iterator[PlannedStep]:
    """The part's steps: the first wait for `awaited`, the first at the target for `freed` too."""
    need_room = {draft.id for draft in first_at(part.target.name, part.drafts)} if freed else ()
    sites = {part.source.name: part.source, part.target.name: part.target}
    for draft in part.drafts:
        step, filled = draft.step, draft.filled
        own = tuple(f"{part.service.name}/{need}" for need in step.needs)
        needs = (*(own or awaited), *(freed if draft.id in need_room else ()))
        yield PlannedStep(
            id=f"{part.service.name}/{step.id}",
            service=part.service.name,
            run=step.run,
            inputs=filled.inputs,
            site=filled.site,
            needs=tuple(dict.fromkeys(needs)),
            timeout=step.timeout,
            on_failure=step.on_failure,
            pivot=step.pivot,
            graceful=step.graceful,
            task_queue=sites[filled.site].task_queue,
        )


def _ordered(steps: Sequence[PlannedStep]) -> tuple[PlannedStep, ...]:
    by_id = {step.id: step for step in steps}
    place_of = {step.id: index for index, step in enumerate(steps)}
    sorter = TopologicalSorter({step.id: step.needs for step in steps})
    try:
        sorter.prepare()
    except CycleError as error:
        cycle = " → ".join(reversed(error.args[1]))
        raise StepCycle(f"the steps need each other in a circle: {cycle}") from None
    ordered: list[PlannedStep] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=place_of.__getitem__)
        ordered.extend(by_id[step] for step in ready)
        sorter.done(*ready)
    return tuple(ordered)
