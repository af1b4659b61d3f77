"""The Prometheus query API over the live world.

Four gauges: ``up``, ``holdfast_lab_ready_replicas`` and ``holdfast_lab_wanted_replicas`` by service
and site, and ``holdfast_lab_site_reachable`` by site; exporters add theirs. A lost site cannot be
scraped: ``up`` is 0 there, and its replica gauges are absent, not zero. The lab keeps no history,
so every instant reads as now. The query language is what :mod:`.promql` says; the answers have
Prometheus' own shapes.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from .promql import NAME, Matcher, Sample, evaluate
from .promql_parser import BadQuery, parse

if TYPE_CHECKING:
    from .parts import Exporter, Health

MAX_POINTS: Final = 11_000
_SERVICE_METRICS: Final = ("up", "holdfast_lab_ready_replicas", "holdfast_lab_wanted_replicas")
_SITE_METRIC: Final = "holdfast_lab_site_reachable"
_UNITS_S: Final = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION: Final = re.compile(r"(\d{1,12})(ms|[smhdw])")


class PrometheusApi:
    """Serves the query API."""

    system = "prometheus"

    def __init__(
        self,
        health: Health,
        *,
        placements: Iterable[tuple[str, str]] | None = None,
        exporters: Sequence[Exporter] = (),
        prefix: str = "",
    ) -> None:
        """Watch the world.

        Args:
            health: what the scrapes see. placements: the (service, site) pairs that have series;
            None for each service at each site. exporters: who else tells. prefix: the path before
            ``/api`` and ``/-/``, as Prometheus' own route prefix.
        """
        self._health = health
        self._exporters = tuple(exporters)
        self._placements = None if placements is None else sorted(set(placements))
        self._prefix = prefix.rstrip("/")

    def routes(self) -> list[web.RouteDef]:
        """The query API and the probes of the server itself."""
        api = f"{self._prefix}/api/v1"
        return [
            web.get(f"{api}/query", self._query),
            web.post(f"{api}/query", self._query),
            web.get(f"{api}/query_range", self._query_range),
            web.post(f"{api}/query_range", self._query_range),
            web.get(f"{api}/labels", self._labels),
            web.get(f"{api}/label/{{name}}/values", self._label_values),
            web.get(f"{api}/status/buildinfo", self._build_info),
            web.get(f"{self._prefix}/-/ready", _says("Prometheus Server is Ready.\n")),
            web.get(f"{self._prefix}/-/healthy", _says("Prometheus Server is Healthy.\n")),
        ]

    def state(self, *, canonical: bool) -> dict[str, Any]:
        """Nothing: the gauges only mirror other parts."""
        return {}

    def reset(self) -> None:
        """Nothing to go back to."""

    async def _query(self, request: web.Request) -> web.Response:
        given = await _parameters(request)
        try:
            at = _timestamp("time", given.get("time"))
            value = self._evaluate(given.get("query", ""))
        except BadQuery as refusal:
            return _bad_data(str(refusal))
        if isinstance(value, float):
            return _success({"resultType": "scalar", "result": _point(at, value)})
        result = [{"metric": labels, "value": _point(at, number)} for labels, number in value]
        return _success({"resultType": "vector", "result": result})

    async def _query_range(self, request: web.Request) -> web.Response:
        given = await _parameters(request)
        try:
            instants = _instants(given)
            value = self._evaluate(given.get("query", ""))
        except BadQuery as refusal:
            return _bad_data(str(refusal))
        series: list[Sample] = [({}, value)] if isinstance(value, float) else value
        result = [
            {"metric": labels, "values": [_point(at, number) for at in instants]}
            for labels, number in series
        ]
        return _success({"resultType": "matrix", "result": result})

    async def _labels(self, _: web.Request) -> web.Response:
        names = {name for labels in self._all_labels() for name in labels}
        return _success(sorted(names))

    async def _label_values(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        values = {labels[name] for labels in self._all_labels() if name in labels}
        return _success(sorted(values))

    async def _build_info(self, _: web.Request) -> web.Response:
        return _success({"version": "3.0.0", "revision": "lab", "branch": "lab", "goVersion": ""})

    def _evaluate(self, query: str) -> float | list[Sample]:
        try:
            return evaluate(parse(query), self._series)
        except BadQuery as refusal:
            raise BadQuery(f'invalid parameter "query": {refusal}') from refusal

    def _all_labels(self) -> Iterator[Mapping[str, str]]:
        yield from (labels for labels, _value in self._own_series(_anything))
        for exporter in self._exporters:
            yield from exporter.labels()

    def _series(self, matchers: Sequence[Matcher]) -> Iterator[Sample]:
        """The series that may match: labels are judged before the world is asked for a value."""

        def wanted(label: str, value: str) -> bool:
            return all(each.accepts(value) for each in matchers if each.label == label)

        yield from self._own_series(wanted)
        for exporter in self._exporters:
            yield from exporter.series(wanted)

    def _own_series(self, wanted: Callable[[str, str], bool]) -> Iterator[Sample]:
        health = self._health
        if wanted(NAME, _SITE_METRIC):
            for site in filter(lambda each: wanted("site", each), health.sites()):
                yield {NAME: _SITE_METRIC, "site": site}, float(health.reachable(site))
        metrics = [metric for metric in _SERVICE_METRICS if wanted(NAME, metric)]
        if not metrics:
            return
        for service, site in self._places():
            if wanted("service", service) and wanted("site", site):
                for metric in metrics:
                    value = self._gauge(metric, service, site)
                    if value is not None:
                        yield {NAME: metric, "service": service, "site": site}, value

    def _places(self) -> Iterable[tuple[str, str]]:
        if self._placements is not None:
            return self._placements
        sites = self._health.sites()
        return ((service, site) for service in self._health.services() for site in sites)

    def _gauge(self, metric: str, service: str, site: str) -> float | None:
        if metric == "up":
            return float(self._health.healthy(service, site))
        if not self._health.reachable(site):
            return None
        if metric == "holdfast_lab_ready_replicas":
            return float(self._health.ready_replicas(service, site))
        return float(self._health.wanted_replicas(service, site))


def _anything(_label: str, _value: str) -> bool:
    return True


def _says(text: str) -> Callable[[web.Request], Any]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=text)

    return answer


async def _parameters(request: web.Request) -> Mapping[str, str]:
    """The parameters of the URL and, in a POST, of the form, which win."""
    given = dict(request.query)
    if request.method == "POST":
        form = await request.post()
        given |= {name: value for name, value in form.items() if isinstance(value, str)}
    return given


def _instants(given: Mapping[str, str]) -> list[float]:
    start, end = (
        _timestamp("start", given.get("start", "")),
        _timestamp("end", given.get("end", "")),
    )
    if end < start:
        raise BadQuery('invalid parameter "end": end timestamp must not be before start time')
    step = _seconds(given.get("step", ""))
    if step <= 0:
        raise BadQuery(
            'invalid parameter "step": zero or negative query resolution step widths are not '
            "accepted. Try a positive integer"
        )
    if (end - start) / step >= MAX_POINTS:
        raise BadQuery(
            f"exceeded maximum resolution of {MAX_POINTS:,} points per timeseries. Try decreasing "
            "the query resolution (?step=XX)"
        )
    return [start + step * index for index in range(int((end - start) / step) + 1)]


def _timestamp(name: str, given: str | None) -> float:
    """Unix seconds or RFC 3339; now when it is not given at all."""
    if given is None:
        return time.time()
    try:
        at = float(given)
    except ValueError:
        try:
            at = datetime.fromisoformat(given).timestamp()
        except (ValueError, OverflowError):
            at = math.nan
    if not math.isfinite(at):
        raise BadQuery(f'invalid parameter "{name}": cannot parse "{given}" to a valid timestamp')
    return at


def _seconds(given: str) -> float:
    """Seconds as a number, or a duration like ``1m30s``."""
    try:
        seconds = float(given)
    except ValueError:
        if not given or not re.fullmatch(f"({_DURATION.pattern})+", given):
            seconds = math.nan
        else:
            seconds = sum(int(count) * _UNITS_S[unit] for count, unit in _DURATION.findall(given))
    if not math.isfinite(seconds):
        raise BadQuery(f'invalid parameter "step": cannot parse "{given}" to a valid duration')
    return seconds


def _point(at: float, value: float) -> list[float | str]:
    return [round(at, 3), _text(value)]


def _text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value.is_integer() else repr(value)


def _success(data: Any) -> web.Response:
    return web.json_response({"status": "success", "data": data})


def _bad_data(error: str) -> web.Response:
    return web.json_response(
        {"status": "error", "errorType": "bad_data", "error": error}, status=400
    )
