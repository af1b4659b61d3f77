"""A first seating: the most critical first, each at the first of its sites that has room.

Where every item is seated whole at the best of its sites, nothing can be better.
"""

from collections.abc import Iterable

from .problem import Problem
from .seating import Seat, Seating
from .value import least_ranks, ranks, tiers_of


def filled(problem: Problem) -> Seating:
    """Seat what can be seated without moving anybody."""
    seating = Seating(problem)
    fill(seating, in_order(problem))
    return seating


def in_order(problem: Problem) -> list[int]:
    """The items by tier; within a tier what others need before them, else as they were given."""
    order: dict[int, None] = {}
    waiting = sorted(range(len(problem.items)), key=lambda i: problem.items[i].tier)
    for start in waiting:
        path = [start]
        while path:
            needs = (other for need in problem.items[path[-1]].needs for other in need)
            ahead = next((n for n in needs if n not in order and n not in path), None)
            if ahead is None:
                order[path.pop()] = None
            else:
                path.append(ahead)
    return list(order)


def fill(seating: Seating, order: Iterable[int]) -> bool:
    """Seat those that have none, as long as any finds one; says whether any did."""
    by_tier: dict[int, list[int]] = {tier: [] for tier in tiers_of(seating.problem)}
    for item in order:
        by_tier[seating.problem.items[item].tier].append(item)
    any_seated = False
    progress = True
    while progress:
        progress = False
        for members in by_tier.values():
            while _seat_each(seating, members, degraded=False) or _seat_each(
                seating, members, degraded=True
            ):
                progress = any_seated = True
    return any_seated


def is_best(seating: Seating) -> bool:
    """Whether nothing can be better, at a glance: all are whole, and where they want to be."""
    return (
        all(
            not item.options or (seat is not None and not seat[1])
            for item, seat in zip(seating.problem.items, seating.seats, strict=True)
        )
        and not seating.gone
        and ranks(seating) == least_ranks(seating.problem)
    )


def _seat_each(seating: Seating, members: Iterable[int], *, degraded: bool) -> bool:
    found = False
    for item in members:
        if seating.seats[item] is None and (seat := _seat_for(seating, item, degraded)):
            seating.sit(item, seat)
            found = True
    return found


def _seat_for(seating: Seating, item: int, degraded: bool) -> Seat | None:
    facts = seating.problem.items[item]
    if (degraded and facts.degraded is None) or seating.unmet(item) is not None:
        return None
    fitting = ((site, degraded) for site in facts.options if seating.fits(item, (site, degraded)))
    mates = [
        other for other in seating.group_of(item) if other != item and seating.seats[other] is None
    ]
    if not mates:
        return next(fitting, None)
    return max(fitting, key=lambda seat: _welcome(seating, item, seat, mates), default=None)


def _welcome(seating: Seating, item: int, seat: Seat, mates: list[int]) -> tuple[int, ...]:
    """How well the item's group would do at a site: mates by tier, then by preference."""
    items = seating.problem.items
    mates = sorted(mates, key=lambda mate: items[mate].tier)
    score = dict.fromkeys((items[mate].tier for mate in mates), 0)
    preference = items[item].ranks[seat[0]]
    seating.sit(item, seat)
    seated = [item]
    for mate in mates:
        degraded = next(
            (d for d in (False, True) if _could_join(seating, mate, (seat[0], d))), None
        )
        if degraded is not None:
            seating.sit(mate, (seat[0], degraded))
            seated.append(mate)
            score[items[mate].tier] += 1 if degraded else len(mates) + 1
            preference += items[mate].ranks[seat[0]]
    for other in seated:
        seating.stand(other)
    return (*score.values(), -preference)


def _could_join(seating: Seating, mate: int, seat: Seat) -> bool:
    facts = seating.problem.items[mate]
    known = seat[0] in facts.ranks and (not seat[1] or facts.degraded is not None)
    return known and seating.fits(mate, seat)
