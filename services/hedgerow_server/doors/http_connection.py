"""One HTTP/1.1 connection: bytes to exchanges, one answered after the other.

It reads on while a call runs, because that is how it hears that the caller has left; whoever closes his side, or only
the half that he sends on, has left. What it cannot read for certain it answers with one refusal, and reads no more.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Protocol, cast

import httptools

from hedgerow_server.core.error import HedgerowError, Overloaded
from hedgerow_server.doors.http_exchange import Exchange
from hedgerow_server.doors.http_head import read_head
from hedgerow_server.doors.http_status import BadMessage, BodyTooLarge
from hedgerow_server.doors.peers import identities_of, peer_name
from hedgerow_server.doors.section import HttpSection

_log = logging.getLogger(__name__)
_AHEAD_BYTES = 64 * 1024
"""How much of a body is taken before somebody wants it, which is after its caller was let in."""
_AHEAD_REQUESTS = 8
"""How many requests may wait behind the one that is answered (RFC 9112, section 9.3.2)."""
_HEADER_BYTES = 4
"""What a header costs beside its name and value: colon, space, CR, LF."""
_LINGER_S = 1.0
_LINGER_BYTES = 4 * 1024 * 1024
"""How long, and how much of what is still sent, is thrown away before a connection is closed on a request that was not
read to its end: the reset would take the answer away from the caller (RFC 9112, section 9.6).
"""
_FLUSH_S = 30.0
"""How long a caller has to take what is left of an answer that has ended."""
_COME_BACK_S = 1.0


class Owner(Protocol):
    """What the connections of one address have in common."""

    section: HttpSection
    draining: bool
    """Whether no further request is taken."""

    async def answer(self, exchange: Exchange) -> None:
        """Answers a request."""

    def enter(self, connection: "Connection") -> bool:
        """A connection is here. False: there are too many."""

    def leave(self, connection: "Connection") -> None:
        """It has ended."""

    def date(self) -> bytes:
        """The header `date`, as a line."""


class Connection(asyncio.Protocol):
    """The server's end of a connection."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._section = owner.section
        self._parser = httptools.HttpRequestParser(self)
        self._exchanges: deque[Exchange] = deque()
        self._incoming: Exchange | None = None
        self._target = b""
        self._head_bytes = self._head_count = self._raw_bytes = 0
        self._in_head = self._resuming = False
        self._deaf = self._reading_paused = self._writing_paused = False
        self._discarded = 0
        self._room: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self.peer = ""

    # What the exchanges see.

    @property
    def last(self) -> bool:
        """Whether no further request is taken."""
        return self._owner.draining or (self._deaf and len(self._exchanges) <= 1)

    def identities(self) -> tuple[str, ...]:
        """Whom the caller's certificate names. It was verified: without an authority for them none is asked for."""
        return identities_of(self._transport.get_extra_info("peercert"))

    def date(self) -> bytes:
        """The header `date`, as a line."""
        return self._owner.date()

    def write(self, data: bytes) -> None:
        """Sends bytes, or keeps them until there is room."""
        if not self._transport.is_closing():
            self._transport.write(data)

    async def drain(self) -> None:
        """Returns once there is room."""
        if self._writing_paused:
            self._room = self._loop.create_future()
            await self._room

    def look(self) -> None:
        """Reads on, unless there is more ahead than needs to be."""
        incoming = self._incoming
        ahead = incoming is not None and incoming.waiting > _AHEAD_BYTES
        pause = not self._deaf and (ahead or len(self._exchanges) > _AHEAD_REQUESTS)
        if pause == self._reading_paused or self._transport.is_closing():
            return
        self._reading_paused = pause
        if pause:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There it is."""
        self._transport = cast("asyncio.Transport", transport)
        self.peer = peer_name(transport.get_extra_info("peername"))
        if self._owner.draining:
            self._transport.abort()
        elif self._owner.enter(self):
            self._arm(self._section.header_seconds, self._slow_head)
        else:
            self._refuse(Overloaded("The gateway has too many connections.", retry_delay_s=_COME_BACK_S))

    def data_received(self, data: bytes) -> None:
        """Something came."""
        if self._deaf:
            self._discarded += len(data)
            if self._discarded > _LINGER_BYTES:
                self._transport.abort()
            return
        in_head = self._in_head
        self._feed(data)
        if in_head and self._in_head:
            # The parser keeps a header to itself until it is whole.
            self._raw_bytes += len(data)
            if self._raw_bytes > self._section.max_header_bytes:
                self._refuse(_too_long())
        elif self._incoming is not None and not self._in_head:
            # Chunks of one byte, with anything else around them.
            self._raw_bytes += len(data)
            if self._raw_bytes > 2 * self._section.max_request_bytes + _AHEAD_BYTES:
                self._refuse(BodyTooLarge(self._section.max_request_bytes))
        self.look()

    def eof_received(self) -> None:
        """The caller sends no more."""
        self._leave()
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        self._disarm()
        self._leave()
        self._owner.leave(self)
        # It holds on to this object as this does to it.
        del self._parser

    def pause_writing(self) -> None:
        """The caller takes less than there is."""
        self._writing_paused = True

    def resume_writing(self) -> None:
        """There is room again."""
        self._writing_paused = False
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    # What the parser tells.

    def on_message_begin(self) -> None:
        """A request begins."""
        if not self._resuming:
            self._incoming = Exchange(self, self._section.max_request_bytes)
            self._target, self._in_head = b"", True
            self._head_bytes = self._head_count = self._raw_bytes = 0
            self._arm(self._section.header_seconds, self._slow_head)

    def on_url(self, url: bytes) -> None:
        """A piece of its target."""
        if not self._resuming:
            self._target += url
            self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer: those say nothing."""
        if self._resuming:
            return
        assert self._incoming is not None
        self._head_count += 1
        self._count(len(name) + len(value) + _HEADER_BYTES)
        if self._head_count > self._section.max_headers:
            raise _too_long()
        if self._in_head:
            self._incoming.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        if self._resuming:
            self._resuming = False
            return
        exchange, parser = self._incoming, self._parser
        assert exchange is not None
        exchange.verb = parser.get_method().decode("ascii")
        read_head(exchange, parser.get_http_version(), self._target)
        exchange.keep_alive = not exchange.http10 and parser.should_keep_alive()
        self._in_head, self._raw_bytes = False, 0
        self._disarm()
        self._enqueue(exchange)

    def on_body(self, body: bytes) -> None:
        """A piece of its body."""
        if self._incoming is not None and not self._incoming.take(body):
            self._incoming, self._deaf = None, True

    def on_message_complete(self) -> None:
        """It is whole; but the parser ends where another protocol might begin, with no look at a body."""
        exchange = self._incoming
        if exchange is not None and not (self._parser.should_upgrade() and _has_body(exchange)):
            exchange.end()
            self._incoming = None
            self._deaf = self._deaf or not exchange.keep_alive

    def _feed(self, data: bytes) -> None:
        while data and not self._deaf:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                rest = upgrade.args[0]
            except httptools.HttpParserError as error:
                self._misread(error)
                return
            else:
                return
            data = self._go_on(data[rest:])

    def _go_on(self, rest: bytes) -> bytes:
        """The caller would like to speak another protocol, such as h2c, and we do not: its request is served as it is
        (RFC 9110, section 7.8). A fresh parser takes the body, after a head of the same framing, and what follows.
        """
        self._parser = httptools.HttpRequestParser(self)
        exchange = self._incoming
        if exchange is None:
            return rest
        length = exchange.content_length
        framing = b"Transfer-Encoding: chunked" if length is None else b"Content-Length: %d" % length
        self._resuming = True
        return b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\n" + rest

    def _misread(self, error: httptools.HttpParserError) -> None:
        # After the last request that is taken nothing counts.
        if self._deaf:
            return
        cause = error.__context__
        if cause is not None and not isinstance(cause, BadMessage):
            _log.error("a fault while reading a request", exc_info=cause)
        self._refuse(cause if isinstance(cause, BadMessage) else _nonsense())

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self._section.max_header_bytes:
            raise _too_long()

    # What becomes of it.

    def _refuse(self, error: HedgerowError) -> None:
        """Answers what cannot be read, once what came before is answered, and reads no more."""
        self._deaf = True
        self._disarm()
        exchange, self._incoming = self._incoming, None
        if exchange is not None and not self._in_head:
            exchange.fail(error)
            return
        exchange = exchange or Exchange(self, 0)
        exchange.refused, exchange.keep_alive, self._in_head = error, False, False
        self._enqueue(exchange)

    def _slow_head(self) -> None:
        if self._incoming is None:
            self._close()
        else:
            text = f"The head of the request was not here within {self._section.header_seconds:g} s."
            self._refuse(BadMessage(408, "request_timeout", text))

    def _enqueue(self, exchange: Exchange) -> None:
        self._exchanges.append(exchange)
        if len(self._exchanges) == 1:
            self._begin()

    def _begin(self) -> None:
        self._task = self._loop.create_task(self._run(self._exchanges[0]))

    async def _run(self, exchange: Exchange) -> None:
        try:
            await self._owner.answer(exchange)
            if self._writing_paused:
                async with asyncio.timeout(_FLUSH_S):
                    await self.drain()
        except asyncio.CancelledError:
            if not exchange.left:
                raise
        except TimeoutError:
            self._transport.abort()
        except Exception as error:
            _log.error("a fault at the HTTP door", exc_info=error)
        finally:
            self._task = None
            self._ended(exchange)

    def _ended(self, exchange: Exchange) -> None:
        if exchange.left or self._transport.is_closing():
            return
        self._exchanges.popleft()
        if not exchange.finished:
            end = self._close if exchange.broken else self._transport.abort
            end()
        elif not exchange.keep_alive or self._owner.draining:
            end = self._close if exchange.complete else self._linger
            end()
        elif self._exchanges:
            self._begin()
            self.look()
        elif self._deaf:
            self._close()
        else:
            if self._incoming is None:
                self._arm(self._section.keep_alive_seconds, self._close)
            self.look()

    def _leave(self) -> None:
        # Once: a second time would break into what the call does to end.
        task = self._task if self._exchanges else None
        for exchange in self._exchanges:
            exchange.left = True
        self._exchanges.clear()
        if task is not None:
            task.cancel()

    def retire(self) -> None:
        """Ends it now where it is idle; else its answer is the last."""
        if not self._exchanges:
            self._close()

    def abort(self) -> None:
        """Ends it now."""
        self._transport.abort()

    def _close(self) -> None:
        """Sends what there is, and ends it. A caller that does not take that is not waited for long."""
        self._disarm()
        self._deaf = True
        self._transport.close()
        if self._transport.get_write_buffer_size():
            self._arm(_FLUSH_S, self._transport.abort)

    def _linger(self) -> None:
        self._deaf = True
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self.look()
        self._arm(_LINGER_S, self._close)

    def _arm(self, seconds: float, then: Callable[[], None]) -> None:
        self._disarm()
        self._timer = self._loop.call_later(seconds, then)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _has_body(exchange: Exchange) -> bool:
    return bool(exchange.content_length) or any(name == b"transfer-encoding" for name, _ in exchange.headers)


def _too_long() -> BadMessage:
    return BadMessage(431, "request_header_fields_too_large", "The request has too many headers, or too long ones.")


def _nonsense() -> BadMessage:
    return BadMessage(400, "bad_request", "That is no request of HTTP/1.1.")
