"""What hangs on the source of a service: whether it lives, and whether it is known to be fenced.

A source that did not answer may be passed over by a standing decision. It may still come back with
everything it ran; so, as long as its recovery lasts, it is fenced late, under the step that was to
fence it: what rolls the run back takes this fence off too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..model.recovery import StepState
from ..model.step import Evidence, FenceProof, Observation
from .assessment import lacks_before_image
from .messages import Failure
from .step_run import IN_FLIGHT, PASSED, StepRun

if TYPE_CHECKING:
    from .saga import Saga

FENCE = ".fence"
"""How the name of an action ends that makes a source harmless."""
EVIDENCE = "evidence"
"""The detail of a fence's evidence that says what it rests on."""


class Source:
    """The sources of one run's services."""

    def __init__(self, saga: Saga) -> None:
        self._saga = saga
        self.unfenced: dict[str, StepRun] = {}
        """Fences that were passed without evidence; what they were to stop may still run."""
        self._passed_as: dict[str, StepState] = {}

    def passed(self, run: StepRun) -> None:
        """A step was passed: it may have been a fence that somebody answers for."""
        if run.state is not StepState.APPLIED and run.step.run.endswith(FENCE):
            self.unfenced[run.step.id] = run
            service, site = run.step.service, run.step.site
            self._saga.say(
                f"{run.step.id} is passed over: there is no evidence that {service} no longer runs"
                f" at {site}; it is fenced as soon as {site} answers"
            )

    def applied(self, run: StepRun) -> None:
        """A step was applied: it may have been a fence that found nobody."""
        if has_no_proof(run.evidence):
            self.unfenced[run.step.id] = run
        else:
            self.unfenced.pop(run.step.id, None)

    def graceful(self) -> tuple[StepRun, ...]:
        """Steps to be passed over if the source is given up."""
        return tuple(
            run
            for run in self._saga.steps.values()
            if run.step.graceful
            and not run.skip_when_stopped
            and run.state in IN_FLIGHT | {StepState.PENDING, StepState.HELD}
            and run.step.service not in self._saga.rollback.services
        )

    def fence_late(self, run: StepRun, seen: Observation) -> None:
        """Fence a source that answers again, unless that is no longer this run's business."""
        undone = run.step.service in self._saga.rollback.services
        if undone or run.state not in PASSED or lacks_before_image(seen):
            return
        self._passed_as[run.step.id] = run.state
        run.observation, run.failure = seen, None
        self._saga.say(f"{run.step.id}: {run.step.site} answers again, and is fenced now")
        self._saga.forward.apply(run)

    def stranded(self, run: StepRun) -> str | None:
        """Why a fence is to stay when its service goes back: what it had let start may still run.

        None where it need not, and of every other step.
        """
        if not (run.started and run.step.run.endswith(FENCE)):
            return None
        left = [
            step
            for step in self._saga.graph.dependents[run.step.id]
            if self._saga.steps[step].state is StepState.RESIDUE
        ]
        if not left:
            return None
        return (
            f"kept fenced: {', '.join(left)} could not be undone, so that {run.step.service} may"
            " still run there"
        )

    def not_fenced(self, run: StepRun, failure: Failure | None) -> None:
        """A late fence failed: nothing waits for it, and it is tried again."""
        run.to(self._passed_as[run.step.id], f"not fenced yet: {failure}")
        self._saga.say(f"{run.step.id} is not fenced yet, and is tried again: {failure}")


def has_no_proof(evidence: Evidence | None) -> bool:
    """The evidence of a fence says that there is none."""
    return evidence is not None and evidence.details.get(EVIDENCE) == FenceProof.NONE
