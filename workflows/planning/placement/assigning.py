"""From an estate and what must move to an assignment: poses the problem, solves it, says why."""

from collections.abc import Mapping, Sequence, Set
from decimal import Decimal

from ...model.coordination import Facts
from ...model.estate import Estate, Service
from ...model.plan import LeftOut
from ...model.policy import Shortage
from ...model.scalars import format_quantity
from .answer import Assignment, GivesWay, Placed
from .explaining import Explanation
from .filling import in_order
from .posing import pose
from .seating import Seating
from .solving import solve
from .whereabouts import Whereabouts

ZERO = Decimal(0)

NOTHING_KNOWN = Facts()
"""The estate file alone."""


def assign(
    estate: Estate,
    moving: Sequence[Service],
    *,
    lost: Set[str],
    facts: Facts = NOTHING_KNOWN,
    targets: Mapping[str, str] | None = None,
) -> Assignment:
    """Choose a site for every service of `moving`, by the estate's policy on shortage.

    Args:
        estate: Sites, services, policy.
        moving: The services that need another site than the one they run at.
        lost: Sites that can take nothing.
        facts: What the coordinator knows: where services run, what others have booked.
        targets: By service: the one site that it must go to, such as its own. Only the site's
            life, its jurisdiction and its room are asked for then.
    """
    policy = estate.policy.shortage
    at = Whereabouts.of(estate, moving, lost, facts)
    problem = pose(
        at, targets, degrade=policy is not Shortage.REFUSE, preempt=policy is Shortage.PREEMPT
    )
    solution = solve(problem)
    seating = solution.seating
    explanation = Explanation(seating, in_order(problem), targets or {})
    left_out = tuple(
        LeftOut(service=item.name, tier=item.service.tier, sentence=explanation.left_out(i, at))
        for i, item in enumerate(problem.items)
        if seating.seats[i] is None
    )
    if left_out and (policy is Shortage.REFUSE or len(left_out) == len(problem.items)):
        return Assignment(refusals=tuple(out.sentence for out in left_out))
    return Assignment(
        placed=_placed(seating, explanation),
        left_out=left_out,
        gives_way=tuple(
            GivesWay(
                problem.victims[victim].service.name,
                problem.sites[problem.victims[victim].site].name,
                explanation.gives_way(victim),
            )
            for victim in sorted(seating.gone)
        ),
        room=_room(seating, at),
        gap=solution.gap,
    )


def _placed(seating: Seating, explanation: Explanation) -> dict[str, Placed]:
    placed = {}
    for i, item in enumerate(seating.problem.items):
        seat = seating.seats[i]
        if seat is not None:
            site = seating.problem.sites[seat[0]]
            placed[item.name] = Placed(item.name, site, seat[1], explanation.placed(i, seat))
    return placed


def _room(seating: Seating, at: Whereabouts) -> dict[str, dict[str, str]]:
    problem = seating.problem
    used = [site.name for i, site in enumerate(problem.sites) if seating.at[i]]
    gone = {problem.victims[victim].service.name for victim in seating.gone}
    free = at.left(beside_bookings=False, without=gone)
    return {
        site: {name: format_quantity(max(amount, ZERO)) for name, amount in free[site].items()}
        for site in used
        if site in free
    }
