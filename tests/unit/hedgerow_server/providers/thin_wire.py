"""A connection of the thin transport without a socket: bytes in, what it makes of them out."""

import asyncio
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hedgerow_server.providers.http.port import GarbledError, UnreachableError
from hedgerow_server.providers.http.thin.connection import Connection
from hedgerow_server.providers.http.thin.exchange import Exchange


class FakeTransport(asyncio.Transport):
    """What the event loop would give a protocol."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.unsent = 0
        self.aborted = self.paused = False

    def write(self, data: Any) -> None:
        self.sent.append(bytes(data))

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted

    def pause_reading(self) -> None:
        assert not self.paused
        self.paused = True

    def resume_reading(self) -> None:
        assert self.paused
        self.paused = False


@dataclass
class Wire:
    """A connection that has been asked something."""

    parked: int = 0
    """How often it was free for the next request."""
    gone: bool = False
    transport: FakeTransport = field(default_factory=FakeTransport)

    def __post_init__(self) -> None:
        with socket.socket() as nowhere:
            self.connection = Connection(self, asyncio.get_running_loop(), nowhere)
        self.connection.connection_made(self.transport)

    def park(self, connection: Connection) -> None:
        """See thin.connection.Owner."""
        self.parked += 1

    def left(self, connection: Connection) -> None:
        """See thin.connection.Owner."""
        self.gone = True

    def lost(self, connection: Connection) -> None:
        """See thin.connection.Owner."""

    async def ask(self) -> "asyncio.Task[Exchange]":
        """A request on its way."""
        task = asyncio.create_task(self.connection.ask(b"-", repeatable=False, kept=False))
        await asyncio.sleep(0)
        return task

    def feed(self, pieces: Iterable[bytes]) -> None:
        """What arrives while the connection is open."""
        for piece in pieces:
            if not self.transport.aborted:
                self.connection.data_received(piece)

    def end(self) -> None:
        """The provider sends no more, and the socket is closed."""
        if not self.transport.aborted:
            self.connection.eof_received()
        self.connection.connection_lost(None)


@dataclass
class Outcome:
    """What became of an answer."""

    status: int
    """0: no headers came."""
    body: bytes
    failed: str
    """What the failure is called; empty: none."""
    kept: bool
    """Whether the connection could take another request before it was closed."""
    headers: dict[str, str]


async def heard(pieces: Iterable[bytes], *, end: bool = True) -> Outcome:
    """The outcome of an answer that arrives in these pieces; then the connection ends, or, without `end`, stays."""
    wire = Wire()
    asking = await wire.ask()
    wire.feed(pieces)
    kept = wire.parked == 1 and not wire.gone
    if end:
        wire.end()
    body = b""
    status, headers = 0, {}
    try:
        async with asyncio.timeout(5):
            exchange = await asking
            status, headers = exchange.status, dict(exchange.headers)
            while data := await exchange.read():
                body += data
    except GarbledError as error:
        return Outcome(status, body, error.detail, kept, headers)
    except UnreachableError as error:
        return Outcome(status, body, error.detail, kept, headers)
    return Outcome(status, body, "", kept, headers)
