"""The clock of the recovery time objectives: what was used, what is left, when to warn.

It starts when the loss is detected. An objective counts as long as a service that has it is not
back; services with the same objective are warned of together, once at each share of it.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from .model.consent import PredictedFrom, RtoClockStatus
from .model.scalars import format_duration

WARNED_AT = (50, 80, 100)
"""Percent of an objective."""
MOST_NAMES = 5
"""Services in one sentence; the rest is counted."""
MOST_WARNINGS = 100
"""The latest; an estate may give each of its services an objective of its own."""


@dataclass(frozen=True)
class Prediction:
    """How long acting will take, as known before it begins."""

    seconds: float
    """Until the last service is back."""
    source: PredictedFrom
    """Where this number, the longest, comes from."""
    by_service: Mapping[str, float]


@dataclass(frozen=True)
class Due:
    """A warning that is to come."""

    at: datetime
    fraction: float
    services: tuple[str, ...]


def predicted(
    past_s: Mapping[str, Sequence[float]], expected_s: Mapping[str, float]
) -> Prediction | None:
    """How long acting will take: by past runs of each service, else by what its probes expect.

    Both are seconds from the first step's start until the service is back. None if nothing is
    known of any service.
    """
    known: dict[str, tuple[float, PredictedFrom]] = {
        service: (seconds, "probes") for service, seconds in expected_s.items()
    }
    for service, runs in past_s.items():
        if runs:
            known[service] = (median(runs), "past runs")
    if not known:
        return None
    seconds, source = max(known.values(), key=lambda each: each[0])
    return Prediction(seconds, source, {name: value for name, (value, _) in known.items()})


class RtoClock:
    """The time of one recovery, against the objectives of its services."""

    def __init__(
        self,
        detected_at: datetime,
        started_at: datetime,
        objectives: Mapping[str, timedelta],
        escalate_to: str | None = None,
    ) -> None:
        """Start the clock; services without an objective are left out of `objectives`."""
        # The clock that detected a loss may be ahead of ours.
        self._detected_at = min(detected_at, started_at)
        self._started_at = started_at
        self._objectives = dict(objectives)
        self._escalate_to = escalate_to
        self._groups: dict[timedelta, list[str]] = {}
        for service, objective in sorted(objectives.items(), key=lambda each: each[1]):
            self._groups.setdefault(objective, []).append(service)
        self._open = {objective: len(group) for objective, group in self._groups.items()}
        self._warned = dict.fromkeys(self._groups, 0)
        self._back_at: dict[str, datetime] = {}
        self._warnings: deque[str] = deque(maxlen=MOST_WARNINGS)
        self._decided_at: datetime | None = None
        self._acted_at: datetime | None = None
        self._verified_at: datetime | None = None
        self._prediction: Prediction | None = None

    def decided(self, at: datetime) -> None:
        """The first step is free to act; if that was decided anew, the last time counts."""
        self._decided_at = at

    def acted(self, at: datetime) -> None:
        """The last step that changes anything has ended."""
        self._acted_at = at

    def verified(self, at: datetime) -> None:
        """All was verified."""
        self._verified_at = at

    def came_back(self, service: str, at: datetime) -> None:
        """A service is recovered: its objective counts no more. Said twice, the first counts."""
        if service in self._objectives and service not in self._back_at:
            self._back_at[service] = at
            self._open[self._objectives[service]] -= 1

    def went_again(self, service: str) -> None:
        """A service that was back is not any more, as when it is rolled back."""
        if self._back_at.pop(service, None) is not None:
            self._open[self._objectives[service]] += 1

    def next_warning(self, now: datetime) -> Due | None:
        """The next warning, or one that is due already; none when all are said, or all is back."""
        upcoming = (
            Due(self._passes(objective, percent), percent / 100, self._waiting(objective))
            for objective in self._groups
            if self._open[objective] and (percent := self._next_percent(objective, now))
        )
        return min(upcoming, key=lambda each: each.at, default=None)

    def warn(self, at: datetime, waits_for: str = "") -> tuple[str, ...]:
        """The warnings that are due at a time, the tightest objective first; each only once.

        Where several shares of one objective have passed unsaid, only the largest is told.
        """
        said = []
        for objective in self._groups:
            percent = self._next_percent(objective, at) if self._open[objective] else None
            if percent is not None and self._passes(objective, percent) <= at:
                self._warned[objective] = percent
                said.append(self._warning(objective, at, waits_for))
        self._warnings.extend(said)
        return tuple(said)

    def foretell(self, prediction: Prediction, at: datetime) -> str:
        """Whether a recovery that begins to act now is predicted to meet its objectives."""
        self._prediction = prediction
        gone = at - self._detected_at
        told = f"predicted {_short(timedelta(seconds=prediction.seconds))} from {prediction.source}"
        if gone >= timedelta(seconds=1):
            told += f", after {_short(gone)} that are gone"
        if not self._objectives:
            return f"{told}; no service has an objective"
        ends = {
            name: gone + timedelta(seconds=prediction.by_service[name])
            for name in self._objectives
            if name in prediction.by_service
        }
        late = {
            name: end - self._objectives[name]
            for name, end in ends.items()
            if end > self._objectives[name]
        }
        unknown = [name for name in self._objectives if name not in ends]
        if late:
            each = [f"{name} by {_short(by)} ({self._written(name)})" for name, by in late.items()]
            told += f": too late for the objectives of {_listed(each)}"
        elif ends:
            name = max(ends, key=lambda name: ends[name] / self._objectives[name])
            share = ends[name] * 100 // self._objectives[name]
            told += f": inside the {self._written(name)} objective of {name} ({share} %)"
        return f"{told}; nothing is known of {_listed(unknown)}" if unknown else told

    def status(self, at: datetime) -> RtoClockStatus:
        """The clock at a time; of a recovery that has ended, at its end."""
        tightest = next((each for each in self._groups if self._open[each]), None)
        gone = at - self._detected_at
        prediction = self._prediction
        return RtoClockStatus(
            detected_at=self._detected_at,
            decided_at=self._decided_at,
            acted_at=self._acted_at,
            verified_at=self._verified_at,
            detect_s=(self._started_at - self._detected_at).total_seconds(),
            decide_s=_between(self._started_at, self._decided_at),
            act_s=_between(self._decided_at, self._acted_at),
            verify_s=_between(self._acted_at, self._verified_at),
            objective_s=tightest.total_seconds() if tightest else None,
            used=round(gone / tightest, 4) if tightest else None,
            left_s=(tightest - gone).total_seconds() if tightest else None,
            missed=tuple(name for name in self._objectives if self._is_missed(name, at)),
            predicted_s=prediction.seconds if prediction else None,
            predicted_from=prediction.source if prediction else None,
            warnings=tuple(self._warnings),
        )

    def _passes(self, objective: timedelta, percent: int) -> datetime:
        return self._detected_at + objective * percent / 100

    def _next_percent(self, objective: timedelta, now: datetime) -> int | None:
        unsaid = [percent for percent in WARNED_AT if percent > self._warned[objective]]
        passed = [percent for percent in unsaid if self._passes(objective, percent) <= now]
        return passed[-1] if passed else next(iter(unsaid), None)

    def _waiting(self, objective: timedelta) -> tuple[str, ...]:
        return tuple(name for name in self._groups[objective] if name not in self._back_at)

    def _warning(self, objective: timedelta, at: datetime, waits_for: str) -> str:
        gone = at - self._detected_at
        whose = f"{format_duration(objective)} objective of {_listed(self._waiting(objective))}"
        if gone >= objective:
            escalated = f"; escalated to {self._escalate_to}" if self._escalate_to else ""
            told = f"the {whose} is missed{escalated}"
        else:
            left = f"{_short(objective - gone)} left"
            told = f"{gone * 100 // objective} % of the {whose} is used ({left})"
        return f"{told}; it waits for {waits_for}" if waits_for else told

    def _is_missed(self, service: str, at: datetime) -> bool:
        deadline = self._passes(self._objectives[service], 100)
        back_at = self._back_at.get(service)
        return at >= deadline if back_at is None else back_at > deadline

    def _written(self, service: str) -> str:
        return format_duration(self._objectives[service])


def _between(since: datetime | None, until: datetime | None) -> float | None:
    return (until - since).total_seconds() if since and until else None


def _short(value: timedelta) -> str:
    # Nobody reads the milliseconds of minutes.
    seconds = value.total_seconds()
    return format_duration(timedelta(seconds=round(seconds, 0 if seconds >= 10 else 1)))


def _listed(names: Sequence[str]) -> str:
    told = ", ".join(names[:MOST_NAMES])
    return f"{told} and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else told
