"""The coordinator of one estate: an entity that lives for ever, one run after another.

Recoveries ask by signal, people by update; what is decided is in `coordination`. This takes what
came together, sends the answers, and looks after the runs that it knows of.
"""

import asyncio
from collections import deque
from datetime import datetime, timedelta
from typing import NoReturn

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from .activity_options import HEARTBEAT
    from .coordination.facts import Places
    from .coordination.handover import Handover, unpack
    from .coordination.ledger import EstateLedger
    from .coordination.memory import Memory
    from .coordination.orders import refusal
    from .coordination.outbox import Outbox
    from .coordination.records import (
        Allowed,
        Asked,
        Decision,
        Event,
        Freeze,
        LookedAfter,
        Order,
        Thaw,
        TimePassed,
        Untold,
    )
    from .coordination.view import page, state
    from .model.coordination import Question
    from .model.estate_state import (
        Allow,
        CoordinatorInput,
        EstateState,
        Letter,
        Letters,
        LookAtParties,
        PartiesClosed,
        Party,
        StartCoordinator,
        Undelivered,
    )
    from .model.recovery import Accepted, Intervention
    from .names import (
        COORDINATOR,
        COORDINATOR_ASKED,
        HANDOVER,
        INHERIT,
        LOOK_AFTER_PARTIES,
        TELL_PARTIES,
    )
    from .search_attributes import ESTATE

MOST_UPDATES = 1_000
"""Temporal refuses the 2,001st of a run."""
MOST_LOOKED_AFTER = 100
"""Runs looked after at a time: a storm costs the server no more than that."""
LOOK_WITHIN = timedelta(seconds=30)
TELL_WITHIN = timedelta(seconds=60)
INHERITED_WITHIN = timedelta(seconds=10)
OFTEN = RetryPolicy(initial_interval=timedelta(seconds=0.1), maximum_interval=timedelta(seconds=5))


@workflow.defn(name=COORDINATOR)
class EstateCoordinator:
    """Who may recover what, with which room, under which epoch; and who froze the estate."""

    @workflow.init
    def __init__(self, given: CoordinatorInput) -> None:
        handover = unpack(given.handover) if given.handover else _born(given.estate)
        self._given = given
        self._ledger = EstateLedger(handover.memory)
        self._outbox = Outbox(handover.dues)
        self._inbox: deque[Event] = deque([TimePassed()])
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._started = 0
        self._updates = 0
        self._begun = False
        self._early: list[Order] = []
        """What people ordered before it was known what an earlier coordinator knew."""
        self._rings_at: datetime | None = None
        self._alarm: asyncio.Task[None] | None = None

    @workflow.run
    async def run(self, given: CoordinatorInput) -> NoReturn:
        """Coordinate, for ever."""
        if workflow.info().typed_search_attributes.get(ESTATE) is None:
            workflow.upsert_search_attributes([ESTATE.value_set(given.estate)])
        if given.inherits and not given.handover:
            await self._inherit()
        self._begun = True
        while not self._long:
            self._decide()
            self._send()
            self._set_alarm()
            await workflow.wait_condition(lambda: bool(self._inbox) or self._outbox.ready)
        await workflow.wait_condition(
            lambda: self._outbox.empty_way and workflow.all_handlers_finished()
        )
        # Nothing is awaited from here on: whatever came is decided on and handed over.
        self._decide()
        handover = Handover(memory=self._ledger.memory, dues=self._outbox.dues)
        workflow.continue_as_new(given.model_copy(update={"handover": handover.pack()}))

    async def _inherit(self) -> None:
        """Know what a coordinator of this estate knew that somebody stopped."""
        try:
            text = await workflow.execute_activity(
                INHERIT,
                StartCoordinator(estate=self._given.estate),
                result_type=str,
                schedule_to_close_timeout=INHERITED_WITHIN,
                start_to_close_timeout=INHERITED_WITHIN / 2,
                retry_policy=OFTEN,
                summary="whether one was stopped before",
            )
            handover = unpack(text) if text else None
        except (ActivityError, ValueError):
            workflow.logger.warning("what an earlier coordinator knew cannot be had: begins anew")
            return
        if handover is None:
            return
        self._ledger, self._outbox = EstateLedger(handover.memory), Outbox(handover.dues)
        for order in self._early:
            if refusal(self._ledger.memory, order) is None:
                self._follow(self._ledger.handle(order, workflow.now()))

    @property
    def _long(self) -> bool:
        info = workflow.info()
        return (
            info.get_current_history_length() > self._given.most_events
            or info.is_continue_as_new_suggested()
            or self._updates >= MOST_UPDATES
        )

    # What is asked

    @workflow.signal(name=COORDINATOR_ASKED, description="A recovery asks or tells something")
    def asked(self, question: Question) -> None:
        """A recovery asks; it is answered by signal."""
        self._inbox.append(Asked(question))

    @workflow.update(description="Grant nothing new; what runs goes on")
    def freeze(self, asked: Intervention) -> Accepted:
        """Grant nothing new until thawed."""
        return self._obey(Freeze(asked))

    @workflow.update(description="Lift the freeze")
    def thaw(self, asked: Intervention) -> Accepted:
        """Decide anew on everybody who waits."""
        return self._obey(Thaw(asked))

    @workflow.update(description="Let sites go on past the budget, or a site past its cool-down")
    def allow(self, asked: Allow) -> Accepted:
        """Let a named site, or so many sites, go on."""
        return self._obey(Allowed(asked))

    @freeze.validator
    def _may_freeze(self, asked: Intervention) -> None:
        self._check(Freeze(asked))

    @thaw.validator
    def _may_thaw(self, asked: Intervention) -> None:
        self._check(Thaw(asked))

    @workflow.query(description="What the coordinator knows, and whom it lets wait for what")
    def state(self) -> EstateState:
        """What the coordinator knows."""
        return state(self._ledger.memory, workflow.now())

    @workflow.query(name=HANDOVER, description="All that it knows, for the one that follows it")
    def handover(self) -> str:
        """All that it knows."""
        return Handover(memory=self._ledger.memory, dues=self._outbox.dues).pack()

    def _check(self, order: Order) -> None:
        if reason := refusal(self._ledger.memory, order):
            raise ApplicationError(reason, type="Refused", non_retryable=True)

    def _obey(self, order: Order) -> Accepted:
        # Two that came together have both been let in.
        self._check(order)
        self._updates += 1
        if not self._begun:
            self._early.append(order)
        decision = self._ledger.handle(order, workflow.now())
        self._follow(decision)
        # The loop sends what follows.
        self._inbox.append(TimePassed())
        return Accepted(sentence=decision.sentences[0].text)

    # What follows

    def _decide(self) -> None:
        events = tuple(self._inbox)
        self._inbox.clear()
        if not events:
            return
        self._follow(self._ledger.decide(events, workflow.now()))
        workflow.set_current_details(page(self._ledger.memory, workflow.now()))

    def _follow(self, decision: Decision) -> None:
        self._outbox.add(decision.dues)
        self._look_after(decision.looks)

    def _send(self) -> None:
        while letters := self._outbox.next(self._ledger.memory):
            self._keep(asyncio.create_task(self._tell(letters)))

    async def _tell(self, letters: tuple[Letter, ...]) -> None:
        # Not signals of this workflow: each of those is two events, and waits its turn behind all
        # the signals that a storm sends to it.
        try:
            undelivered = await workflow.execute_activity(
                TELL_PARTIES,
                Letters(letters=letters),
                result_type=Undelivered,
                start_to_close_timeout=TELL_WITHIN,
                heartbeat_timeout=HEARTBEAT,
                retry_policy=OFTEN,
                summary=_addressees(letters),
            )
        except ActivityError as error:
            # Whoever hears nothing asks again.
            workflow.logger.warning("%d answers are not delivered: %s", len(letters), error)
            undelivered = Undelivered()
        self._outbox.delivered()
        self._inbox.extend(Untold(run) for run in undelivered.runs)

    # Looking after those who hold and wait

    def _look_after(self, parties: tuple[Party, ...]) -> None:
        if parties:
            self._keep(asyncio.create_task(self._look(parties)))

    async def _look(self, parties: tuple[Party, ...]) -> None:
        runs = tuple(party.run for party in parties)
        try:
            found = await workflow.execute_activity(
                LOOK_AFTER_PARTIES,
                LookAtParties(parties=parties),
                result_type=PartiesClosed,
                start_to_close_timeout=LOOK_WITHIN / 2,
                schedule_to_close_timeout=LOOK_WITHIN,
                retry_policy=OFTEN,
                summary=f"whether {len(parties)} recoveries still run",
            )
        except ActivityError:
            # Not known to have ended is as good as running.
            found = PartiesClosed()
        self._inbox.append(LookedAfter(runs, found.closed))

    def _set_alarm(self) -> None:
        now, memory = workflow.now(), self._ledger.memory
        at = self._ledger.wakes_at()
        if memory.holders or memory.waiting:
            looks_at = now + timedelta(seconds=self._given.look_every_s)
            at = min(at, looks_at) if at else looks_at
        if at is None or (self._rings_at is not None and self._rings_at <= at):
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._rings_at = at
        self._alarm = asyncio.create_task(self._ring(at - now))

    async def _ring(self, after: timedelta) -> None:
        await workflow.sleep(
            max(after, timedelta(milliseconds=1)), summary="until it looks after those it knows of"
        )
        self._rings_at, self._alarm = None, None
        every = timedelta(seconds=self._given.look_every_s)
        self._follow(self._ledger.look_after(workflow.now(), every, MOST_LOOKED_AFTER))
        self._inbox.append(TimePassed())

    def _keep(self, task: asyncio.Task[None]) -> None:
        # A task that nobody holds may be collected before it is done.
        self._started += 1
        number = self._started
        self._tasks[number] = task
        task.add_done_callback(lambda _: self._tasks.pop(number))


def _born(estate: str) -> Handover:
    # Greater than every version that a coordinator which was lost has told.
    version = int(workflow.now().timestamp() * 1000)
    return Handover(memory=Memory(estate=estate, places=Places(version=version)))


def _addressees(letters: tuple[Letter, ...]) -> str:
    first = letters[0].party.workflow_id
    return f"answers {first}" + (f" and {len(letters) - 1} others" if len(letters) > 1 else "")
