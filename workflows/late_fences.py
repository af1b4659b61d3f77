"""Watches for sources that did not answer when they were to be fenced, while the run lasts."""

import asyncio
from collections.abc import Callable, Iterable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from .model.step import StepToProbe
    from .returning import AGAIN_AFTER_S, await_return
    from .saga.graph import PlanGraph
    from .saga.messages import SourceReturned
    from .saga.step_run import PASSED, StepRun


class LateFences:
    """The watches of one run: one for each source and action."""

    def __init__(self, graph: PlanGraph, run: str, post: Callable[[SourceReturned], None]) -> None:
        self._graph = graph
        self._run = run
        self._post = post
        self._tasks: set[asyncio.Task[None]] = set()
        self._watched: dict[str, None] = {}
        self._tried: dict[str, None] = {}

    def watch(self, unfenced: Iterable[StepRun]) -> None:
        """Watch for the sources of these steps; what is watched already goes on being watched."""
        found: dict[tuple[str, str], list[str]] = {}
        for run in unfenced:
            if run.step.id not in self._watched and run.state in PASSED:
                found.setdefault((run.step.run, run.step.site), []).append(run.step.id)
        for steps in found.values():
            self._watched.update(dict.fromkeys(steps))
            task = asyncio.create_task(self._watch(steps))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def stop(self) -> None:
        """Watch no longer."""
        for task in list(self._tasks):
            task.cancel()

    async def _watch(self, steps: list[str]) -> None:
        if any(step in self._tried for step in steps):
            await workflow.sleep(AGAIN_AFTER_S, summary="before the source is fenced again")
        self._tried.update(dict.fromkeys(steps))
        first, plan = self._graph.steps[steps[0]], self._graph.plan
        asked = tuple(
            StepToProbe(step=id, inputs=self._graph.steps[id].inputs, key=plan.key(self._run, id))
            for id in steps
        )
        returned = await await_return(first.run, first.site, asked)
        for step in steps:
            self._watched.pop(step, None)
        for each in returned:
            self._post(SourceReturned(each.step, each))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        # A watch that is stopped says so as a failure, which nobody need be told of.
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            workflow.logger.debug("a watch has ended: %s", error)
