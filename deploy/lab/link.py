"""The network between the world and one site: it answers, refuses, or swallows what is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Literal

from aiohttp import web

How = Literal["refuse", "hang"]


class Link:
    """Whether a site can be reached. What runs at the site goes on in any case."""

    def __init__(self) -> None:
        """Start reachable; ``losses`` counts how often the site was lost."""
        self._lost: How | None = None
        self._restored = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []
        self.losses = 0

    @property
    def lost(self) -> How | None:
        """Return how the site is lost, null while it is reachable."""
        return self._lost

    def lose(self, how: How) -> None:
        """Lose the site."""
        self._lost = how
        self.losses += 1
        self._restored.clear()
        self._tell()

    def restore(self) -> None:
        """Bring the site back; whoever waits in :meth:`until_restored` goes on."""
        self._lost = None
        self._restored.set()
        self._tell()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call somebody whenever the site has been lost or brought back."""
        self._listeners.append(listener)

    async def until_restored(self) -> None:
        """Wait for the site to come back."""
        if self._lost is not None:
            await self._restored.wait()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()


LINK: Final = web.RequestKey("link", Link)
"""The link a request came over; absent where none is between."""
ONE_WAY: Final = web.RequestKey("one_way_s", float)
"""How long anything takes to the client, in seconds."""


def close(request: web.Request) -> None:
    """Close a request's connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
