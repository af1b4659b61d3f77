"""What a probe says of an isolation, by what it saw."""

from datetime import timedelta
from shlex import quote

from ...workflows.model.errors import ActionError
from ...workflows.model.step import Applied, Observation, Qualification
from ..action import Probed
from ..fencing import Mark
from . import copies
from .inputs import IsolateInputs, WorkloadRef
from .isolation_sight import Sight
from .objects import Document
from .ownership import PART, claims_prefix, foreign
from .workload import ANNOTATION_PREFIX

USUAL = timedelta(seconds=2)


def observe(step: Probed[IsolateInputs], seen: Sight | ActionError) -> Observation:
    """The observation of one step."""
    inputs = step.inputs
    if isinstance(seen, ActionError):
        return _not_qualified(step, f"{type(seen).__name__}: {seen}")
    claimed = seen.source.mark(claims_prefix(inputs.into)) if seen.source else None
    made = seen.into.mark(ANNOTATION_PREFIX) if seen.into else None
    own = made is not None and made.key == step.key + PART
    if seen.into and not seen.into.going and not own:
        return _not_qualified(step, str(foreign(seen.into, inputs)))
    if fault := _fault(inputs, seen):
        return _not_qualified(step, fault)
    there = own and seen.into is not None and not seen.into.going
    complete = there and seen.copied == len(inputs.originals)
    return Observation(
        step=step.step,
        state=Applied.APPLIED if complete else Applied.NOT_APPLIED,
        qualification=Qualification.QUALIFIED,
        reason=_reason(inputs, seen, there=there),
        resource=inputs.resource,
        before_image={"exists": False},
        epoch=max((mark.epoch for mark in (claimed, made) if mark), default=0),
        last_key=claimed.last_change if claimed else "",
        touched=_touched(claimed, step.key) or own,
        change=f"copy {inputs.namespace} into {inputs.into} on {inputs.context}",
        undo_command=f"kubectl --context {quote(inputs.context)} delete namespace {inputs.into}",
        expected_duration=timedelta(0) if complete else USUAL,
    )


def _touched(claimed: Mark | None, key: str) -> bool:
    return claimed is not None and claimed.key == key


def _reason(inputs: IsolateInputs, seen: Sight, *, there: bool) -> str:
    total = len(inputs.originals)
    if there:
        return f"{seen.copied} of {total} copies are in {inputs.into} on {inputs.context}"
    found = [document for document in seen.originals.values() if document is not None]
    left = sorted({claim for document in found for claim in copies.claims(document)})
    without = f"; without the data of {', '.join(left)}" if left else ""
    waits = f"; a former {inputs.into} is still being deleted" if seen.into else ""
    plural = "workload" if total == 1 else "workloads"
    return f"{total} {plural} of {inputs.namespace} on {inputs.context} to copy{without}{waits}"


def _fault(inputs: IsolateInputs, seen: Sight) -> str:
    if seen.source is None:
        return f"NotFound: namespace {inputs.namespace} does not exist on {inputs.context}"
    missing = [ref for ref, document in seen.originals.items() if document is None]
    if missing:
        names = ", ".join(f"{ref.kind} {ref}" for ref in missing)
        return f"NotFound: {names} does not exist; create it, or correct the step's workloads"
    if escaping := [(ref, why) for ref, why in _escaping(seen.originals) if why]:
        ref, why = escaping[0]
        return f"Conflict: {ref} cannot be isolated: {why}"
    if seen.not_allowed:
        return f"Unauthorized: grant the credential of context {inputs.context}: {seen.not_allowed}"
    return ""


def _escaping(
    originals: dict[WorkloadRef, Document | None],
) -> list[tuple[WorkloadRef, str | None]]:
    return [(ref, copies.escapes(each)) for ref, each in originals.items() if each is not None]


def _not_qualified(step: Probed[IsolateInputs], reason: str) -> Observation:
    return Observation(
        step=step.step,
        state=Applied.UNKNOWN,
        qualification=Qualification.NOT_QUALIFIED,
        reason=reason,
        resource=step.inputs.resource,
    )


__all__ = ["observe"]
