"""What follows once nothing more is to be done: the commit window, the cleaning up, the release.

A recovery keeps its way back until somebody commits it. A rehearsal always takes it.
"""

import asyncio
import contextlib
from collections.abc import Callable, Set
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from .consent.commit import THE_POLICY, CommitWindow
    from .coordinator_link import CoordinatorLink
    from .model.consent import CommitState
    from .model.coordination import Fact, Release
    from .model.recovery import (
        Intervention,
        Mode,
        Outcome,
        Phase,
        ServiceOutcome,
        StepState,
    )
    from .model.standby import StandbyRequest, StandbyStep
    from .names import STANDBY_GUARD, standby_guard_id
    from .saga.messages import RollbackRequested
    from .saga.saga import Saga
    from .story import Story
    from .telling_readiness import tell_readiness

REHEARSAL = "the rehearsal"


class AfterActing:
    """One run's way from its last step to its end."""

    def __init__(
        self, story: Story, link: CoordinatorLink, say: Callable[[str, str | None], None]
    ) -> None:
        self._story = story
        self._link = link
        self._say = say
        self._looked = False
        """What follows the last step has been decided."""
        self._timer: asyncio.Task[None] | None = None
        self._times_out = False

    def finished(self, saga: Saga) -> bool:
        """The run may end."""
        return saga.over and self._looked and not self._open

    def due(self, saga: Saga) -> bool:
        """`next` has something to decide, or the run is finished."""
        return saga.over and (not self._looked or self._times_out or not self._open)

    def next(self, saga: Saga) -> RollbackRequested | None:
        """Decide what follows, once nothing is left to do; what is to be asked of the saga."""
        window = self._story.commit
        if not saga.over:
            return None
        if not self._looked:
            self._looked = True
            return self._first_look(saga)
        if window is not None and self._open and self._times_out:
            self._times_out = False
            for sentence in window.at_time(workflow.now()):
                self._say(sentence, None)
            if window.state is CommitState.ROLLED_BACK:
                return RollbackRequested(THE_POLICY, "nobody committed it within the commit window")
        return None

    def taken_back(self, asked: RollbackRequested) -> None:
        """The saga goes back: if the commit window was open, that decides it."""
        window, at = self._story.commit, workflow.now()
        by = Intervention(actor=asked.actor, reason=asked.reason)
        if window is not None and self._open and not window.refusal(by, at):
            window.roll_back(by, at)

    def too_late(self, asked: RollbackRequested) -> str | None:
        """Why the way back is not there any more, by the commit window; None if it may be."""
        window = self._story.commit
        if window is None or window.state is CommitState.ROLLED_BACK:
            return None
        by = Intervention(actor=asked.actor, reason=asked.reason)
        return window.refusal(by, workflow.now())

    def refusal(self, asked: Intervention) -> str | None:
        """Why the recovery cannot be committed now; None if it can."""
        if self._story.commit is None:
            return f"there is nothing to commit: the run is {self._story.phase}"
        return self._story.commit.refusal(asked, workflow.now())

    def commit(self, asked: Intervention) -> None:
        """Give up the way back."""
        assert self._story.commit is not None
        for sentence in self._story.commit.commit(asked, workflow.now()):
            self._say(sentence, asked.actor)

    def phase(self, saga: Saga) -> Phase:
        """Where a run is whose saga has begun."""
        if saga.over and self._open:
            return Phase.COMMIT_WINDOW
        return Phase.ROLLING_BACK if saga.rollback.services else Phase.RECOVERING

    @property
    def _open(self) -> bool:
        window = self._story.commit
        return window is not None and window.state is CommitState.OPEN

    def _first_look(self, saga: Saga) -> RollbackRequested | None:
        at = workflow.now()
        self._story.acted(at)
        if self._story.request.mode is Mode.TEST:
            self._story.test_passed = saga.outcome is Outcome.RECOVERED and not saga.passed_over
            cleaning = RollbackRequested(REHEARSAL, "it is always cleaned up")
            return None if saga.refusal(cleaning) else cleaning
        policy = self._story.request.estate.policy.commit
        up = [name for name in saga.graph.services if self._is_up(name)]
        if policy is None or not up:
            return None
        if stays := saga.refusal(RollbackRequested(THE_POLICY, "")):
            self._say(f"there is no commit window: {stays}", None)
            return None
        window = CommitWindow(policy, at)
        self._story.commit = window
        self._say(window.asking(self._story.workflow_id), None)
        self._timer = asyncio.create_task(self._time_out(window.deadline))
        return None

    async def _time_out(self, deadline: datetime) -> None:
        while (left := (deadline - workflow.now()).total_seconds()) > 0:
            await workflow.sleep(max(left, 0.001), summary="the commit window")
        self._times_out = True

    def _is_up(self, service: str) -> bool:
        return self._story.service_outcome(service) is ServiceOutcome.RECOVERED

    async def release(self, outcome: Outcome) -> None:
        """Give back to the coordinator what was granted, with what has become of it."""
        if self._timer is not None:
            self._timer.cancel()
        if self._story.request.mode is Mode.DRY_RUN:
            return
        saga = self._story.saga
        acted = saga is not None and any(run.attempts for run in saga.steps.values())
        release = Release(
            outcome=self._story.stopped or outcome.value, acted=acted, moved=tuple(self._moved())
        )
        await self._link.release(release)
        moved = {
            fact.service
            for fact in release.moved
            if fact.was_at != fact.site and self._is_up(fact.service)
        }
        if saga is not None:
            await _guard(self._story, saga, moved)
        await tell_readiness(self._story)

    def _moved(self) -> list[Fact]:
        story = self._story
        if story.saga is None or story.graph is None or story.request.mode is Mode.TEST:
            return []
        began = story.clock.status(workflow.now()).decided_at or story.started_at
        unfenced = {run.step.service for run in story.saga.source.unfenced.values()}
        stranded = {
            run.step.service for run in story.saga.steps.values() if run.state is StepState.RESIDUE
        }
        return [
            Fact(
                service=service.name,
                site=service.source,
                was_at=service.target,
                fenced=False,
                at_home=service.source == story.request.estate.service(service.name).site,
            )
            for service in story.graph.services.values()
            if service.name in stranded and service.source != service.target
        ] + [
            Fact(
                service=service.name,
                site=service.target,
                was_at=service.source,
                took_s=story.back_after_s(service.name, began)
                if story.changed(service.name)
                else None,
                fenced=service.name not in unfenced,
                at_home=service.target == story.request.estate.service(service.name).site,
            )
            for service in story.graph.services.values()
            if service.source != service.target and self._is_up(service.name)
        ]


async def _guard(story: Story, saga: Saga, moved: Set[str]) -> None:
    """Leave a guard behind for each source that could not be fenced; it outlives the run.

    What was not moved, or was brought back, is to run at its source.
    """
    sites: dict[str, list[StandbyStep]] = {}
    for run in saga.source.unfenced.values():
        step = run.step
        if step.service not in moved:
            continue
        owed = StandbyStep(
            step=step.id,
            service=step.service,
            run=step.run,
            inputs=step.inputs,
            key=saga.key(step.id),
            timeout=step.timeout,
        )
        sites.setdefault(step.site, []).append(owed)
    for site, steps in sites.items():
        with contextlib.suppress(WorkflowAlreadyStartedError):
            await workflow.start_child_workflow(
                STANDBY_GUARD,
                StandbyRequest(
                    estate=story.request.estate.name,
                    site=site,
                    recovery=story.workflow_id,
                    run=saga.run,
                    epoch=saga.epoch,
                    sequence=saga.sequence,
                    steps=tuple(steps),
                    since=workflow.now(),
                ),
                id=standby_guard_id(story.request.estate.name, site, saga.run),
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=f"{site}: {len(steps)} fences are owed when it returns",
            )
