"""One HTTP/1.1 connection to a provider: an answer out of bytes, and whether the next request may go over it, too.

The parser is llhttp's, strict. What two readers could understand in two ways is refused (RFC 9112, section 11.2).
"""

import asyncio
import socket
from typing import Protocol, cast

import httptools

from hedgerow_server.providers.http.port import UnreachableError
from hedgerow_server.providers.http.thin.exchange import Exchange
from hedgerow_server.providers.http.thin.stale import Taken

_MAX_HEAD_BYTES = 64 * 1024
"""How long a head may be, interim answers (1xx) included; so much may also be between two pieces of a body."""
_MAX_HEADERS = 256
_ASIDE_S = 1.0
_ASIDE_BYTES = 64 * 1024
"""How long, and how much of an answer that nobody reads, is let go by so that its connection can be kept."""
_SWITCHING = 101
"""No interim answer: what follows is another protocol, which nobody has asked for."""
_NO_BODY = (_SWITCHING, 204, 304)
_FINAL = 200
"""From this status on an answer is not an interim one."""
_NO_ANSWER = "the connection closed before an answer"


class StaleError(UnreachableError):
    """A kept connection had closed, and the request was not taken: it may be sent again."""


class _NoHttpError(Exception):
    """What came is well-formed, but nothing that can be relied on."""


class Owner(Protocol):
    """Where the connection belongs."""

    def park(self, connection: "Connection") -> None:
        """It is free for the next request."""

    def left(self, connection: "Connection") -> None:
        """It takes no further request. Told once or more."""

    def lost(self, connection: "Connection") -> None:
        """Its socket is closed."""


class Connection(asyncio.Protocol):
    """The client's end of a connection. It has one exchange at a time."""

    __slots__ = (
        "_answered",
        "_aside",
        "_aside_bytes",
        "_between_bytes",
        "_bodied",
        "_exchange",
        "_framed",
        "_head_bytes",
        "_headers",
        "_in_head",
        "_keep",
        "_loop",
        "_owner",
        "_parser",
        "_reading_paused",
        "_repeatable",
        "_sock",
        "_taken",
        "_timer",
        "_transport",
        "_whole",
        "parked_s",
    )

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        """`sock` is what it will be made of."""
        self._owner = owner
        self._loop = loop
        self._sock = sock
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._between_bytes = self._head_bytes = self._aside_bytes = 0
        self._in_head = self._whole = self._framed = self._keep = False
        self._answered = self._reading_paused = self._aside = self._bodied = False
        self._timer: asyncio.TimerHandle | None = None
        self._taken: Taken | None = None
        self._repeatable = False
        self.parked_s = 0.0
        """Since when it is idle, by the event loop's clock."""

    async def ask(self, message: bytes, *, repeatable: bool, kept: bool) -> Exchange:
        """Sends a request and waits for the answer's headers. `kept`: it has answered before; `repeatable`: sending the
        request twice does no harm. Raises UnreachableError, and StaleError for a kept connection that had closed.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            raise UnreachableError(_NO_ANSWER)
        exchange = self._exchange = Exchange(self)
        self._in_head, self._whole, self._answered = True, False, False
        self._between_bytes = self._head_bytes = 0
        self._repeatable = repeatable
        self._taken = Taken(self._sock) if kept else None
        transport.write(message)
        try:
            await exchange.begun()
        except BaseException:
            self.abort()
            raise
        return exchange

    @property
    def usable(self) -> bool:
        """Whether it is open."""
        return self._transport is not None and not self._transport.is_closing()

    # What the exchange asks.

    def resume(self) -> None:
        """Reads on."""
        if self._reading_paused and self._transport is not None:
            self._reading_paused = False
            self._transport.resume_reading()

    def read_aside(self) -> None:
        """Lets the rest of an answer go by, within bounds."""
        self._aside, self._aside_bytes = True, 0
        self._timer = self._loop.call_later(_ASIDE_S, self.abort)
        self.resume()

    def abort(self) -> None:
        """Ends it now."""
        self._exchange = None
        self._quit()

    def end(self, why: str) -> None:
        """Ends it now, and tells who reads from it."""
        if self._exchange is not None:
            self._exchange.fail(UnreachableError(why))
        self.abort()

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There it is."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Something came."""
        exchange = self._exchange
        if exchange is None:
            # Nobody asked; it would be taken for the answer to the next request.
            self._quit()
            return
        self._answered, self._bodied = True, False
        broken = False
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            broken = True
        if self._exchange is None:
            return
        if self._whole:
            self._finish(exchange, reusable=self._keep and not broken)
        elif broken or self._runs_on(len(data)):
            self._fail(exchange, UnreachableError("the answer is not what HTTP/1.1 allows"))
        else:
            if exchange.full and not self._aside:
                self._reading_paused = True
                cast("asyncio.Transport", self._transport).pause_reading()
            if self._bodied:
                exchange.wake()

    def eof_received(self) -> None:
        """The provider sends no more."""
        self._over(clean=True)
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        self._over(clean=exc is None)
        self._transport = self._taken = None
        self._owner.lost(self)
        # It holds on to this object as this does to it.
        del self._parser

    # What the parser tells.

    def on_message_begin(self) -> None:
        """An answer begins: the only one, but for interim ones before it."""
        if self._whole:
            raise _NoHttpError

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer: those say nothing."""
        headers = self._headers
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > _MAX_HEAD_BYTES or len(headers) >= _MAX_HEADERS:
            raise _NoHttpError
        if self._in_head:
            headers.append((name, value))

    def on_headers_complete(self) -> None:
        """The head is whole."""
        headers, self._headers = self._headers, []
        parser, exchange = self._parser, self._exchange
        status = parser.get_status_code()
        if status < _FINAL and status != _SWITCHING:
            return
        found = _joined(headers)
        self._framed = _framed(found, parser.get_http_version()) or status in _NO_BODY
        self._keep = status != _SWITCHING and parser.should_keep_alive()
        self._in_head, self._head_bytes = False, 0
        if exchange is not None:
            exchange.begin(status, found)

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._bodied = True
        exchange = self._exchange
        if exchange is None:
            return
        if not self._aside:
            exchange.take(body)
            return
        self._aside_bytes += len(body)
        if self._aside_bytes > _ASIDE_BYTES:
            self.abort()

    def on_message_complete(self) -> None:
        """The answer is whole."""
        self._whole = not self._in_head

    # What becomes of it.

    def _runs_on(self, size: int) -> bool:
        """Whether there is far too much in which nothing is said: the parser keeps a header to itself until it is
        whole, and chunks may have extensions and trailers.
        """
        self._between_bytes = 0 if self._bodied else self._between_bytes + size
        return self._between_bytes > _MAX_HEAD_BYTES

    def _finish(self, exchange: Exchange, *, reusable: bool) -> None:
        self._exchange = None
        self._aside = False
        self._disarm()
        exchange.end()
        transport = self._transport
        # What it has not read of the request would be before the next one.
        if reusable and transport is not None and not transport.is_closing() and not transport.get_write_buffer_size():
            self._owner.park(self)
        else:
            self._quit()

    def _over(self, *, clean: bool) -> None:
        exchange = self._exchange
        self._owner.left(self)
        if exchange is None:
            return
        if self._in_head and not self._answered and self._may_repeat(clean=clean):
            self._fail(exchange, StaleError(_NO_ANSWER))
        elif self._in_head:
            self._fail(exchange, UnreachableError(_NO_ANSWER))
        elif clean and not self._framed:
            self._finish(exchange, reusable=False)
        else:
            self._fail(exchange, UnreachableError("the answer broke off"))

    def _may_repeat(self, *, clean: bool) -> bool:
        taken = self._taken
        return taken is not None and (self._repeatable or (clean and taken.nothing()))

    def _fail(self, exchange: Exchange, error: UnreachableError) -> None:
        self._exchange = None
        exchange.fail(error)
        self._quit()

    def _quit(self) -> None:
        self._disarm()
        self._owner.left(self)
        if self._transport is not None:
            self._transport.abort()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _joined(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _framed(headers: dict[str, str], version: str) -> bool:
    """Whether the answer says where it ends. Raises _NoHttpError where it says so in a way not to be relied on; llhttp
    refuses two lengths, and a length beside a transfer-encoding.
    """
    if version not in ("1.0", "1.1"):
        raise _NoHttpError
    coding = headers.get("transfer-encoding")
    if coding is None:
        return "content-length" in headers
    if coding.lower() != "chunked" or version == "1.0":
        raise _NoHttpError
    return True
