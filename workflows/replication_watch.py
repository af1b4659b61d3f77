"""Looks how far the data of services is behind, by asking the worker's Prometheus."""

from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from .activity_options import COMPILE_OPTIONS, PROBE_OPTIONS
    from .model.estate import Estate
    from .model.failback import (
        ReplicationCheck,
        ReplicationChecks,
        ReplicationInput,
        ServiceReplication,
    )
    from .model.step import Applied, Observation, ProbeInput, ProbeResult, StepToProbe
    from .names import REPLICATION_CHECKS

EXPECT = "prometheus.expect"


async def checks_for(estate: Estate, moves: dict[str, tuple[str, str]]) -> ReplicationChecks:
    """The checks of services on their way; `moves` is, by service, from where to where."""
    answer: Any = await workflow.execute_local_activity(
        REPLICATION_CHECKS,
        ReplicationInput(estate=estate, moves=moves),
        result_type=Any,
        summary=f"how {len(moves)} services are replicated",
        **COMPILE_OPTIONS,
    )
    return ReplicationChecks.model_validate(answer)


async def look(checks: ReplicationChecks, summary: str) -> tuple[ServiceReplication, ...]:
    """How every service stands; what cannot be asked is not known."""
    if not checks.checks:
        return ()
    steps = []
    for check in checks.checks:
        steps.append(_asked(f"{check.service}/lag", check.lag, "<=", check.within_s))
        if check.divergence is not None:
            steps.append(_asked(f"{check.service}/divergence", check.divergence, "==", 0))
    try:
        raw: Any = await workflow.execute_activity(
            f"{EXPECT}.probe",
            ProbeInput(steps=tuple(steps)),
            result_type=Any,
            summary=summary,
            **PROBE_OPTIONS,
        )
        seen = {each.step: each for each in ProbeResult.model_validate(raw).observations}
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        seen = {}
    except ValidationError:
        seen = {}
    return tuple(_judged(check, seen) for check in checks.checks)


def _asked(step: str, query: str, comparison: str, value: float) -> StepToProbe:
    inputs: dict[str, Any] = {"query": query, "comparison": comparison, "value": value}
    return StepToProbe(step=step, inputs=inputs, key=step)


def _judged(check: ReplicationCheck, seen: dict[str, Observation]) -> ServiceReplication:
    lag, divergence = seen.get(f"{check.service}/lag"), seen.get(f"{check.service}/divergence")
    known = lag is not None and lag.state is not Applied.UNKNOWN
    return ServiceReplication(
        service=check.service,
        source=check.source,
        target=check.target,
        in_step=lag.state is Applied.APPLIED if lag is not None and known else None,
        sentence=lag.reason if lag is not None else "the worker's Prometheus gave no answer",
        diverged=divergence is not None and divergence.state is Applied.NOT_APPLIED,
        divergence=divergence.reason if divergence is not None else "",
    )
