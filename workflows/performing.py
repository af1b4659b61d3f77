"""Performs a saga's effects as activities; how each ended comes back as an event."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from .activity_options import mutation_options
    from .failures import failure_of
    from .model.step import ApplyInput, Evidence, Observation, RevertInput, Verb
    from .probing import probe_steps
    from .saga.graph import PlanGraph
    from .saga.messages import (
        Apply,
        ApplyCancelled,
        ApplyFailed,
        ApplySucceeded,
        CancelApply,
        Effect,
        Event,
        Observed,
        Probe,
        Revert,
        RevertFailed,
        RevertSucceeded,
    )


class Performer:
    """Runs effects side by side. `post` gets the events, `seen` every observation."""

    def __init__(
        self,
        graph: PlanGraph,
        run: str,
        post: Callable[[Event], None],
        seen: Callable[[Observation], None],
    ) -> None:
        self._graph = graph
        self._run = run
        self._post = post
        self._seen = seen
        self._applies: dict[str, workflow.ActivityHandle[Evidence]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def perform(self, effects: Iterable[Effect]) -> None:
        """Start every effect at once."""
        for effect in effects:
            match effect:
                case CancelApply():
                    self._applies[effect.step].cancel()
                case Probe():
                    self._spawn(self._look(effect))
                case Apply():
                    self._applies[effect.step] = self._start_apply(effect)
                    self._spawn(self._await_apply(effect.step))
                case Revert():
                    self._spawn(self._revert(effect))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self, effect: Probe) -> None:
        if effect.after:
            await workflow.sleep(effect.after, summary=f"before {effect.step} is looked at again")
        answers = await probe_steps(self._graph, self._run, [effect.step])
        self._seen(answers[effect.step])
        self._post(Observed(effect.step, answers[effect.step]))

    def _start_apply(self, effect: Apply) -> workflow.ActivityHandle[Evidence]:
        step = self._graph.steps[effect.step]
        request = ApplyInput(
            step=step.id,
            inputs=step.inputs,
            before_image=effect.before.before_image,
            token=effect.token,
            timeout=step.timeout,
        )
        return workflow.start_activity(
            f"{step.run}.{Verb.APPLY}",
            request,
            result_type=Evidence,
            summary=_summary(step.service, effect.before.change or step.id),
            **mutation_options(step.timeout),
        )

    async def _await_apply(self, step: str) -> None:
        try:
            evidence = await self._applies[step]
        except asyncio.CancelledError:
            self._post(ApplyCancelled(step))
        except ActivityError as error:
            if is_cancelled_exception(error):
                self._post(ApplyCancelled(step))
            else:
                self._post(ApplyFailed(step, failure_of(error)))
        else:
            self._post(ApplySucceeded(step, evidence))

    async def _revert(self, effect: Revert) -> None:
        step = self._graph.steps[effect.step]
        request = RevertInput(
            step=step.id,
            inputs=step.inputs,
            before_image=effect.before.before_image,
            token=effect.token,
            apply_key=effect.apply_key,
            known_applied=effect.known_applied,
            timeout=step.timeout,
        )
        try:
            evidence = await workflow.execute_activity(
                f"{step.run}.{Verb.REVERT}",
                request,
                result_type=Evidence,
                summary=_summary(step.service, f"undo {effect.before.change or step.id}"),
                **mutation_options(step.timeout),
            )
        except ActivityError as error:
            self._post(RevertFailed(step.id, failure_of(error)))
        else:
            self._post(RevertSucceeded(step.id, evidence))


def _summary(service: str, change: str) -> str:
    return f"{service}: {change}"[:200]
