"""A connection of the server in memory, and a client of hyper-h2 at its other end."""

from __future__ import annotations  # grpcio takes parameters in its stubs only

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from hedgerow_server.doors.http2.connection import Connection
from hedgerow_server.doors.http2.options import Options
from hedgerow_server.doors.http2.server import Server
from hyperframe.frame import Frame

ROUNDS = 12
"""Of the event loop, in which whatever can happen has happened."""
PATIENCE_ROUNDS = 5000


def options(**others: Any) -> Options:
    """Small limits."""
    told: dict[str, Any] = {
        "message_bytes": 100_000,
        "streams": 10,
        "waiting": 100,
        "connections": 5,
        "min_ping_s": 10.0,
        **others,
    }
    return Options(**told)


def framed(message: bytes, *, compressed: bool = False) -> bytes:
    """A message as gRPC sends it."""
    return bytes((compressed,)) + len(message).to_bytes(4, "big") + message


def frame(kind: int, flags: int = 0, stream_id: int = 0, body: bytes = b"") -> bytes:
    """A frame of HTTP/2."""
    return len(body).to_bytes(3, "big") + bytes((kind, flags)) + stream_id.to_bytes(4, "big") + body


def parsed(data: bytes) -> list[Any]:
    """Frames as others read them."""
    found: list[Any] = []
    while data:
        one, length = Frame.parse_frame_header(memoryview(data[:9]))
        one.parse_body(memoryview(data[9 : 9 + length]))
        found.append(one)
        data = data[9 + length :]
    return found


def unary(handle: Any) -> Any:
    """An RPC."""
    return grpc.unary_unary_rpc_method_handler(handle)


def server_stream(handle: Any) -> Any:
    """An RPC that answers with a stream."""
    return grpc.unary_stream_rpc_method_handler(handle)


def bidi(handle: Any) -> Any:
    """An RPC of streams."""
    return grpc.stream_stream_rpc_method_handler(handle)


class Pipe(asyncio.Transport):
    """Keeps what is written; of a real one it has the limit, and that an end is told of later."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.protocol: Connection | None = None
        self.written = bytearray()
        self.most = most
        self._closing = self._paused = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Where the client is."""
        return ("192.0.2.1", 4711) if name == "peername" else default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Takes it, and says when it is too much."""
        self.written += data
        if len(self.written) > self.most and not self._paused and self.protocol is not None:
            self._paused = True
            self.protocol.pause_writing()

    def taken(self) -> bytes:
        """What was written: the other end has it now."""
        data = bytes(self.written)
        self.written.clear()
        if self._paused and not self._closing and self.protocol is not None:
            self._paused = False
            self.protocol.resume_writing()
        return data

    def is_closing(self) -> bool:
        """Whether it ends."""
        return self._closing

    def close(self) -> None:
        """Ends it."""
        self.lose()

    def abort(self) -> None:
        """Ends it."""
        self.lose()

    def lose(self) -> None:
        """It ends for whatever reason."""
        if not self._closing and self.protocol is not None:
            self._closing = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)
            self.protocol = None


@dataclass
class Told:
    """What a call was told."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    trailers: dict[str, str] = field(default_factory=dict)
    reset: int | None = None
    ended: bool = False

    @property
    def status(self) -> str | None:
        """Its gRPC status."""
        return self.trailers.get("grpc-status", self.headers.get("grpc-status"))


@dataclass
class Peer:
    """Both ends."""

    server: Server
    pipe: Pipe
    connection: Connection
    state: H2Connection = field(default_factory=lambda: H2Connection(H2Configuration(client_side=True)))
    told: dict[int, Told] = field(default_factory=dict)
    goaways: list[tuple[int, bytes]] = field(default_factory=list)
    """Codes and texts of those that have come."""
    raw: bytes = b""
    """All that the server has sent."""

    def begin(self, path: str, *more: tuple[str, str], method: str = "POST") -> int:
        """Sends the headers of a call; returns its stream."""
        stream = int(self.state.get_next_available_stream_id())
        pseudo = [(":method", method), (":scheme", "http"), (":path", f"/test.Service/{path}"), (":authority", "x")]
        self.state.send_headers(stream, [*pseudo, ("content-type", "application/grpc"), ("te", "trailers"), *more])
        return stream

    def call(self, path: str, *messages: bytes, end: bool = True) -> int:
        """Sends a call with its messages; returns its stream."""
        stream = self.begin(path)
        self.state.send_data(stream, b"".join(map(framed, messages)), end_stream=end)
        return stream

    async def send(self, data: bytes) -> None:
        """Sends bytes as they are, and takes in what comes back."""
        self.connection.data_received(data)
        await self.exchange()

    async def exchange(self, *, read: bool = True) -> None:
        """Sends what there is and takes in what comes, until nothing more happens."""
        for _ in range(ROUNDS):
            data = self.state.data_to_send()
            if data and not self.pipe.is_closing():
                self.connection.data_received(data)
            await asyncio.sleep(0)
            if read:
                self.read()

    async def ends(self, stream: int) -> None:
        """Exchanges until a call has ended, which takes real time where a thread has a part in it."""
        for _ in range(PATIENCE_ROUNDS):
            await self.exchange()
            if stream in self.told and self.told[stream].ended:
                return
            await asyncio.sleep(1e-3)
        raise TimeoutError

    def read(self) -> None:
        """Takes in what has come."""
        data = self.pipe.taken()
        self.raw += data
        if data and not self.goaways:
            for event in self.state.receive_data(data):
                self._note(event)

    def _note(self, event: Event) -> None:
        if isinstance(event, ConnectionTerminated):
            self.goaways.append((int(event.error_code or 0), event.additional_data or b""))
            return
        told = self.told.setdefault(getattr(event, "stream_id", None) or 0, Told())
        match event:
            case ResponseReceived():
                told.headers = _texts(event.headers)
            case TrailersReceived():
                told.trailers = _texts(event.headers)
            case DataReceived():
                told.body += event.data or b""
                self.state.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
            case StreamReset():
                told.reset = int(event.error_code or 0)
            case StreamEnded():
                told.ended = True

    async def lose(self) -> None:
        """The client is gone."""
        self.pipe.lose()
        for _ in range(ROUNDS):
            await asyncio.sleep(0)


def _texts(fields: Any) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in fields}


async def status(client: Peer, stream: int) -> str | None:
    """How a call ends."""
    await client.exchange()
    return client.told[stream].status


def handlers(more: dict[str, grpc.RpcMethodHandler[Any, Any]] | None = None) -> grpc.GenericRpcHandler:
    """A service that has one RPC of each kind, and further ones."""

    async def echo(body: bytes, context: Any) -> bytes:
        return body

    async def count(body: bytes, context: Any) -> None:
        for number in range(int(body)):
            await context.write(b"%d" % number)

    async def talk(bodies: AsyncIterator[bytes], context: Any) -> None:
        async for body in bodies:
            await context.write(body)

    async def gather(bodies: AsyncIterator[bytes], context: Any) -> bytes:
        return b"+".join([body async for body in bodies])

    async def wait(body: bytes, context: Any) -> bytes:
        await asyncio.Event().wait()
        return b""

    found: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "Echo": grpc.unary_unary_rpc_method_handler(echo),
        "Count": grpc.unary_stream_rpc_method_handler(count),
        "Talk": grpc.stream_stream_rpc_method_handler(talk),
        "Gather": grpc.stream_unary_rpc_method_handler(gather),
        "Wait": grpc.unary_unary_rpc_method_handler(wait),
        **(more or {}),
    }
    return grpc.method_handlers_generic_handler("test.Service", found)


def connect(server: Server, *, most: int = 65_536) -> Peer:
    """A client that has sent nothing yet; `most`: what the transport takes before it has enough."""
    pipe = Pipe(most)
    pipe.protocol = Connection(server)
    pipe.protocol.connection_made(pipe)
    return Peer(server, pipe, pipe.protocol)


@asynccontextmanager
async def peer(
    more: dict[str, grpc.RpcMethodHandler[Any, Any]] | None = None, *, most: int = 65_536, **others: Any
) -> AsyncIterator[Peer]:
    """A client that is connected; `more` are further RPCs, `others` are options."""
    server = Server(options(**others))
    server.add_generic_rpc_handlers([handlers(more)])
    made = connect(server, most=most)
    made.state.initiate_connection()
    await made.exchange()
    yield made
    await made.lose()
    assert not made.connection.calls
    assert not server.connections
