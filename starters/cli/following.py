"""Follow a recovery to its end, or to where it waits for a person, through every outage between."""

import asyncio
from collections.abc import Awaitable
from datetime import datetime
from typing import Any, Protocol, TypeVar

from temporalio.service import RPCError

from ...workflows.model.recovery import LogEntry, RecoveryReport, RecoveryStatus
from ..recovery_client import NoWorker
from .session import Session

LOOK_EVERY_S = 0.25
SILENCE_S = 5.0
"""Without an answer for so long, whoever waits is told why."""
_TRY_AGAIN_S = 1.0

ResultT = TypeVar("ResultT")


class View(Protocol):
    """Shows a recovery while it runs."""

    def show(self, status: RecoveryStatus) -> None:
        """The recovery stands thus."""

    def notice(self, sentence: str) -> None:
        """Something that is not the recovery's: nobody answers, say."""


async def follow(session: Session, workflow_id: str, view: View) -> RecoveryStatus:
    """Show a recovery until it has ended or waits for a person; return its last status.

    Raises:
        RecoveryNotFound: there is no such recovery.
        Abandoned: it was terminated.
    """
    ended = asyncio.ensure_future(_result(session, workflow_id))
    try:
        while not ended.done():
            status = await _status(session, workflow_id, view, ended)
            if status is None:
                continue
            view.show(status)
            if status.outcome is not None:
                return status
            await asyncio.wait([ended], timeout=LOOK_EVERY_S)
        report = ended.result()
        view.show(report)
        return report
    finally:
        ended.cancel()


class NewSentences:
    """Tells which sentences of a recovery's log have not been seen yet."""

    def __init__(self) -> None:
        self._last: tuple[datetime, str] | None = None

    def of(self, status: RecoveryStatus) -> tuple[LogEntry, ...]:
        """The sentences since the last call."""
        seen = 0
        for index, entry in enumerate(status.log):
            if (entry.at, entry.sentence) == self._last:
                seen = index + 1
        if status.log:
            self._last = (status.log[-1].at, status.log[-1].sentence)
        return status.log[seen:]


async def _status(
    session: Session, workflow_id: str, view: View, ended: "asyncio.Future[RecoveryReport]"
) -> RecoveryStatus | None:
    """The status, as soon as someone answers; None if the recovery ended meanwhile."""
    asked = asyncio.ensure_future(_asked_until_answered(session, workflow_id))
    either: list[asyncio.Future[Any]] = [asked, ended]
    try:
        done, _ = await asyncio.wait(either, timeout=SILENCE_S, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            view.notice(await _why_silent(session))
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            view.notice("answered again")
        return None if ended.done() else asked.result()
    finally:
        asked.cancel()


async def _asked_until_answered(session: Session, workflow_id: str) -> RecoveryStatus:
    while True:
        try:
            return await session.recoveries.status(workflow_id)
        except (NoWorker, RPCError):
            await asyncio.sleep(_TRY_AGAIN_S)


async def _result(session: Session, workflow_id: str) -> RecoveryReport:
    while True:
        try:
            return await session.recoveries.result(workflow_id)
        except (NoWorker, RPCError):
            await asyncio.sleep(_TRY_AGAIN_S)


async def _why_silent(session: Session) -> str:
    alive = await _or_none(session.temporal.service_client.check_health())
    if not alive:
        return "Temporal does not answer; waiting for it, and the recovery goes on with it"
    return f"no worker answers on queue {session.task_queue}; start one: holdfast worker"


async def _or_none(work: Awaitable[ResultT]) -> ResultT | None:
    try:
        return await asyncio.wait_for(work, _TRY_AGAIN_S)
    except (RPCError, TimeoutError):
        return None
