"""Looks at steps: one activity for all steps of one action at one site."""

import asyncio
from collections.abc import Iterable
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from .activity_options import PROBE_OPTIONS, priority_of
    from .edge_workers import EdgeWorkers, NoWorker, SiteActivity
    from .failures import unattended, unreadable, unseen_because
    from .model.plan import PlannedStep
    from .model.step import Observation, ProbeInput, ProbeResult, StepToProbe, Verb
    from .saga.graph import PlanGraph

BATCH = 200
"""Steps in one probe: bounds the size of its answer."""


async def probe_steps(
    graph: PlanGraph, run: str, steps: Iterable[str], edge: EdgeWorkers | None = None
) -> dict[str, Observation]:
    """One observation per step; what could not be seen is `unknown`, and says why.

    `edge` knows the workers at the sites; without it, what has no worker there cannot be seen.
    """
    edge = edge or EdgeWorkers()
    batches: dict[tuple[str, str], list[str]] = {}
    for id in steps:
        step = graph.steps[id]
        batches.setdefault((step.run, step.site), []).append(id)
    chunks = [
        batch[first : first + BATCH]
        for batch in batches.values()
        for first in range(0, len(batch), BATCH)
    ]
    answers = await asyncio.gather(*(_probe(graph, run, chunk, edge) for chunk in chunks))
    return {seen.step: seen for answer in answers for seen in answer}


async def _probe(
    graph: PlanGraph, run: str, ids: list[str], edge: EdgeWorkers
) -> tuple[Observation, ...]:
    asked = tuple(
        StepToProbe(step=id, inputs=graph.steps[id].inputs, key=graph.plan.key(run, id))
        for id in ids
    )
    options = {**PROBE_OPTIONS, "priority": priority_of(graph, ids)}
    return await probe_batch(graph.steps[ids[0]], asked, edge, options)


async def probe_batch(
    first: PlannedStep,
    asked: tuple[StepToProbe, ...],
    edge: EdgeWorkers,
    options: dict[str, Any],
) -> tuple[Observation, ...]:
    """One observation per step of a batch, whatever becomes of its activity.

    Args:
        first: one of the steps; all are of its action, at its site.
        asked: the steps.
        edge: knows the workers at the sites.
        options: how the activity is scheduled.
    """
    ids = [each.step for each in asked]

    def start(where: dict[str, Any]) -> workflow.ActivityHandle[Any]:
        # Read as plain data: an answer of another shape must not fail the run, only the look.
        return workflow.start_activity(
            f"{first.run}.{Verb.PROBE}",
            ProbeInput(steps=asked),
            result_type=Any,
            summary=ids[0] if len(ids) == 1 else f"{len(ids)} steps at {first.site}",
            **options,
            **where,
        )

    activity = SiteActivity(edge, first, start)
    try:
        raw = await activity.result()
    except NoWorker as gone:
        return tuple(unattended(id, str(gone)) for id in ids)
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        where = edge.whereabouts(first)
        return tuple(unseen_because(error, id, first.run, where) for id in ids)
    try:
        seen = {one.step: one for one in ProbeResult.model_validate(raw).observations}
    except ValidationError as error:
        return tuple(unreadable(id, first.run, error) for id in ids)
    return tuple(seen.get(id) or unreadable(id, first.run, None) for id in ids)
