"""Undoing: a reverse graph over what was started, parallel where the plan allows it.

A step is undone once every step that needs it is. What was never started needs nothing; what only
looked at the world needs nothing; what cannot be undone by its deadline becomes residue, and the
rest goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ..model.recovery import Residue, StepState
from ..model.step import Evidence
from .messages import Failure, Revert
from .step_run import IN_FLIGHT, PASSED, UNDONE, StepRun

if TYPE_CHECKING:
    from .saga import Saga


FENCED_OUT = "FencedOut"


class Rollback:
    """The part of a saga that goes back."""

    def __init__(self, saga: Saga) -> None:
        self._saga = saga
        self.services: dict[str, None] = {}
        """Services being undone, or undone; in the order in which that was decided."""
        self.residue: list[Residue] = []
        self._waiting_on: dict[str, int] = {}
        self.ready: list[str] = []
        """Steps whose turn to be undone has come."""

    def refusal(self, services: Sequence[str]) -> str | None:
        """Why these services cannot be undone; None if they can."""
        remaining = [name for name in services if name not in self.services]
        if not remaining:
            return "everything asked for is being rolled back already"
        for name in remaining:
            for id in self._saga.graph.steps_of[name]:
                run = self._saga.steps[id]
                if run.step.pivot and run.state in PASSED:
                    return f"{name} has passed its pivot {id}: there is only the way forward"
        return None

    def begin(self, services: Sequence[str], reason: str, at: datetime) -> None:
        """Undo these services; every service that depends on one of them must be among them."""
        graph, steps = self._saga.graph, self._saga.steps
        added = [name for name in services if name not in self.services]
        if not added:
            return
        self._saga.say(f"{', '.join(added)}: rolled back, because {reason}")
        self.services.update(dict.fromkeys(added))
        ids = [step.id for step in self._saga.plan.steps if step.service in set(added)]
        for id in ids:
            self._waiting_on[id] = sum(
                1 for dependent in graph.dependents[id] if steps[dependent].state not in UNDONE
            )
        for id in reversed(ids):
            run = steps[id]
            if run.state in (StepState.APPLYING, StepState.QUEUED):
                run.to(StepState.CANCELLING, "is stopped, to be undone")
                self._saga.cancel(id)
            elif run.state not in IN_FLIGHT:
                self.settled(run, at)

    def settled(self, run: StepRun, at: datetime) -> None:
        """A step of a service being undone stands still: it can be undone in its turn."""
        if run.state in IN_FLIGHT or run.state is StepState.HELD:
            run.to(StepState.FAILED, run.sentence)
        if self._waiting_on[run.step.id] == 0:
            self._undo(run, at)

    def start_ready(self, at: datetime) -> None:
        """Start the reverts whose turn has come."""
        while self.ready and self._saga.room:
            self._revert(self._saga.steps[self.ready.pop(0)], at)

    def reverted(self, run: StepRun, evidence: Evidence, at: datetime) -> None:
        """A step's before-image is back."""
        run.ended_at = at
        run.to(StepState.REVERTED, evidence.sentence)
        self._saga.say(f"{run.step.id}: {evidence.sentence}")
        self._undone(run, at)

    def not_reverted(self, run: StepRun, failure: Failure, at: datetime) -> None:
        """A revert failed; lost answers are asked again until the step's deadline has passed."""
        since = run.reverting_since or at
        if not failure.outcome_known and at - since < run.step.timeout:
            self.ready.append(run.step.id)
            return
        run.ended_at = at
        if failure.kind == FENCED_OUT and not run.known_applied:
            run.to(StepState.NOT_RUN, f"changed nothing, and is another recovery's now: {failure}")
            self._saga.say(f"{run.step.id} {run.sentence}")
            self._undone(run, at)
            return
        run.to(StepState.RESIDUE, str(failure))
        seen = run.observation
        by_hand = seen.undo_command or f"put {run.step.id} ({run.step.run}) back by hand"
        if failure.kind == FENCED_OUT:
            by_hand = f"# owned by another recovery: look at that one first. {failure.message}"
        residue = Residue(
            step=run.step.id,
            resource=seen.resource,
            reason=str(failure),
            owner=f"on-call for {run.step.service}",
            command=by_hand,
        )
        self.residue.append(residue)
        self._saga.say(f"{run.step.id} could not be undone: {failure}; by hand: {residue.command}")
        self._undone(run, at)

    def _undo(self, run: StepRun, at: datetime) -> None:
        """Undo a step whose turn has come, and those whose turn comes by that at once."""
        turn = [run]
        while turn:
            run = turn.pop()
            if run.state in UNDONE or run.state is StepState.REVERTING:
                continue
            if (kept := self._saga.source.stranded(run)) is not None:
                self._keep(run, kept, at)
                turn.extend(self._released(run))
            elif run.started and run.mutates:
                run.to(StepState.REVERTING, "is to be undone")
                self.ready.append(run.step.id)
            else:
                run.to(StepState.NOT_RUN, _nothing_to_undo(run))
                turn.extend(self._released(run))

    def _keep(self, run: StepRun, because: str, at: datetime) -> None:
        """Leave a step as it is, for a person."""
        run.ended_at = at
        run.to(StepState.RESIDUE, because)
        seen = run.observation
        command = (
            f"# only once that is settled: {seen.undo_command or 'take the fence off by hand'}"
        )
        self.residue.append(
            Residue(
                step=run.step.id,
                resource=seen.resource,
                reason=because,
                owner=f"on-call for {run.step.service}",
                command=command,
            )
        )
        self._saga.say(f"{run.step.id} is {because}")

    def _revert(self, run: StepRun, at: datetime) -> None:
        run.reverting_since = run.reverting_since or at
        apply_key = self._saga.key(run.step.id)
        token = self._saga.token(f"{apply_key}/revert")
        self._saga.perform(
            Revert(run.step.id, token, run.observation, apply_key, run.known_applied)
        )

    def _undone(self, run: StepRun, at: datetime) -> None:
        for released in self._released(run):
            self._undo(released, at)

    def _released(self, run: StepRun) -> list[StepRun]:
        """The steps whose turn comes because `run` is undone."""
        released = []
        for need in run.step.needs:
            if need in self._waiting_on:
                self._waiting_on[need] -= 1
                needed = self._saga.steps[need]
                if self._waiting_on[need] == 0 and needed.state not in IN_FLIGHT:
                    released.append(needed)
        return released


def _nothing_to_undo(run: StepRun) -> str:
    if run.started:
        return f"only looked; nothing to undo ({run.sentence})"
    return "was never started"
