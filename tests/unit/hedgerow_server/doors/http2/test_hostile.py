"""Clients that break the protocol, and such as keep to it and waste the server's time."""

from __future__ import annotations  # grpcio takes parameters in its stubs only

import asyncio
from typing import Any

import grpc
import pytest
from hedgerow_server.doors.http2 import frames
from unit.hedgerow_server.doors.http2.peer import bidi, connect, frame, framed, peer, status, unary

# Frames that should not come.

FAULTS: dict[str, tuple[bytes, int]] = {
    "data of no stream": (frame(frames.DATA, 0, 0, b"a"), frames.PROTOCOL_ERROR),
    "data of a stream that has not begun": (frame(frames.DATA, 0, 9, b"a"), frames.PROTOCOL_ERROR),
    "too much padding": (frame(frames.DATA, frames.PADDED, 1, b"\x05abc"), frames.PROTOCOL_ERROR),
    "headers of no stream": (frame(frames.HEADERS, frames.END_HEADERS, 0), frames.PROTOCOL_ERROR),
    "headers of an even stream": (frame(frames.HEADERS, frames.END_HEADERS, 2), frames.PROTOCOL_ERROR),
    "headers that cannot be read": (frame(frames.HEADERS, frames.END_HEADERS, 1, b"\xff"), frames.COMPRESSION_ERROR),
    "the rest of no headers": (frame(frames.CONTINUATION, frames.END_HEADERS, 1), frames.PROTOCOL_ERROR),
    "something within headers": (
        frame(frames.HEADERS, 0, 1) + frame(frames.PING, 0, 0, bytes(8)),
        frames.PROTOCOL_ERROR,
    ),
    "the rest of other headers": (
        frame(frames.HEADERS, 0, 1) + frame(frames.CONTINUATION, 0, 3),
        frames.PROTOCOL_ERROR,
    ),
    "more headers than there may be": (
        frame(frames.HEADERS, 0, 1, bytes(16_000)) + 16 * frame(frames.CONTINUATION, 0, 1, bytes(16_384)),
        frames.ENHANCE_YOUR_CALM,
    ),
    "a push": (frame(frames.PUSH_PROMISE, 0, 1, bytes(4)), frames.PROTOCOL_ERROR),
    "a reset of no stream": (frame(frames.RST_STREAM, 0, 0, bytes(4)), frames.PROTOCOL_ERROR),
    "a reset of a stream that has not begun": (frame(frames.RST_STREAM, 0, 1, bytes(4)), frames.PROTOCOL_ERROR),
    "a cut reset": (frame(frames.RST_STREAM, 0, 1, bytes(3)), frames.FRAME_SIZE_ERROR),
    "settings of a stream": (frame(frames.SETTINGS, 0, 1), frames.PROTOCOL_ERROR),
    "cut settings": (frame(frames.SETTINGS, 0, 0, bytes(5)), frames.FRAME_SIZE_ERROR),
    "an acknowledgement with settings": (frame(frames.SETTINGS, frames.ACK, 0, bytes(6)), frames.FRAME_SIZE_ERROR),
    "a ping of a stream": (frame(frames.PING, 0, 1, bytes(8)), frames.PROTOCOL_ERROR),
    "a cut ping": (frame(frames.PING, 0, 0, bytes(7)), frames.FRAME_SIZE_ERROR),
    "a farewell of a stream": (frame(frames.GOAWAY, 0, 1, bytes(8)), frames.PROTOCOL_ERROR),
    "a window update of nothing": (frame(frames.WINDOW_UPDATE, 0, 0, bytes(4)), frames.PROTOCOL_ERROR),
    "a window update of a stream that has not begun": (
        frame(frames.WINDOW_UPDATE, 0, 1, bytes(4)),
        frames.PROTOCOL_ERROR,
    ),
    "a window that is too large": (
        frame(frames.WINDOW_UPDATE, 0, 0, (2**31 - 1).to_bytes(4, "big")),
        frames.FLOW_CONTROL_ERROR,
    ),
    "a priority of a wrong size": (frame(frames.PRIORITY, 0, 1, bytes(4)), frames.FRAME_SIZE_ERROR),
    "a priority of no stream": (frame(frames.PRIORITY, 0, 0, bytes(5)), frames.PROTOCOL_ERROR),
    "a stream that depends on itself": (frame(frames.PRIORITY, 0, 1, b"\0\0\0\1\0"), frames.PROTOCOL_ERROR),
    "a frame that is too large": (frame(frames.DATA, 0, 1, bytes(16_385)), frames.FRAME_SIZE_ERROR),
}


@pytest.mark.parametrize(("sent", "code"), FAULTS.values(), ids=FAULTS)
async def test_a_fault_of_the_client_ends_the_connection_with_its_code(sent: bytes, code: int) -> None:
    async with peer() as client:
        await client.send(sent)
        assert [told for told, _ in client.goaways] == [code]
        assert client.pipe.is_closing()


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/1.1", b"\0", b"\x16\x03\x01"])
async def test_whoever_does_not_speak_http2_is_sent_away(sent: bytes) -> None:
    async with peer() as client:
        other = connect(client.server)
        await other.send(sent)
        assert [code for code, _ in other.goaways] == [frames.PROTOCOL_ERROR]
        assert other.pipe.is_closing()
        assert await status(client, client.call("Echo", b"a")) == "0"


async def test_unknown_frames_and_settings_are_ignored() -> None:
    async with peer() as client:
        await client.send(frame(0xFA, 0xFF, 1, b"abc") + frame(frames.SETTINGS, 0, 0, b"\xfa\xfa\0\0\0\1"))
        assert await status(client, client.call("Echo", b"a")) == "0"


RESETS: dict[str, tuple[bytes, int]] = {
    "data behind its end": (frame(frames.DATA, 0, 1, b"a"), frames.STREAM_CLOSED),
    "headers behind its end": (frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, 1), frames.STREAM_CLOSED),
    "a window update of nothing": (frame(frames.WINDOW_UPDATE, 0, 1, bytes(4)), frames.PROTOCOL_ERROR),
    "a window that is too large": (
        frame(frames.WINDOW_UPDATE, 0, 1, (2**31 - 1).to_bytes(4, "big")),
        frames.FLOW_CONTROL_ERROR,
    ),
}


@pytest.mark.parametrize(("sent", "code"), RESETS.values(), ids=RESETS)
async def test_a_fault_within_a_call_ends_the_call_and_no_other(sent: bytes, code: int) -> None:
    async with peer() as client:
        stream = client.call("Wait", b"")
        await client.exchange()
        await client.send(sent)
        assert client.told[stream].reset == code
        assert await status(client, client.call("Echo", b"a")) == "0"


async def test_more_data_than_a_call_may_send_ends_it() -> None:
    async with peer(stream_window=70_000) as client:
        client.begin("Talk")
        client.connection.data_received(client.state.data_to_send())
        body = framed(bytes(16_379))
        await client.send(b"".join(frame(frames.DATA, 0, 1, body) for _ in range(5)))
        assert client.told[1].reset == frames.FLOW_CONTROL_ERROR


async def test_more_data_than_a_connection_may_send_ends_it() -> None:
    async with peer() as client:
        stream = client.call("Wait", b"")
        await client.exchange()
        client.connection._window = 10
        await client.send(frame(frames.DATA, 0, stream, bytes(11)))
        assert [code for code, _ in client.goaways] == [frames.FLOW_CONTROL_ERROR]


@pytest.mark.parametrize(("length", "kept"), [("6", True), ("7", False), ("5", False)])
async def test_a_length_that_is_announced_is_kept(length: str, kept: bool) -> None:
    async with peer() as client:
        await client.exchange()
        stream = client.begin("Echo", ("content-length", length))
        client.connection.data_received(client.state.data_to_send())
        await client.send(frame(frames.DATA, frames.END_STREAM, stream, framed(b"a")))
        told = client.told[stream]
        assert (told.status, told.reset) == (("0", None) if kept else (None, frames.PROTOCOL_ERROR))


# Crowds and floods.


async def test_more_calls_than_there_may_be_are_refused() -> None:
    async with peer(streams=2) as client:
        client.state.remote_settings[3] = 100
        client.state.remote_settings.acknowledge()
        streams = [client.call("Wait", b"") for _ in range(3)]
        await client.exchange()
        assert [client.told.get(one) is not None and client.told[one].reset for one in streams] == [
            False,
            False,
            frames.REFUSED_STREAM,
        ]


@pytest.mark.parametrize("path", ["Wait", "Talk"])
async def test_of_calls_that_are_begun_and_reset_at_once_few_reach_a_handler(path: str) -> None:
    begun = 0

    async def handle(body: Any, context: Any) -> bytes:
        nonlocal begun
        begun += 1
        await asyncio.Event().wait()
        return b""

    async with peer({"Wait": unary(handle), "Talk": bidi(handle)}, streams=10) as client:
        sent = b""
        for _ in range(500):
            stream = client.call(path, b"")
            client.state.reset_stream(stream, frames.CANCEL)
            sent += client.state.data_to_send()
        await client.send(sent)
        assert begun <= 20
        assert len(client.server.turns) == 0
        assert client.connection._ended.unwinding == 0
        assert await status(client, client.call("Echo", b"")) == "0"


@pytest.mark.parametrize(
    ("kind", "stream", "body"),
    [
        (frames.PRIORITY, 1, bytes([0, 0, 0, 3, 0])),
        (frames.SETTINGS, 0, b""),
        (frames.DATA, 1, b""),
        (frames.GOAWAY, 0, bytes(8)),
        (0x42, 0, b""),
    ],
    ids=["priorities", "settings", "empty data", "farewells", "unknown frames"],
)
async def test_frames_without_end_that_bring_nothing_end_the_connection(kind: int, stream: int, body: bytes) -> None:
    async with peer() as client:
        client.begin("Talk")
        await client.exchange()
        for _ in range(11):
            client.connection.data_received(frame(kind, 0, stream, body) * 1000)
        await client.exchange()
        assert [code for code, _ in client.goaways] == [frames.ENHANCE_YOUR_CALM]


async def test_headers_in_pieces_of_nothing_end_the_connection() -> None:
    async with peer() as client:
        await client.send(frame(frames.HEADERS, 0, 1) + frame(frames.CONTINUATION, 0, 1) * 10_001)
        assert [code for code, _ in client.goaways] == [frames.ENHANCE_YOUR_CALM]


async def test_windows_of_many_calls_are_not_changed_without_end() -> None:
    """A frame of fifteen bytes that makes a server look at a thousand calls costs as many as a hundred others."""
    async with peer(streams=1000, waiting=2000) as client:
        client.state.remote_settings[3] = 1000
        for _ in range(1000):
            client.begin("Echo")
        await client.exchange()
        change = frame(frames.SETTINGS, 0, 0, b"\0\4\0\0\0\0") + frame(frames.SETTINGS, 0, 0, b"\0\4\0\0\xff\xff")
        client.connection.data_received(change * 50)
        await client.exchange()
        assert [code for code, _ in client.goaways] == [frames.ENHANCE_YOUR_CALM]


async def test_pings_that_come_too_often_end_the_connection() -> None:
    async with peer() as client:
        await client.send(frame(frames.PING, 0, 0, bytes(8)) * 4)
        assert client.goaways == [(frames.ENHANCE_YOUR_CALM, b"too_many_pings")]


async def test_calls_whose_handlers_have_yet_to_stop_count_as_calls() -> None:
    """Or whoever resets them would have any number of them run."""
    gate = asyncio.Event()

    async def handle(body: bytes, context: Any) -> bytes:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await gate.wait()
        return b""

    async with peer({"Slow": unary(handle)}, streams=5) as client:
        for _ in range(10):
            stream = client.call("Slow", b"")
            await client.exchange()
            client.state.reset_stream(stream, frames.CANCEL)
            await client.exchange()
        refused = client.call("Echo", b"")
        await client.exchange()
        assert client.told[refused].reset == frames.REFUSED_STREAM
        gate.set()
        await client.exchange()
        assert await status(client, client.call("Echo", b"")) == "0"


async def test_whoever_asks_without_reading_is_cut_off() -> None:
    """A status has no window, so they would wait in memory without end."""

    async def handle(body: bytes, context: Any) -> bytes:
        await context.abort(grpc.StatusCode.NOT_FOUND, "", [("x-a", "a" * 100_000)])
        return body

    async with peer({"Large": unary(handle)}, most=100, streams=1000) as client:
        for _ in range(200):
            if client.pipe.is_closing():
                break
            client.call("Large", b"")
            await client.exchange(read=False)
        assert client.pipe.is_closing()


async def test_requests_that_are_not_whole_take_no_more_than_there_is_for_all_of_them() -> None:
    async with peer(held_bytes=20_000) as client:
        first, second = client.begin("Echo"), client.begin("Echo")
        for stream in (first, second):
            client.state.send_data(stream, framed(bytes(15_000))[:12_000])
            await client.exchange()
        assert client.told[second].status == "14"
        assert first not in client.told
        client.state.send_data(first, framed(bytes(15_000))[12_000:], end_stream=True)
        assert await status(client, first) == "0"
        assert client.server.held == 0
        assert client.server.refused["memory"] == 1


@pytest.mark.parametrize("whole", [True, False])
async def test_what_was_held_of_a_request_is_given_back_however_it_ends(whole: bool) -> None:
    async with peer() as client:
        stream = client.begin("Echo")
        client.state.send_data(stream, framed(bytes(5_000))[:3_000])
        await client.exchange()
        assert client.server.held == 3_000
        if whole:
            client.state.send_data(stream, framed(bytes(5_000))[3_000:], end_stream=True)
        else:
            client.state.reset_stream(stream)
        await client.exchange()
        assert client.server.held == 0
