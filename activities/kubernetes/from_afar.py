"""What can be said of a workload whose cluster does not answer, and what a fence makes of that."""

from ...workflows.model.errors import Unavailable, VerificationFailed
from ...workflows.model.step import Applied, Evidence, FenceProof, Observation, Qualification
from ..action import Call, Probed
from .connections import KubernetesConnections
from .inputs import FenceInputs, LeaseInputs, WorkloadRef
from .lease import Lease, Unreadable, await_expiry


async def evidence_from_afar(
    connections: KubernetesConnections, call: Call[FenceInputs], error: Unavailable
) -> Evidence:
    """The evidence of a fence whose cluster does not answer.

    Raises:
        VerificationFailed: there is none, and no standing decision to go on without: a person has
            to look.
    """
    where, why = call.inputs.lease, str(error)
    if where is not None:
        try:
            lease = await await_expiry(connections, where, call)
        except Unreadable as unreadable:
            why = f"{why}; and its lease proves nothing: {unreadable}"
        else:
            return _by_lease(call.inputs.ref, where, lease)
    return _without_evidence(call, why)


def _by_lease(ref: WorkloadRef, where: LeaseInputs, lease: Lease) -> Evidence:
    age, ttl = lease.age.total_seconds(), lease.ttl.total_seconds()
    return Evidence(
        changed=False,
        sentence=f"{ref} does not answer, and its {where} was renewed {age:.0f} s ago, with a TTL"
        f" of {ttl:.0f} s: it expired {age - ttl:.0f} s ago, so its site has stopped by itself",
        details={
            "evidence": FenceProof.LEASE_EXPIRED,
            "lease": str(where),
            "renewed": lease.renewed.isoformat(),
            "ttl_seconds": ttl,
            "expired_seconds": round(age - ttl, 3),
        },
    )


def _without_evidence(call: Call[FenceInputs], why: str) -> Evidence:
    ref = call.inputs.ref
    if call.inputs.when_unreachable == "proceed":
        return Evidence(
            changed=False,
            sentence=f"{ref} does not answer; going on without evidence, as the step says",
            details={"evidence": FenceProof.NONE, "why": why},
        )
    raise VerificationFailed(
        f"{ref} does not answer, so there is no evidence that it is down: {why}. Verify by other"
        f" means that {ref.context} serves nobody, then holdfast skip-step with the reason",
        needs_person=True,
    )


def observe_from_afar(step: Probed[FenceInputs], error: Unavailable) -> Observation:
    """The observation of a workload whose cluster does not answer: what the step will do."""
    ref, lease = step.inputs.ref, step.inputs.lease
    proceeds = step.inputs.when_unreachable == "proceed"
    then = (
        "the step goes on without evidence"
        if proceeds
        else "the step will hold until a person has verified that the site is dark"
    )
    if lease is not None:
        then = f"the step looks at its {lease} for proof; where there is none, {then}"
    return Observation(
        step=step.step,
        state=Applied.UNKNOWN,
        qualification=Qualification.QUALIFIED if proceeds else Qualification.UNKNOWN,
        reason=f"{ref} does not answer; {then} ({error})",
        resource=ref.resource,
        before_image={"reachable": False},
        change=f"fence {ref.name} on {ref.context}",
    )


__all__ = ["evidence_from_afar", "observe_from_afar"]
