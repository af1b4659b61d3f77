"""Compiles a recovery: estate, request and facts in, one immutable, hashed graph of steps out.

Pure and deterministic: the same estate, request and facts give the same plan, byte for byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..model.compiling import CompileResult
from ..model.coordination import Booking, Facts, Reservation
from ..model.estate import Estate, Service
from ..model.plan import LeftOut, RecoveryPlan
from ..model.policy import Shortage
from ..model.recovery import Action, Mode, RecoveryRequest
from .joining import StepCycle, joined
from .moves import Move, moves
from .parts import Impossible, Part, PartMaker
from .placement import Assignment, assign

NOTHING_KNOWN = Facts()
"""The estate file alone."""


def compile_plan(request: RecoveryRequest, facts: Facts = NOTHING_KNOWN) -> CompileResult:
    """The plan of the recovery asked for; or, in `refusals`, every reason why there is none."""
    moving, refusals = moves(request, facts)
    if refusals:
        return CompileResult(plan=None, refusals=refusals)
    mode = manner(request)
    maker = PartMaker(request.estate, mode)
    hopeful = [move for move in moving if maker.can_begin(move.service)]
    assignment = _assign(request, mode, hopeful, facts)
    if assignment.refusals:
        return CompileResult(plan=None, refusals=assignment.refusals)
    drafted = _drafted(maker, hopeful, assignment)
    if drafted.refusals:
        return CompileResult(plan=None, refusals=drafted.refusals)
    left_out = _left_out(maker, moving, assignment, drafted)
    if not drafted.moved:
        return CompileResult(plan=None, refusals=tuple(out.sentence for out in left_out))
    services = {service.name: service for service in request.estate.services}
    try:
        planned, steps = joined(
            services, drafted.moved, drafted.give_way, {out.service for out in left_out}
        )
    except StepCycle as circle:
        return CompileResult(plan=None, refusals=(str(circle),))
    plan = RecoveryPlan(
        estate=request.estate.name,
        site=request.site,
        rollback=request.estate.policy.rollback,
        services=planned,
        steps=steps,
        left_out=left_out,
    ).sealed()
    return CompileResult(plan=plan, reservation=_reservation(plan, drafted, assignment, facts))


def manner(request: RecoveryRequest) -> Mode:
    """How the recovery would be done: a dry run is of one of the other modes."""
    if request.mode is not Mode.DRY_RUN:
        return request.mode
    return Mode.UNPLANNED if request.dry_run_of is Mode.DRY_RUN else request.dry_run_of


def _assign(
    request: RecoveryRequest, mode: Mode, moving: Sequence[Move], facts: Facts
) -> Assignment:
    lost = {*request.lost_sites, *facts.lost}
    if request.action is Action.RECOVER and mode is Mode.UNPLANNED:
        lost.add(request.site)
    targets = {move.service.name: move.target for move in moving if move.target is not None}
    return assign(
        _judged_for(request.estate, mode),
        [move.service for move in moving],
        lost=lost,
        facts=facts,
        targets=targets or None,
    )


def _judged_for(estate: Estate, mode: Mode) -> Estate:
    """For a test nobody gives way: what runs is not touched."""
    if mode is not Mode.TEST or estate.policy.shortage is not Shortage.PREEMPT:
        return estate
    policy = estate.policy.model_copy(update={"shortage": Shortage.SHED})
    return estate.model_copy(update={"policy": policy})


@dataclass(frozen=True)
class _Drafted:
    """The services' parts of the plan, before they are joined."""

    moved: tuple[Part, ...]
    give_way: tuple[Part, ...]
    empty: tuple[Part, ...]
    """Placed, but with no step left."""
    refusals: tuple[str, ...]


def _drafted(maker: PartMaker, moving: Sequence[Move], assignment: Assignment) -> _Drafted:
    parts: list[Part] = []
    give_way: list[Part] = []
    refusals: list[str] = []
    for move in moving:
        if placed := assignment.placed.get(move.service.name):
            try:
                parts.append(maker.moved(move, placed))
            except Impossible as fault:
                refusals.append(str(fault))
    for giving in assignment.gives_way:
        try:
            give_way.append(maker.giving_way(giving))
        except Impossible as fault:
            refusals.append(str(fault))
    return _Drafted(
        moved=tuple(part for part in parts if part.drafts),
        give_way=tuple(give_way),
        empty=tuple(part for part in parts if not part.drafts),
        refusals=tuple(refusals),
    )


def _left_out(
    maker: PartMaker, moving: Sequence[Move], assignment: Assignment, drafted: _Drafted
) -> tuple[LeftOut, ...]:
    """Everything of the site that the plan does not recover, in the file's order."""
    found = {out.service: out for out in assignment.left_out}
    for part in drafted.empty:
        found[part.service.name] = _out(
            part.service,
            f"nothing of {part.service.name} can be rehearsed: none of its steps acts on a "
            f"workload at {part.target.name} alone",
        )
    for move in moving:
        if not maker.can_begin(move.service):
            found[move.service.name] = _out(
                move.service,
                f"nothing of {move.service.name} can be done: all its steps are graceful, for a "
                f"planned move while {move.source.name} lives",
            )
    return tuple(found[move.service.name] for move in moving if move.service.name in found)


def _out(service: Service, sentence: str) -> LeftOut:
    return LeftOut(service=service.name, tier=service.tier, sentence=sentence)


def _reservation(
    plan: RecoveryPlan, drafted: _Drafted, assignment: Assignment, facts: Facts
) -> Reservation:
    """The room that the plan needs; what gives way books none, it frees some."""
    sites = dict.fromkeys(part.target.name for part in drafted.moved)
    return Reservation(
        plan_hash=plan.hash,
        bookings=tuple(
            Booking(service=part.service.name, site=part.target.name, demand=part.demand)
            for part in drafted.moved
        ),
        frees=tuple(part.service.name for part in drafted.give_way),
        room={site: dict(assignment.room[site]) for site in sites if site in assignment.room},
        seen=facts.version,
    )
