"""Tells the readiness evaluation of the estate what a recovery has shown, and what it has moved."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from .model.readiness import Proved
    from .model.recovery import Action, Mode, ServiceOutcome
    from .names import PLANS_PROVED, evaluation_id
    from .readiness.definitions import definitions
    from .story import Story


async def tell_readiness(story: Story) -> None:
    """Tell it, once nothing more is to be done; where none runs, nobody needs to know."""
    told = proved(story)
    if told is None:
        return
    evaluation = workflow.get_external_workflow_handle(evaluation_id(story.request.estate.name))
    try:
        await evaluation.signal(PLANS_PROVED, told)
    except FailureError:
        workflow.logger.debug("no readiness evaluation of %s runs", story.request.estate.name)
    except asyncio.CancelledError:
        # It comes too late to matter: the run ends as it has ended.
        if (current := asyncio.current_task()) is not None:
            current.uncancel()


def proved(story: Story) -> Proved | None:
    """What a run has shown; None if it has shown and moved nothing."""
    if story.graph is None or story.saga is None:
        return None
    request, plan = story.request, story.graph.plan
    up = [
        service
        for service in plan.services
        if service.source != service.target
        and story.service_outcome(service.name) is ServiceOutcome.RECOVERED
    ]
    if request.mode is Mode.TEST:
        shown = {service.name for service in plan.services} if story.test_passed else set()
    elif request.action is Action.RECOVER:
        shown = {service.name for service in up}
    else:
        shown = set()
    made_from = definitions(request.estate, plan) if shown else {}
    rehearsed = request.mode is Mode.TEST
    moved = [] if rehearsed else [site for each in up for site in (each.source, each.target)]
    if not shown and not moved:
        return None
    return Proved(
        services={name: made for name, made in made_from.items() if name in shown},
        how="test" if rehearsed else "recovery",
        at=story.ended_at or workflow.now(),
        moved=tuple(dict.fromkeys(moved)),
    )
