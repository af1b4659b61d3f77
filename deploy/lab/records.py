"""The records of one service: what each site holds of them, and how they follow from site to site.

One site is the primary, from which records flow to the standbys: the site that became active last,
and when none is active any more the one that was. A site that stays active beside a newer primary
gets nothing and gives nothing: what is written there stays there. Once it is a standby again it is
brought to the primary's state, and what only it has is kept aside, not dropped.

Pure: times are given, in the seconds of one clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Copy:
    """What one site holds: record ids in order of arrival, and when a client wrote each."""

    held: dict[str, float] = field(default_factory=dict)
    aside: dict[str, float] = field(default_factory=dict)
    """Records that a resync found here and not at the primary."""

    @property
    def last(self) -> str | None:
        """Return the id that arrived last."""
        return next(reversed(self.held), None)

    def take(self, id: str, at: float) -> None:
        """Hold a record."""
        self.held[id] = at
        self.aside.pop(id, None)


class Records:
    """The records of one service at the sites that have its workload."""

    def __init__(self, sites: Iterable[str], active: Iterable[str], primary: str) -> None:
        """Start empty.

        Args:
            sites: where the service has a workload.
            active: those where it runs, the one that started last at the end.
            primary: whose records flow while it runs nowhere.
        """
        self.sites = tuple(sites)
        self._copies = {site: Copy() for site in self.sites}
        self._active = list(active)
        self._primary = primary
        self._written = False
        self._missing: dict[str, deque[str]] = {}
        """What a target has yet to get, by target; absent until it has been compared."""

    @property
    def primary(self) -> str:
        """Return the site from which records flow."""
        return self._active[-1] if self._active else self._primary

    @property
    def empty(self) -> bool:
        """Return whether no record was ever written."""
        return not self._written

    def copy(self, site: str) -> Copy:
        """Return what a site holds; raise ``KeyError`` for one without the workload."""
        return self._copies[site]

    def active(self, site: str) -> bool:
        """Return whether the service takes writes at the site."""
        return site in self._active

    def set_active(self, site: str, active: bool) -> None:
        """Say whether the service takes writes at a site, in the order in which it happens."""
        if active == (site in self._active):
            return
        before = self.primary
        if active:
            self._active.append(site)
        else:
            self._primary = before
            self._active.remove(site)
        if self.primary != before:
            # What was written beside the new primary is found only by comparing.
            self._missing.clear()

    def write(self, site: str, id: str, at: float) -> bool:
        """Take a client's record at a site; return whether it is new there."""
        copy = self._copies[site]
        if id in copy.held:
            return False
        copy.take(id, at)
        self._written = True
        if site == self.primary:
            for missing in self._missing.values():
                missing.append(id)
        return True

    def flow(self, now: float, delay: float, connected: Callable[[str, str], bool]) -> float | None:
        """Bring to every standby what it is due; return when the next record is, or None.

        Args:
            now: the time.
            delay: how old a record is when it arrives.
            connected: whether two sites reach each other.
        """
        if self.empty:
            return None
        source = self._copies[self.primary]
        due = None
        for site, copy in self._copies.items():
            if site == self.primary or site in self._active or not connected(self.primary, site):
                continue
            if site not in self._missing:
                self._missing[site] = _resync(source, copy)
            missing = self._missing[site]
            while missing and source.held[missing[0]] + delay <= now:
                id = missing.popleft()
                copy.take(id, source.held[id])
            if missing:
                next_due = source.held[missing[0]] + delay
                due = next_due if due is None else min(due, next_due)
        return due

    def lag(self, source: str, target: str, now: float) -> float:
        """Return the age in seconds of the oldest record of a source that a target lacks, or 0."""
        held, there = self._copies[source].held, self._copies[target].held
        return max((now - at for id, at in held.items() if id not in there), default=0.0)

    def divergent(self, source: str, target: str) -> list[str]:
        """Return the records that a target has, aside or not, and a source lacks."""
        held, there = self._copies[source].held, self._copies[target]
        return [id for id in (*there.held, *there.aside) if id not in held]


def _resync(source: Copy, target: Copy) -> deque[str]:
    """Set aside what only the target holds; return what it lacks."""
    for id in [id for id in target.held if id not in source.held]:
        target.aside[id] = target.held.pop(id)
    return deque(id for id in source.held if id not in target.held)
