"""How many calls C-core has that Python has not seen.

grpc.aio asks for one call at a time, once round the event loop each. On a busy core those that come meanwhile wait in
C-core, by the thousand and for seconds, while the loop itself is hardly late: only channelz tells.
"""

from collections.abc import Callable
from typing import Protocol

import grpc.aio
import msgspec
from grpc._cython import cygrpc  # type: ignore[attr-defined]  # as grpcio-channelz does, which makes messages of it

_WHILE = 100
"""Ticks after which a queue that has always been short is looked at anew."""
_SHORT = 8
"""It is short below one in so many of its places."""


class Backlog(Protocol):
    """A server with a queue before its doors."""

    def open(self) -> int:
        """How many calls have come and not ended, wherever they are."""


class Waiting:
    """How many of them are in the queue.

    Calls that C-core cancels there are open for ever in its books. So that they are not taken for a queue the count is
    held to what the queue can be at most, to none when nothing was taken from it in a while without need, and after a
    time in which it was always short the least that it was is taken for gone.
    """

    def __init__(self, backlog: Backlog, most: int) -> None:
        """`most`: how many it may have."""
        self._backlog = backlog
        self._most = most
        self._gone = 0
        self._ticks = self._longest = 0
        self._shortest = most

    def __call__(self, behind: int, unread: int, *, idle: bool) -> tuple[int, int]:
        """Those that wait, and how many are left of those that were taken and whose message has yet to come: `unread`
        were thought to be, but some may have ended before. `behind` are further on. `idle`: none was taken since the
        last time, and some could have been.
        """
        beyond = max(0, self._backlog.open() - behind)
        if idle:
            self._gone = max(0, beyond - unread)
        self._gone = min(self._gone, beyond)
        unread = min(unread, beyond - self._gone)
        found = beyond - self._gone - unread
        if found > self._most:
            self._gone += found - self._most
            found = self._most
        return self._settled(found), unread

    def _settled(self, found: int) -> int:
        self._ticks += 1
        self._longest, self._shortest = max(self._longest, found), min(self._shortest, found)
        if self._ticks >= _WHILE:
            if self._longest <= self._most // _SHORT:
                self._gone += self._shortest
                found -= self._shortest
            self._ticks = self._longest = 0
            self._shortest = self._most
        return found


class _Data(msgspec.Struct, rename="camel"):
    calls_started: str = "0"
    calls_succeeded: str = "0"
    calls_failed: str = "0"


class _Ref(msgspec.Struct, rename="camel"):
    server_id: str = "0"


class _Server(msgspec.Struct):
    ref: _Ref
    data: _Data


class _Servers(msgspec.Struct):
    server: list[_Server] = []


class _One(msgspec.Struct):
    server: _Server


_servers = msgspec.json.Decoder(_Servers)
_one = msgspec.json.Decoder(_One)


class Channelz:
    """The calls of one server, which must have `grpc.enable_channelz` on."""

    def __init__(self, make: Callable[[], grpc.aio.Server]) -> None:
        """Makes the server: its number is the one that was not there before."""
        before = _ids()
        self.server = make()
        (self._id,) = _ids() - before

    def open(self) -> int:
        """Calls that have come and not ended; 0 once the server is gone."""
        try:
            found = cygrpc.channelz_get_server(self._id)
        except ValueError:
            return 0
        data = _one.decode(found).server.data
        return int(data.calls_started) - int(data.calls_succeeded) - int(data.calls_failed)


def _ids() -> set[int]:
    found: set[int] = set()
    start = 0
    while page := _servers.decode(cygrpc.channelz_get_servers(start)).server:
        found |= {int(one.ref.server_id) for one in page}
        start = max(found) + 1
    return found
