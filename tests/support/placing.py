"""Small random placements, the rules they must keep, and the best of all by trying everything.

Written from the estate file's own words, apart from the product: it judges the product.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, combinations, product
from typing import Any

from hypothesis import strategies as st

from holdfast.workflows.model.coordination import Booking, Facts
from holdfast.workflows.model.estate import Approach, Estate, Service, Site, SiteSelector
from holdfast.workflows.model.scalars import quantity_value

Choice = Mapping[str, tuple[str, bool]]
"""By service placed: its site, and whether it runs degraded there."""


@dataclass(frozen=True)
class Scene:
    """What placement is asked."""

    estate: Estate
    lost: Set[str]
    facts: Facts = field(default_factory=Facts)

    @property
    def moving(self) -> tuple[Service, ...]:
        """All services of the first site."""
        return self.estate.services_at(self.estate.sites[0].name)


def estate_of(
    sites: Sequence[dict[str, Any]], services: Sequence[dict[str, Any]], **policy: Any
) -> Estate:
    """An estate with these sites and services."""
    return Estate.model_validate(
        {
            "apiVersion": "holdfast.dev/v1",
            "kind": "Estate",
            "metadata": {"name": "random"},
            "policy": policy,
            "sites": sites,
            "services": services,
        }
    )


@st.composite
def scenes(draw: st.DrawFn, *, shortage: str | None = None) -> Scene:
    """Up to five services of one lost site, three sites that may take them, and who runs there."""
    names = ["a", "b", "c", "d"][: draw(st.integers(2, 4))]
    sites = [draw(_site(name, names)) for name in names]
    count = draw(st.integers(1, 5))
    moving = [f"m{i}" for i in range(count)]
    staying = [f"r{i}" for i in range(draw(st.integers(0, 2)))]
    services = [draw(_moving(name, moving, staying, names[1:])) for name in moving]
    services += [draw(_staying(name, moving, staying, names)) for name in staying]
    policy = shortage or draw(st.sampled_from(["shed", "shed", "preempt"]))
    lost = {"a"} | ({names[-1]} if len(names) > 2 and draw(st.integers(0, 5)) == 0 else set())
    facts = Facts()
    if staying and draw(st.integers(0, 3)) == 0:
        booking = Booking(service="r0", site=names[1], demand={"cpu": str(draw(_LITTLE))})
        facts = Facts(booked=(booking,))
    elif staying and draw(st.integers(0, 3)) == 0:
        facts = Facts(locations={"r0": names[1]})
    return Scene(estate_of(sites, services, shortage=policy), lost, facts)


_LITTLE = st.integers(0, 4)


def _some(draw: st.DrawFn, odds: int, values: Sequence[str], least: int = 0) -> list[str]:
    if not values or draw(st.integers(0, odds)) > 0:
        return []
    return draw(st.lists(st.sampled_from(values), min_size=least, max_size=2, unique=True))


@st.composite
def _site(draw: st.DrawFn, name: str, names: Sequence[str]) -> dict[str, Any]:
    site: dict[str, Any] = {"name": name, "region": draw(st.sampled_from(["x", "x", "y"]))}
    site["zone"] = draw(st.sampled_from([None, "1", "2"]))
    site["jurisdiction"] = draw(st.sampled_from(["EU", "EU", "EU", "US"]))
    if draw(st.integers(0, 6)):
        site["capacity"] = {"cpu": draw(st.integers(0, 9))}
        if draw(st.booleans()):
            site["capacity"]["gpu"] = draw(st.integers(0, 3))
    far = {other: f"{draw(st.integers(1, 20))}ms" for other in names if draw(st.booleans())}
    return site | {"latency": far}


@st.composite
def _moving(
    draw: st.DrawFn, name: str, moving: Sequence[str], staying: Sequence[str], sites: Sequence[str]
) -> dict[str, Any]:
    others = [other for other in moving if other != name]
    before = list(moving[: moving.index(name)])
    service: dict[str, Any] = {
        "name": name,
        "site": "a",
        "tier": draw(st.integers(0, 2)),
        "demand": {"cpu": draw(st.integers(0, 6))},
        "recovery_sites": draw(st.permutations(sites)),
        "depends_on": _some(draw, 2, before),
        "affinity": _some(draw, 4, [*others, *staying]),
        "residency": draw(st.sampled_from([[], [], [], ["EU"]])),
    }
    if draw(st.integers(0, 3)) == 0:
        service["recovery_sites"] = {}
    if draw(st.integers(0, 3)) == 0:
        service["demand"]["gpu"] = draw(st.integers(1, 2))
    if draw(st.integers(0, 2)) == 0:
        service |= {"approach": "degraded", "degraded": {"demand": {"cpu": draw(_LITTLE)}}}
    if apart := _some(draw, 3, [*others, *staying], least=1):
        across = draw(st.sampled_from(["site", "zone", "region"]))
        service["spread"] = {"across": across, "services": apart}
    if draw(st.integers(0, 4)) == 0:
        service["near"] = {"to": "a", "within": f"{draw(st.integers(5, 20))}ms"}
    if stand_in := _some(draw, 4, [*moving[moving.index(name) + 1 :], *staying], least=1):
        service["fallback"] = stand_in[0]
    return service


@st.composite
def _staying(
    draw: st.DrawFn, name: str, moving: Sequence[str], staying: Sequence[str], sites: Sequence[str]
) -> dict[str, Any]:
    service: dict[str, Any] = {
        "name": name,
        "site": draw(st.sampled_from(sites[1:])),
        "tier": draw(st.integers(0, 4)),
        "demand": {"cpu": draw(_LITTLE)},
        "depends_on": _some(draw, 3, staying[: staying.index(name)]),
    }
    if draw(st.booleans()):
        service["give_way"] = [{"id": "stop", "run": "kubernetes.scale"}]
    if apart := _some(draw, 4, moving, least=1):
        service["spread"] = {"across": "site", "services": apart}
    return service


class Judge:
    """What a scene demands of a choice, and how good a choice is."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.moving = {service.name: service for service in scene.moving}
        self.sites = {site.name: site for site in scene.estate.sites}
        self.all = {service.name: service for service in scene.estate.services}
        self.booked = {b.service: b for b in scene.facts.booked}
        self.ways = {name: list(self._ways(service)) for name, service in self.moving.items()}
        self.tiers = self._tiers()

    def runs_at(self, name: str) -> str | None:
        """Where a service that does not move runs, if its site lives."""
        if name in self.moving or name not in self.all:
            return None
        site = self.scene.facts.locations.get(name, self.all[name].site)
        site = self.booked[name].site if name in self.booked else site
        return None if site in self.scene.lost else site

    def candidates(self, service: Service) -> list[Site]:
        """Its recovery sites that it may be at, room and company apart; the preferred first."""
        wanted = service.recovery_sites
        if isinstance(wanted, SiteSelector):
            chosen = [s for s in self.sites.values() if s.name != service.site]
            if service.near:
                to = service.near.to
                chosen.sort(key=lambda s: 10**9 if (w := self._way(s.name, to)) is None else w)
        else:
            chosen = [self.sites[name] for name in wanted]
        return [site for site in chosen if self._admits(service, site)]

    def _way(self, one: str, other: str) -> float | None:
        pairs = ((one, other), (other, one))
        said = [
            self.sites[a].latency[b].total_seconds() for a, b in pairs if b in self.sites[a].latency
        ]
        return 0.000001 if one == other else max(said, default=None)

    def _admits(self, service: Service, site: Site) -> bool:
        if site.name in self.scene.lost:
            return False
        if service.residency and site.jurisdiction not in service.residency:
            return False
        if service.near:
            way = self._way(site.name, service.near.to)
            if way is None or way > service.near.within.total_seconds():
                return False
        homes = [self.runs_at(name) for name in service.affinity]
        if any(home is not None and home != site.name for home in homes):
            return False
        return not any(
            there is not None and self._shared(site.name, there, across)
            for name, across in self._apart_from(service.name)
            for there in [self.runs_at(name)]
        )

    def _apart_from(self, name: str) -> Iterator[tuple[str, str]]:
        for service in self.all.values():
            for other in service.spread.services if service.spread else ():
                assert service.spread is not None
                if name == service.name:
                    yield other, service.spread.across
                elif name == other:
                    yield service.name, service.spread.across

    def _shared(self, one: str, other: str, across: str) -> bool:
        a, b = self.sites[one], self.sites[other]
        if across == "site":
            return one == other
        if across == "region" or a.region != b.region:
            return a.region == b.region
        return a.zone is None or b.zone is None or a.zone == b.zone

    def _ways(self, service: Service) -> Iterator[tuple[str, bool]]:
        for site in self.candidates(service):
            yield site.name, False
            if service.approach is Approach.DEGRADED and service.degraded:
                yield site.name, True

    def stands(self, name: str, placed: Set[str]) -> bool:
        """Whether a dependency is there: itself, or what stands in for it."""
        seen: set[str] = set()
        here: str | None = name
        while here is not None and here not in seen:
            if here in placed or (here != name and self.runs_at(here) is not None):
                return True
            seen.add(here)
            here = self.all[here].fallback
        return False

    def _tiers(self) -> dict[str, int]:
        hopeful = {name for name in self.moving if self.ways[name]}
        while gone := {n for n in hopeful if not self._supported(n, hopeful)}:
            hopeful -= gone
        tiers = {name: service.tier for name, service in self.moving.items()}
        for _ in self.moving:
            for name in hopeful:
                for need in self.moving[name].depends_on:
                    if need in hopeful and not self.stands(need, set()):
                        tiers[need] = min(tiers[need], tiers[name])
        return tiers

    def _supported(self, name: str, placed: Set[str]) -> bool:
        needs = (need for need in self.moving[name].depends_on if need in self.moving)
        return all(self.stands(need, placed - {name}) for need in needs)

    def victims(self) -> list[str]:
        """The services that may give way by the policy."""
        if self.scene.estate.policy.shortage != "preempt":
            return []
        leant_on = set(
            chain.from_iterable((*s.depends_on, *s.affinity) for s in self.moving.values())
        )
        frontier = [name for s in self.moving.values() for name in s.depends_on]
        seen: set[str] = set()
        while frontier:
            name = frontier.pop()
            if name not in seen:
                seen.add(name)
                fallback = self.all[name].fallback
                frontier += [*self.all[name].depends_on, *([fallback] if fallback else [])]
        return [
            name
            for name, service in self.all.items()
            if self.runs_at(name)
            and service.give_way
            and name not in self.booked
            and name not in leant_on | seen
        ]

    def victim_tier(self, name: str) -> int:
        """Its own, or that of the most critical service that depends on it."""
        tier = self.all[name].tier
        for other in self.all.values():
            if name in other.depends_on and other.name != name:
                tier = min(tier, self.victim_tier(other.name))
        return tier

    def faults(self, choice: Choice, gone: Sequence[str]) -> list[str]:
        """Everything that the choice violates."""
        found = [
            f"{n} may not be at {seat}" for n, seat in choice.items() if seat not in self.ways[n]
        ]
        for name in choice:
            if not self._supported(name, choice.keys()):
                found.append(f"{name} lacks what it depends on")
            for mate in self._mates(name):
                if mate in choice and choice[mate][0] != choice[name][0]:
                    found.append(f"{name} is not with {mate}")
            for other, across in self._apart_from(name):
                here = choice[name][0]
                if other in choice and self._shared(here, choice[other][0], across):
                    found.append(f"{name} shares its {across} with {other}")
        return found + [
            fault for site in self.sites.values() for fault in self._room(site, choice, gone)
        ]

    def _mates(self, name: str) -> set[str]:
        group = {name}
        while True:
            more = {m for m in self.moving if group & set(self.moving[m].affinity)}
            more |= {m for n in group for m in self.moving[n].affinity if m in self.moving}
            if more <= group:
                return group
            group |= more

    def _room(self, site: Site, choice: Choice, gone: Sequence[str]) -> Iterator[str]:
        if not site.capacity:
            return
        here = {
            name: self.demand(name, seat[1])
            for name, seat in choice.items()
            if seat[0] == site.name
        }
        for resource in {r for demand in here.values() for r in demand}:
            balance, demands = self._balance(site, resource)
            left = max(balance, Fraction(0))
            short = left - balance
            freed = {name: max(demands.get(name, short) - short, Fraction(0)) for name in gone}
            for level in range(-1, 11):
                wanted = sum(
                    d.get(resource, Fraction(0)) for n, d in here.items() if self.tiers[n] >= level
                )
                room = left + sum(f for n, f in freed.items() if self.victim_tier(n) > level)
                if wanted > room:
                    yield f"{wanted} {resource} of tier {level} in {room} at {site.name}"

    def _balance(self, site: Site, resource: str) -> tuple[Fraction, dict[str, Fraction]]:
        """What is left of a site beside what runs there and is on its way; and who takes what."""
        left = Fraction(quantity_value(site.capacity.get(resource, "0")))
        demands = {}
        for name, service in self.all.items():
            where = self.scene.facts.locations.get(name, service.site)
            if name in self.moving or where != site.name or where in self.scene.lost:
                continue
            if name in self.booked and self.booked[name].site == where:
                continue
            demands[name] = Fraction(quantity_value(service.demand.get(resource, "0")))
        for booking in self.scene.facts.booked:
            if booking.site == site.name and booking.service not in self.moving:
                left -= Fraction(quantity_value(booking.demand.get(resource, "0")))
        return left - sum(demands.values()), demands

    def left(self, site: str, resource: str, choice: Choice) -> Fraction:
        """What is left of a resource of a site beside what is placed there."""
        here = (self.demand(n, seat[1]) for n, seat in choice.items() if seat[0] == site)
        left = max(self._balance(self.sites[site], resource)[0], Fraction(0))
        return left - sum(demand.get(resource, Fraction(0)) for demand in here)

    def demand(self, name: str, degraded: bool) -> dict[str, Fraction]:
        """What it needs of its site."""
        service = self.moving[name]
        asked = service.degraded.demand if degraded and service.degraded else service.demand
        return {
            key: Fraction(quantity_value(text))
            for key, text in asked.items()
            if quantity_value(text)
        }

    def value(self, choice: Choice, gone: Sequence[str]) -> tuple[int, ...]:
        """The greater the better: by tier whole, degraded; then who gives way; then preferences."""
        served = []
        for tier in range(10):
            for degraded in (False, True):
                mine = [n for n, seat in choice.items() if seat[1] == degraded]
                served.append(sum(self.tiers[n] == tier for n in mine))
        ranks = 0
        for name, (site, _) in choice.items():
            ranks += [c.name for c in self.candidates(self.moving[name])].index(site)
        return (*served, -len(gone), sum(self.victim_tier(n) for n in gone), -ranks)

    def best(self) -> tuple[int, ...]:
        """The value of the best choice of all, by trying each."""
        names = list(self.moving)
        victims = self.victims()
        subsets = [s for n in range(len(victims) + 1) for s in combinations(victims, n)]
        best: tuple[int, ...] = ()
        for seats in product(*([None, *self.ways[name]] for name in names)):
            choice = {name: seat for name, seat in zip(names, seats, strict=True) if seat}
            for gone in subsets:
                value = self.value(choice, gone)
                if value > best and not self.faults(choice, gone):
                    best = value
        return best
