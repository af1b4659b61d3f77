"""`kubernetes.fence`: a workload is at zero, marked as fenced, and cannot take traffic.

Unreachable is not the same as failed. A cluster that does not answer may still be serving. Where
its site keeps a lease at a witness, that lease is evidence once it has expired for long enough;
without evidence the action holds for a person, unless the step says that going on does no harm.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from pydantic import JsonValue

from ...workflows.model.errors import ActionError, Conflict, Unavailable, VerificationFailed
from ...workflows.model.step import Applied, Evidence, FenceProof, Observation, Qualification
from ..action import Action, Call, Probed, Undo
from ..fencing import Admission, to_labels
from ..mutation import is_own, mutate
from .batch import Found, find
from .cluster import Cluster
from .connections import KubernetesConnections
from .from_afar import evidence_from_afar, observe_from_afar
from .inputs import FenceInputs, WorkloadRef
from .scale import before_replicas, moved, sealed, unseen
from .settling import settle
from .workload import ANNOTATION_PREFIX, FENCED, USUAL_STOP, Workload

QUICK_FAILURE_S, SECOND_LOOK_S = 1.0, 0.3
"""A cluster that fails this quickly is asked once more; one that lets us wait has been asked."""


@dataclass(frozen=True)
class _Change:
    replicas: int
    fenced: str | None
    seals: bool = False


Decide = Callable[[Workload, Admission], _Change | None]


class Fence(Action[FenceInputs]):
    """Scales a workload to zero where it can be reached, and marks it as fenced."""

    name: ClassVar[str] = "kubernetes.fence"
    inputs_model = FenceInputs

    def __init__(self, connections: KubernetesConnections) -> None:
        """Use the process's connections."""
        self._connections = connections
        self._cluster = Cluster(connections)

    async def probe(self, steps: Sequence[Probed[FenceInputs]]) -> Sequence[Observation]:
        """List the workloads of all the steps; a cluster that does not answer is an observation."""
        found = await self._look([step.inputs.ref for step in steps])
        if isinstance(found, Unavailable):
            return [observe_from_afar(step, found) for step in steps]
        return [_observe(step, found[step.inputs.ref]) for step in steps]

    async def apply(self, call: Call[FenceInputs]) -> Evidence:
        """Scale to zero and mark, in one conditional write; prove that no replica is left."""
        ref, started = call.inputs.ref, time.monotonic()
        try:
            reached = await self._reach(ref)
        except Unavailable as error:
            return await evidence_from_afar(self._connections, call, error)
        if not _was_reachable(call.before_image):
            raise Conflict(
                f"{ref} did not answer when the recovery looked, and answers now: what it was"
                " before is not known; holdfast retry-step looks again and fences it",
                # A lost site that flickers must not roll its own recovery back.
                needs_person=True,
            )
        before = before_replicas(call.before_image, ref)

        def decide(now: Workload, admission: Admission) -> _Change | None:
            if admission is Admission.DONE:
                return None
            if not is_own(now.mark, call.token) and now.replicas != before:
                raise moved(ref, before, now)
            return _Change(0, call.token.run)

        seen = await self._mutate(call, decide, reached)
        try:
            seen = await settle(self._cluster, ref, seen, call, 0)
        except VerificationFailed as error:
            raise VerificationFailed(str(error), needs_person=True) from error
        seconds = time.monotonic() - started
        return Evidence(
            changed=before != 0,
            sentence=f"{ref} fenced, {before} → 0, none left after {seconds:.1f} s",
            details={
                "evidence": FenceProof.NO_REPLICA_LEFT,
                "before": before,
                "after": 0,
                "seconds": round(seconds, 3),
                "resource_version": seen.version,
            },
        )

    async def revert(self, undo: Undo[FenceInputs]) -> Evidence:
        """Put the former replicas back and take the fence off, where this step fenced it."""
        ref = undo.inputs.ref
        if not _was_reachable(undo.before_image):
            return await self._leave(undo)
        before, started = before_replicas(undo.before_image, ref), time.monotonic()
        former = _former_fence(undo.before_image)
        restored = False

        def decide(now: Workload, admission: Admission) -> _Change | None:
            nonlocal restored
            # The fence's own annotation tells, so that going on without evidence undoes nothing.
            applied = _carries(now, undo) or (undo.known_applied and now.fenced == undo.token.run)
            restored = applied or (admission is Admission.DONE and now.replicas == before)
            if admission is Admission.DONE:
                return None
            if applied:
                return _Change(before, former)
            return _Change(now.replicas, now.fenced, seals=True)

        seen = await self._mutate(undo, decide)
        if not restored:
            return sealed(ref, seen)
        seconds = time.monotonic() - started
        return Evidence(
            changed=before != 0,
            sentence=f"{ref} no longer fenced, back at {before} after {seconds:.1f} s",
            details={
                "before": 0,
                "after": seen.replicas,
                "seconds": round(seconds, 3),
                "resource_version": seen.version,
            },
        )

    async def _leave(self, undo: Undo[FenceInputs]) -> Evidence:
        """Revert a fence that was never put up: nothing, unless the workload says otherwise."""
        ref = undo.inputs.ref
        try:
            now = await self._reach(ref)
        except ActionError:
            # What did not answer then and does not answer now was never changed by this step.
            now = None
        if now is not None and _carries(now, undo):
            raise Conflict(
                f"{ref} carries this step's fence, but what it was before was never seen; scale it"
                f" by hand: {ref.kubectl} scale {ref.target} --replicas=N"
            )
        return Evidence(changed=False, sentence=f"{ref} was not reached, so nothing was changed")

    async def _look(self, refs: list[WorkloadRef]) -> Found | Unavailable:
        for attempt in (1, 2):
            started = time.monotonic()
            try:
                return await find(self._cluster, refs)
            except Unavailable as error:
                if attempt == 2 or time.monotonic() - started > QUICK_FAILURE_S:
                    return error
                await asyncio.sleep(SECOND_LOOK_S)
        raise AssertionError("unreachable")

    async def _reach(self, ref: WorkloadRef) -> Workload:
        started = time.monotonic()
        try:
            return await self._cluster.read(ref)
        except Unavailable:
            if time.monotonic() - started > QUICK_FAILURE_S:
                raise
        await asyncio.sleep(SECOND_LOOK_S)
        return await self._cluster.read(ref)

    async def _mutate(
        self, call: Call[FenceInputs], decide: Decide, reached: Workload | None = None
    ) -> Workload:
        ref = call.inputs.ref

        async def read() -> Workload:
            nonlocal reached
            first, reached = reached, None
            return first or await self._cluster.read(ref)

        async def write(now: Workload, change: _Change) -> Workload:
            sealing = now.mark if change.seals else None
            labels = to_labels(call.token, ANNOTATION_PREFIX, sealing=sealing)
            annotations = {**labels, FENCED: change.fenced}
            return await self._cluster.patch(ref, now.version, annotations, change.replicas)

        return await mutate(
            call,
            ref.resource,
            read=read,
            mark=lambda now: now.mark,
            decide=decide,
            write=write,
        )


def _carries(now: Workload, undo: Undo[FenceInputs]) -> bool:
    return now.mark is not None and now.mark.last_change == undo.apply_key


def _was_reachable(image: JsonValue) -> bool:
    return not (isinstance(image, dict) and image.get("reachable") is False)


def _former_fence(image: JsonValue) -> str | None:
    fenced = image.get("fenced") if isinstance(image, dict) else None
    return fenced if isinstance(fenced, str) else None


def _observe(step: Probed[FenceInputs], seen: Workload | ActionError) -> Observation:
    ref = step.inputs.ref
    if isinstance(seen, ActionError):
        return unseen(step.step, ref, seen)
    applied = seen.runs(0) and seen.fenced is not None
    undo = f"{ref.kubectl} scale {ref.target} --replicas={seen.replicas}"
    return Observation(
        step=step.step,
        state=Applied.APPLIED if applied else Applied.NOT_APPLIED,
        qualification=Qualification.QUALIFIED,
        reason=f"{ref} has {seen.replicas} replicas, {seen.current} running"
        + (f", fenced by run {seen.fenced}" if seen.fenced else ""),
        resource=ref.resource,
        before_image={"reachable": True, "replicas": seen.replicas, "fenced": seen.fenced},
        epoch=seen.mark.epoch if seen.mark else 0,
        last_key=seen.mark.last_change if seen.mark else "",
        touched=seen.mark is not None and seen.mark.key == step.key,
        change=f"fence {ref.name} on {ref.context} {seen.replicas} → 0",
        undo_command=f"{undo} && {ref.kubectl} annotate {ref.target} {FENCED}-",
        expected_duration=timedelta(0) if seen.runs(0) else USUAL_STOP,
    )


__all__ = ["Fence"]
