"""Where the steps of a site with a task queue of its own run, and what becomes of them without a
worker there.

Whether somebody is there is asked of the workers themselves, on a queue beside the steps' own: a
worker whose slots are all taken still answers there, and one that is gone does not. The server's
list of pollers alone cannot tell: an idle worker is seen there once a minute, and a dead one for
minutes. It is a second opinion where hundreds of runs ask at once: who asked for work after the
question was put is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, TimeoutError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from .activity_options import POLLED_OPTIONS, PRESENCE_OPTIONS
    from .failures import had_begun, never_picked_up
    from .model.plan import PlannedStep
    from .model.policy import EdgePolicy
    from .model.presence import PollersAsked
    from .model.recovery import Action, Mode, RecoveryRequest
    from .names import POLLED, PRESENT, presence_queue

PICKED_UP_WITHIN = timedelta(seconds=5)
"""Of what nobody has picked up by then, it is asked whether a worker is there at all."""
ASKED_AGAIN_LATEST = timedelta(minutes=1)
"""Waits for a worker that is there, but busy, grow up to this."""


class NoWorker(Exception):
    """Nobody works on a site's queue; what it is about waits for a person."""

    def __init__(self, reason: str, *, begun: bool) -> None:
        super().__init__(reason)
        self.begun = begun
        """A worker that is gone may have begun it."""


def lost_sites(request: RecoveryRequest) -> tuple[str, ...]:
    """The sites that a request holds to be lost; a dry run asks what would be if its site were."""
    if request.mode not in (Mode.UNPLANNED, Mode.DRY_RUN) or request.action is Action.FAIL_BACK:
        return request.lost_sites
    return (request.site, *request.lost_sites)


class EdgeWorkers:
    """What one run knows of the workers at its sites.

    Without a worker at its site, a step runs in the central worker or waits for a person, as the
    policy says. A step for a site that is lost always runs in the central worker then: its workers
    went with it, and all that the step can find is that the site does not answer. Once the central
    worker stands in for a site, it does so until the run has ended.
    """

    def __init__(
        self,
        policy: EdgePolicy | None = None,
        lost: Collection[str] = (),
        say: Callable[[str], None] | None = None,
    ) -> None:
        """`lost` names the sites that are lost; `say` gets each thing decided, as a sentence."""
        self._central = policy is not None and policy.no_worker == "central"
        self._lost = frozenset(lost)
        self._say = say or (lambda sentence: None)
        self._home = workflow.info().task_queue
        self._present: dict[str, None] = {}
        self._stood_in_for: dict[str, None] = {}
        """Sites whose steps run in the central worker."""
        self._busy: dict[str, None] = {}
        self._asking: dict[str, asyncio.Task[bool]] = {}

    def own_queue(self, step: PlannedStep) -> str | None:
        """The queue of the workers at the step's site; None if it is the workflow's own."""
        return None if step.task_queue == self._home else step.task_queue

    def is_known(self, step: PlannedStep) -> bool:
        """Whether `queue_of` need not ask."""
        queue = self.own_queue(step)
        return queue is None or step.site in self._stood_in_for or queue in self._present

    def known_queue_of(self, step: PlannedStep) -> str | None:
        """What `queue_of` said last, where that is still held to be so."""
        return None if step.site in self._stood_in_for else self.own_queue(step)

    def whereabouts(self, step: PlannedStep) -> str:
        """Where a step is to run, for people."""
        queue = self.known_queue_of(step)
        return f"on {queue} at {step.site}" if queue else f"on {self._home}"

    async def queue_of(self, step: PlannedStep) -> str | None:
        """The queue on which a step is to run now; None for the workflow's own.

        Raises:
            NoWorker: nobody works there, and by the policy a person decides.
        """
        queue = self.known_queue_of(step)
        if queue is None or queue in self._present or await self._is_attended(queue):
            return queue
        lost = step.site in self._lost
        if not (lost or self._central):
            raise NoWorker(
                f"no worker polls {queue}; start one at {step.site},"
                " or set policy.edge.no_worker: central",
                begun=False,
            )
        if step.site not in self._stood_in_for:
            self._stood_in_for[step.site] = None
            where = f"{step.site}, which is lost" if lost else step.site
            self._say(f"no worker at {where}: its steps run in the central worker")
        return None

    def doubt(self, queue: str) -> None:
        """Nobody has picked something up there: ask before anything else is sent."""
        self._present.pop(queue, None)

    def still_waits(self, step: PlannedStep, queue: str) -> None:
        """The workers there are all taken: say so, once."""
        if queue not in self._busy:
            self._busy[queue] = None
            self._say(f"the workers of {queue} are busy: {step.id} waits for its turn")

    async def _is_attended(self, queue: str) -> bool:
        if queue not in self._asking:
            self._asking[queue] = asyncio.create_task(self._ask(queue))
            self._asking[queue].add_done_callback(lambda _: self._asking.pop(queue))
        return await self._asking[queue]

    async def _ask(self, queue: str) -> bool:
        asked_at = workflow.now()
        try:
            await workflow.execute_activity(
                PRESENT,
                task_queue=presence_queue(queue),
                result_type=Any,
                summary=f"is a worker at {queue}?",
                **PRESENCE_OPTIONS,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            # Whoever answers with an error is there.
            if isinstance(error.cause, TimeoutError) and not await self._polls(queue, asked_at):
                return False
        self._present[queue] = None
        return True

    async def _polls(self, queue: str, since: datetime) -> bool:
        """Whether somebody there asks for work, but has too much of it to have answered."""
        try:
            return bool(
                await workflow.execute_activity(
                    POLLED,
                    PollersAsked(task_queue=presence_queue(queue), since=since),
                    result_type=Any,
                    summary=f"does a worker at {queue} ask for work?",
                    **POLLED_OPTIONS,
                )
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return False


class SiteActivity:
    """An activity where a step's site has its workers; sent again where nobody picked it up."""

    def __init__(
        self,
        edge: EdgeWorkers,
        step: PlannedStep,
        start: Callable[[dict[str, Any]], workflow.ActivityHandle[Any]],
        *,
        repeats: bool = True,
    ) -> None:
        """Start it at once if it is known where.

        `start` schedules the activity with the options it is given. One that does not repeat is
        not sent again once a worker has begun it.
        """
        self._edge = edge
        self._step = step
        self._start = start
        self._repeats = repeats
        self._queue: str | None = None
        self._patience = PICKED_UP_WITHIN
        self._handle: workflow.ActivityHandle[Any] | None = None
        self._cancelled = False
        self._since = workflow.now()
        self.begun = False
        """A worker took an attempt of it, and is gone."""
        if edge.is_known(step):
            self._send(edge.known_queue_of(step))

    def cancel(self) -> None:
        """Ask it to stop."""
        self._cancelled = True
        if self._handle is not None:
            self._handle.cancel()

    async def result(self) -> Any:
        """Its answer.

        Raises:
            NoWorker: nobody works there, and by the policy a person decides.
            ActivityError: it failed.
            CancelledError: it was asked to stop while it was nowhere.
        """
        handle = self._handle or self._send(await self._attended_queue())
        while True:
            try:
                return await handle
            except ActivityError as error:
                if self._queue is None or not never_picked_up(error):
                    raise
                self._handle = None
                self._edge.doubt(self._queue)
                self.begun = self.begun or had_begun(error)
                if self.begun and not self._repeats:
                    raise
                queue = await self._attended_queue()
                if self.begun and workflow.now() - self._since >= self._step.timeout:
                    raise
                handle = self._send(queue)

    async def _attended_queue(self) -> str | None:
        try:
            queue = await self._edge.queue_of(self._step)
        except NoWorker as gone:
            raise NoWorker(str(gone), begun=self.begun) from None
        if self._cancelled:
            raise asyncio.CancelledError
        return queue

    def _send(self, queue: str | None) -> workflow.ActivityHandle[Any]:
        if queue is not None and queue == self._queue:
            self._edge.still_waits(self._step, queue)
            self._patience = min(2 * self._patience, ASKED_AGAIN_LATEST)
        self._queue = queue
        where = {"task_queue": queue, "schedule_to_start_timeout": self._patience} if queue else {}
        self._handle = self._start(where)
        return self._handle
