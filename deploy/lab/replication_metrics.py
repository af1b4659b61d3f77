"""How replication is measured: three gauges for the Prometheus query API.

``replication_lag_seconds`` is the age of the oldest record that ``source`` holds and ``target``
lacks, 0 if there is none; ``replication_divergent_records`` counts what ``target`` holds, aside or
not, and ``source`` lacks; ``lab_records`` counts what a site holds. A site that cannot be reached
cannot be measured: what is about it is absent, not zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import TYPE_CHECKING, Final

from .promql import NAME, Sample

if TYPE_CHECKING:
    from .parts import Health
    from .replication import Replication

_LAG: Final = "replication_lag_seconds"
_DIVERGENT: Final = "replication_divergent_records"
_HELD: Final = "lab_records"


class ReplicationMetrics:
    """Tells of the records of every service: an :class:`~.parts.Exporter`."""

    def __init__(self, health: Health, replication: Replication) -> None:
        """Measure these records, where the world can be reached."""
        self._health = health
        self._replication = replication

    def labels(self) -> Iterator[dict[str, str]]:
        """Return every label value that a series can have, without the product of all pairs."""
        for service in self._replication.services():
            sites = self._replication.records(service).sites
            for site in sites:
                yield {NAME: _HELD, "service": service, "site": site}
                if len(sites) > 1:
                    for metric in (_LAG, _DIVERGENT):
                        yield {NAME: metric, "service": service, "source": site, "target": site}

    def series(self, wanted: Callable[[str, str], bool]) -> Iterator[Sample]:
        """Return the series whose labels are wanted, one label asked for at a time."""
        held = wanted(NAME, _HELD)
        metrics = [metric for metric in (_LAG, _DIVERGENT) if wanted(NAME, metric)]
        if not held and not metrics:
            return
        for service in self._replication.services():
            if not wanted("service", service):
                continue
            if held:
                yield from self._held(service, wanted)
            if metrics:
                yield from self._between(service, metrics, wanted)

    def _held(self, service: str, wanted: Callable[[str, str], bool]) -> Iterator[Sample]:
        records = self._replication.records(service)
        for site in records.sites:
            if wanted("site", site) and self._health.reachable(site):
                labels = {NAME: _HELD, "service": service, "site": site}
                yield labels, float(len(records.copy(site).held))

    def _between(
        self, service: str, metrics: list[str], wanted: Callable[[str, str], bool]
    ) -> Iterator[Sample]:
        records = self._replication.records(service)
        sources = [site for site in records.sites if wanted("source", site)]
        targets = [site for site in records.sites if sources and wanted("target", site)]
        reached = {site for site in {*sources, *targets} if self._health.reachable(site)}
        for source, target in product(sources, targets):
            if source == target or not reached >= {source, target}:
                continue
            for metric in metrics:
                labels = {NAME: metric, "service": service, "source": source, "target": target}
                if metric == _LAG:
                    yield labels, self._replication.lag(service, source, target)
                else:
                    yield labels, float(len(records.divergent(source, target)))
