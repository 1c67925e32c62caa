"""An HTTP/2 server that answers every call with the same messages, and misbehaves while it does.

The behaviours are those of gRPC's negative HTTP/2 interoperability cases; what the server is to assert of them it
writes down for the test.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings

CASES = ("goaway", "rst_after_header", "rst_during_data", "rst_after_data", "ping", "max_streams")
Answers = Mapping[str, list[bytes]]
"""The messages of the answer, by the path of the RPC."""


@dataclass
class Seen:
    """What a server has seen."""

    calls: list[tuple[int, int]] = field(default_factory=list)
    """Each call as the number of its connection and of its stream."""
    most_at_once: int = 0
    """The most calls that a connection had open at a time, once its client had taken the limit."""
    pings_sent: int = 0
    pings_answered: int = 0
    connections: int = 0
    ended: int = 0
    """Connections that have ended."""


class Misbehaving(asyncio.Protocol):
    """One connection."""

    def __init__(self, case: str, answers: Answers, seen: Seen) -> None:
        self._case = case
        self._answers = answers
        self._seen = seen
        self._number = seen.connections
        seen.connections += 1
        self._h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self._paths: dict[int, str] = {}
        self._open: set[int] = set()
        self._limited = False
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(1 << 24)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._seen.ended += 1
        for task in self._tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        for event in self._h2.receive_data(data):
            self._take(event)
        self._flush()

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RequestReceived():
                self._begin(event.stream_id, {str(key): str(value) for key, value in event.headers})
            case h2.events.DataReceived() if event.flow_controlled_length:
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamEnded() if event.stream_id in self._open:
                task = asyncio.get_running_loop().create_task(self._answer(event.stream_id))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case h2.events.StreamReset():
                self._open.discard(event.stream_id)
            case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                self._news.set()
            case h2.events.SettingsAcknowledged():
                changed = event.changed_settings.get(h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS)
                self._limited = self._limited or (changed is not None and changed.new_value == 1)
            case h2.events.PingAckReceived():
                self._seen.pings_answered += 1
                self._news.set()

    def _begin(self, stream: int, headers: dict[str, str]) -> None:
        path = headers[":path"]
        if path not in self._answers:
            # Such as the health service: clients that miss it take the server for healthy.
            self._trailers(stream, status=12, alone=True)
            return
        self._paths[stream] = path
        self._open.add(stream)
        self._seen.calls.append((self._number, stream))
        if self._limited:
            self._seen.most_at_once = max(self._seen.most_at_once, len(self._open))

    async def _answer(self, stream: int) -> None:
        """The whole answer, other than where the case ends it before."""
        first = len(self._seen.calls) == 1
        if self._case == "goaway" and first:
            self._h2.close_connection(last_stream_id=stream)
            # h2 takes the connection for closed from here on. It is not: RFC 9113, section 6.8, has what is open end.
            self._h2.state_machine.state = h2.connection.ConnectionState.SERVER_OPEN
        if self._case == "max_streams" and first:
            self._h2.update_settings({h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 1})
        with self._pinged():
            self._h2.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
        data = b"".join(_framed(self._answers[self._paths[stream]]))
        if self._case == "rst_after_header":
            return self._reset(stream)
        with self._pinged():
            await self._send(stream, data[: len(data) // 2])
            if self._case == "rst_during_data":
                return self._reset(stream)
            await self._send(stream, data[len(data) // 2 :])
        if self._case == "rst_after_data":
            return self._reset(stream)
        while self._seen.pings_answered < self._seen.pings_sent:
            # A client whose call has ended may close the connection before it answers.
            await self._wait()
        self._trailers(stream, status=0)
        return None

    async def _send(self, stream: int, data: bytes) -> None:
        while data and stream in self._open:
            room = min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
            if room <= 0:
                await self._wait()
                continue
            self._h2.send_data(stream, data[:room])
            data = data[room:]
            self._flush()

    async def _wait(self) -> None:
        """Until the client has something to say."""
        self._news.clear()
        await self._news.wait()

    def _trailers(self, stream: int, *, status: int, alone: bool = False) -> None:
        begin = [(":status", "200"), ("content-type", "application/grpc")] if alone else []
        self._open.discard(stream)
        self._h2.send_headers(stream, [*begin, ("grpc-status", str(status))], end_stream=True)
        self._flush()

    def _reset(self, stream: int) -> None:
        self._open.discard(stream)
        self._h2.reset_stream(stream, h2.errors.ErrorCodes.NO_ERROR)
        self._flush()

    @contextmanager
    def _pinged(self) -> Iterator[None]:
        """In the case of pings with one before and one after."""
        self._ping()
        yield
        self._ping()
        self._flush()

    def _ping(self) -> None:
        if self._case == "ping":
            self._h2.ping(self._seen.pings_sent.to_bytes(8, "big"))
            self._seen.pings_sent += 1

    def _flush(self) -> None:
        self._transport.write(self._h2.data_to_send())


def _framed(messages: Iterable[bytes]) -> Iterator[bytes]:
    """Messages as gRPC writes them: a flag for compression, the length, the bytes."""
    for message in messages:
        yield b"\0" + len(message).to_bytes(4, "big") + message


@asynccontextmanager
async def misbehaving(case: str, answers: Answers) -> AsyncIterator[tuple[str, Seen]]:
    """A server that misbehaves in one way: its address and what it sees."""
    seen = Seen()
    server = await asyncio.get_running_loop().create_server(lambda: Misbehaving(case, answers, seen), "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", seen
    finally:
        server.close()
