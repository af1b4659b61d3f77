"""One site's objects: versions, a bounded window of past events, and those who watch.

Objects in the store are never changed in place: a write puts a new document where the old one was,
so that journal, watchers and snapshots may keep references. Everything here is synchronous: between
two awaits of the server a write is atomic.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any, Final, Literal

from .kinds import Resource

Document = dict[str, Any]
Key = tuple[str, str, str]

_UIDS: Final = uuid.UUID("6f4ef3b0-7c5e-4e7c-9a39-6d2b0f3c7f10")


def now() -> str:
    """Return the time as Kubernetes writes it, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def key_of(resource: Resource, namespace: str | None, name: str) -> Key:
    """Return where an object is stored."""
    return (resource.storage, namespace or "", name)


@dataclass(frozen=True, slots=True)
class Event:
    """One change: ``before`` is null for a creation, ``after`` has the new version in any case."""

    version: int
    type: Literal["ADDED", "MODIFIED", "DELETED"]
    key: Key
    before: Document | None
    after: Document


class Subscription:
    """The events of one kind, in one namespace or in all, in order, for one watcher."""

    def __init__(self, storage: str, namespace: str | None) -> None:
        """Start empty; a null namespace stands for all."""
        self.place = (storage, namespace)
        self.broken = False
        self._events: deque[Event] = deque()
        self._news = asyncio.Event()

    def push(self, event: Event) -> None:
        """Hand over an event."""
        self._events.append(event)
        self._news.set()

    def end(self) -> None:
        """Tell the watcher that it has fallen out of the event window."""
        self.broken = True
        self._news.set()

    async def wait(self, seconds: float) -> bool:
        """Wait for news; return false when the time is over first."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    def drain(self) -> list[Event]:
        """Take all events that have come in."""
        events = list(self._events)
        self._events.clear()
        self._news.clear()
        return events


class Store:
    """The objects of one site.

    ``first_version`` lets a store that replaces another go on counting, so that watchers of the old
    one see their version expired rather than time going back.
    """

    def __init__(self, site: str, *, window: int = 2000, first_version: int = 100) -> None:
        """Start empty, with a window of so many past events."""
        self._site = site
        self._kinds: dict[str, dict[Key, Document]] = {}
        self._version = first_version
        self._compacted = first_version
        self._window: deque[Event] = deque()
        self._window_size = window
        # By kind and namespace: a thousand watches must not cost each change a thousand looks.
        self._subscriptions: dict[tuple[str, str | None], set[Subscription]] = {}
        self._listeners: list[Callable[[Event], None]] = []

    @property
    def version(self) -> int:
        """Return the version of the latest change."""
        return self._version

    @property
    def compacted(self) -> int:
        """Return the oldest version from which every later event is still known."""
        return self._compacted

    @property
    def watchers(self) -> int:
        """Return how many subscriptions are open."""
        return sum(len(there) for there in self._subscriptions.values())

    def get(self, key: Key) -> Document | None:
        """Return an object, not to be changed."""
        return self._kinds.get(key[0], {}).get(key)

    def items(self, storage: str, namespace: str | None = None) -> list[tuple[Key, Document]]:
        """Return the objects of a kind in the order of namespace and name."""
        return sorted(
            (
                (key, document)
                for key, document in self._kinds.get(storage, {}).items()
                if namespace is None or key[1] == namespace
            ),
            key=lambda item: item[0],
        )

    def all(self) -> Iterator[tuple[Key, Document]]:
        """Iterate over everything, sorted by key."""
        for storage in sorted(self._kinds):
            yield from self.items(storage)

    def snapshot(
        self, storage: str, namespace: str | None, version: int
    ) -> list[tuple[Key, Document]]:
        """Return the objects of a kind as they were at a version inside the window."""
        past = dict(self.items(storage, namespace))
        for event in reversed(self._window):
            if event.version <= version:
                break
            if event.key[0] != storage or namespace not in (None, event.key[1]):
                continue
            if event.before is None:
                past.pop(event.key, None)
            else:
                past[event.key] = event.before
        return sorted(past.items(), key=lambda item: item[0])

    def uid(self, key: Key) -> str:
        """Return the uid of an object created now; the same history gives the same uids."""
        return str(uuid.uuid5(_UIDS, f"{self._site}/{'/'.join(key)}/{self._version + 1}"))

    def put(self, key: Key, document: Document) -> Document:
        """Write an object, stamp it with a new version and tell the watchers."""
        before = self.get(key)
        self._version += 1
        stamped = _stamped(document, self._version)
        self._kinds.setdefault(key[0], {})[key] = stamped
        self._publish(Event(self._version, "MODIFIED" if before else "ADDED", key, before, stamped))
        return stamped

    def remove(self, key: Key) -> Document:
        """Delete an object; return it as it was last, with the version of the deletion."""
        before = self._kinds[key[0]].pop(key)
        self._version += 1
        last = _stamped(before, self._version)
        self._publish(Event(self._version, "DELETED", key, before, last))
        return last

    def subscribe(self, storage: str, namespace: str | None, since: int) -> Subscription:
        """Return the events of a kind after a version inside the window, and all that follow."""
        subscription = Subscription(storage, namespace)
        missed = takewhile(lambda event: event.version > since, reversed(self._window))
        for event in reversed(list(missed)):
            if event.key[0] == storage and namespace in (None, event.key[1]):
                subscription.push(event)
        self._subscriptions.setdefault(subscription.place, set()).add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Stop handing over events."""
        there = self._subscriptions.get(subscription.place, set())
        there.discard(subscription)
        if not there:
            self._subscriptions.pop(subscription.place, None)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call a controller at every change; it must not write before it has returned."""
        self._listeners.append(listener)

    def compact(self) -> None:
        """Forget past events: older versions are gone, and open watches end as too slow ones do."""
        self._window.clear()
        self._compacted = self._version
        for there in self._subscriptions.values():
            for subscription in there:
                subscription.end()

    def _publish(self, event: Event) -> None:
        self._window.append(event)
        while len(self._window) > self._window_size:
            self._compacted = self._window.popleft().version
        storage, namespace, _ = event.key
        for place in ((storage, namespace), (storage, None)):
            for subscription in self._subscriptions.get(place, ()):
                subscription.push(event)
        for listener in self._listeners:
            listener(event)


def _stamped(document: Document, version: int) -> Document:
    return {
        **document,
        "metadata": {**document["metadata"], "resourceVersion": str(version)},
    }
