"""How the lab serves a request: latency, faults, lost sites, and the status in the journal.

A mutating request runs to its end in a task of its own even when its client has gone: the effect of
a request that was delivered does not depend on whether somebody still waits for the answer.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from aiohttp import web

from .faults import Fault, Faults
from .journal import MUTATING, SITE, SYSTEM, TRAFFIC, Journal, noted
from .kubernetes.api import REVIEWS, trouble
from .link import LINK, ONE_WAY, Link, close

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Serving:
    """Serves requests; :data:`~.journal.SITE` and :data:`~.journal.SYSTEM` are set on them."""

    def __init__(self, journal: Journal, faults: Faults, latency_s: float) -> None:
        """Add ``latency_s`` to every answer, half on the way in and half on the way out."""
        self._journal = journal
        self._faults = faults
        self._one_way = latency_s / 2
        self._tasks: set[asyncio.Task[web.StreamResponse]] = set()

    async def serve(
        self, request: web.Request, handler: Handler, link: Link | None = None
    ) -> web.StreamResponse:
        """Serve one request over a site's link, or over none."""
        await request.read()
        # A proxy request's target is absolute: there the pattern may name the host as well.
        fault = self._faults.take(
            request.get(SYSTEM, "http"), request.get(SITE), request.method, request.raw_path
        )
        request[ONE_WAY] = self._one_way
        if link is not None:
            request[LINK] = link
        exchange = _Exchange(self._journal, self._faults, request, link, fault, self._one_way)
        if request.method not in MUTATING:
            return await exchange.run(handler)
        task = asyncio.create_task(exchange.run(handler))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            exchange.gone.set()
            raise

    @property
    def busy(self) -> int:
        """Return how many mutating requests are being served."""
        return len(self._tasks)

    async def stop(self) -> None:
        """Give up what is still being served."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class _Lost(Exception):
    """The answer will not be given."""


class _Exchange:
    """One request and what becomes of it."""

    def __init__(
        self,
        journal: Journal,
        faults: Faults,
        request: web.Request,
        link: Link | None,
        fault: Fault | None,
        one_way: float,
    ) -> None:
        self.gone = asyncio.Event()
        self._journal = journal
        self._faults = faults
        self._request = request
        self._link = link
        self._losses = link.losses if link is not None else 0
        self._fault = fault
        self._one_way = one_way

    @property
    def _reads(self) -> bool:
        return self._request.method not in MUTATING

    async def run(self, handler: Handler) -> web.StreamResponse:
        try:
            response = await self._effect(handler)
            await self._after_effect()
            return await self._send(response)
        except _Lost:
            self._note_unless_noted()
            close(self._request)
            return web.Response()

    async def _effect(self, handler: Handler) -> web.StreamResponse:
        if self._link is not None and self._link.lost:
            await self._until(self._link.until_restored())
            raise _Lost
        await self._travel()
        fault = self._fault
        match fault.behaviour if fault else None:
            case "error" | "throttle" if fault:
                return _refusal(self._request.get(SYSTEM, "http"), fault)
            case "delay" if fault:
                await asyncio.sleep(fault.seconds)
                await self._reach()
            case "hang" if fault and (fault.when == "before" or self._reads):
                self._note_unless_noted()
                await self._hang()
            case "drop_answer" if self._reads:
                # A read has no effect to wait for, and a watch would stream its answer meanwhile.
                raise _Lost
        try:
            return await handler(self._request)
        except web.HTTPException as error:
            return error
        except ConnectionError:
            # A stream's client has gone, or its site was lost under it.
            raise _Lost from None

    async def _after_effect(self) -> None:
        fault = self._fault
        if fault is not None and fault.behaviour == "drop_answer":
            raise _Lost
        if fault is not None and fault.behaviour == "hang" and fault.when == "after":
            await self._hang()
        await self._travel()

    async def _travel(self) -> None:
        if self._one_way:
            await asyncio.sleep(self._one_way)
        await self._reach()

    async def _reach(self) -> None:
        """Go on only if the site was there all the time; what was on its way is lost for good."""
        if self._link is None or self._link.losses == self._losses:
            return
        await self._until(self._link.until_restored())
        raise _Lost

    async def _hang(self) -> None:
        await self._until(self._faults.lifted.wait())
        raise _Lost

    async def _until(self, freed: Coroutine[Any, Any, object]) -> None:
        """Wait until freed, or until the client has gone."""
        waits = {asyncio.ensure_future(freed), asyncio.ensure_future(self.gone.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _send(self, response: web.StreamResponse) -> web.StreamResponse:
        self._note_unless_noted()
        try:
            await response.prepare(self._request)
            await response.write_eof()
        except ConnectionError:
            return response
        entry = noted(self._request)
        if entry is not None:
            entry.status = response.status
        return response

    def _note_unless_noted(self) -> None:
        request = self._request
        asks = TRAFFIC in request or request.get(SYSTEM) == "prometheus" or request.path == REVIEWS
        if request.method not in MUTATING or asks:
            return
        if noted(request) is None:
            self._journal.record(request)


def _refusal(system: str, fault: Fault) -> web.Response:
    throttled = fault.behaviour == "throttle"
    status = 429 if throttled else fault.status
    said = "too many requests, please try again later" if throttled else "injected by the lab"
    headers = {"Retry-After": str(math.ceil(fault.seconds))} if throttled else None
    document: dict[str, Any]
    match system:
        case "kubernetes":
            document = trouble(status, said)
            if throttled:
                document["details"] = {"retryAfterSeconds": math.ceil(fault.seconds)}
        case "azure":
            document = {"error": {"code": _arm_code(status), "message": said}}
        case "prometheus":
            document = {"status": "error", "errorType": "internal", "error": said}
        case _:
            return web.Response(text=said, status=status, headers=headers)
    return web.Response(
        text=json.dumps(document), status=status, headers=headers, content_type="application/json"
    )


def _arm_code(status: int) -> str:
    codes = {
        400: "BadRequest",
        401: "AuthenticationFailed",
        403: "AuthorizationFailed",
        404: "ResourceNotFound",
        409: "Conflict",
        412: "PreconditionFailed",
        429: "TooManyRequests",
        503: "ServiceUnavailable",
        504: "GatewayTimeout",
    }
    return codes.get(status, "InternalServerError")
