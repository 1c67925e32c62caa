"""A connection over HTTP/2 that does what no client should."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import Event, RemoteSettingsChanged

_HEADER_BYTES = 9
_RST_STREAM, _GOAWAY = 3, 7
_CONNECT_S = 30


def headers(method: str) -> list[tuple[str, str]]:
    """The headers of a call of the test service."""
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", f"/grpc.testing.TestService/{method}"),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]


@dataclass
class Wire:
    """One to a server, in plaintext."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    state: H2Connection = field(default_factory=lambda: H2Connection(H2Configuration(client_side=True)))
    resets: Counter[int] = field(default_factory=Counter)
    """How often each code has come in RST_STREAM; h2 tells nothing of streams that are closed already."""
    goaways: list[tuple[int, bytes]] = field(default_factory=list)
    """The codes and texts of those that have come."""
    _rest: bytes = b""

    async def exchange(self) -> list[Event]:
        """Sends what there is, and takes in what comes next. Raises EOFError at the connection's end."""
        self.writer.write(self.state.data_to_send())
        await self.writer.drain()
        data = await self.reader.read(65_536)
        if not data:
            raise EOFError("the server has closed the connection")
        self._read(data)
        # To h2 a connection ends with GOAWAY; here it is what is looked for.
        return [] if self.goaways else list(self.state.receive_data(data))

    def _read(self, data: bytes) -> None:
        self._rest += data
        while len(self._rest) >= _HEADER_BYTES:
            end = _HEADER_BYTES + int.from_bytes(self._rest[:3], "big")
            if len(self._rest) < end:
                return
            kind, payload = self._rest[3], self._rest[_HEADER_BYTES:end]
            if kind == _RST_STREAM:
                self.resets[int.from_bytes(payload, "big")] += 1
            elif kind == _GOAWAY:
                self.goaways.append((int.from_bytes(payload[4:8], "big"), payload[8:]))
            self._rest = self._rest[end:]


@asynccontextmanager
async def wire(target: str) -> AsyncIterator[Wire]:
    """Connects, and has taken in the server's settings."""
    host, _, port = target.rpartition(":")
    made = Wire(*await asyncio.open_connection(host, int(port)))
    made.state.initiate_connection()
    try:
        async with asyncio.timeout(_CONNECT_S):
            while not any(isinstance(event, RemoteSettingsChanged) for event in await made.exchange()):
                pass
            yield made
    finally:
        made.writer.close()
