"""What must hold of an estate whatever is done to it.

The lab's journal, the world that is left, the coordinator's book and everybody's sentences are held
against each other; each function returns what is wrong, in words, and nothing if all is well.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from holdfast.workflows.model.estate import Estate
from holdfast.workflows.model.estate_state import EstateState
from holdfast.workflows.model.recovery import LogEntry, Outcome, RecoveryStatus
from holdfast.workflows.model.scalars import quantity_value

from .activity_oracle import active_sites

NAMED_ENDS = (Outcome.RECOVERED, Outcome.ROLLED_BACK, Outcome.ROLLED_BACK_WITH_RESIDUE)

_RESOURCE = re.compile(r"(?i)(/(deployments|statefulsets|trafficmanagerprofiles)/[^/?]+).*")
_SCALED = re.compile(r" on (\S+) (\d+) → (\d+), (\d+) ready after ")
_FENCED = re.compile(r" on (\S+) fenced, (\d+) → 0, none left after ")
_UNFENCED = re.compile(r" on (\S+) no longer fenced, back at (\d+) after ")
_PREFERS = re.compile(r" prefers (\S+), ")
_WITHDRAWN = re.compile(r" no longer answers with (\S+);")
_STEP = re.compile(r"^([^\s:/]+/[^\s:/]+): ")

Journal = Sequence[Mapping[str, Any]]


def misplaced(estate: Estate, world: Mapping[str, Any], locations: Mapping[str, str]) -> list[str]:
    """Services that are not active at exactly the site where the coordinator says that they are."""
    found = []
    for service in estate.services:
        at, said = active_sites(world, service.name), locations.get(service.name, service.site)
        if at != {said}:
            where = ", ".join(sorted(at)) or "no site"
            found.append(f"{service.name} is active at {where}, the coordinator says {said}")
    return found


def overfull(estate: Estate, world: Mapping[str, Any]) -> list[str]:
    """Sites whose active services demand more than they can carry."""
    taken: dict[str, dict[str, Decimal]] = {}
    for service in estate.services:
        for site in active_sites(world, service.name):
            _take(taken, site, _demand_at(estate, world, service.name, site))
    return _beyond(estate, taken, "its active services demand")


def overbooked(estate: Estate, states: Iterable[EstateState]) -> list[str]:
    """Sites of which the coordinator has given away more than they can carry, at any time.

    Args:
        estate: the estate.
        states: of its coordinator, in their order. What a service has booked at a site, degraded or
            in full, is what it takes there afterwards.
    """
    booked: dict[tuple[str, str], Mapping[str, str]] = {}
    found: dict[str, None] = {}
    for state in states:
        at = {each.name: state.locations.get(each.name, each.site) for each in estate.services}
        bookings = [each for holder in state.holders for each in holder.bookings]
        booked |= {(each.service, each.site): each.demand for each in bookings}
        taken: dict[str, dict[str, Decimal]] = {}
        for service in estate.services:
            site = at[service.name]
            _take(taken, site, booked.get((service.name, site), service.demand))
        for booking in bookings:
            if at.get(booking.service) != booking.site:
                _take(taken, booking.site, booking.demand)
        found |= dict.fromkeys(_beyond(estate, taken, "residents and bookings take"))
    return list(found)


def over_budget(states: Iterable[EstateState], allowed: int) -> list[str]:
    """Moments at which more lost sites had been granted than the budget and people allow.

    Args:
        states: of one coordinator, within one window of its budget.
        allowed: how many sites people had let go on beyond it.
    """
    most = max(states, key=lambda each: len(each.budget.used), default=None)
    if most is None or most.budget.sites is None:
        return []
    used, room = most.budget.used, most.budget.sites + allowed
    if len(used) <= room:
        return []
    return [f"{len(used)} lost sites were granted ({', '.join(used)}) where {room} may be"]


def gone_back(journal: Journal) -> list[str]:
    """Changes that carried a smaller epoch than their resource had seen."""
    seen: dict[tuple[Any, ...], int] = {}
    found = []
    for entry in journal:
        if not entry["applied"] or entry["epoch"] is None:
            continue
        resource = (entry["site"], entry["system"], _RESOURCE.sub(r"\1", entry["path"]).lower())
        if entry["epoch"] < seen.get(resource, 0):
            found.append(
                f"#{entry['seq']} {entry['key']} brought epoch {entry['epoch']} after"
                f" {seen[resource]} to {resource[2].rpartition('/')[2]} of {entry['site']}"
            )
        seen[resource] = max(entry["epoch"], seen.get(resource, 0))
    return found


def repeated(journal: Journal) -> list[str]:
    """Keys under which the world was changed more than once, and changes without a key."""
    count: dict[str, int] = {}
    for entry in journal:
        if entry["applied"] and entry["method"] != "DELETE":
            key = entry["key"] or "no key"
            count[key] = count.get(key, 0) + 1
    return [
        f"{key} changed the world {times} times"
        for key, times in count.items()
        if times > 1 or key == "no key"
    ]


def unended(statuses: Iterable[RecoveryStatus]) -> list[str]:
    """Recoveries that have not come to an end that has a name."""
    return [
        f"{each.workflow_id} ({each.run_id}) is {each.phase}, {each.outcome}: {each.waits_for}"
        for each in statuses
        if each.ended_at is None or each.outcome not in NAMED_ENDS
    ]


def untrue(run: str, log: Iterable[LogEntry], journal: Journal) -> list[str]:
    """Sentences of a run that claim an effect which its own changes in the journal do not show.

    Args:
        run: the run that the idempotency keys name.
        log: what was said, by the run or by the guard that it left behind.
        journal: every change.
    """
    return [
        f"said but not so: {entry.sentence}"
        for entry in log
        if not _is_true(run, entry.sentence, journal)
    ]


def claims(log: Iterable[LogEntry]) -> int:
    """How many sentences claim an effect that `untrue` can judge."""
    kinds = (_SCALED, _FENCED, _UNFENCED, _PREFERS, _WITHDRAWN)
    return sum(_STEP.match(e.sentence) is not None and any(k.search(e.sentence) for k in kinds)
               for e in log)  # fmt: skip


def _is_true(run: str, sentence: str, journal: Journal) -> bool:
    step = _STEP.match(sentence)
    if step is None:
        return True
    own = [
        entry
        for entry in journal
        if entry["applied"]
        and f"/{run}/" in (entry["key"] or "")
        and re.search(rf"/{re.escape(step[1])}(/revert)?$", entry["key"])
    ]
    if scaled := _SCALED.search(sentence):
        site, old, new = scaled[1], int(scaled[2]), int(scaled[3])
        return int(scaled[4]) == new and any(_scales(each, site, old, new) for each in own)
    if fenced := _FENCED.search(sentence):
        old = int(fenced[2])
        return any(_scales(each, fenced[1], old, 0) and _carries_fence(each, run) for each in own)
    if unfenced := _UNFENCED.search(sentence):
        back = int(unfenced[2])
        return any(
            _scales(each, unfenced[1], 0, back) and not _carries_fence(each, run) for each in own
        )
    if prefers := _PREFERS.search(sentence):
        return any(_preferred(each["after"]) == prefers[1] for each in own)
    if withdrawn := _WITHDRAWN.search(sentence):
        return any(_status(each["after"], withdrawn[1]) == "Disabled" for each in own)
    return True


def _scales(entry: Mapping[str, Any], site: str, old: int, new: int) -> bool:
    if entry["system"] != "kubernetes" or entry["site"] != site:
        return False
    before, after = entry["before"]["spec"], entry["after"]["spec"]
    return (before.get("replicas"), after.get("replicas")) == (old, new)


def _carries_fence(entry: Mapping[str, Any], run: str) -> bool:
    annotations = entry["after"]["metadata"].get("annotations") or {}
    return bool(annotations.get("holdfast.dev/fenced") == run)


def _endpoints(profile: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(each["name"], each["properties"]) for each in profile["properties"]["endpoints"]]


def _preferred(profile: Mapping[str, Any]) -> str | None:
    enabled = [
        (properties.get("priority", 0), name)
        for name, properties in _endpoints(profile)
        if properties["endpointStatus"] == "Enabled"
    ]
    return min(enabled)[1] if enabled else None


def _status(profile: Mapping[str, Any], endpoint: str) -> str | None:
    return next(
        (each["endpointStatus"] for name, each in _endpoints(profile) if name == endpoint), None
    )


def _demand_at(
    estate: Estate, world: Mapping[str, Any], service: str, site: str
) -> Mapping[str, str]:
    """What a service demands as it runs there: in full, or degraded by its replicas."""
    known = estate.service(service)
    if known.degraded is None:
        return known.demand
    replicas = sum(
        each["replicas"] or 0
        for each in world["workloads"]
        if (each["service"], each["site"]) == (service, site)
    )
    degraded = replicas == known.degraded.vars.get("replicas")
    return known.degraded.demand if degraded else known.demand


def _take(taken: dict[str, dict[str, Decimal]], site: str, demand: Mapping[str, str]) -> None:
    there = taken.setdefault(site, {})
    for resource, text in demand.items():
        there[resource] = there.get(resource, Decimal(0)) + quantity_value(text)


def _beyond(estate: Estate, taken: Mapping[str, Mapping[str, Decimal]], what: str) -> list[str]:
    return [
        f"{site.name} can carry {text} {resource}, {what} {amount}"
        for site in estate.sites
        for resource, text in site.capacity.items()
        if (amount := taken.get(site.name, {}).get(resource, Decimal(0))) > quantity_value(text)
    ]
