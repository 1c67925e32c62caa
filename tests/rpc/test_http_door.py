"""The HTTP door alone, in this process: slow readers, faults that no chain can catch, and streams that break off."""

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import pytest
from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.error import HedgerowError, StreamCut
from hedgerow_server.core.event import Completed, Event, FinishReason, Started, TextDelta, Usage
from hedgerow_server.doors import http, http_connection
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
        self.address = ""
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
            if not self.ended.done():
                self.ended.set_result(error)


def _never(call: Call) -> NoReturn:
    raise ValueError(SECRET)


@asynccontextmanager
async def asked(
    events: Events, words: type[Words] = Words, *, stream: bool = True, receive_bytes: int = 65536
) -> AsyncIterator[tuple[Desk, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A door, and a connection on which a call was asked for."""
    desk = Desk(events, words, stream=stream)
    desk.address = (await desk.door.start(None))["http"]
    reader, writer = await connected(desk, receive_bytes)
    try:
        yield desk, reader, writer
    finally:
        writer.close()
        await desk.door.stop()


async def connected(desk: Desk, receive_bytes: int = 65536) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the door on which a call was asked for."""
    host, port = desk.address.split(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=connection, limit=4096)
    writer.write(request_head(b"content-length: 2", path="/call") + b"{}")
    return reader, writer


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


class Pieces(Words):
    """A long unary answer, made piece by piece."""

    count = 40
    """How many there are."""

    def encode(self, event: Event | None = None) -> Any:
        """Each of another letter."""
        return (letters(number) for number in range(self.count))


def letters(number: int) -> bytes:
    """A piece."""
    return bytes([65 + number]) * PIECE


async def dechunked(reader: asyncio.StreamReader) -> bytes:
    """The body of an answer in chunks, which must be whole."""
    found = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        found += (await reader.readexactly(size + 2))[:size]
    assert await reader.readexactly(2) == b"\r\n"
    return found


async def test_an_answer_in_pieces_is_whole_and_the_connection_goes_on() -> None:
    async with asked(whole, Pieces, stream=False) as (desk, reader, _):
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert b"\r\ncontent-type: application/json\r\n" in head
        assert b"\r\ntransfer-encoding: chunked\r\n" in head
        assert b"content-length" not in head
        body = await asyncio.wait_for(dechunked(reader), 5)
        assert body == b"".join(map(letters, range(Pieces.count)))
        assert (await desk.ended, desk.door.connections) == (None, 1)


async def test_short_pieces_are_one_answer_with_a_length() -> None:
    class Short(Pieces):
        """Less than a block."""

        count = 3

    async with asked(whole, Short, stream=False) as (_, reader, _):
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert b"\r\ncontent-length: %d\r\n" % (3 * PIECE) in head
        assert await asyncio.wait_for(reader.readexactly(3 * PIECE), 5) == b"".join(map(letters, range(3)))


async def test_no_two_blocks_of_long_answers_are_made_in_one_turn_of_the_loop() -> None:
    """Other calls have their turns between them, however fast the readers are and however many. The first block of an
    answer counts as all of a short one.
    """
    turn, made = 0, Counter[int]()
    loop = asyncio.get_running_loop()
    block = http._BLOCK_BYTES // PIECE

    def turned() -> None:
        nonlocal turn
        turn += 1
        loop.call_soon(turned)

    class Noted(Pieces):
        """Takes note of the turn in which each piece is made."""

        def encode(self, event: Event | None = None) -> Iterator[bytes]:
            """Its pieces."""
            for number, piece in enumerate(super().encode()):
                made[turn] += number >= block
                yield piece

    here = asyncio.Barrier(3)

    async def together(call: Call) -> AsyncGenerator[Event, None]:
        await here.wait()
        async for event in whole(call):
            yield event

    loop.call_soon(turned)
    async with asked(together, Noted, stream=False, receive_bytes=1 << 20) as (desk, first, _):
        others = [await connected(desk, 1 << 20) for _ in range(2)]
        answers = [first, *(reader for reader, _ in others)]
        for reader in answers:
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        await asyncio.gather(*(asyncio.wait_for(dechunked(reader), 5) for reader in answers))
        for _, writer in others:
            writer.close()
    assert made.total() == len(answers) * (Pieces.count - block)
    assert set((+made).values()) == {block}


async def test_of_a_long_answer_no_more_is_made_than_is_taken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And a reader that takes no block in time loses his connection, without a word in the log."""
    monkeypatch.setattr(http, "_TAKEN_S", 0.2)
    made = 0

    class Endless(Pieces):
        """Has no end."""

        def encode(self, event: Event | None = None) -> Iterator[bytes]:
            """Its pieces."""
            nonlocal made
            while True:
                made += 1
                yield b"x" * PIECE

    async with asked(whole, Endless, stream=False) as (desk, reader, _):
        await desk.ended_connections()
        assert made * PIECE < UNREAD
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(UNREAD), 5)
    assert [one for one in caplog.records if one.levelno >= logging.INFO] == []


async def test_a_reader_has_so_long_for_all_of_a_long_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """However steadily he reads: it takes memory, and the configuration that it began with."""
    monkeypatch.setattr(http, "_WHOLE_TAKEN_S", 0.2)

    class Endless(Pieces):
        """Has no end."""

        def encode(self, event: Event | None = None) -> Iterator[bytes]:
            """Its pieces."""
            while True:
                yield b"x" * PIECE

    async with asked(whole, Endless, stream=False) as (desk, reader, _):
        try:
            while await asyncio.wait_for(reader.read(PIECE), 5):
                pass
        except ConnectionResetError:
            pass
        await desk.ended_connections()


async def test_a_fault_within_a_long_answer_breaks_it_off(caplog: pytest.LogCaptureFixture) -> None:
    """What was sent stays what it is: an error within the JSON of an answer would be a part of it."""

    class Broken(Pieces):
        """Fails on the way."""

        def encode(self, event: Event | None = None) -> Iterator[bytes]:
            """Two blocks, and no more."""
            for _ in range(2 * http._BLOCK_BYTES // PIECE):
                yield b"x" * PIECE
            raise ValueError(SECRET)

    async with asked(whole, Broken, stream=False) as (_, reader, _):
        data = await asyncio.wait_for(reader.read(-1), 5)
    assert data.endswith(b"x\r\n")
    assert "failed by a fault at the door" in caplog.text
