"""The HTTP door alone, in this process: slow readers, faults that no chain can catch, and streams that break off."""

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import pytest
from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.error import HedgerowError, StreamCut
from hedgerow_server.core.event import Completed, Event, FinishReason, Started, TextDelta, Usage
from hedgerow_server.doors import http_connection
from hedgerow_server.doors.http import HttpDoor
from hedgerow_server.doors.openai import OpenAiForm
from hedgerow_server.doors.section import HttpSection
from hedgerow_server.doors.serving import HttpEndpoint, OpenCalls, Serving
from hedgerow_server.interceptors import chain
from hedgerow_server.interceptors.chain import Chain
from rpc.http_raw import Answered
from rpc.http_raw import head as request_head

SECRET = "the text of an exception"
PIECE = 16 * 1024
UNREAD = 8 * 1024 * 1024
"""More than all buffers between the door and a reader take, on loopback and with small windows."""
Events = Callable[[Call], AsyncGenerator[Event, None]]


class Words:
    """Encodes anything as a piece of text."""

    def __init__(self, call: Call) -> None:
        self._text = b""

    def add(self, event: Event) -> None:
        """Takes an event."""

    def encode(self, event: Event | None = None) -> Any:
        """A unary answer, or the messages of an event."""
        return b"{}" if event is None else [b"data: " + b"x" * PIECE + b"\n\n"]


class Speechless(Words):
    """Encodes nothing."""

    def encode(self, event: Event | None = None) -> NoReturn:
        """Fails."""
        raise ValueError(SECRET)


class Desk:
    """A door whose calls give certain events, and what has become of them."""

    def __init__(self, events: Events, words: type[Words], *, stream: bool) -> None:
        self.delivered = 0
        self.ended: asyncio.Future[HedgerowError | None] = asyncio.get_running_loop().create_future()
        self._chain = Chain([])
        self.calls = OpenCalls()
        kind = Kind.SERVER_STREAM if stream else Kind.UNARY
        method = Method("test.v1.Test/Call", kind, _never, events)
        endpoint = HttpEndpoint("POST", "/call", OpenAiForm(), method, words, words)
        section = HttpSection(listen="127.0.0.1:0")
        self.door = HttpDoor(Serving(self, [], [endpoint]), self.calls, section, lambda: True)

    async def ended_connections(self) -> None:
        """Returns once none is open."""
        for _ in range(1000):
            if not self.door.connections:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("a connection stays open")

    async def serve(self, call: Call, deliver: Callable[[Event], Awaitable[None]]) -> None:
        """Sends the call through a chain without a concern."""
        call.request_id = "id-1"
        call.body = await anext(call.bodies or _never(call), b"")

        async def counted(event: Event) -> None:
            await deliver(event)
            self.delivered += 1

        error: HedgerowError | None = None
        try:
            await self._chain.serve(call, counted)
        except HedgerowError as failed:
            error = failed
            raise
        finally:
            self.ended.set_result(error)


def _never(call: Call) -> NoReturn:
    raise ValueError(SECRET)


@asynccontextmanager
async def asked(
    events: Events, words: type[Words] = Words, *, stream: bool = True, receive_bytes: int = 65536
) -> AsyncIterator[tuple[Desk, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A door, and a connection on which a call was asked for."""
    desk = Desk(events, words, stream=stream)
    host, port = (await desk.door.start(None))["http"].split(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=connection, limit=4096)
    writer.write(request_head(b"content-length: 2", path="/call") + b"{}")
    try:
        yield desk, reader, writer
    finally:
        writer.close()
        await desk.door.stop()


async def endless(call: Call) -> AsyncGenerator[Event, None]:
    """Text without an end."""
    yield Started()
    while True:
        yield TextDelta(0, "x")


async def whole(call: Call) -> AsyncGenerator[Event, None]:
    """A short answer."""
    yield Started()
    yield Completed(FinishReason.STOP, "stop", Usage(), ())


async def cut(call: Call) -> AsyncGenerator[Event, None]:
    """An answer that fails on the way."""
    yield Started()
    raise StreamCut("The answer ended too early.")


async def still(count: Callable[[], int]) -> int:
    """A count that has stopped to rise."""
    before = -1
    while before != count() or not before:
        before = count()
        await asyncio.sleep(0.1)
    return before


async def test_a_reader_that_does_not_read_holds_the_provider_up() -> None:
    """Memory stays bounded; when he reads on, more comes."""
    async with asked(endless) as (desk, reader, _):
        held = await still(lambda: desk.delivered)
        assert held * PIECE < UNREAD
        await reader.readexactly(UNREAD + UNREAD // 2)
        assert await still(lambda: desk.delivered) * PIECE > UNREAD


async def test_a_reader_that_leaves_while_he_is_waited_for_ends_the_call() -> None:
    async with asked(endless) as (desk, _, writer):
        await still(lambda: desk.delivered)
        writer.transport.abort()
        assert await asyncio.wait_for(desk.ended, 5) is None


async def test_a_reader_that_does_not_take_the_last_event_is_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """And his connection is ended, though he has not read what was sent."""
    monkeypatch.setattr(chain, "_LAST_EVENT_S", 0.2)
    monkeypatch.setattr(http_connection, "_FLUSH_S", 0.2)

    class LongEnd(Words):
        """The last event is longer than all buffers."""

        def encode(self, event: Event | None = None) -> list[bytes]:
            """Its messages."""
            return [b"x" * 4 * UNREAD] if isinstance(event, Completed) else [b"x"]

    async with asked(whole, LongEnd) as (desk, reader, _):
        error = await asyncio.wait_for(desk.ended, 10)
        assert error is not None
        assert error.reason == "READER_TOO_SLOW"
        await desk.ended_connections()
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(4 * UNREAD), 5)


async def test_an_answer_that_nobody_takes_ends_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A unary one: it was made, so that the call has ended well."""
    monkeypatch.setattr(http_connection, "_FLUSH_S", 0.2)

    class Long(Words):
        """A long answer."""

        def encode(self, event: Event | None = None) -> bytes:
            """Longer than all buffers."""
            return b"x" * 4 * UNREAD

    async with asked(whole, Long, stream=False) as (desk, reader, _):
        assert await asyncio.wait_for(desk.ended, 5) is None
        await desk.ended_connections()
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(4 * UNREAD), 5)


async def test_a_stream_that_fails_ends_with_an_event_and_without_an_end(caplog: pytest.LogCaptureFixture) -> None:
    """No client takes it for whole, and the log does not speak of a fault."""
    with caplog.at_level(logging.DEBUG):
        async with asked(cut) as (_, reader, _):
            data = await asyncio.wait_for(reader.read(-1), 5)
    last = data.rpartition(b"data: ")[2]
    assert Answered(200, {}, last.partition(b"\n\n")[0]).error["code"] == "stream_cut"
    assert not data.endswith(b"0\r\n\r\n")
    assert [one for one in caplog.records if one.levelno >= logging.INFO] == []


@pytest.mark.parametrize("stream", [False, True])
async def test_a_fault_at_the_door_is_internal_and_keeps_its_text(stream: bool) -> None:
    async with asked(whole, Speechless, stream=stream) as (_, reader, _):
        data = await asyncio.wait_for(reader.readuntil(b"}}}"), 5)
    assert data.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert b'"reason":"INTERNAL","request_id":"id-1"' in data
    assert SECRET.encode() not in data


@pytest.mark.parametrize("stream", [False, True])
async def test_without_a_fault_the_answer_is_whole(stream: bool) -> None:
    """The yardstick of the tests above."""
    async with asked(whole, stream=stream) as (desk, reader, _):
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        size = 2 * len(b"4008\r\ndata: \n\n\r\n") + 2 * PIECE + len(b"0\r\n\r\n") if stream else 2
        body = await asyncio.wait_for(reader.readexactly(size), 5)
        assert body.endswith(b"\r\n0\r\n\r\n" if stream else b"{}")
        assert await desk.ended is None
