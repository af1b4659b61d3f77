"""`kubernetes.scale`: a workload runs with a number of replicas, and they are ready."""

import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from pydantic import JsonValue

from ...workflows.model.errors import ActionError, Conflict, NotFound
from ...workflows.model.step import Applied, Evidence, Observation, Qualification
from ..action import Action, Call, Probed, Undo
from ..fencing import Admission, to_labels
from ..mutation import AGAIN, is_own, mutate, was_applied
from .batch import Found, find
from .cluster import Cluster
from .connections import KubernetesConnections
from .inputs import ScaleInputs, WorkloadRef
from .settling import settle
from .workload import ANNOTATION_PREFIX, USUAL_START, Workload

Decide = Callable[[Workload, Admission], int | None]


class Scale(Action[ScaleInputs]):
    """Sets the replicas of a Deployment or a StatefulSet and waits, by watch, until they run."""

    name: ClassVar[str] = "kubernetes.scale"
    inputs_model = ScaleInputs

    def __init__(self, connections: KubernetesConnections) -> None:
        """Use the process's connections."""
        self._cluster = Cluster(connections)

    async def probe(self, steps: Sequence[Probed[ScaleInputs]]) -> Sequence[Observation]:
        """List the workloads of all the steps."""
        originals = [ref for step in steps if (ref := step.inputs.original) is not None]
        refs = [*(step.inputs.ref for step in steps), *originals]
        found = await find(self._cluster, refs)
        return [_look(step, found) for step in steps]

    async def apply(self, call: Call[ScaleInputs]) -> Evidence:
        """Set the replicas in one conditional write, then wait until they are ready."""
        ref, wanted = call.inputs.ref, call.inputs.replicas
        before, started = before_replicas(call.before_image, ref), time.monotonic()

        def decide(now: Workload, admission: Admission) -> int | None:
            if admission is Admission.DONE:
                return None
            if not is_own(now.mark, call.token) and now.replicas != before:
                raise moved(ref, before, now)
            return wanted

        seen = await self._mutate(call, decide)
        seen = await settle(self._cluster, ref, seen, call, wanted)
        return _evidence(ref, before, seen, started, before != wanted)

    async def revert(self, undo: Undo[ScaleInputs]) -> Evidence:
        """Put the former replicas back if this step changed them; wait for surplus ones to end."""
        ref, wanted = undo.inputs.ref, undo.inputs.replicas
        before, started = before_replicas(undo.before_image, ref), time.monotonic()
        restores = applied = False

        def decide(now: Workload, admission: Admission) -> int | None:
            nonlocal restores, applied
            applied = was_applied(undo, now.mark)
            restores = before != wanted and (applied or is_own(now.mark, undo.token))
            if admission is Admission.DONE:
                return None
            return before if restores and applied else now.replicas

        seen = await self._mutate(undo, decide, seals=lambda: not applied)
        # How many were ready before is not known, so only surplus replicas are waited for.
        if restores and before < wanted and seen.replicas == before:
            seen = await settle(self._cluster, ref, seen, undo, before, ready=False)
        if not restores:
            return sealed(ref, seen)
        return _evidence(ref, wanted, seen, started, True)

    async def _mutate(
        self, call: Call[ScaleInputs], decide: Decide, seals: Callable[[], bool] = lambda: False
    ) -> Workload:
        ref = call.inputs.ref

        async def write(now: Workload, replicas: int) -> Workload:
            sealing = now.mark if seals() else None
            labels = to_labels(call.token, ANNOTATION_PREFIX, sealing=sealing)
            return await self._cluster.patch(ref, now.version, labels, replicas)

        return await mutate(
            call,
            ref.resource,
            read=lambda: self._cluster.read(ref),
            mark=lambda now: now.mark,
            decide=decide,
            write=write,
        )


def before_replicas(image: JsonValue, ref: WorkloadRef) -> int:
    """The replicas of a before-image.

    Raises:
        Conflict: there is no before-image, so what is there now could not be put back.
    """
    replicas = image.get("replicas") if isinstance(image, dict) else None
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        raise Conflict(
            f"{ref} was never seen as it was before, so it could not be put back and is left as it"
            f" is; make sure that the cluster answers, then, {AGAIN}"
        )
    return replicas


def moved(ref: WorkloadRef, before: int, now: Workload) -> Conflict:
    """The error for a workload that somebody else has scaled since it was probed."""
    return Conflict(
        f"{ref} had {before} replicas when the recovery looked and has {now.replicas} now: somebody"
        f" else changed it; look who, then, {AGAIN}"
    )


def unseen(step: str, ref: WorkloadRef, error: ActionError) -> Observation:
    """The observation of a workload that is missing or must not be changed."""
    return Observation(
        step=step,
        state=Applied.UNKNOWN,
        qualification=Qualification.NOT_QUALIFIED,
        reason=f"{type(error).__name__}: {error}",
        resource=ref.resource,
    )


def sealed(ref: WorkloadRef, seen: Workload) -> Evidence:
    """The evidence of a revert that had nothing to put back."""
    return Evidence(
        changed=False,
        sentence=f"{ref} was not changed by this step; it is sealed against a late attempt",
        details={"replicas": seen.replicas, "resource_version": seen.version},
    )


def _look(step: Probed[ScaleInputs], found: Found) -> Observation:
    ref, original = step.inputs.ref, step.inputs.original
    seen = found[ref]
    if original is not None and isinstance(seen, NotFound):
        return _observe_copy(step, original, found[original])
    return _observe(step, seen)


def _observe_copy(
    step: Probed[ScaleInputs], original: WorkloadRef, seen: Workload | ActionError
) -> Observation:
    """The observation of a copy that a step before this one is to make: it will stand at zero."""
    ref, wanted = step.inputs.ref, step.inputs.replicas
    if isinstance(seen, ActionError):
        return unseen(step.step, ref, seen)
    return Observation(
        step=step.step,
        state=Applied.NOT_APPLIED,
        qualification=Qualification.QUALIFIED,
        reason=f"{ref} will be a copy of {original}, with 0 replicas; {wanted} wanted",
        resource=ref.resource,
        before_image={"replicas": 0},
        change=f"{ref.name} on {ref.context}, copied into {ref.namespace}, 0 → {wanted}",
        undo_command=f"{ref.kubectl} scale {ref.target} --replicas=0",
        expected_duration=seen.slowest_start or USUAL_START,
    )


def _observe(step: Probed[ScaleInputs], seen: Workload | ActionError) -> Observation:
    ref, wanted = step.inputs.ref, step.inputs.replicas
    if isinstance(seen, ActionError):
        return unseen(step.step, ref, seen)
    applied = seen.runs(wanted)
    return Observation(
        step=step.step,
        state=Applied.APPLIED if applied else Applied.NOT_APPLIED,
        qualification=Qualification.QUALIFIED,
        reason=f"{ref} has {seen.replicas} replicas, {seen.ready} ready; {wanted} wanted",
        resource=ref.resource,
        before_image={"replicas": seen.replicas},
        epoch=seen.mark.epoch if seen.mark else 0,
        last_key=seen.mark.last_change if seen.mark else "",
        touched=seen.mark is not None and seen.mark.key == step.key,
        change=f"{ref.name} on {ref.context} {seen.replicas} → {wanted}",
        undo_command=f"{ref.kubectl} scale {ref.target} --replicas={seen.replicas}",
        expected_duration=seen.time_to(wanted),
    )


def _evidence(
    ref: WorkloadRef, old: int, seen: Workload, started: float, changed: bool
) -> Evidence:
    seconds = time.monotonic() - started
    move = f"{old} → {seen.replicas}" if changed else f"stays at {seen.replicas}"
    return Evidence(
        changed=changed,
        sentence=f"{ref} {move}, {seen.ready} ready after {seconds:.1f} s",
        details={
            "before": old,
            "after": seen.replicas,
            "ready": seen.ready,
            "seconds": round(seconds, 3),
            "resource_version": seen.version,
        },
    )


__all__ = ["Scale", "before_replicas", "moved", "sealed", "unseen"]
