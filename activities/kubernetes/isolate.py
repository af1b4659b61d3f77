"""`kubernetes.isolate`: copies of workloads stand at zero in a namespace that nothing gets out of.

For rehearsals: what a recovery does is done to the copies, beside what serves. `copies.py` says
what is copied, and what is not. A network policy lets nothing in or out but questions to the DNS of
kube-system; a cluster whose network does not enforce policies isolates nobody, and does not say so.

The namespace cannot be created on a condition, so an attempt that wakes up after its step was
undone may create it for a moment; it finds that out at once and takes it back (`ownership.py`).
"""

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, ClassVar

from pydantic import JsonValue

from ...workflows.model.errors import ActionError, Conflict, NotFound, Unavailable
from ...workflows.model.step import Evidence, Observation
from ..action import Action, Call, Probed, Undo
from ..fencing import Admission, Mark, judge
from ..mutation import AGAIN, Moved, was_applied
from . import copies
from .cluster import Cluster
from .connections import KubernetesConnections
from .inputs import IsolateInputs
from .isolation_sight import look
from .objects import (
    CLUSTER_WIDE,
    NAMESPACE,
    NETWORK_POLICY,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    WORKLOADS,
    Document,
    Namespace,
    ObjectKind,
    Objects,
)
from .observing_isolation import observe
from .ownership import Claim, check_claim, claim, foreign, is_made_by, labels_of_copy, pause
from .workload import ANNOTATION_PREFIX

AT_ONCE = 10
"""Creations side by side."""
MAKERS = {SERVICE: copies.service_copy, SERVICE_ACCOUNT: copies.account_copy}


class Isolate(Action[IsolateInputs]):
    """Creates a namespace with copies of workloads, at zero, and deletes it again."""

    name: ClassVar[str] = "kubernetes.isolate"
    inputs_model = IsolateInputs

    def __init__(self, connections: KubernetesConnections) -> None:
        """Use the process's connections."""
        self._objects = Objects(connections)
        self._cluster = Cluster(connections)

    async def probe(self, steps: Sequence[Probed[IsolateInputs]]) -> Sequence[Observation]:
        """Look whether the originals are there, and whether the namespace may be made."""
        seen = await look(self._objects, self._cluster, [step.inputs for step in steps])
        return [observe(step, sight) for step, sight in zip(steps, seen, strict=True)]

    async def apply(self, call: Call[IsolateInputs]) -> Evidence:
        """Create the namespace, its policy and the copies; what is there already is kept."""
        inputs, started = call.inputs, time.monotonic()
        _check_image(call.before_image, inputs)

        def decide(into: Namespace | None, mark: Mark | None, admission: Admission) -> Claim | None:
            if admission is Admission.DONE:
                return None
            if into and not into.going and not _is_own(into, call):
                raise foreign(into, inputs)
            return Claim()

        await claim(self._objects, call, decide)
        try:
            made = await self._build(call)
        except ActionError:
            await check_claim(self._objects, call)
            raise
        await check_claim(self._objects, call)
        seconds = time.monotonic() - started
        return Evidence(
            changed=True,
            sentence=f"{inputs.namespace} copied into {inputs.into} on {inputs.context}: "
            f"{_counted(made)}; nothing gets in or out but questions to the DNS",
            details={"into": inputs.into, "made": dict(made), "seconds": round(seconds, 3)},
        )

    async def revert(self, undo: Undo[IsolateInputs]) -> Evidence:
        """Delete the namespace if this step made it; wait until it is gone."""
        inputs, started = undo.inputs, time.monotonic()

        def decide(into: Namespace | None, mark: Mark | None, admission: Admission) -> Claim | None:
            if admission is Admission.DONE:
                return None
            return Claim(seals=None if was_applied(undo, mark) else mark)

        await claim(self._objects, undo, decide)
        deleted = await self._delete(undo)
        seconds = time.monotonic() - started
        if not (deleted or undo.known_applied):
            return Evidence(
                changed=False,
                sentence=f"namespace {inputs.into} on {inputs.context} was not made by this step;"
                " a late attempt to make it is refused",
            )
        return Evidence(
            changed=True,
            sentence=f"namespace {inputs.into} on {inputs.context} is gone after {seconds:.1f} s",
            details={"into": inputs.into, "seconds": round(seconds, 3)},
        )

    async def _delete(self, undo: Undo[IsolateInputs]) -> bool:
        """Delete this step's namespace and wait until it is gone; False if there is none."""
        inputs, deleted = undo.inputs, False
        while (now := await self._objects.namespace(inputs.context, inputs.into)) is not None:
            if not is_made_by(now, undo.token.run, undo.apply_key):
                break
            if not now.going:
                judge(now.mark(ANNOTATION_PREFIX), undo.token, inputs.resource)
                try:
                    await self._objects.delete(inputs.context, now)
                except Moved:
                    continue
            deleted = True
            await pause(undo, f"namespace {inputs.into} on {inputs.context} is being deleted")
        return deleted

    async def _build(self, call: Call[IsolateInputs]) -> Counter[str]:
        originals = await self._originals(call.inputs)
        workloads = [document for _, document in originals]
        await self._namespace(call)
        # The policy first: there is never a copy that it does not confine.
        await self._create(call, [(NETWORK_POLICY, copies.policy())])
        needed = await self._needed(call.inputs, workloads)
        await self._create(call, needed)
        made = [(kind, copies.workload_copy(document)) for kind, document in originals]
        await self._create(call, made)
        await self._prove(call.inputs)
        return Counter(kind.plural for kind, _ in (*made, *needed))

    async def _originals(self, inputs: IsolateInputs) -> list[tuple[ObjectKind, Document]]:
        async def read(kind: ObjectKind, name: str) -> tuple[ObjectKind, Document]:
            found = await self._objects.get(inputs.context, kind, inputs.namespace, name)
            if found is None:
                raise NotFound(f"{kind.kind} {inputs.namespace}/{name} does not exist any more")
            if why := copies.escapes(found):
                raise Conflict(f"{inputs.namespace}/{name} cannot be isolated: {why}")
            return kind, found

        refs = [(WORKLOADS[ref.kind], ref.name) for ref in inputs.originals]
        return await _few_at_once(read(kind, name) for kind, name in refs)

    async def _namespace(self, call: Call[IsolateInputs]) -> None:
        """Make the namespace, or make one that an earlier attempt made this attempt's own."""
        inputs, labels = call.inputs, labels_of_copy(call.token)
        while True:
            now = await self._objects.namespace(inputs.context, inputs.into)
            if now is None:
                body = await self._new_namespace(inputs, labels)
                await self._objects.create(inputs.context, NAMESPACE, CLUSTER_WIDE, body)
            elif now.going:
                await pause(call, f"a former namespace {inputs.into} is still being deleted")
            elif not _is_own(now, call):
                raise foreign(now, inputs)
            elif judge(now.mark(ANNOTATION_PREFIX), call.token, inputs.resource) is Admission.DONE:
                return
            else:
                try:
                    await self._objects.annotate(inputs.context, now, labels)
                except Moved:
                    continue
                return

    async def _new_namespace(self, inputs: IsolateInputs, annotations: dict[str, str]) -> Document:
        source = await self._objects.namespace(inputs.context, inputs.namespace)
        former = source.labels if source else {}
        kept = {name: value for name, value in former.items() if copies.governs(name)}
        labels = {**kept, copies.MANAGED_BY: "holdfast"}
        return {"metadata": {"name": inputs.into, "labels": labels, "annotations": annotations}}

    async def _needed(
        self, inputs: IsolateInputs, workloads: list[Document]
    ) -> list[tuple[ObjectKind, Document]]:
        """Copies of what the workloads' pods name, and of the services that lead to them."""
        named = {each for workload in workloads for each in copies.named_by(workload)}
        found = await self._read(inputs, named)
        accounts = [document for kind, document in found if kind is SERVICE_ACCOUNT]
        pulled = {each for account in accounts for each in copies.pull_secrets(account)} - named
        found += await self._read(inputs, pulled)
        services = await self._objects.list(inputs.context, SERVICE, inputs.namespace)
        found += [(SERVICE, each) for each in services if copies.leads_to(each, workloads)]
        return [
            (kind, MAKERS.get(kind, copies.copy_of)(document))
            for kind, document in found
            if not (kind is SECRET and document.get("type") == copies.TOKEN_SECRET)
        ]

    async def _read(
        self, inputs: IsolateInputs, named: Iterable[tuple[ObjectKind, str]]
    ) -> list[tuple[ObjectKind, Document]]:
        async def read(kind: ObjectKind, name: str) -> tuple[ObjectKind, Document | None]:
            return kind, await self._objects.get(inputs.context, kind, inputs.namespace, name)

        ordered = sorted(named, key=lambda each: (each[0].kind, each[1]))
        found = await _few_at_once(read(kind, name) for kind, name in ordered)
        # What is missing is optional to the pods, or they could not run where they are either.
        return [(kind, document) for kind, document in found if document is not None]

    async def _create(
        self, call: Call[IsolateInputs], bodies: Iterable[tuple[ObjectKind, Document]]
    ) -> None:
        inputs, key = call.inputs, call.token.key
        await _few_at_once(
            self._objects.create(inputs.context, kind, inputs.into, copies.signed(body, kind, key))
            for kind, body in bodies
        )

    async def _prove(self, inputs: IsolateInputs) -> None:
        seen = (await look(self._objects, self._cluster, [inputs]))[0]
        if isinstance(seen, ActionError):
            raise seen
        policy = await self._objects.get(inputs.context, NETWORK_POLICY, inputs.into, copies.POLICY)
        if policy is None or seen.copied < len(inputs.originals):
            raise Unavailable(
                f"{inputs.into} on {inputs.context} does not hold all that was created in it;"
                " it is tried again"
            )


async def _few_at_once(work: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(each: Coroutine[Any, Any, Any]) -> Any:
        async with slots:
            return await each

    return await asyncio.gather(*(one(each) for each in work))


def _is_own(now: Namespace, call: Call[IsolateInputs]) -> bool:
    return is_made_by(now, call.token.run, call.token.key)


def _check_image(image: JsonValue, inputs: IsolateInputs) -> None:
    if not (isinstance(image, dict) and image.get("exists") is False):
        raise Conflict(
            f"whether namespace {inputs.into} was there before on {inputs.context} is not known, so"
            f" it is not made; make sure that the cluster answers, then, {AGAIN}"
        )


def _counted(made: Counter[str]) -> str:
    return ", ".join(f"{number} {plural}" for plural, number in made.items())
