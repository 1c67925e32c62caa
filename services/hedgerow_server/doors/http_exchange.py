"""One HTTP request and its answer."""

import asyncio
import http
from collections.abc import Iterable
from types import MappingProxyType
from typing import Protocol

from hedgerow_server.core.error import HedgerowError
from hedgerow_server.doors.http_status import OVERLOADED, BadMessage, BodyTooLarge

_STATUS_LINES = MappingProxyType(
    {
        **{one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n".encode() for one in http.HTTPStatus},
        499: b"HTTP/1.1 499 Client Closed Request\r\n",
        OVERLOADED: b"HTTP/1.1 529 Overloaded\r\n",
    }
)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CLOSE = b"connection: close\r\n"
_CHUNKED = b"transfer-encoding: chunked\r\n"


class Wire(Protocol):
    """The connection of an exchange, as the exchange sees it."""

    peer: str
    """Who is at the other end, in gRPC's words."""

    @property
    def last(self) -> bool:
        """Whether no further request is taken."""

    def identities(self) -> tuple[str, ...]:
        """Whom the caller's certificate names."""

    def date(self) -> bytes:
        """The header `date`, as a line."""

    def write(self, data: bytes) -> None:
        """Sends bytes, or keeps them until there is room."""

    async def drain(self) -> None:
        """Returns once there is room."""

    def look(self) -> None:
        """Reads on, or not, as the exchanges need it."""


class Exchange:
    """A request as it comes in, and what is sent for it. Its answer may begin before its body is here."""

    __slots__ = (
        "_body",
        "_chunked",
        "_max_bytes",
        "_size",
        "_trouble",
        "_waiter",
        "broken",
        "complete",
        "content_length",
        "expects",
        "finished",
        "headers",
        "http10",
        "keep_alive",
        "left",
        "path",
        "query",
        "refused",
        "started",
        "verb",
        "wanted",
        "wire",
    )
    verb: str
    """Such as "GET"; in upper case."""
    path: str
    """Decoded."""
    query: bytes
    """As it came."""
    headers: list[tuple[bytes, bytes]]
    """Names in lower case, in the order in which they came."""
    content_length: int | None
    """The bytes of the body, where they were told."""
    refused: HedgerowError | None
    """Why the request is not served: nobody knows what it asks for."""
    left: bool
    """Whether the caller has left."""
    complete: bool
    """Whether all of the request is here."""
    wanted: bool
    """Whether somebody reads the body."""
    started: bool
    """Whether an answer was begun."""
    finished: bool
    """Whether it is whole."""
    broken: bool
    """Whether it ends without being whole."""
    keep_alive: bool
    """Whether the connection may be used again."""

    def __init__(self, wire: Wire, max_bytes: int) -> None:
        self.wire = wire
        self.verb = self.path = ""
        self.query = b""
        self.headers = []
        self.content_length: int | None = None
        self.refused: HedgerowError | None = None
        self.expects = self.http10 = False
        self.left = self.complete = self.wanted = self.started = self.finished = self.broken = False
        self.keep_alive = True
        self._max_bytes = max_bytes
        self._body: list[bytes] = []
        self._size = 0
        self._trouble: HedgerowError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._chunked = False

    @property
    def waiting(self) -> int:
        """How many bytes of the body nobody has asked for yet."""
        return 0 if self.wanted else self._size

    def take(self, data: bytes) -> bool:
        """Takes a piece of the body; False: it is too much, and nothing further should come."""
        self._size += len(data)
        if self._size > self._max_bytes:
            self.fail(BodyTooLarge(self._max_bytes))
            return False
        self._body.append(data)
        return True

    def fail(self, error: HedgerowError) -> None:
        """The rest of the request will not come."""
        self._trouble, self.keep_alive = error, False
        self._body.clear()
        self._wake()

    def end(self) -> None:
        """The request is whole."""
        self.complete = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def read(self, within_s: float) -> bytes:
        """The body, which has so many seconds to come. Raises MessageTooLarge and RequestMalformed."""
        self.wanted = True
        if not self.complete and self._trouble is None:
            await self._wait(within_s)
        if self._trouble is not None:
            raise self._trouble
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body.clear()
        return body

    async def _wait(self, within_s: float) -> None:
        if self.expects and not self._body:
            self.wire.write(_CONTINUE)
        self.wire.look()
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(within_s):
                await self._waiter
        except TimeoutError:
            text = f"The body of the request was not here within {within_s:g} s."
            raise BadMessage(408, "request_timeout", text) from None

    def answer(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        """Sends a whole answer."""
        lines = self._head(status, headers)
        lines.append(b"content-length: %d\r\n\r\n" % len(body))
        if self.verb != "HEAD":
            lines.append(body)
        self.finished = True
        self.wire.write(b"".join(lines))

    async def stream(self, headers: Iterable[tuple[bytes, bytes]], data: bytes) -> None:
        """Begins an answer of which nobody knows yet how long it gets, with the first of it."""
        if self.http10:
            self.keep_alive = False
        else:
            self._chunked = True
        lines = self._head(200, headers)
        lines.append(_CHUNKED + b"\r\n" if self._chunked else b"\r\n")
        if data:
            lines.append(self._chunk(data))
        self.wire.write(b"".join(lines))
        await self.wire.drain()

    async def send(self, data: bytes) -> None:
        """Sends more of it, and waits for room."""
        self.wire.write(self._chunk(data))
        await self.wire.drain()

    def finish(self) -> None:
        """All of it was sent."""
        self.finished = True
        if self._chunked:
            self.wire.write(b"0\r\n\r\n")

    def break_off(self, data: bytes) -> None:
        """Sends the last that there is, perhaps nothing, of an answer that will not be whole. It lacks the last chunk,
        so that no client takes it for whole.
        """
        self.broken = True
        if data:
            self.wire.write(self._chunk(data))

    def _chunk(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data

    def _head(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
        self.started = True
        lines = [_STATUS_LINES[status], self.wire.date()]
        for name, value in headers:
            lines += (name, b": ", value, b"\r\n")
        if not (self.keep_alive and self.complete) or self.wire.last:
            self.keep_alive = False
            lines.append(_CLOSE)
        return lines
