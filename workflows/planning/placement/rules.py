"""The rules of a seating as linear rows over its columns."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain

from .columns import Columns
from .problem import Amount, Apart, Problem


@dataclass(frozen=True)
class Row:
    """The weighted sum of some columns is at most so much."""

    factors: Mapping[int, float]
    most: float


def rules(problem: Problem, columns: Columns) -> Iterator[Row]:
    """Every rule that a seating must keep, but that columns are one or nought."""
    for seats in columns.of_item:
        if len(seats) > 1:
            yield _at_most_one(seats.values())
    for group, sites in zip(problem.groups, columns.of_group, strict=True):
        yield from _in_company(group, sites, columns)
    for item, needed in enumerate(problem.items):
        for need in needed.needs:
            standing = chain.from_iterable(columns.of_item[other].values() for other in need)
            factors = dict.fromkeys(standing, -1.0)
            yield Row({**factors, **dict.fromkeys(columns.of_item[item].values(), 1.0)}, 0)
    for pair in problem.apart:
        yield from _apart(problem, pair, columns)
    at: dict[int, list[tuple[int, int, Amount]]] = {}
    for column, (item, seat) in columns.seats():
        at.setdefault(seat[0], []).append((item, column, problem.items[item].demand(seat[1])))
    for site, seated in at.items():
        yield from _within_room(problem, site, seated, columns)


def _at_most_one(columns: Iterable[int]) -> Row:
    return Row(dict.fromkeys(columns, 1.0), 1)


def _in_company(
    group: tuple[int, ...], sites: Mapping[int, int], columns: Columns
) -> Iterator[Row]:
    """Whoever of a group sits, sits at the group's one site."""
    if sites:
        yield _at_most_one(sites.values())
    for item in group if sites else ():
        for site, column in sites.items():
            seats = (c for seat, c in columns.of_item[item].items() if seat[0] == site)
            if factors := dict.fromkeys(seats, 1.0):
                yield Row({**factors, column: -1.0}, 0)


def _apart(problem: Problem, pair: Apart, columns: Columns) -> Iterator[Row]:
    """Of each thing that must not be shared, at most one of the pair.

    A site without a zone may be in any zone of its region, so it counts for each.
    """
    seats = [*columns.of_item[pair.one].items(), *columns.of_item[pair.other].items()]
    sites = [problem.sites[i] for i in dict.fromkeys(seat[0] for seat, _ in seats)]
    if pair.across == "zone":
        shared = dict.fromkeys((site.region, site.zone) for site in sites)
        unzoned = {region for region, zone in shared if zone is None}
        zoned = {region for region, zone in shared if zone is not None}
        shared = {key: None for key in shared if key[1] is not None or key[0] in unzoned - zoned}
    else:
        key = pair.across == "region"
        shared = dict.fromkeys((site.region if key else site.name, None) for site in sites)
    for place, zone in shared:
        within = [
            column for (site, _), column in seats if _is_in(problem, site, place, zone, pair.across)
        ]
        yield _at_most_one(within)


def _is_in(problem: Problem, index: int, place: str, zone: str | None, across: str) -> bool:
    site = problem.sites[index]
    if across == "site":
        return site.name == place
    return site.region == place and (across == "region" or site.zone in (None, zone))


def _within_room(
    problem: Problem, site: int, seats: Sequence[tuple[int, int, Amount]], columns: Columns
) -> Iterator[Row]:
    """For all, and for each tier from which a victim could go: what is freed is for others.

    See `Seating`, which counts the same exactly.
    """
    freed = [(v, c) for v, c in columns.victims.items() if problem.victims[v].site == site]
    for level in sorted({-1, *(problem.victims[v].tier for v, _ in freed)}):
        for resource, room in enumerate(problem.room[site]):
            takes = {
                column: demand[resource]
                for item, column, demand in seats
                if problem.items[item].tier >= level and demand[resource]
            }
            frees = {
                column: problem.victims[victim].frees[resource]
                for victim, column in freed
                if problem.victims[victim].tier > level
            }
            if room.is_finite() and sum(takes.values()) > room:
                yield _scaled(takes, frees, room)


def _scaled(takes: Mapping[int, Decimal], frees: Mapping[int, Decimal], room: Decimal) -> Row:
    """A row in units of the largest number in it, so that bytes and cores weigh alike."""
    unit = max(room, *takes.values(), *frees.values())
    factors = {column: float(amount / unit) for column, amount in takes.items()}
    factors |= {column: -float(amount / unit) for column, amount in frees.items()}
    return Row(factors, float(room / unit))
