"""An address that HTTP/1.1 is spoken at."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate

from hedgerow_server.doors.http_connection import Connection
from hedgerow_server.doors.http_exchange import Exchange
from hedgerow_server.doors.listen import accepting, listening
from hedgerow_server.doors.section import HttpSection

_LAST_WORDS_S = 0.5


class HttpListener:
    """Accepts connections, and knows those that are open."""

    def __init__(self, section: HttpSection, answer: Callable[[Exchange], Awaitable[None]]) -> None:
        self.section = section
        self.draining = False
        """Whether no further request is taken."""
        self._answer = answer
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._nobody = asyncio.Event()
        self._date = (0, b"")

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    async def start(self, tls: ssl.SSLContext | None, shared: str | None = None) -> str:
        """Listens; returns the address with the real port. `shared` is the address that other processes of this router
        have, too; None: this one alone, where the section says. Raises ListenError.
        """
        listener, address = listening(shared or self.section.listen, shared=shared is not None)
        self._server = await accepting(lambda: Connection(self), listener, tls)
        return address

    async def answer(self, exchange: Exchange) -> None:
        """Answers a request."""
        await self._answer(exchange)

    def enter(self, connection: Connection) -> bool:
        """A connection is here. False: there are too many."""
        self._connections.add(connection)
        return len(self._connections) <= self.section.max_connections

    def leave(self, connection: Connection) -> None:
        """It has ended."""
        self._connections.discard(connection)
        if not self._connections:
            self._nobody.set()

    def date(self) -> bytes:
        """The header `date`, as a line."""
        now = int(time.time())
        if self._date[0] != now:
            self._date = (now, b"date: " + formatdate(now, usegmt=True).encode() + b"\r\n")
        return self._date[1]

    def drain(self) -> None:
        """Takes no new connections, ends those that are idle, and the others once they have answered."""
        self.draining = True
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.retire()

    async def stop(self) -> None:
        """Ends it; what was said last has a moment to go out."""
        self.drain()
        self._nobody.clear()
        if self._connections:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS_S):
                    await self._nobody.wait()
        for connection in list(self._connections):
            connection.abort()
