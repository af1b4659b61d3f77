"""`prometheus.expect`: every sample of a query compares as expected.

Read-only. An empty result is not zero: it is no evidence, and does not satisfy any comparison.
"""

import asyncio
import operator
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from enum import StrEnum
from math import isnan
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from ..workflows.model.document import Document
from ..workflows.model.errors import (
    ActionError,
    InvalidInput,
    TemporaryError,
    Unavailable,
    VerificationFailed,
)
from ..workflows.model.step import Applied, Evidence, Observation, Qualification
from .action import Action, Call, Probed, Undo
from .answers import refusal
from .polling import Look, poll

if TYPE_CHECKING:
    import httpx

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 2.0, 5.0
PROBES_AT_ONCE = 16


class Comparison(StrEnum):
    """How a sample is compared with the value, the sample on the left."""

    LESS = "<"
    AT_MOST = "<="
    EQUAL = "=="
    NOT_EQUAL = "!="
    AT_LEAST = ">="
    GREATER = ">"


_HOLDS: dict[Comparison, Callable[[float, float], bool]] = {
    Comparison.LESS: operator.lt,
    Comparison.AT_MOST: operator.le,
    Comparison.EQUAL: operator.eq,
    Comparison.NOT_EQUAL: operator.ne,
    Comparison.AT_LEAST: operator.ge,
    Comparison.GREATER: operator.gt,
}


class ExpectPrometheusInputs(Document):
    """Inputs of `prometheus.expect`."""

    query: str = Field(min_length=1, max_length=10_000)
    """A PromQL expression that yields a scalar or an instant vector."""
    comparison: Comparison
    """How each sample compares with `value`."""
    value: float = Field(allow_inf_nan=False)

    @property
    def shown(self) -> str:
        """The expectation in one line."""
        return f"{self.query} {self.comparison} {self.value:g}"


class PrometheusConnections:
    """One client of one Prometheus per worker process, opened on first use."""

    def __init__(self, url: str | None, *, read_timeout_s: float = READ_TIMEOUT_S) -> None:
        """Keep the settings; nothing is opened.

        Args:
            url: the server's base URL; None if the worker was given none.
            read_timeout_s: how long an answer may be silent.
        """
        self._read_timeout_s = read_timeout_s
        self._url = url
        self._client: httpx.AsyncClient | None = None

    async def instant(self, query: str) -> list[float]:
        """The samples of an instant query.

        Raises:
            InvalidInput: no URL is configured, or the query is refused or yields no numbers.
            Unauthorized, NotFound, Throttled, Unavailable: as everywhere.
        """
        import httpx

        try:
            answer = await self._open().get("api/v1/query", params={"query": query})
            body = answer.json()
        except httpx.HTTPError as error:
            raise Unavailable(
                f"Prometheus does not answer ({type(error).__name__}); check that it runs and that"
                " HOLDFAST_PROMETHEUS_URL is right"
            ) from error
        except ValueError:
            body = {}
        try:
            if answer.status_code == httpx.codes.OK and body["status"] == "success":
                return _samples(body["data"], query)
        except (KeyError, IndexError, TypeError, ValueError):
            body = {}
        raise _refused(answer, body, query)

    async def close(self) -> None:
        """Close the client; the next use opens another."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _open(self) -> "httpx.AsyncClient":
        import httpx

        if not self._url:
            raise InvalidInput(
                "no Prometheus is configured; set HOLDFAST_PROMETHEUS_URL for the worker"
            )
        if self._client is None:
            timeout = httpx.Timeout(self._read_timeout_s, connect=CONNECT_TIMEOUT_S)
            try:
                self._client = httpx.AsyncClient(base_url=self._url, timeout=timeout)
            except httpx.InvalidURL as error:
                raise InvalidInput(f"HOLDFAST_PROMETHEUS_URL is not a URL: {error}") from None
        return self._client


def _refused(answer: "httpx.Response", body: Any, query: str) -> ActionError:
    said = str(body.get("error", "")) if isinstance(body, dict) else ""
    status = answer.status_code
    if status < 300:
        return Unavailable("Prometheus gave an answer that is not its own; is the URL a proxy's?")
    return refusal(
        status,
        doing=f"asking Prometheus for {query}",
        said=said,
        grant="let the worker read Prometheus at HOLDFAST_PROMETHEUS_URL",
        missing="HOLDFAST_PROMETHEUS_URL must be the base under which /api/v1/query lies",
        retry_after=answer.headers.get("Retry-After"),
    )


def _samples(data: Any, query: str) -> list[float]:
    kind, result = data["resultType"], data["result"]
    if kind == "scalar":
        return [float(result[1])]
    if kind == "vector":
        return [float(sample["value"][1]) for sample in result]
    raise InvalidInput(f"{query} yields a {kind}; write one that yields a scalar or a vector")


def compare(samples: Sequence[float], wanted: ExpectPrometheusInputs) -> Look:
    """Whether there are samples and every one compares as wanted; NaN never does."""
    if not samples:
        return Look(False, "no sample")
    holds = _HOLDS[wanted.comparison]
    broken = [s for s in samples if isnan(s) or not holds(s, wanted.value)]
    shown = ", ".join(f"{sample:g}" for sample in (broken or samples)[:3])
    if broken:
        return Look(False, f"{len(broken)} of {len(samples)} samples do not: {shown}")
    return Look(True, f"holds for {len(samples)} samples: {shown}")


class ExpectPrometheus(Action[ExpectPrometheusInputs]):
    """Every sample of a query compares as expected."""

    name: ClassVar[str] = "prometheus.expect"
    inputs_model = ExpectPrometheusInputs

    def __init__(self, connections: PrometheusConnections) -> None:
        """Use the process's connections."""
        self._connections = connections

    async def probe(self, steps: Sequence[Probed[ExpectPrometheusInputs]]) -> Sequence[Observation]:
        """Ask each query once; a refused query does not disqualify its neighbours."""
        slots = asyncio.Semaphore(PROBES_AT_ONCE)

        async def one(step: Probed[ExpectPrometheusInputs]) -> Observation:
            try:
                async with slots:
                    look = await self._look(step.inputs)
            except TemporaryError:
                raise
            except ActionError as error:
                return Observation(
                    step=step.step,
                    state=Applied.UNKNOWN,
                    qualification=Qualification.NOT_QUALIFIED,
                    reason=f"{type(error).__name__}: {error}",
                )
            return Observation(
                step=step.step,
                state=Applied.APPLIED if look.held else Applied.NOT_APPLIED,
                qualification=Qualification.QUALIFIED,
                reason=f"{step.inputs.shown}: {look.seen}",
                change=f"expect {step.inputs.shown}",
                expected_duration=timedelta(0) if look.held else None,
            )

        return await asyncio.gather(*(one(step) for step in steps))

    async def apply(self, call: Call[ExpectPrometheusInputs]) -> Evidence:
        """Ask until every sample compares as expected."""
        started, shown = time.monotonic(), call.inputs.shown
        last = await poll(
            lambda: self._look(call.inputs),
            call.remaining,
            lambda seen: call.heartbeat(f"{shown}: {seen}"),
        )
        seconds = round(time.monotonic() - started, 3)
        if not last.held:
            raise VerificationFailed(
                f"{shown}: {last.seen}, for {seconds:.1f} s; look at the query in Prometheus, then"
                " retry the step"
            )
        return Evidence(
            changed=False,
            sentence=f"{shown} {last.seen} after {seconds:.1f} s",
            details={"query": call.inputs.query, "seen": last.seen, "seconds": seconds},
        )

    async def revert(self, undo: Undo[ExpectPrometheusInputs]) -> Evidence:
        """Nothing: it only read."""
        return Evidence(changed=False, sentence=f"{undo.inputs.shown} was only read")

    async def _look(self, wanted: ExpectPrometheusInputs) -> Look:
        return compare(await self._connections.instant(wanted.query), wanted)


__all__ = ["Comparison", "ExpectPrometheus", "ExpectPrometheusInputs", "PrometheusConnections"]
