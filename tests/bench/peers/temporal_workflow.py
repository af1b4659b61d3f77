"""The workflow that most would write first: one activity per step, every option at its default."""

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from bench.peers.wire import Effects, Service, plan_of, wait_step

STEP_TIMEOUT = timedelta(seconds=30)
"""Temporal asks for a timeout; a step that takes longer gets twice its duration."""

_effects = Effects()


@activity.defn
async def perform_step(service: str, step: int, duration_s: float) -> None:
    """One step."""
    await wait_step(_effects, service, step, duration_s)


@workflow.defn
class NaiveRecovery:
    """A coroutine per service, an activity per step."""

    @workflow.run
    async def run(self, document: dict[str, Any]) -> None:
        """Run a plan."""
        tasks: dict[str, asyncio.Task[None]] = {}

        async def recover(service: Service) -> None:
            await asyncio.gather(*(tasks[name] for name in service.depends_on))
            for step, duration_s in enumerate(service.steps_s):
                await workflow.execute_activity(
                    perform_step,
                    args=[service.name, step, duration_s],
                    start_to_close_timeout=max(STEP_TIMEOUT, timedelta(seconds=2 * duration_s)),
                )

        for service in plan_of(document).services:
            tasks[service.name] = asyncio.create_task(recover(service))
        await asyncio.gather(*tasks.values())
