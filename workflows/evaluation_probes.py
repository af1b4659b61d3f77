"""Looks at the steps of many plans at once, for their evaluation; recoveries go first."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import Priority

with workflow.unsafe.imports_passed_through():
    from .activity_options import LOWEST_PRIORITY, PROBE_OPTIONS
    from .edge_workers import EdgeWorkers
    from .failures import unattended
    from .model.plan import RecoveryPlan
    from .model.policy import EdgePolicy
    from .model.step import Observation
    from .probing import probe_batch
    from .readiness.batches import Batch, batches

WITHIN = timedelta(minutes=3)
"""What nobody has looked at by then is not known: workers that are busy may be so for long."""

_OPTIONS: dict[str, Any] = {
    **PROBE_OPTIONS,
    # Nobody waits for it: a worker that is busy with recoveries must not lose it, and begin anew.
    "heartbeat_timeout": timedelta(seconds=30),
    "priority": Priority(priority_key=LOWEST_PRIORITY),
}

Looks = dict[str, dict[str, Observation]]
"""By site whose loss the plan is for, and by step."""


class EvaluationProbes:
    """Probes of plans, a bounded number at a time."""

    def __init__(self, most: int) -> None:
        self._slots = asyncio.Semaphore(most)

    async def look(
        self, plans: Sequence[RecoveryPlan], policy: EdgePolicy
    ) -> tuple[Looks, dict[str, list[str]]]:
        """What was seen of each plan's steps; and, by plan, those that the central worker does
        because their site has no worker now."""
        # What the sites' workers can do is asked anew each time: this evaluates for ever.
        edge = EdgeWorkers(policy)
        at_lost_sites = EdgeWorkers(policy, lost=[plan.site for plan in plans])
        asked = batches(plans)
        tasks = [
            asyncio.ensure_future(
                self._batch(each, at_lost_sites if each.at_lost_site else edge),
            )
            for each in asked
        ]
        if tasks:
            await workflow.wait(tasks, timeout=WITHIN.total_seconds())
        looks: Looks = {plan.site: {} for plan in plans}
        stood_in: dict[str, list[str]] = {}
        for batch, task in zip(asked, tasks, strict=True):
            if not task.done():
                task.cancel()
            seen = task.result() if task.done() else self._too_long(batch)
            used = at_lost_sites if batch.at_lost_site else edge
            central = used.own_queue(batch.first) and not used.known_queue_of(batch.first)
            for observation in seen:
                for site in batch.plans[observation.step]:
                    looks[site][observation.step] = observation
                    if central and not batch.at_lost_site:
                        stood_in.setdefault(site, []).append(observation.step)
        return looks, stood_in

    def _too_long(self, batch: Batch) -> tuple[Observation, ...]:
        reason = f"nobody looked at it within {WITHIN.total_seconds():.0f} s; see the workers"
        return tuple(unattended(id, reason) for id in batch.steps)

    async def _batch(self, batch: Batch, edge: EdgeWorkers) -> tuple[Observation, ...]:
        async with self._slots:
            return await probe_batch(batch.first, tuple(batch.steps.values()), edge, _OPTIONS)
