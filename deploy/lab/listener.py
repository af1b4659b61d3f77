"""One TCP port of the lab that can go away and come back as a lost site's does."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Final

from aiohttp import web

_HOST: Final = "127.0.0.1"
_IN_USE: Final = frozenset({errno.EADDRINUSE, errno.EACCES})


class Listener:
    """Serves an application on a loopback port."""

    def __init__(self, app: web.Application) -> None:
        """Serve this application once opened."""
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1
        )
        self._server: asyncio.Server | None = None
        self._kept: socket.socket | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """Return the URL of the port."""
        return f"http://{_HOST}:{self.port}"

    async def open(self, port: int, *, or_any: bool = False) -> None:
        """Start to listen; raise ``OSError`` where the port is taken, unless any other would do."""
        await self._runner.setup()
        try:
            await self._listen(port)
        except OSError as error:
            if not or_any or error.errno not in _IN_USE:
                raise
            await self._listen(0)

    async def refuse(self) -> None:
        """Stop to listen and reset every open connection: from now on connections are refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
            # Nobody listens there, but nobody else gets the port meanwhile either.
            self._kept = _bound(self.port)
        if self._runner.server is not None:
            for connection in self._runner.server.connections:
                if connection.transport is not None:
                    connection.transport.abort()

    async def accept(self) -> None:
        """Listen again on the same port."""
        if self._server is None:
            self._let_go()
            await self._listen(self.port)

    async def stop(self) -> None:
        """Stop for good."""
        await self.refuse()
        self._let_go()
        await self._runner.cleanup()

    def _let_go(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    async def _listen(self, port: int) -> None:
        server = self._runner.server
        assert server is not None
        self._server = await asyncio.get_running_loop().create_server(server, _HOST, port)
        self.port = self._server.sockets[0].getsockname()[1]


def _bound(port: int) -> socket.socket | None:
    """A socket that holds the port without listening; None where it is gone already."""
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        kept.bind((_HOST, port))
    except OSError:
        kept.close()
        return None
    return kept
