"""Looks at steps: one activity for all steps of one action at one site."""

import asyncio
from collections.abc import Iterable
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from .activity_options import PROBE_OPTIONS
    from .failures import unreadable, unseen_because
    from .model.step import Observation, ProbeInput, ProbeResult, StepToProbe, Verb
    from .saga.graph import PlanGraph

BATCH = 200
"""Steps in one probe: bounds the size of its answer."""


async def probe_steps(graph: PlanGraph, run: str, steps: Iterable[str]) -> dict[str, Observation]:
    """One observation per step; what could not be seen is `unknown`, and says why."""
    batches: dict[tuple[str, str], list[str]] = {}
    for id in steps:
        step = graph.steps[id]
        batches.setdefault((step.run, step.site), []).append(id)
    chunks = [
        batch[first : first + BATCH]
        for batch in batches.values()
        for first in range(0, len(batch), BATCH)
    ]
    answers = await asyncio.gather(*(_probe(graph, run, chunk) for chunk in chunks))
    return {seen.step: seen for answer in answers for seen in answer}


async def _probe(graph: PlanGraph, run: str, ids: list[str]) -> tuple[Observation, ...]:
    first = graph.steps[ids[0]]
    asked = tuple(
        StepToProbe(step=id, inputs=graph.steps[id].inputs, key=graph.plan.key(run, id))
        for id in ids
    )
    try:
        # Read as plain data: an answer of another shape must not fail the run, only the look.
        raw: Any = await workflow.execute_activity(
            f"{first.run}.{Verb.PROBE}",
            ProbeInput(steps=asked),
            result_type=Any,
            summary=ids[0] if len(ids) == 1 else f"{len(ids)} steps at {first.site}",
            **PROBE_OPTIONS,
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        return tuple(unseen_because(error, id, first.run) for id in ids)
    try:
        seen = {one.step: one for one in ProbeResult.model_validate(raw).observations}
    except ValidationError as error:
        return tuple(unreadable(id, first.run, error) for id in ids)
    return tuple(seen.get(id) or unreadable(id, first.run, None) for id in ids)
