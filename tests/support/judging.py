"""What one recovery did, held against the journal of every request and the world that it left."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.workflows.model.plan import RecoveryPlan
from holdfast.workflows.model.recovery import Outcome, RecoveryStatus

EXIT_CODES = {Outcome.RECOVERED: 0, Outcome.HELD: 3}
"""What `holdfast recover --wait` ends with; every other outcome is 1."""
_WORKLOAD = re.compile(r"/namespaces/([^/]+)/(deployments|statefulsets)/([^/]+)$")


@dataclass
class Run:
    """What one recovery did."""

    status: RecoveryStatus
    before: Any
    after: Any
    journal: list[dict[str, Any]]
    struck: bool
    gap_s: float | None = None
    """From a worker's death to the next effect in the journal."""
    exit_code: int | None = None
    late: list[str] = field(default_factory=list)
    """What workers still changed that were woken when all was over."""
    wanted: Any = None
    """The world that an untroubled recovery leaves, where it is known."""
    skipped: frozenset[str] = frozenset()
    """Steps that a person had passed over."""
    broken: list[str] = field(default_factory=list)


def broken_promises(run: Run, *, keyed: bool = True) -> list[str]:
    """What journal, world and exit code say against the run's own word.

    Without `keyed` nothing is said of idempotency keys: for controls that leave none.
    """
    broken = [*_about_outcome(run), *(f"changed late: {change}" for change in run.late)]
    if keyed:
        broken += _about_keys(run.journal)
    return broken


def _about_outcome(run: Run) -> Iterator[str]:
    outcome = run.status.outcome
    if outcome not in (Outcome.RECOVERED, Outcome.ROLLED_BACK):
        yield f"ended {outcome}: {run.status.sentence}"
    if outcome is Outcome.ROLLED_BACK and run.after != run.before:
        yield "rolled back, but the world is not as it was"
    if outcome is Outcome.RECOVERED:
        for step in run.status.steps:
            name = f"{step.service}/{step.id}"
            if step.state != ("skipped" if name in run.skipped else "applied"):
                yield f"{name} is {step.state}"
        if run.wanted is not None and not run.skipped and run.after != run.wanted:
            yield "recovered, but the world is not as an untroubled recovery leaves it"
    right = EXIT_CODES.get(outcome, 1) if outcome else None
    if run.exit_code not in (None, right):
        yield f"ended {outcome}, but the command's exit code is {run.exit_code}"


def _about_keys(journal: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    changes: dict[str, int] = {}
    for entry in journal:
        # What is deleted cannot carry a key.
        if entry["applied"] and entry.get("method") != "DELETE":
            changes[entry["key"] or ""] = changes.get(entry["key"] or "", 0) + 1
    if changes.pop("", 0):
        yield "a mutation carried no idempotency key"
    yield from (f"{key} changed the world {n} times" for key, n in changes.items() if n > 1)


def twice_active(
    plan: RecoveryPlan, before: Any, journal: Iterable[Mapping[str, Any]]
) -> list[str]:
    """Every moment at which a service had replicas at its source and at its target.

    Of each service whose source the plan fences, the journal's entries are walked one by one:
    wanted replicas count, which is what decides whether a pod may serve.
    """
    pairs: dict[tuple[str, str, str], tuple[str, str, str]] = {}
    targets = {service.name: service.target for service in plan.services}
    for step in plan.steps:
        if step.run == "kubernetes.fence":
            plural = "statefulsets" if "statefulset" in step.inputs else "deployments"
            name = str(step.inputs.get("statefulset") or step.inputs.get("deployment"))
            place = (str(step.inputs["namespace"]), plural, name)
            pairs[place] = (step.service, step.site, targets[step.service])
    replicas: dict[tuple[str, tuple[str, str, str]], int] = {
        (each["site"], (each["namespace"], f"{each['kind'].lower()}s", each["name"])): each[
            "replicas"
        ]
        for each in before["workloads"]
    }
    found = []
    for entry in journal:
        match = _WORKLOAD.search(entry["path"])
        if not (entry["applied"] and match and entry["after"]):
            continue
        place = (match[1], match[2], match[3])
        replicas[entry["site"], place] = entry["after"]["spec"]["replicas"]
        if place not in pairs:
            continue
        service, source, target = pairs[place]
        if replicas.get((source, place), 0) and replicas.get((target, place), 0):
            found.append(f"{service} was active at {source} and {target} after {_told(entry)}")
    return found


def changes(journal: Iterable[Mapping[str, Any]]) -> list[str]:
    """What the entries changed, one line each."""
    return [_told(entry) for entry in journal if entry["applied"]]


def _told(entry: Mapping[str, Any]) -> str:
    where = entry["site"] or entry["system"]
    return f"#{entry['seq']} {entry['path'].rpartition('/')[2]} on {where} ({entry['key']})"
