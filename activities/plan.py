"""Compiles the recovery plan, outside the workflow: its result is in history, immutable.

A plan compiled inside the workflow would change under a running recovery when the compiler does.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from temporalio import activity

from ..workflows.model.compiling import CompileInput, CompileResult
from ..workflows.names import COMPILE
from ..workflows.planning import compile_plan


@activity.defn(name=COMPILE)
async def compile_recovery(request: CompileInput) -> CompileResult:
    """Compile a plan. Idempotent: the same request and facts give the same plan."""
    return compile_plan(request.request, request.facts)


PLAN_ACTIVITIES: tuple[Callable[..., Awaitable[Any]], ...] = (compile_recovery,)
