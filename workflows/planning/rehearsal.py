"""What of a recovery can be rehearsed: its steps on workloads, on copies that nothing reaches.

Before the first step in a namespace stands one that makes the copies; undone, it takes them away.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Final

from pydantic import JsonValue

from ..model.estate import Site, Step
from ..model.scalars import parse_duration
from .drafts import Draft, kept
from .templates import RenderedStep

ISOLATE: Final = "kubernetes.isolate"
FENCE: Final = "kubernetes.fence"
SCALE: Final = "kubernetes.scale"
WORKLOADS: Final = ("deployment", "statefulset")
KNOW_THEIR_ORIGINAL: Final = frozenset({"kubernetes.scale"})
"""Actions that are told what a copy was made of: the original answers until the copy is there."""
SUFFIX: Final = "-holdfast-test"
LONGEST_NAMESPACE: Final = 63


class NoRehearsal(Exception):
    """A step that was told to take part in tests would not act on a copy."""

    def __init__(self, service: str, step: str, reason: str) -> None:
        super().__init__(f"{service}/{step}: {reason}")
        self.reason = reason


class Rehearsals:
    """Turns the steps of services into those of a test; every service has copies of its own."""

    def __init__(self) -> None:
        self._given: set[tuple[str, str]] = set()

    def of(self, service: str, drafts: Sequence[Draft], target: Site) -> tuple[Draft, ...]:
        """The steps of a test of `service` at `target`; none if there is nothing to rehearse.

        Raises:
            NoRehearsal: a step is to take part, and acts on a cluster, but on no copy.
        """
        filled = {draft.id: draft.filled for draft in drafts}
        steps = kept(
            [draft.step for draft in drafts],
            lambda step: takes_part(service, step, filled[step.id], target),
        )
        copies: dict[str, list[Draft]] = {}
        for step in steps:
            if _on_workload(filled[step.id], target):
                space = str(filled[step.id].inputs["namespace"])
                copies.setdefault(space, []).append(Draft(step, filled[step.id]))
        ids = _free_ids({draft.id for draft in drafts})
        isolations = {
            space: self._isolation(next(ids), service, space, of, target)
            for space, of in copies.items()
        }
        return tuple(_rehearsed(steps, filled, isolations, target))

    def _isolation(
        self, id: str, service: str, namespace: str, drafts: Sequence[Draft], target: Site
    ) -> Draft:
        context = str(drafts[0].filled.inputs["context"])
        into = isolated(namespace)
        if (context, into) in self._given:
            into = isolated(namespace, apart=service)
        self._given.add((context, into))
        inputs: dict[str, JsonValue] = {
            "context": context,
            "namespace": namespace,
            "into": into,
            "workloads": list(_workloads(drafts)),
        }
        step = Step(id=id, run=ISOLATE, timeout=parse_duration("2m"))
        return Draft(step, RenderedStep(id, ISOLATE, inputs, target.name))


def isolated(namespace: str, *, apart: str = "") -> str:
    """The namespace of the copies; with `apart`, one that only this service has."""
    plain = f"{namespace}{SUFFIX}"
    if not apart and len(plain) <= LONGEST_NAMESPACE:
        return plain
    mark = sha256(f"{namespace}/{apart}".encode()).hexdigest()[:8]
    room = LONGEST_NAMESPACE - len(SUFFIX) - len(mark) - 1
    return f"{namespace[:room].rstrip('-')}-{mark}{SUFFIX}"


def takes_part(service: str, step: Step, filled: RenderedStep, target: Site) -> bool:
    """Whether a test of `service` at `target` does this step.

    Raises:
        NoRehearsal: it is told to, and acts on a cluster, but on nothing that could be copied.
    """
    on_copy = _on_workload(filled, target)
    if step.test and step.run.startswith("kubernetes.") and not on_copy:
        raise NoRehearsal(
            service,
            step.id,
            f"a test acts on copies at {target.name} alone, and this step on something else; take "
            "`test: true` out, or name a workload by the target's context",
        )
    if step.test is not None:
        return step.test
    return on_copy and step.run != FENCE and not step.graceful


def _on_workload(filled: RenderedStep, target: Site) -> bool:
    """Whether a step acts on a workload of the target's own cluster, so that it can be copied."""
    return (
        filled.run.startswith("kubernetes.")
        and filled.site == target.name
        and target.kubernetes is not None
        and filled.inputs.get("context") == target.kubernetes.context
        and bool(filled.inputs.get("namespace"))
        and any(isinstance(filled.inputs.get(kind), str) for kind in WORKLOADS)
    )


def _free_ids(taken: set[str]) -> Iterator[str]:
    number = 1
    while True:
        id = "isolate" if number == 1 else f"isolate-{number}"
        if id not in taken:
            yield id
        number += 1


def _workloads(drafts: Sequence[Draft]) -> Iterator[JsonValue]:
    """Each workload that the steps name, once."""
    named = {
        (kind, name): None
        for draft in drafts
        for kind in WORKLOADS
        if isinstance(name := draft.filled.inputs.get(kind), str)
    }
    for kind, name in named:
        yield {kind: name}


def _rehearsed(
    steps: Sequence[Step],
    filled: dict[str, RenderedStep],
    isolations: dict[str, Draft],
    target: Site,
) -> Iterator[Draft]:
    begun: set[str] = set()
    for step in steps:
        its = filled[step.id]
        if not _on_workload(its, target):
            yield Draft(step.model_copy(update={"pivot": False}), its)
            continue
        space = str(its.inputs["namespace"])
        isolation = isolations[space]
        if space not in begun:
            begun.add(space)
            yield isolation
        needs = (*step.needs, isolation.id)
        inputs = {**its.inputs, "namespace": isolation.filled.inputs["into"]}
        if step.run in KNOW_THEIR_ORIGINAL:
            inputs["copied_from"] = space
        if its.run == SCALE:
            # The copy is not there yet when the plan is looked at; the original answers for it.
            inputs["copied_from"] = space
        yield Draft(
            step.model_copy(update={"needs": needs, "pivot": False}),
            replace(its, inputs=inputs),
        )
