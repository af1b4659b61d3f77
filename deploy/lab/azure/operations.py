"""Long-running operations, as every ARM provider offers them.

A provider starts an operation with the work that its end does, and answers 202 with where to follow
it: the status resource (``Azure-AsyncOperation``), the result (``Location``) or both. An operation
ends by the clock; its work is done when the world is next looked at, before anybody can see it.
"""

from __future__ import annotations

import enum
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import hdrs, web
from yarl import URL

from .errors import ArmError
from .front import Call, Verb

_LOCATIONS: Final = "/subscriptions/{subscription}/providers/{provider}/locations/{location}"


class Follow(enum.Flag):
    """Which headers a 202 carries; services differ, and clients must cope with each."""

    STATUS = enum.auto()
    """``Azure-AsyncOperation``: a status document, always with HTTP 200."""
    RESULT = enum.auto()
    """``Location``: 202 until it is done, then the result or the error with its own HTTP status."""


@dataclass(frozen=True, slots=True)
class Failure:
    """How an operation fails: the inner code and message, and the HTTP status at ``Location``."""

    code: str
    message: str
    status: int = 409


Outcome = dict[str, Any] | Failure | None
"""What an operation ends with: the resource it made, why it failed, or nothing to show."""


@dataclass(slots=True)
class Operation:
    """One long-running operation."""

    provider: str
    location: str
    due: float
    finish: Callable[[], Outcome]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "InProgress"
    outcome: Outcome = None
    started: str = field(default_factory=lambda: _now())
    ended: str | None = None

    def conclude(self, status: str, outcome: Outcome) -> None:
        """End the operation; the first end stands."""
        if self.ended is None:
            self.status, self.outcome, self.ended = status, outcome, _now()


class Operations:
    """All operations, running and ended."""

    def __init__(
        self,
        *,
        subscription_id: str,
        duration_s: float,
        retry_after_s: int,
        clock: Callable[[], float],
    ) -> None:
        """Hold no operation yet.

        Args:
            subscription_id: whose operations these are.
            duration_s: how long each takes, in seconds.
            retry_after_s: the ``Retry-After`` of each answer, in whole seconds; 0 leaves it out.
            clock: a monotonic clock, in seconds.
        """
        self._subscription = subscription_id
        self._duration_s = duration_s
        self._retry_after_s = retry_after_s
        self._clock = clock
        self._operations: dict[str, Operation] = {}

    def verbs(self) -> list[Verb]:
        """The two ways to follow an operation."""
        return [
            Verb(hdrs.METH_GET, f"{_LOCATIONS}/operationStatuses/{{operation}}", self._status),
            Verb(hdrs.METH_GET, f"{_LOCATIONS}/asyncoperations/{{operation}}", self._result),
        ]

    def start(self, provider: str, location: str, finish: Callable[[], Outcome]) -> Operation:
        """Start an operation; ``finish`` does its work when its time has come."""
        operation = Operation(provider, location, self._clock() + self._duration_s, finish)
        self._operations[operation.id] = operation
        return operation

    def accepted(self, call: Call, operation: Operation, follow: Follow) -> web.Response:
        """The 202 that tells where to follow the operation."""
        response = web.Response(status=202, headers=self._retry_after())
        links = {
            Follow.STATUS: ("Azure-AsyncOperation", "operationStatuses", {}),
            Follow.RESULT: (hdrs.LOCATION, "asyncoperations", {"monitor": "true"}),
        }
        for way, (header, segment, query) in links.items():
            if way in follow:
                query = {**query, "api-version": call.request.query["api-version"]}
                path = (
                    f"/subscriptions/{self._subscription}/providers/{operation.provider}"
                    f"/locations/{operation.location}/{segment}/{operation.id}"
                )
                link = call.request.url.origin().join(URL(path)).with_query(query)
                response.headers[header] = str(link)
        return response

    def cancel(self, operation_id: str) -> None:
        """End a running operation as Canceled; its work is not done.

        Raises:
            KeyError: there is no such operation.
        """
        self._operations[operation_id].conclude("Canceled", None)

    def settle(self) -> None:
        """Do the work of every operation whose time has come, the earliest first."""
        now = self._clock()
        due = [each for each in self._operations.values() if each.ended is None and each.due <= now]
        for operation in sorted(due, key=lambda each: each.due):
            outcome = operation.finish()
            failed = isinstance(outcome, Failure)
            operation.conclude("Failed" if failed else "Succeeded", outcome)

    def reset(self) -> None:
        """Forget all operations, running ones undone."""
        self._operations.clear()

    def _find(self, call: Call) -> Operation:
        found = self._operations.get(call.values["operation"])
        if found is None or found.provider.lower() != call.values["provider"].lower():
            raise ArmError(
                404,
                "OperationNotFound",
                f"The operation '{call.values['operation']}' could not be found.",
            )
        return found

    def _status(self, call: Call) -> web.Response:
        operation = self._find(call)
        document: dict[str, Any] = {
            "id": call.request.path,
            "name": operation.id,
            "status": operation.status,
            "startTime": operation.started,
        }
        if operation.ended is not None:
            document["endTime"] = operation.ended
        failure = _failure(operation)
        if failure is not None:
            document["error"] = {"code": failure.code, "message": failure.message}
        headers = self._retry_after() if operation.ended is None else {}
        return web.json_response(document, headers=headers)

    def _result(self, call: Call) -> web.Response:
        operation = self._find(call)
        if operation.ended is None:
            headers = {hdrs.LOCATION: str(call.request.url), **self._retry_after()}
            return web.Response(status=202, headers=headers)
        failure = _failure(operation)
        if failure is not None:
            raise ArmError(failure.status, failure.code, failure.message)
        if isinstance(operation.outcome, dict):
            return web.json_response(operation.outcome)
        return web.Response(status=200)

    def _retry_after(self) -> dict[str, str]:
        return {hdrs.RETRY_AFTER: str(self._retry_after_s)} if self._retry_after_s else {}


def _failure(operation: Operation) -> Failure | None:
    if operation.status == "Canceled":
        return Failure("OperationCanceled", "The operation was canceled.")
    return operation.outcome if isinstance(operation.outcome, Failure) else None


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
