"""Performs a saga's effects as activities; how each ended comes back as an event."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from .activity_options import mutation_options, priority_of
    from .edge_workers import EdgeWorkers, NoWorker, SiteActivity
    from .failures import failure_of
    from .model.step import Evidence, Observation, RevertInput, Verb
    from .probing import probe_steps
    from .saga.graph import PlanGraph
    from .saga.messages import (
        NO_WORKER,
        Apply,
        ApplyCancelled,
        ApplyFailed,
        ApplySucceeded,
        ApplyTogether,
        CancelApply,
        Effect,
        Event,
        Failure,
        Observed,
        Probe,
        Recall,
        Revert,
        RevertFailed,
        RevertSucceeded,
    )
    from .sharing_activity import SharedActivities, apply_input


class Performer:
    """Runs effects side by side. `post` gets the events, `seen` every observation.

    `edge` knows the workers at the sites; without it, what has no worker there waits for a person.
    """

    def __init__(
        self,
        graph: PlanGraph,
        run: str,
        post: Callable[[Event], None],
        seen: Callable[[Observation], None],
        edge: EdgeWorkers | None = None,
    ) -> None:
        self.broken: BaseException | None = None
        """What none of our code foresaw; it is to fail the workflow task, where it is seen."""
        self._graph = graph
        self._run = run
        self._post = post
        self._seen = seen
        self._edge = edge or EdgeWorkers()
        self._applies: dict[str, SiteActivity] = {}
        self._handed_out: dict[str, int] = {}
        """Step → sequence of the token under which it was handed to a worker last."""
        self._shared = SharedActivities(graph, post, self._edge)
        self._tasks: set[asyncio.Task[None]] = set()

    def perform(self, effects: Iterable[Effect]) -> None:
        """Start every effect at once; looks that can be one look are."""
        looks: dict[tuple[str, str, timedelta], list[str]] = {}
        for effect in effects:
            match effect:
                case CancelApply():
                    self._cancel(effect.step)
                case Recall():
                    self._shared.recall(effect.step)
                case Probe():
                    step = self._graph.steps[effect.step]
                    looks.setdefault((step.run, step.site, effect.after), []).append(step.id)
                case Apply():
                    self._applies[effect.step] = self._start_apply(effect)
                    self._spawn(self._await_apply(effect))
                case ApplyTogether():
                    self._handed_out.update((a.step, a.token.sequence) for a in effect.applies)
                    number = self._shared.start(effect)
                    self._spawn(self._shared.ends(effect, number))
                case Revert():
                    self._spawn(self._revert(effect))
        for (_, _, after), steps in looks.items():
            self._spawn(self._look(steps, after))

    def unwanted(self) -> tuple[str, ...]:
        """Steps that are to be stopped in the activities that they share."""
        return self._shared.unwanted()

    def _cancel(self, step: str) -> None:
        if self._shared.carries(step):
            self._shared.cancel(step)
        elif step in self._applies:
            self._applies[step].cancel()
        # Else its end has been told already, and only waits to be taken.

    def told(self, progress: Any) -> None:
        """Take what an activity that steps share tells of them while it runs."""
        self._shared.told(progress)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.broken = error

    async def _look(self, steps: list[str], after: timedelta) -> None:
        if after:
            what = steps[0] if len(steps) == 1 else f"{len(steps)} steps"
            await workflow.sleep(after, summary=f"before {what} can be looked at again")
        answers = await probe_steps(self._graph, self._run, steps, self._edge)
        for step in steps:
            self._seen(answers[step])
            self._post(Observed(step, answers[step]))

    def _start_apply(self, effect: Apply) -> SiteActivity:
        step = self._graph.steps[effect.step]
        request = apply_input(self._graph, effect)

        def start(where: dict[str, Any]) -> workflow.ActivityHandle[Any]:
            return workflow.start_activity(
                f"{step.run}.{Verb.APPLY}",
                request,
                result_type=Any,
                summary=_summary(step.service, effect.before.change or step.id),
                priority=priority_of(self._graph, [step.id]),
                **mutation_options(step.timeout),
                **where,
            )

        return SiteActivity(self._edge, step, start)

    async def _await_apply(self, effect: Apply) -> None:
        step, sequence = effect.step, effect.token.sequence
        goes_on = self._handed_out.get(step) == sequence
        self._handed_out[step] = sequence
        try:
            evidence = Evidence.model_validate(await self._applies[step].result())
        except NoWorker as gone:
            # Under a token that was handed out before, an earlier worker may have begun it.
            known = not (gone.begun or goes_on)
            self._post(ApplyFailed(step, Failure(NO_WORKER, str(gone), known, needs_person=True)))
        except asyncio.CancelledError:
            self._post(ApplyCancelled(step))
        except ActivityError as error:
            if is_cancelled_exception(error):
                self._post(ApplyCancelled(step))
            else:
                self._post(ApplyFailed(step, failure_of(error)))
        except ValidationError as error:
            self._post(ApplyFailed(step, _unreadable(error)))
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

        def start(where: dict[str, Any]) -> workflow.ActivityHandle[Any]:
            return workflow.start_activity(
                f"{step.run}.{Verb.REVERT}",
                request,
                result_type=Any,
                summary=_summary(step.service, f"undo {effect.before.change or step.id}"),
                priority=priority_of(self._graph, [step.id]),
                **mutation_options(step.timeout),
                **where,
            )

        activity = SiteActivity(self._edge, step, start)
        try:
            evidence = Evidence.model_validate(await activity.result())
        except NoWorker as gone:
            # Not for good: until the step's deadline a worker may come back to undo it.
            failure = Failure(NO_WORKER, str(gone), outcome_known=False, needs_person=True)
            self._post(RevertFailed(step.id, failure))
        except ActivityError as error:
            self._post(RevertFailed(step.id, failure_of(error)))
        except ValidationError as error:
            self._post(RevertFailed(step.id, _unreadable(error)))
        else:
            self._post(RevertSucceeded(step.id, evidence))


def _unreadable(error: ValidationError) -> Failure:
    """The failure of a verb whose answer has another shape: what it did is not known from it."""
    message = f"the answer cannot be read ({error.error_count()} faults in it)"
    return Failure("Unreadable", message, outcome_known=False)


def _summary(service: str, change: str) -> str:
    return f"{service}: {change}"[:200]
