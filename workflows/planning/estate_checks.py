"""What an estate says that cannot be: names that lead nowhere, circles, objectives out of reach.

Every check looks at all it can and yields all it finds, even in an estate that is faulty elsewhere;
none draws a conclusion from a key that is there but could not be read.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from ..model.estate import Service, Site, SiteSelector, Step
from ..model.scalars import format_duration
from .cycles import cycles
from .estate_hints import check_hints
from .estate_parts import Part, Parts, ServicePart
from .estate_shape import Misfit, nearest, one_of
from .estate_steps import InputChecks, check_steps
from .yaml_reader import Path


def check(parts: Parts, actions: InputChecks | None = None) -> Iterator[Misfit]:
    """All that is wrong with what the parts of an estate say of each other."""
    yield from _duplicates("site", ((part.path, part.value.name) for part in parts.sites))
    yield from _duplicates("service", ((part.path, part.value.name) for part in parts.services))
    yield from _shared_contexts(parts.sites)
    sites = {part.value.name for part in parts.sites} | parts.unread_sites
    services = {part.value.name for part in parts.services} | parts.unread_services
    for part in parts.services:
        yield from _named("site", (*part.path, "site"), part.value.site, sites)
        for index, name in enumerate(part.value.depends_on):
            yield from _named("service", (*part.path, "depends_on", index), name, services)
        yield from _recovery_sites(part, parts, sites)
        yield from _needs(part)
    yield from _service_cycles(parts.services)
    yield from _objectives(parts.services)
    yield from check_hints(parts)
    yield from check_steps(parts, actions)


def _duplicates(what: str, named: Iterable[tuple[Path, str]]) -> Iterator[Misfit]:
    first: dict[str, Path] = {}
    for path, name in named:
        if name in first:
            taken = f"{first[name][-2]}[{first[name][-1]}]"
            key = "id" if what == "step" else "name"
            message = f"{name!r} is the name of {taken} already; give each {what} its own"
            yield Misfit((*path, key), message)
        first.setdefault(name, path)


def _shared_contexts(sites: Iterable[Part[Site]]) -> Iterator[Misfit]:
    users: dict[str, str] = {}
    for part in sites:
        if part.value.kubernetes is None:
            continue
        context = part.value.kubernetes.context
        if context in users:
            yield Misfit(
                (*part.path, "kubernetes", "context"),
                f"{context!r} is the cluster of {users[context]} already; two sites on one cluster "
                "would fence each other",
            )
        users.setdefault(context, part.value.name)


def _named(what: str, path: Path, name: str, known: set[str]) -> Iterator[Misfit]:
    if name not in known:
        yield Misfit(path, f"there is no {what} {name!r}{nearest(name, sorted(known))}")


def _recovery_sites(part: ServicePart, parts: Parts, known: set[str]) -> Iterator[Misfit]:
    service = part.value
    path = (*part.path, "recovery_sites")
    if isinstance(service.recovery_sites, SiteSelector):
        yield from _selected(part, parts, path)
        return
    by_name = {site.value.name: site.value for site in parts.sites}
    for index, name in enumerate(service.recovery_sites):
        yield from _named("site", (*path, index), name, known)
        if name == service.site:
            message = (
                f"{name} is where the service runs; name a site that is left if {name} is lost"
            )
            yield Misfit((*path, index), message)
        elif name in by_name and parts.sites_complete and "residency" not in part.unread:
            yield from _residency((*path, index), service, by_name[name])
    if service.recovery and not service.recovery_sites and not part.unread:
        message = "there are recovery steps, but no site to recover at; list recovery_sites"
        yield Misfit((*part.path, "recovery"), message)


def _selected(part: ServicePart, parts: Parts, path: Path) -> Iterator[Misfit]:
    if not parts.sites_complete or "recovery_sites" in part.unread:
        return
    chosen = parts.estate.candidates(part.value)
    if not chosen:
        yield Misfit(path, f"selects no site{_why_none(part.value, parts)}")
    for site in chosen if "residency" not in part.unread else ():
        yield from _residency(path, part.value, site)


def _why_none(service: Service, parts: Parts) -> str:
    """The first value of the selector that no site has, or else the lack of another site."""
    selector = service.recovery_sites
    for key in ("name", "region", "zone", "jurisdiction"):
        wanted = getattr(selector, key)
        values = (wanted,) if isinstance(wanted, str) else wanted
        known = sorted({str(getattr(p.value, key)) for p in parts.sites if getattr(p.value, key)})
        for value in values:
            if value not in known:
                return f": no site has the {key} {value!r}{nearest(value, known)}"
    return f" but {service.site} itself, or none that fits every key"


def _residency(path: Path, service: Service, site: Site) -> Iterator[Misfit]:
    if service.residency and site.jurisdiction not in service.residency:
        where = f"in {site.jurisdiction}" if site.jurisdiction else "in no stated jurisdiction"
        allowed = one_of(service.residency)
        yield Misfit(path, f"{site.name} is {where}, but the service's residency is {allowed}")


def _needs(part: ServicePart) -> Iterator[Misfit]:
    yield from _order(part, "recovery", part.steps)
    yield from _order(part, "give_way", part.give_way)


def _order(part: ServicePart, key: str, steps: tuple[Part[Step], ...]) -> Iterator[Misfit]:
    ids = {step.value.id for step in steps}
    yield from _duplicates("step", ((step.path, step.value.id) for step in steps))
    for step in steps:
        for index, need in enumerate(step.value.needs):
            if need in ids or key in part.unread:
                continue
            hint = nearest(need, sorted(ids))
            if need in part.value.depends_on and key == "recovery":
                hint = "; the services of depends_on are waited for anyway"
            where = "" if key == "recovery" else f" in its {key}"
            message = f"{part.value.name} has no step {need!r}{where}{hint}"
            yield Misfit((*step.path, "needs", index), message)
    for cycle in cycles({step.value.id: step.value.needs for step in steps}):
        first = next(step for step in steps if step.value.id == cycle[0])
        yield Misfit((*first.path, "needs"), _circle(cycle, "needs"))


def _service_cycles(services: Iterable[ServicePart]) -> Iterator[Misfit]:
    by_name = {part.value.name: part for part in reversed(tuple(services))}
    for cycle in cycles({name: by_name[name].value.depends_on for name in reversed(by_name)}):
        yield Misfit((*by_name[cycle[0]].path, "depends_on"), _circle(cycle, "depends on"))


def _circle(cycle: tuple[str, ...], verb: str) -> str:
    if len(cycle) == 2:
        return f"{cycle[0]} {verb} itself"
    return f"a circle: {' → '.join(cycle)}; take one arrow out"


def _objectives(services: tuple[ServicePart, ...]) -> Iterator[Misfit]:
    """A service is back no sooner than what it depends on at its own site."""
    by_name = {part.value.name: part.value for part in services}
    for part in services:
        rto = part.value.objectives.rto
        if rto is None:
            continue
        for other, longer in _longer_below(part.value, rto, by_name):
            yield Misfit(
                (*part.path, "objectives", "rto"),
                f"{format_duration(rto)} cannot be met: {part.value.name} depends on {other}, "
                f"whose rto is {format_duration(longer)}",
            )


def _longer_below(
    service: Service, rto: timedelta, by_name: dict[str, Service]
) -> Iterator[tuple[str, timedelta]]:
    """The nearest dependencies at the same site with an rto, where theirs is longer."""
    seen = {service.name}
    frontier = list(reversed(service.depends_on))
    while frontier:
        name = frontier.pop()
        below = by_name.get(name)
        if below is None or name in seen or below.site != service.site:
            continue
        seen.add(name)
        if below.objectives.rto is None:
            frontier.extend(reversed(below.depends_on))
        elif below.objectives.rto > rto:
            yield name, below.objectives.rto
