"""Improves a large seating piece by piece: a few sites at a time, each piece solved by itself.

A window is an item that is badly served, the sites that are nearest to having room for it, and all
that sit there. The rest of the seating stands still meanwhile.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from . import exact
from .filling import fill, in_order
from .problem import Item, together
from .seating import Seating
from .splitting import Part, cut, join
from .value import value_of

SITES = 6
"""Of the item's own in one window."""
COLUMNS = 500
"""Of a window at most: what is solved in some tenths of a second."""
ATTEMPTS = 90
"""How many windows are solved at most."""


def improve(seating: Seating) -> None:
    """Serve better whom a first filling served badly, as far as the attempts reach."""
    order = in_order(seating.problem)
    left = ATTEMPTS
    for skip in (0, SITES, 2 * SITES):
        for item in order:
            if not left or _served(seating, item) or seating.unmet(item) is not None:
                continue
            part = _window(seating, item, skip)
            if part is not None:
                left -= 1
                _solve(seating, part)
        fill(seating, order)


def _served(seating: Seating, item: int) -> bool:
    seat = seating.seats[item]
    return not seating.problem.items[item].options or (seat is not None and not seat[1])


def _window(seating: Seating, item: int, skip: int) -> Part | None:
    """The item with some of its sites, and all that may be moved for it."""
    mates = (mate for mate in seating.group_of(item) if seating.seats[mate] is None)
    inside = dict.fromkeys((item, *mates))
    options = seating.problem.items[item].options
    own = _roomiest(seating, item, options)[skip : skip + SITES]
    used: dict[int, None] = {}
    for site in own:
        _widen(seating, inside, used, site)
    further = (site for i in inside for site in seating.problem.items[i].options)
    for site in _roomiest(seating, item, dict.fromkeys(further)):
        if site not in options:
            _widen(seating, inside, used, site)
    if not used:
        return None
    items = sorted(inside)
    return cut(seating.problem, items, [_loosened(seating, i, inside, used) for i in items])


def _widen(seating: Seating, inside: dict[int, None], used: dict[int, None], site: int) -> None:
    """Take a site and those who sit there into a window, unless it becomes too large."""
    items = seating.problem.items
    wider = inside | seating.at[site]
    sites = used | {site: None}
    if sum(len(sites.keys() & items[i].ranks.keys()) for i in wider) <= COLUMNS:
        inside.update(wider)
        used[site] = None


def _roomiest(seating: Seating, item: int, sites: Iterable[int]) -> list[int]:
    """The sites, those first that have the most room for the item, or its company."""
    whole = seating.problem.items[item].whole
    seats = (seating.seats[mate] for mate in seating.group_of(item))
    company = {seat[0] for seat in seats if seat is not None}

    def lack(site: int) -> tuple[bool, float]:
        free = zip(whole, seating.free(site), strict=True)
        room = min((float(left / want) for want, left in free if want), default=0.0)
        return site not in company, -room

    return sorted(sites, key=lack)


def _loosened(
    seating: Seating, index: int, inside: dict[int, None], used: Mapping[int, None]
) -> Item:
    """An item as its window has it: bound by those outside as they sit, to the window's sites."""
    item = seating.problem.items[index]
    outside = {
        site
        for site in used
        for mate in seating.group_of(index)
        if mate not in inside and (seat := seating.seats[mate]) is not None and seat[0] != site
    }
    needs = []
    for need in item.needs:
        if any(n not in inside and seating.seats[n] is not None for n in need):
            continue
        needs.append(tuple(n for n in need if n in inside))
    forbidden = outside | {site for site in used if _crowded(seating, index, site, inside)}
    options = (site for site in item.options if site in used and site not in forbidden)
    return replace(item, needs=tuple(needs), options=tuple(options) if all(needs) else ())


def _crowded(seating: Seating, index: int, site: int, inside: Mapping[int, None]) -> bool:
    """Whether someone outside forbids the item to sit there."""
    sites = seating.problem.sites
    for pair in seating.pairs_of(index):
        other = pair.other if pair.one == index else pair.one
        seat = None if other in inside else seating.seats[other]
        if seat is not None and together(sites[site], sites[seat[0]], pair.across):
            return True
    return False


def _solve(seating: Seating, part: Part) -> None:
    """Seat the window's items anew, if that is better and nobody outside is let down."""
    start = Seating(part.problem)
    for index, victim in enumerate(part.victims):
        if victim in seating.gone:
            start.give_way(index)
    for index, item in enumerate(part.items):
        seat = seating.seats[item]
        if seat is not None:
            start.sit(index, seat)
    found = exact.improve(start).seating
    if value_of(found) <= value_of(start):
        return
    replaced = seating.clone()
    for item in part.items:
        replaced.stand(item)
    for victim in part.victims:
        if victim in replaced.gone:
            replaced.stay(victim)
    join(replaced, part, found)
    outside = (i for i, seat in enumerate(replaced.seats) if seat is not None)
    if all(replaced.unmet(i) is None for i in outside):
        seating.become(replaced)
