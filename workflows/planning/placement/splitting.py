"""Splits a problem into parts that have nothing to do with each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from .problem import Apart, Item, Problem
from .seating import Seating


@dataclass(frozen=True)
class Part:
    """A problem by itself, and which items and victims of the whole its own are."""

    problem: Problem
    items: tuple[int, ...]
    victims: tuple[int, ...]


def split(problem: Problem) -> list[Part]:
    """The parts; together they hold every item once."""
    root = list(range(len(problem.items)))

    def find(item: int) -> int:
        while root[item] != item:
            root[item] = root[root[item]]
            item = root[item]
        return item

    for bound in _bonds(problem):
        for other in bound[1:]:
            one, two = sorted((find(bound[0]), find(other)))
            root[two] = one
    members: dict[int, list[int]] = {}
    for item in range(len(root)):
        members.setdefault(find(item), []).append(item)
    return [cut(problem, items) for items in members.values()]


def cut(problem: Problem, items: Sequence[int], changed: Sequence[Item] | None = None) -> Part:
    """Some items of a problem by themselves, changed if need be: their bonds to others are cut."""
    chosen = [problem.items[item] for item in items] if changed is None else changed
    new = {old: index for index, old in enumerate(items)}
    sites = {site for item in chosen for site in item.options}
    victims = tuple(v for v, victim in enumerate(problem.victims) if victim.site in sites)
    own = []
    for item in chosen:
        needs = (tuple(new[n] for n in need if n in new) for need in item.needs)
        own.append(replace(item, needs=tuple(need for need in needs if need)))
    groups = (tuple(new[i] for i in group if i in new) for group in problem.groups)
    part = replace(
        problem,
        items=tuple(own),
        groups=tuple(group for group in groups if group),
        apart=tuple(
            Apart(new[pair.one], new[pair.other], pair.across)
            for pair in problem.apart
            if pair.one in new and pair.other in new
        ),
        victims=tuple(problem.victims[v] for v in victims),
    )
    return Part(part, tuple(items), victims)


def join(whole: Seating, part: Part, seating: Seating) -> None:
    """Seat the items of a part in the whole as they sit in the part."""
    for victim in seating.gone:
        whole.give_way(part.victims[victim])
    for item, seat in zip(part.items, seating.seats, strict=True):
        if seat is not None:
            whole.sit(item, seat)


def _bonds(problem: Problem) -> Iterator[list[int]]:
    """Sets of items that may stand in each other's way, or need each other."""
    yield from (list(group) for group in problem.groups)
    yield from ([pair.one, pair.other] for pair in problem.apart)
    for i, item in enumerate(problem.items):
        yield from ([i, *need] for need in item.needs)
    suitors: list[list[int]] = [[] for _ in problem.sites]
    for i, item in enumerate(problem.items):
        for site in item.options:
            suitors[site].append(i)
    for site, items in enumerate(suitors):
        if items and _is_contended(problem, site, items):
            yield items


def _is_contended(problem: Problem, site: int, items: Sequence[int]) -> bool:
    for resource, room in enumerate(problem.room[site]):
        demands = (problem.items[i] for i in items)
        total = sum(
            (max(item.whole[resource], item.demand(True)[resource]) for item in demands), Decimal(0)
        )
        if total > room:
            return True
    return False
