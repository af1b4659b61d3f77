"""Poses the problem: from the estate, the facts and what moves, to numbers and indices."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from ...model.estate import Approach, Service, Site
from ...model.scalars import quantity_value
from .barring import Bars, candidates, pairs_apart
from .linking import linked_items, stand_ins
from .problem import UNLIMITED, Amount, Apart, Item, Problem, Victim
from .tiers import effective
from .whereabouts import Whereabouts


def pose(
    at: Whereabouts, targets: Mapping[str, str] | None, *, degrade: bool, preempt: bool
) -> Problem:
    """The problem of finding a site for everything that moves."""
    services = tuple(at.moving.values())
    resources = tuple(dict.fromkeys(name for s in services for name in _resources(s)))
    index = {site.name: i for i, site in enumerate(at.estate.sites)}
    bars = Bars(at)
    fixed = targets or {}
    items: list[Item] = []
    for service in services:
        name = service.name
        wanted = _target(at, fixed[name]) if name in fixed else candidates(at, service)
        options, barred = bars.divide(service, wanted, fixed=name in fixed)
        items.append(
            Item(
                service=service,
                tier=service.tier,
                options=tuple(index[site.name] for site in options),
                barred=barred,
                whole=_amount(service.demand, resources),
                degraded=_degraded(service, resources) if degrade else None,
            )
        )
    linked = linked_items(items, at)
    left = at.left(beside_bookings=True)
    return Problem(
        sites=at.estate.sites,
        resources=resources,
        capacity=tuple(_limits(site, site.capacity, resources) for site in at.estate.sites),
        room=tuple(_limits(site, left.get(site.name, {}), resources) for site in at.estate.sites),
        items=linked,
        groups=_groups(len(items), () if targets is not None else _affine(at.moving)),
        apart=() if targets is not None else _apart(at.moving),
        victims=_victims(at, linked, resources, index, left) if preempt else (),
    )


def _resources(service: Service) -> Iterable[str]:
    yield from service.demand
    yield from service.degraded.demand if service.degraded else ()


def _target(at: Whereabouts, name: str) -> tuple[Site, ...]:
    site = at.site(name)
    return () if site is None else (site,)


def _amount(demand: Mapping[str, str], resources: Iterable[str]) -> Amount:
    return tuple(quantity_value(demand.get(name, "0")) for name in resources)


def _degraded(service: Service, resources: Iterable[str]) -> Amount | None:
    if service.approach is not Approach.DEGRADED or service.degraded is None:
        return None
    return _amount(service.degraded.demand, resources)


def _limits(site: Site, free: Mapping[str, Decimal | str], resources: Iterable[str]) -> Amount:
    """What a site holds of each resource: all there is, if it states no capacity at all."""
    if not site.capacity:
        return tuple(UNLIMITED for _ in resources)
    values = (free.get(name, Decimal(0)) for name in resources)
    numbers = (v if isinstance(v, Decimal) else quantity_value(v) for v in values)
    return tuple(max(number, Decimal(0)) for number in numbers)


def _affine(moving: Mapping[str, Service]) -> Iterator[tuple[int, int]]:
    place = {name: i for i, name in enumerate(moving)}
    for service in moving.values():
        yield from (
            (place[service.name], place[other]) for other in service.affinity if other in place
        )


def _groups(count: int, affine: Iterable[tuple[int, int]]) -> tuple[tuple[int, ...], ...]:
    """Who belongs together, directly or by way of others; each in the order of the items."""
    group_of = list(range(count))
    for one, other in affine:
        old, new = sorted((group_of[one], group_of[other]), reverse=True)
        group_of = [new if group == old else group for group in group_of]
    members: dict[int, list[int]] = {}
    for item, group in enumerate(group_of):
        members.setdefault(group, []).append(item)
    return tuple(tuple(group) for group in members.values())


def _apart(moving: Mapping[str, Service]) -> tuple[Apart, ...]:
    place = {name: i for i, name in enumerate(moving)}
    return tuple(Apart(place[a], place[b], s.across) for a, b, s in pairs_apart(moving))


def _victims(
    at: Whereabouts,
    items: Sequence[Item],
    resources: tuple[str, ...],
    index: Mapping[str, int],
    left: Mapping[str, Mapping[str, Decimal]],
) -> tuple[Victim, ...]:
    """The services that may give way: nothing that moves leans on them, and they know how to."""
    leant_on = {
        name for item in items for name in (*_all_below(item.service, at), *item.service.affinity)
    }
    tiers = effective(at.services.values(), lambda service: service.depends_on)
    wanted = {site for item in items for site in item.options}
    found = []
    for service, site in at.residents():
        frees = _frees(service, resources, left.get(site, {}))
        can = service.give_way and any(frees) and index.get(site) in wanted
        if can and service.name not in leant_on and service.name not in at.booked:
            found.append(Victim(service, tiers[service.name], index[site], frees))
    return tuple(found)


def _frees(service: Service, resources: Iterable[str], left: Mapping[str, Decimal]) -> Amount:
    """What others gain if it goes: what its site is short of anyway is gone first."""
    zero = Decimal(0)
    short = (max(zero, -left.get(name, zero)) for name in resources)
    demand = _amount(service.demand, resources)
    return tuple(max(zero, want - lack) for want, lack in zip(demand, short, strict=True))


def _all_below(service: Service, at: Whereabouts) -> Iterable[str]:
    """Everything that a service depends on, at whatever distance, with what may stand in for it."""
    seen: dict[str, None] = {}
    frontier = list(service.depends_on)
    while frontier:
        name = frontier.pop()
        if name in seen or name not in at.services:
            continue
        seen[name] = None
        frontier.extend((*at.services[name].depends_on, *stand_ins(name, at)))
    return seen
