"""The journal: every mutating request in the order in which it touched the world.

It is the oracle of the reliability tests, so it promises two things. An entry is appended at the
very moment of the change, so ``seq`` is the order of application even where answers are late or
lost. And ``status`` is set only once an answer has gone out: an entry whose ``status`` is null is a
request whose sender cannot know what became of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

MUTATING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})

SITE: Final = web.RequestKey("site", str)
"""The site a request is for, absent where no site owns the system. Set by whoever mounts it."""
SYSTEM: Final = web.RequestKey("system", str)
"""The system a request is for; absent means ``http``. Set by whoever mounts it."""
TRAFFIC: Final = web.RequestKey("traffic", bool)
"""Set where a client sends something to a service: data, which no recovery changes the world by."""


@dataclass(slots=True)
class Entry:
    """One mutating request; everything but ``status`` is fixed when it is appended."""

    seq: int
    at: str
    site: str | None
    system: str
    method: str
    path: str
    key: str | None
    epoch: int | None
    status: int | None
    applied: bool
    before: Any
    after: Any

    def document(self) -> dict[str, Any]:
        """Return the entry as the admin API shows it."""
        return {
            "seq": self.seq,
            "at": self.at,
            "site": self.site,
            "system": self.system,
            "method": self.method,
            "path": self.path,
            "key": self.key,
            "epoch": self.epoch,
            "status": self.status,
            "applied": self.applied,
            "before": self.before,
            "after": self.after,
        }


class Journal:
    """The entries since the last reset; ``seq`` starts at 1 and never goes back, not even then."""

    def __init__(self) -> None:
        """Start empty."""
        self._entries: list[Entry] = []
        self._seq = 0

    def record(
        self,
        request: web.Request,
        *,
        key: str | None = None,
        epoch: int | None = None,
        before: Any = None,
        after: Any = None,
        applied: bool = False,
    ) -> None:
        """Append one entry for a request; see :func:`note`."""
        request[_ENTRY] = self.append(
            site=request.get(SITE),
            system=request.get(SYSTEM, "http"),
            method=request.method,
            path=request.path,
            key=key,
            epoch=epoch,
            applied=applied,
            before=before,
            after=after,
        )

    def append(
        self,
        *,
        site: str | None,
        system: str,
        method: str,
        path: str,
        key: str | None,
        before: Any,
        after: Any,
        epoch: int | None = None,
        applied: bool = True,
    ) -> Entry:
        """Append an entry, of a request or of what somebody at a site did without one."""
        self._seq += 1
        entry = Entry(
            seq=self._seq,
            at=datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            site=site,
            system=system,
            method=method,
            path=path,
            key=key,
            epoch=epoch,
            status=None,
            applied=applied,
            before=before,
            after=after,
        )
        self._entries.append(entry)
        return entry

    def since(self, seq: int) -> list[Entry]:
        """Return the entries with a higher sequence number than ``seq``, in order."""
        first = self._seq - len(self._entries)
        return self._entries[max(0, seq - first) :]

    def clear(self) -> None:
        """Forget the entries; the numbering goes on."""
        self._entries.clear()


JOURNAL: Final = web.AppKey("journal", Journal)
_ENTRY: Final = web.RequestKey("entry", Entry)


def note(
    request: web.Request,
    *,
    key: str | None,
    epoch: int | None,
    before: Any,
    after: Any,
    applied: bool,
) -> None:
    """Record what a handler did, synchronously at the moment it did it (or decided not to).

    Args:
        request: the request being served.
        key: the idempotency key it carried.
        epoch: the fencing epoch it carried.
        before: the object before, null where there was none; must not be changed afterwards.
        after: the object after, null where there is none; must not be changed afterwards.
        applied: whether the world changed.
    """
    request.config_dict[JOURNAL].record(
        request, key=key, epoch=epoch, before=before, after=after, applied=applied
    )


def noted(request: web.Request) -> Entry | None:
    """Return the entry that this request's handler made, if it made one."""
    return request.get(_ENTRY)
