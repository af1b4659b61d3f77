"""`http.expect`: a URL answers as expected.

Read-only: it proves that a service is there for its users, and changes nothing. A URL that does not
answer yet is no reason to refuse a recovery, it is the reason for it.
"""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from ..workflows.model.document import Document
from ..workflows.model.errors import InvalidInput, VerificationFailed
from ..workflows.model.scalars import Duration
from ..workflows.model.step import Applied, Evidence, Observation, Qualification
from .action import Action, Call, Probed, Undo
from .polling import Look, poll

if TYPE_CHECKING:
    import httpx

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 2.0, 5.0
BODY_BYTES_MAX = 1 << 20
PROBES_AT_ONCE = 16


def _web_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"not a URL ({error}); write it like https://host/path") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an http or https URL; write it like https://host/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError("carries a user name or password; an estate file holds no secrets")
    return value


class ExpectHttpInputs(Document):
    """Inputs of `http.expect`."""

    url: Annotated[str, Field(max_length=2048), AfterValidator(_web_url)]
    """Where to ask, with GET; redirects are not followed."""
    status: int = Field(default=200, ge=100, le=599)
    """The status expected."""
    contains: str | None = Field(default=None, min_length=1, max_length=10_000)
    """A text expected in the first MiB of the body."""
    within: Duration | None = None
    """How long to go on asking; without it, until the step's deadline."""

    @property
    def shown(self) -> str:
        """The URL without its query, which may hold a secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"


class HttpConnections:
    """One HTTP client per worker process, opened on first use."""

    def __init__(self, proxy: str | None = None, *, read_timeout_s: float = READ_TIMEOUT_S) -> None:
        """Keep the settings; nothing is opened.

        Args:
            proxy: URL of a proxy for every request; None takes the environment's (HTTPS_PROXY).
            read_timeout_s: how long an answer may be silent.
        """
        self._read_timeout_s = read_timeout_s
        self._proxy = proxy
        self._client: httpx.AsyncClient | None = None

    async def look(self, wanted: ExpectHttpInputs) -> Look:
        """Ask once; whatever keeps an answer away is something seen, not an error.

        Raises:
            InvalidInput: the configured proxy is none.
        """
        import httpx

        client = self._open()
        try:
            # The client's own limits are between bytes; a body may trickle in for ever.
            async with asyncio.timeout(CONNECT_TIMEOUT_S + 2 * self._read_timeout_s):
                async with client.stream("GET", wanted.url) as answer:
                    return await _compare(answer, wanted)
        except (httpx.TimeoutException, TimeoutError):
            return Look(False, "no answer in time")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Look(False, f"no answer ({type(error).__name__})")

    def _open(self) -> "httpx.AsyncClient":
        import httpx

        if self._client is None:
            timeout = httpx.Timeout(self._read_timeout_s, connect=CONNECT_TIMEOUT_S)
            try:
                self._client = httpx.AsyncClient(proxy=self._proxy, timeout=timeout)
            except (httpx.InvalidURL, ValueError):
                # Its own message may repeat the URL, and with it a password.
                raise InvalidInput(
                    "HOLDFAST_HTTP_PROXY is not the URL of a proxy; write it like http://host:port"
                ) from None
        return self._client

    async def close(self) -> None:
        """Close the client; the next use opens another."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


async def _compare(answer: "httpx.Response", wanted: ExpectHttpInputs) -> Look:
    if answer.status_code != wanted.status:
        return Look(False, f"answered {answer.status_code}, {wanted.status} expected")
    if wanted.contains is None:
        return Look(True, f"answered {answer.status_code}")
    body = bytearray()
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) >= BODY_BYTES_MAX:
            break
    if wanted.contains in body[:BODY_BYTES_MAX].decode(answer.encoding or "utf-8", "replace"):
        return Look(True, f"answered {answer.status_code} with the expected text")
    return Look(False, f"answered {answer.status_code} without the expected text")


class ExpectHttp(Action[ExpectHttpInputs]):
    """A URL answers as expected."""

    name: ClassVar[str] = "http.expect"
    inputs_model = ExpectHttpInputs

    def __init__(self, connections: HttpConnections) -> None:
        """Use the process's connections."""
        self._connections = connections

    async def probe(self, steps: Sequence[Probed[ExpectHttpInputs]]) -> Sequence[Observation]:
        """Ask each URL once."""
        slots = asyncio.Semaphore(PROBES_AT_ONCE)

        async def one(step: Probed[ExpectHttpInputs]) -> Observation:
            async with slots:
                look = await self._connections.look(step.inputs)
            return Observation(
                step=step.step,
                state=Applied.APPLIED if look.held else Applied.NOT_APPLIED,
                qualification=Qualification.QUALIFIED,
                reason=f"{step.inputs.shown} {look.seen}",
                change=f"expect {step.inputs.status} from {step.inputs.shown}",
                expected_duration=timedelta(0) if look.held else None,
            )

        return await asyncio.gather(*(one(step) for step in steps))

    async def apply(self, call: Call[ExpectHttpInputs]) -> Evidence:
        """Ask until the answer is as expected."""
        started, asked = time.monotonic(), 0
        shown, within = call.inputs.shown, call.inputs.within

        async def look() -> Look:
            nonlocal asked
            asked += 1
            return await self._connections.look(call.inputs)

        def remaining() -> timedelta:
            if within is None:
                return call.remaining()
            own = within - timedelta(seconds=time.monotonic() - started)
            return max(min(own, call.remaining()), timedelta(0))

        last = await poll(look, remaining, lambda seen: call.heartbeat(f"{shown} {seen}"))
        seconds = round(time.monotonic() - started, 3)
        if not last.held:
            raise VerificationFailed(
                f"{shown} {last.seen} for {seconds:.1f} s; look at the service behind it, then"
                " retry the step"
            )
        return Evidence(
            changed=False,
            sentence=f"{shown} {last.seen} after {seconds:.1f} s",
            details={
                "url": shown,
                "status": call.inputs.status,
                "seconds": seconds,
                "asked": asked,
            },
        )

    async def revert(self, undo: Undo[ExpectHttpInputs]) -> Evidence:
        """Nothing: it only read."""
        return Evidence(changed=False, sentence=f"{undo.inputs.shown} was only read")


__all__ = ["ExpectHttp", "ExpectHttpInputs", "HttpConnections"]
