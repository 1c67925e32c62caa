"""The server: its connections, its handlers, its beginning and its end. It stands where a grpc.aio.Server would."""

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

import grpc

from hedgerow_server.doors.http2.connection import Connection
from hedgerow_server.doors.http2.head import Names
from hedgerow_server.doors.http2.method import Methods
from hedgerow_server.doors.http2.options import Options
from hedgerow_server.doors.http2.turns import Turns
from hedgerow_server.doors.listen import accepting

REASONS = ("connections", "tls", "streams", "waiting", "memory", "protocol", "calm")
"""Too many connections, another protocol in ALPN, too many calls of a connection, or that wait, too much of requests
that are not whole, a breach of the protocol, and too much of what brings nothing, such as pings.
"""
_LAST_WORDS_S = 0.5


class Server:
    """Serves the handlers that it is given on one event loop."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.methods = Methods()
        self.names = Names()
        self.turns = Turns()
        self.group: Callable[[str | None, str], Hashable] = _group
        """Tells callers apart that wait for their turn, by the credential that a call brings and where it is from."""
        self.held = 0
        """Bytes of messages that are not whole, of all calls."""
        self.refused: Counter[str] = Counter(dict.fromkeys(REASONS, 0))
        """Connections and calls that were not taken, by why."""
        self.draining = False
        self._connections: set[Connection] = set()
        self._listening: list[tuple[socket.socket, ssl.SSLContext | None]] = []
        self._servers: list[asyncio.Server] = []
        self._nobody = asyncio.Event()

    # As grpc.aio.Server has it.

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Serves them, after those that are here already."""
        self.methods.add(handlers)

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Nothing: generated code registers the same handlers as generic ones, too."""

    async def start(self) -> None:
        """Takes connections from now on."""
        for listener, tls in self._listening:
            self._servers.append(await accepting(lambda: Connection(self), listener, tls))
        self._listening.clear()

    async def stop(self, grace: float | None) -> None:
        """Takes no more calls, and returns when those that are open have ended: by themselves within `grace` seconds,
        then with UNAVAILABLE. May be called again, with less of it.
        """
        self.draining = True
        for server in self._servers:
            server.close()
        self._servers.clear()
        for listener, _ in self._listening:
            listener.close()
        for connection in list(self._connections):
            connection.retire()
        if not await self._left(grace or 0.0):
            for connection in list(self._connections):
                connection.cancel()
            await self._left(_LAST_WORDS_S)
            for connection in list(self._connections):
                connection.abort()

    async def _left(self, seconds: float) -> bool:
        """Waits until nobody is connected any more; whether that is so."""
        if self._connections:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._nobody.wait()
        return not self._connections

    # Where it listens.

    def listen(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Will take connections of a socket that is bound."""
        self._listening.append((listener, tls))

    # What its connections tell.

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    def enter(self, connection: Connection) -> bool:
        """A connection is here. False: there are too many."""
        self._connections.add(connection)
        self._nobody.clear()
        return len(self._connections) <= self.options.connections

    def leave(self, connection: Connection) -> None:
        """It has ended."""
        self._connections.discard(connection)
        if not self._connections:
            self._nobody.set()


def _group(authorization: str | None, peer: str) -> Hashable:
    return authorization or peer
