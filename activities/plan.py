"""Compiles plans and queries, outside the workflow: what comes out is in history, immutable.

A plan compiled inside the workflow would change under a running recovery when the compiler does.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from temporalio import activity

from ..workflows.model.compiling import CompileInput, CompileResult
from ..workflows.model.failback import ReplicationChecks, ReplicationInput
from ..workflows.names import COMPILE, REPLICATION_CHECKS
from ..workflows.planning import compile_plan
from ..workflows.planning.replication import replication_checks


@activity.defn(name=COMPILE)
async def compile_recovery(request: CompileInput) -> CompileResult:
    """Compile a plan. Idempotent: the same request and facts give the same plan."""
    return compile_plan(request.request, request.facts)


@activity.defn(name=REPLICATION_CHECKS)
async def render_replication_checks(asked: ReplicationInput) -> ReplicationChecks:
    """Render the queries that tell how far services' data is behind. Idempotent."""
    return replication_checks(asked)


PLAN_ACTIVITIES: tuple[Callable[..., Awaitable[Any]], ...] = (
    compile_recovery,
    render_replication_checks,
)
