"""A recovery's side of its conversation with the coordinator of the estate.

It asks by signal and is answered by signal. What gets no answer is asked again, and a coordinator
that does not run is started; one that has lost its memory is told what it had granted.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from .model.coordination import (
        Admission,
        Application,
        CoordinatorSays,
        EpochClaim,
        Facts,
        Known,
        Look,
        Question,
        Release,
        Released,
        Reservation,
        Reserved,
        StandbyReached,
        Verdict,
    )
    from .model.estate_state import StartCoordinator
    from .names import COORDINATOR_ASKED, START_COORDINATOR, coordinator_id

ANSWERS_WITHIN = timedelta(seconds=15)
"""After that it is asked again: the coordinator was lost, or its answer was. Then after twice as
long each time: in a storm it may be that it is only slow, and a thousand that repeat themselves
would make it slower still."""
CALM = timedelta(seconds=60)
CALMEST = timedelta(minutes=5)
"""How long nothing is asked while it is known what is waited for; twice as long each time."""
AGAIN_AFTER = timedelta(seconds=1)

Ask = Application | Reservation | EpochClaim | Release | StandbyReached | Look
Says = Admission | Reserved | Released | Known


class CoordinatorLink:
    """One run's questions, numbered, and their answers."""

    def __init__(self, estate: str, run: str) -> None:
        self._estate = estate
        self._run = run
        self._number = 0
        self._answers: dict[int, Says | None] = {}
        """By number of what is asked now; None until it is answered."""
        self._application: Application | None = None
        self._incident = ""
        self._reservation: Reservation | None = None
        self._epoch = 0

    def heard(self, says: Any) -> None:
        """Take an answer; what cannot be read, or was not asked, is left aside."""
        try:
            answer = CoordinatorSays.model_validate(says).answer
        except ValidationError as error:
            workflow.logger.warning("an answer with %d faults is left aside", error.error_count())
            return
        if answer.number in self._answers:
            self._answers[answer.number] = answer

    async def apply(
        self, application: Application, *, waiting: Callable[[Admission], None]
    ) -> Admission:
        """Ask whether to begin, and wait until it is granted or refused.

        `waiting` is called with every word on what it waits for.
        """
        number = self._next()
        try:
            calm = CALM
            await self._ask(number, application)
            patience, unheard = ANSWERS_WITHIN, True
            while True:
                answer = await self._answer(number, patience)
                if not isinstance(answer, Admission):
                    patience = _longer(patience) if unheard else ANSWERS_WITHIN
                    unheard = True
                    await self._ask(number, application)
                elif answer.verdict in (Verdict.QUEUED, Verdict.HELD):
                    waiting(answer)
                    patience, calm, unheard = calm, _longer(calm), False
                else:
                    break
        finally:
            del self._answers[number]
        if answer.verdict is Verdict.GRANTED:
            self._application, self._incident = application, answer.incident
        return answer

    async def reserve(self, reservation: Reservation) -> Reserved:
        """Ask for room and an epoch; not granted, the answer says what to plan with instead."""
        if self._epoch:
            least = max(reservation.epoch_at_least, self._epoch + 1)
            reservation = reservation.model_copy(update={"epoch_at_least": least})
        reserved = await self._reserved(reservation)
        if reserved.granted:
            self._reservation, self._epoch = reservation, reserved.epoch
        return reserved

    async def claim_epoch(self, claim: EpochClaim) -> Reserved:
        """Ask for an epoch that is greater than one that was met."""
        reserved = await self._reserved(claim)
        if reserved.granted:
            self._epoch = reserved.epoch
        return reserved

    async def look(self, concerns: tuple[str, ...] = ()) -> Facts:
        """The facts, and nothing taken; where no coordinator runs, there are none to know."""
        number, patience = self._next(), ANSWERS_WITHIN
        try:
            while True:
                await self._signal(number, Look(concerns=concerns))
                answer = await self._answer(number, patience)
                if isinstance(answer, Known):
                    return answer.facts
                patience = _longer(patience)
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            return Facts()
        finally:
            del self._answers[number]

    async def standby(self, reached: StandbyReached) -> None:
        """Tell that a site which had not been fenced is on standby; wait until that is known."""
        await self._answered(reached)

    async def release(self, release: Release) -> None:
        """Give back what was granted, and wait until that is known.

        A cancellation meanwhile comes too late to matter, and is left aside.
        """
        telling = asyncio.ensure_future(self._answered(release))
        while not telling.done():
            try:
                await asyncio.shield(telling)
            except asyncio.CancelledError:
                if (current := asyncio.current_task()) is not None:
                    current.uncancel()
        telling.result()

    # Questions

    async def _reserved(self, ask: Reservation | EpochClaim) -> Reserved:
        while True:
            answer = await self._answered(ask)
            if not isinstance(answer, Reserved):
                continue
            if answer.admitted or self._application is None or not await self._regain():
                return answer

    async def _regain(self) -> bool:
        """Have back what a coordinator that lost its memory had granted."""
        assert self._application is not None
        again = self._application.model_copy(update={"regains": self._incident or "unnamed"})
        admission = await self.apply(again, waiting=lambda _: None)
        if admission.verdict is not Verdict.GRANTED:
            return False
        if self._reservation is not None:
            least = max(self._reservation.epoch_at_least, self._epoch)
            booked = self._reservation.model_copy(update={"epoch_at_least": least})
            await self._answered(booked)
        return True

    async def _answered(self, ask: Ask) -> Says:
        number, patience = self._next(), ANSWERS_WITHIN
        try:
            while True:
                await self._ask(number, ask)
                answer = await self._answer(number, patience)
                if answer is not None:
                    return answer
                patience = _longer(patience)
        finally:
            del self._answers[number]

    def _next(self) -> int:
        self._number += 1
        self._answers[self._number] = None
        return self._number

    async def _answer(self, number: int, within: timedelta) -> Says | None:
        """The next answer to a question; None if it does not come in time."""
        try:
            await workflow.wait_condition(
                lambda: self._answers[number] is not None,
                timeout=within,
                timeout_summary="until the coordinator is asked again",
            )
        except TimeoutError:
            return None
        answer, self._answers[number] = self._answers[number], None
        return answer

    async def _ask(self, number: int, ask: Ask) -> None:
        """Ask; start the coordinator if it does not run."""
        tries = 0
        while True:
            try:
                await self._signal(number, ask)
                return
            except FailureError as error:
                if is_cancelled_exception(error):
                    raise
            if tries:
                await workflow.sleep(AGAIN_AFTER, summary="the coordinator cannot be asked")
            tries += 1
            await workflow.execute_activity(
                START_COORDINATOR,
                StartCoordinator(estate=self._estate),
                start_to_close_timeout=timedelta(seconds=10),
                retry_policy=RetryPolicy(
                    initial_interval=timedelta(milliseconds=100),
                    maximum_interval=timedelta(seconds=5),
                ),
                summary=f"the coordinator of {self._estate}",
            )

    async def _signal(self, number: int, ask: Ask) -> None:
        info = workflow.info()
        question = Question(
            workflow_id=info.workflow_id,
            run_id=info.run_id,
            run=self._run,
            number=number,
            ask=ask,
        )
        coordinator = workflow.get_external_workflow_handle(coordinator_id(self._estate))
        await coordinator.signal(COORDINATOR_ASKED, question)


def _longer(patience: timedelta) -> timedelta:
    """Twice as long, and a little apart from others that began to wait at the same moment."""
    return min(patience * (2 + workflow.random().random() / 2), CALMEST)
