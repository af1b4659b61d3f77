"""Watches: a stream of changes from a version on, as one JSON document per line.

A watch that starts from a version outside the event window, or falls out of it, gets one ``ERROR``
event with a 410 ``Status`` inside a 200 stream, as the API server's watch cache does it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any, Final

from aiohttp import web

from ..link import LINK, ONE_WAY, close
from .cluster import Cluster
from .kinds import Resource
from .reading import presented, selection, version_of
from .selectors import Matches
from .status import bad_request, expired
from .store import Event, Store, Subscription
from .target import Target

Document = dict[str, Any]
Line = tuple[str, Document]

_DEFAULT_TIMEOUT_S: Final = 1800.0
_BOOKMARK_EVERY_S: Final = 30.0


async def watch(cluster: Cluster, target: Target, request: web.Request) -> web.StreamResponse:
    """Stream changes until the time is over, the client goes or the versions expire."""
    store, query = cluster.store, request.query
    matches = selection(query)
    since = version_of(query)
    timeout = query.get("timeoutSeconds") or ""
    if timeout and not timeout.isdigit():
        raise bad_request(f'strconv.ParseInt: parsing "{timeout}": invalid syntax')
    stream = _Stream(target.resource, request)
    if since and since < store.compacted:
        await stream.open()
        await stream.send([("ERROR", expired(since, store.compacted).document())])
        return stream.response
    first: list[Line] = []
    if not since:
        since = store.version
        objects = store.items(target.resource.storage, target.namespace)
        first = [("ADDED", document) for _, document in objects if matches(document)]
    subscription = store.subscribe(target.resource.storage, target.namespace, since)
    try:
        await stream.open()
        await stream.send(first)
        lines = _Lines(matches)
        bookmarks = query.get("allowWatchBookmarks") in ("true", "1")
        seconds = float(timeout or 0) or _DEFAULT_TIMEOUT_S
        await _follow(stream, store, subscription, lines, seconds, bookmarks=bookmarks)
    finally:
        store.unsubscribe(subscription)
    return stream.response


class _Lines:
    """Turns store events into what one watcher sees of them."""

    def __init__(self, matches: Matches) -> None:
        self._matches = matches

    def of(self, events: Iterable[Event]) -> list[Line]:
        lines = []
        for event in events:
            was = event.before is not None and self._matches(event.before)
            is_now = event.type != "DELETED" and self._matches(event.after)
            if was and is_now:
                lines.append(("MODIFIED", event.after))
            elif is_now:
                lines.append(("ADDED", event.after))
            elif was:
                lines.append(("DELETED", event.after))
        return lines


class _Stream:
    """The answer of a watch; nothing goes out while the site is lost."""

    def __init__(self, resource: Resource, request: web.Request) -> None:
        self._resource = resource
        self._request = request
        self.response = web.StreamResponse(headers={"Content-Type": "application/json"})

    async def open(self) -> None:
        self.response.enable_chunked_encoding()
        await self.response.prepare(self._request)

    async def send(self, lines: list[Line]) -> None:
        if not lines:
            return
        await asyncio.sleep(self._request.get(ONE_WAY, 0.0))
        link = self._request.get(LINK)
        if link is not None and link.lost:
            # What was sent into a dead network never arrives: the client has to watch anew.
            await link.until_restored()
            close(self._request)
            raise ConnectionResetError("the site was lost under a watch")
        text = "".join(f"{json.dumps(self._document(*line))}\n" for line in lines)
        await self.response.write(text.encode())

    async def bookmark(self, version: int) -> None:
        at = {"metadata": {"resourceVersion": str(version), "creationTimestamp": None}}
        await self.send(
            [
                (
                    "BOOKMARK",
                    {"kind": self._resource.kind, "apiVersion": self._resource.api_version, **at},
                )
            ]
        )

    def _document(self, kind: str, document: Document) -> Document:
        shown = document if kind in ("ERROR", "BOOKMARK") else presented(self._resource, document)
        return {"type": kind, "object": shown}


async def _follow(
    stream: _Stream,
    store: Store,
    subscription: Subscription,
    lines: _Lines,
    seconds: float,
    *,
    bookmarks: bool,
) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        left = end - loop.time()
        news = left > 0 and await subscription.wait(min(left, _BOOKMARK_EVERY_S))
        version = store.version
        await stream.send(lines.of(subscription.drain()))
        if subscription.broken:
            await stream.send([("ERROR", expired(version, store.compacted).document())])
            return
        if bookmarks and not news:
            await stream.bookmark(version)
        if loop.time() >= end:
            return
