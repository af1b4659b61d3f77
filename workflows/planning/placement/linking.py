"""What an item leans on: it is of no use without its dependencies, or what stands in for them."""

from collections.abc import Sequence
from dataclasses import replace

from .problem import Item
from .tiers import effective, reached
from .whereabouts import Whereabouts


def linked_items(items: Sequence[Item], at: Whereabouts) -> tuple[Item, ...]:
    """The items with their needs, the tiers that follow from them, and no hopeless one."""
    return tuple(_with_tiers(_without_the_vain(_with_needs(items, at))))


def _with_needs(items: Sequence[Item], at: Whereabouts) -> list[Item]:
    """Each item with what it cannot do without: its dependencies, or what stands in for them."""
    place = {item.name: i for i, item in enumerate(items)}
    linked = []
    for item in items:
        needs = []
        for name in reached(item.service.depends_on, at.services, place):
            others = stand_ins(name, at)
            if name != item.name and not any(at.stays_at(other) for other in others):
                standing = (n for n in (name, *others) if n in place and n != item.name)
                needs.append(tuple(place[n] for n in standing))
        linked.append(replace(item, needs=tuple(needs)))
    return linked


def stand_ins(name: str, at: Whereabouts) -> list[str]:
    """The service's fallback, the fallback's own, and so on."""
    found: list[str] = []
    service = at.services.get(name)
    while service is not None and service.fallback and service.fallback not in (name, *found):
        found.append(service.fallback)
        service = at.services.get(service.fallback)
    return found


def _without_the_vain(items: Sequence[Item]) -> list[Item]:
    """Take the options from every item that needs what no site can take."""
    found = list(items)
    changed = True
    while changed:
        changed = False
        for i, item in enumerate(found):
            for need in item.needs if item.options else ():
                if not any(found[other].options for other in need):
                    why = f"it depends on {found[need[0]].name}, which no site can take"
                    found[i] = replace(item, options=(), vain=why)
                    changed = True
                    break
    return found


def _with_tiers(items: Sequence[Item]) -> list[Item]:
    """Each item as critical as the most critical that needs it and can be placed at all."""
    hopeful = {item.name: item for item in items if item.options}
    tiers = effective(
        (item.service for item in hopeful.values()),
        lambda service: (
            items[need[0]].name for need in hopeful[service.name].needs if items[need[0]].options
        ),
    )
    return [replace(item, tier=tiers.get(item.name, item.tier)) for item in items]
