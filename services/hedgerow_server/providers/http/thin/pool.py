"""Which connections there are, how many there may be, and who waits for one."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from hedgerow_server.providers.http.port import UnreachableError
from hedgerow_server.providers.http.thin.connection import Connection

_KEEPALIVE_S = 60.0
"""How long a connection is kept while nobody needs it."""
_CLOSE_S = 1.0
"""How long to wait for sockets to be closed at the end."""


@dataclass(slots=True, eq=False)
class Origin:
    """Where requests go (RFC 9110, section 4.3.1), with the connections that are free."""

    scheme: str
    host: str
    """In lower case and ASCII, without brackets."""
    port: int
    idle: list[Connection] = field(default_factory=list)
    """The one that was free last comes last, and is taken first."""


class Pool:
    """At most `most` connections, to one or several origins. Whoever comes first gets the first that is free."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open = 0
        self._places: dict[Connection, Origin] = {}
        self._waiting: deque[tuple[asyncio.Future[Connection | None], Origin]] = deque()
        self._sweeper: asyncio.TimerHandle | None = None
        self._alive: set[Connection] = set()
        self._closed = False
        self._emptied: asyncio.Future[None] | None = None

    def take(self, origin: Origin) -> Connection | None:
        """A free connection; None: there is none."""
        idle = origin.idle
        while idle:
            connection = idle.pop()
            if connection.usable:
                return connection
            self.left(connection)
        return None

    async def room(self, origin: Origin) -> Connection | None:
        """A free connection to the origin as soon as there is one. None: one may be made; who does so says `entered`,
        or `failed`. Raises UnreachableError once the pool is closed.
        """
        while True:
            if self._closed:
                raise UnreachableError("the client is closed")
            if self._open < self._most or self._evict():
                self._open += 1
                return None
            found = await self._turn(origin)
            if found is None or found.usable:
                return found

    def forget(self, origin: Origin) -> None:
        """Closes what is free: the provider has closed another one that was."""
        for connection in list(origin.idle):
            connection.abort()

    def entered(self, connection: Connection, origin: Origin) -> None:
        """A connection was made."""
        self._places[connection] = origin
        self._alive.add(connection)
        if self._closed:
            connection.abort()

    def failed(self) -> None:
        """No connection came about."""
        self._open -= 1
        self._next()

    def park(self, connection: Connection) -> None:
        """A connection is free."""
        origin = self._places[connection]
        while self._waiting:
            future, wanted = self._waiting.popleft()
            if future.done():
                continue
            if wanted is origin:
                future.set_result(connection)
            else:
                self._waiting.appendleft((future, wanted))
                connection.abort()
            return
        loop = asyncio.get_running_loop()
        connection.parked_s = loop.time()
        origin.idle.append(connection)
        if self._sweeper is None:
            self._sweeper = loop.call_later(_KEEPALIVE_S, self._sweep, loop)

    def left(self, connection: Connection) -> None:
        """A connection takes no further request. Told once or more."""
        origin = self._places.pop(connection, None)
        if origin is None:
            return
        if connection in origin.idle:
            origin.idle.remove(connection)
        self._open -= 1
        self._next()

    def lost(self, connection: Connection) -> None:
        """Its socket is closed."""
        self._alive.discard(connection)
        if not self._alive and self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)

    async def close(self) -> None:
        """Closes every connection; who waits for one is told."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        while self._waiting:
            future, _ = self._waiting.popleft()
            if not future.done():
                future.set_exception(UnreachableError("the client was closed"))
        for connection in list(self._places):
            connection.end("the client was closed")
        if self._alive:
            self._emptied = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._emptied], timeout=_CLOSE_S)

    async def _turn(self, origin: Origin) -> Connection | None:
        future: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((future, origin))
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                # It was given something in the moment in which it left.
                given = future.result()
                if given is None:
                    self.failed()
                elif given.usable:
                    self.park(given)
            raise

    def _next(self) -> None:
        """There is room for one more: the first who waits may make it."""
        while self._waiting and self._open < self._most:
            future, _ = self._waiting.popleft()
            if not future.done():
                self._open += 1
                future.set_result(None)

    def _evict(self) -> bool:
        """Makes room at the cost of the connection that has been idle longest, of whichever origin."""
        idle = [origin.idle[0] for origin in set(self._places.values()) if origin.idle]
        if not idle:
            return False
        min(idle, key=lambda one: one.parked_s).abort()
        return self._open < self._most

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweeper = None
        now_s, oldest_s = loop.time(), None
        for origin in set(self._places.values()):
            while origin.idle and origin.idle[0].parked_s <= now_s - _KEEPALIVE_S:
                origin.idle[0].abort()
            if origin.idle:
                oldest_s = min(oldest_s or now_s, origin.idle[0].parked_s)
        if oldest_s is not None:
            self._sweeper = loop.call_at(oldest_s + _KEEPALIVE_S, self._sweep, loop)
