"""Clients that go to extremes at the gRPC door on the event loop: each is refused as it should be, and whoever calls
beside them is served all the time.
"""

import asyncio
import gzip
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from h2.errors import ErrorCodes
from h2.events import ResponseReceived, StreamEnded, TrailersReceived
from h2.settings import SettingCodes
from hedgerow_server.doors.http2 import frames
from interop.wire import Wire, wire
from rpc.caller import COMPLETE, STREAM_COMPLETE, STREAM_EMBED, Caller, chat, connected
from rpc.conftest import StartRouter
from stack import Process
from unit.hedgerow_server.doors.http2.peer import frame, framed, parsed

CANARY = "CANARY-2c9f"
STREAMS = 20
MAX_BYTES = 64 * 1024
PATIENCE_S = 10.0
BODY = framed(chat("fast").SerializeToString())
HELLO = frames.PREFACE + frames.settings({})


@dataclass
class Beside:
    """A caller who keeps to the rules, and calls all the time."""

    caller: Caller
    codes: set[grpc.StatusCode] = field(default_factory=set)
    """How its calls have ended."""
    _over: threading.Event = field(default_factory=threading.Event)

    def call(self) -> None:
        """Calls until it is told to stop, and once more."""
        last = False
        while not last:
            last = self._over.is_set()
            self.codes.add(self.caller.chat(COMPLETE, "fast").code)

    def stop(self) -> None:
        """It has seen enough."""
        self._over.set()


@pytest.fixture(scope="module", name="router")
def router_fixture(start_router: StartRouter) -> Iterator[Process]:
    """A router with small limits. Its log shows nothing of what it was sent."""
    section = {
        "listen": "127.0.0.1:0",
        "engine": "asyncio",
        "max_request_bytes": MAX_BYTES,
        "max_streams_per_connection": STREAMS,
    }
    with start_router(server={"grpc": section}) as running:
        yield running
        assert CANARY not in running.log.read_text()


@pytest.fixture(name="target", autouse=True)
def target_fixture(router: Process) -> Iterator[str]:
    """Where the door is. Beside each test somebody calls, who must not notice."""
    with connected(router.addresses["grpc"]) as caller:
        beside = Beside(caller)
        calling = threading.Thread(target=beside.call)
        calling.start()
        try:
            yield router.addresses["grpc"]
        finally:
            beside.stop()
            calling.join()
    assert beside.codes == {grpc.StatusCode.OK}


def fields(path: str, *more: tuple[str, str], **others: str) -> list[tuple[str, str]]:
    """The headers of a call; `others` replace some."""
    given = {":method": "POST", ":scheme": "http", ":path": path, ":authority": "x", "te": "trailers"}
    given |= {"content-type": "application/grpc"}
    return [*(given | {name.replace("_", "-"): value for name, value in others.items()}).items(), *more]


@asynccontextmanager
async def raw(target: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection that nothing was sent on."""
    host, _, port = target.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield reader, writer
    finally:
        writer.close()


async def farewell(target: str, *sent: bytes) -> list[tuple[int, bytes]]:
    """Sends bytes; the codes and texts of GOAWAY that come before the server closes."""
    async with raw(target) as (reader, writer):
        writer.writelines(sent)
        found = parsed(await reader.read())
        return [(one.error_code, one.additional_data) for one in found if one.type == frames.GOAWAY]


async def status(client: Wire, stream: int) -> dict[str, str]:
    """The headers and trailers that a call is answered with."""
    told: dict[str, str] = {}
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for event in await client.exchange():
                if isinstance(event, ResponseReceived | TrailersReceived) and event.stream_id == stream:
                    told |= {bytes(name).decode(): bytes(value).decode() for name, value in event.headers or ()}
                if isinstance(event, StreamEnded) and event.stream_id == stream:
                    return told


async def refused(client: Wire, number: int) -> None:
    """Exchanges until so many calls were refused."""
    async with asyncio.timeout(PATIENCE_S):
        while client.resets[ErrorCodes.REFUSED_STREAM] < number:
            await client.exchange()


def block(*fields_: tuple[str, str]) -> bytes:
    """Headers, encoded without a table."""
    found = b""
    for name, value in fields_:
        raw_name, raw_value = name.encode(), value.encode()
        found += bytes((0, len(raw_name))) + raw_name + bytes((len(raw_value),)) + raw_value
    return found


def opened(path: str) -> bytes:
    """The headers of the first call."""
    return frame(frames.HEADERS, frames.END_HEADERS, 1, block(*fields(path)))


CALM = [(frames.ENHANCE_YOUR_CALM, b"too many frames without a call")]
HEADERS = [(frames.ENHANCE_YOUR_CALM, b"too many headers")]
MANY = 10_200
"""A call makes up for a hundred of them."""
FLOODS: dict[str, tuple[bytes, list[tuple[int, bytes]]]] = {
    "pings": (frames.ping(bytes(8)) * 4, [(frames.ENHANCE_YOUR_CALM, b"too_many_pings")]),
    "settings": (frames.settings({}) * MANY, CALM),
    "settings in one frame": (frame(frames.SETTINGS, 0, 0, b"\0\1\0\0\0\0\0\1\0\0\x10\0" * 1300) * 5, CALM),
    "priorities": (frame(frames.PRIORITY, 0, 1, b"\0\0\0\3\0") * MANY, CALM),
    "empty data": (opened(STREAM_EMBED) + frame(frames.DATA, 0, 1) * MANY, CALM),
    "resets of calls that have ended": (
        opened(STREAM_EMBED) + frames.rst_stream(1, frames.CANCEL) * MANY,
        CALM,
    ),
    "unknown frames": (frame(0x77) * MANY, CALM),
    "headers in pieces of nothing": (frame(frames.HEADERS, 0, 1) + frame(frames.CONTINUATION, 0, 1) * MANY, CALM),
    "headers without an end": (
        frame(frames.HEADERS, 0, 1) + frame(frames.CONTINUATION, 0, 1, bytes(16_384)) * 17,
        HEADERS,
    ),
    "a header that is repeated from the table": (
        frame(frames.HEADERS, 4, 1, b"\x40\x01a\x7f\x81\x17" + b"v" * 3000 + b"\xbe" * 10_000),
        HEADERS,
    ),
}


@pytest.mark.parametrize(("sent", "told"), FLOODS.values(), ids=FLOODS)
async def test_a_flood_ends_its_connection(target: str, sent: bytes, told: list[tuple[int, bytes]]) -> None:
    assert await farewell(target, HELLO, sent) == told


OTHERS = {
    "HTTP/1.1": b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
    "half a preface": b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01",
    "no settings": frames.PREFACE + frames.ping(bytes(8)),
    "zeros": bytes(1000),
}


@pytest.mark.parametrize("sent", OTHERS.values(), ids=OTHERS)
async def test_whoever_does_not_speak_http2_is_sent_away(target: str, sent: bytes) -> None:
    ((code, _),) = await farewell(target, sent)
    assert code == frames.PROTOCOL_ERROR


async def test_of_calls_that_are_begun_and_reset_without_end_most_are_refused(target: str) -> None:
    """Whole requests, and never more than one open at a time (CVE-2023-44487)."""
    await many_refused(target, frames.RST_STREAM, frames.CANCEL)


async def test_of_calls_that_the_server_is_made_to_reset_most_are_refused(target: str) -> None:
    """By an update of a window by nothing (CVE-2025-8671)."""
    await many_refused(target, frames.WINDOW_UPDATE, 0)


async def many_refused(target: str, kind: int, number: int) -> None:
    """Begins calls, each with a frame behind it that ends it, until half of them were refused."""
    many = 1000
    call = b"".join(
        frame(frames.HEADERS, frames.END_HEADERS, stream, block(*fields(COMPLETE)))
        + frame(frames.DATA, 0, stream, BODY)
        + frame(kind, 0, stream, number.to_bytes(4, "big"))
        for stream in range(1, 2 * many, 2)
    )
    async with raw(target) as (reader, writer):
        writer.writelines([HELLO, call])
        found, refusals = b"", 0
        while refusals < many // 2:
            found += await reader.read(65_536)
            whole = _whole(found)
            refusals += sum(
                one.type == frames.RST_STREAM and one.error_code == frames.REFUSED_STREAM
                for one in parsed(found[:whole])
            )
            found = found[whole:]


def _whole(data: bytes) -> int:
    """Where the last whole frame ends."""
    at = 0
    while len(data) - at >= frames.HEAD_BYTES:
        end = at + frames.HEAD_BYTES + int.from_bytes(data[at : at + 3], "big")
        if end > len(data):
            break
        at = end
    return at


async def test_more_calls_than_there_may_be_are_refused_also_where_no_request_comes(target: str) -> None:
    async with wire(target) as client:
        assert client.state.remote_settings.max_concurrent_streams == STREAMS
        client.state.remote_settings[SettingCodes.MAX_CONCURRENT_STREAMS] = 1000
        client.state.remote_settings.acknowledge()
        for number in range(STREAMS + 5):
            client.state.send_headers(2 * number + 1, fields(COMPLETE))
        await refused(client, 5)
        assert client.resets == {ErrorCodes.REFUSED_STREAM: 5}


async def test_whoever_takes_nothing_of_his_answers_keeps_nobody_else_waiting(target: str) -> None:
    async with wire(target) as client:
        client.state.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
        for number in range(STREAMS):
            client.state.send_headers(2 * number + 1, fields(STREAM_COMPLETE))
            client.state.send_data(2 * number + 1, BODY, end_stream=True)
        begun = 0
        async with asyncio.timeout(PATIENCE_S):
            while begun < STREAMS:
                begun += sum(isinstance(event, ResponseReceived) for event in await client.exchange())
        # His own further call is answered as far as it goes, too.
        client.state.reset_stream(1)
        client.state.send_headers(99, fields("/no.Service/Nothing"), end_stream=True)
        assert (await status(client, 99))["grpc-status"] == "12"


REFUSALS: dict[str, tuple[list[tuple[str, str]], bytes, dict[str, str]]] = {
    "an unknown encoding": (fields(COMPLETE, ("grpc-encoding", "br")), BODY, {"grpc-status": "12"}),
    "a message that is not what its encoding says": (
        fields(COMPLETE, ("grpc-encoding", "gzip")),
        framed(CANARY.encode(), compressed=True),
        {"grpc-status": "13"},
    ),
    "a compressed message without an encoding": (
        fields(COMPLETE),
        framed(gzip.compress(CANARY.encode()), compressed=True),
        {"grpc-status": "13"},
    ),
    "a bomb": (
        fields(COMPLETE, ("grpc-encoding", "gzip")),
        framed(gzip.compress(bytes(20_000_000)), compressed=True),
        {"grpc-status": "8"},
    ),
    "a message that is announced as too large": (fields(COMPLETE), b"\0" + b"\x7f" * 4, {"grpc-status": "8"}),
    "a message of a stream that is too large": (fields(STREAM_EMBED), b"\0" + b"\x7f" * 4, {"grpc-status": "8"}),
    "a flag that there is not": (fields(COMPLETE), b"\7" + BODY[1:], {"grpc-status": "13"}),
    "no message": (fields(COMPLETE), b"", {"grpc-status": "13"}),
    "half a message": (fields(COMPLETE), BODY[:-1], {"grpc-status": "13"}),
    "half a message of a stream": (fields(STREAM_EMBED), BODY[:-1], {"grpc-status": "13"}),
    "a wrong timeout": (fields(COMPLETE, ("grpc-timeout", "soon")), BODY, {"grpc-status": "13"}),
    "metadata that is no base64": (fields(COMPLETE, ("x-a-bin", CANARY + "é")), BODY, {"grpc-status": "13"}),
    "too much metadata": (fields(COMPLETE, ("x-a", CANARY * 1800)), BODY, {"grpc-status": "8"}),
    "another content type": (fields(COMPLETE, content_type="application/json"), BODY, {":status": "415"}),
    "another method": (fields(COMPLETE, **{":method": "PUT"}), BODY, {":status": "405"}),
    "no RPC": (fields("/no.Service/" + "x" * 500), BODY, {"grpc-status": "12"}),
}


@pytest.mark.parametrize(("headers", "body", "told"), REFUSALS.values(), ids=REFUSALS)
async def test_a_call_that_nobody_can_answer_is_refused_and_the_next_one_answered(
    target: str, headers: list[tuple[str, str]], body: bytes, told: dict[str, str]
) -> None:
    async with wire(target) as client:
        client.state.config.validate_outbound_headers = False
        client.state.send_headers(1, headers)
        for at in range(0, len(body), 16_000):
            client.state.send_data(1, body[at : at + 16_000])
        client.state.end_stream(1)
        found = await status(client, 1)
        assert {name: found.get(name) for name in told} == told
        client.state.send_headers(3, fields(COMPLETE))
        client.state.send_data(3, BODY, end_stream=True)
        assert (await status(client, 3))["grpc-status"] == "0"


MALFORMED: dict[str, list[tuple[str, str]]] = {
    "a header of connections": fields(COMPLETE, ("connection", "close")),
    "a name in capitals": fields(COMPLETE, ("X-A", "1")),
    "a line end": fields(COMPLETE, ("x-a", f"1\r\nx-b: {CANARY}")),
    "a pseudo-header twice": fields(COMPLETE, (":path", COMPLETE)),
    "a length of too many digits": fields(COMPLETE, ("content-length", "9" * 120)),
    "a wrong length": fields(COMPLETE, ("content-length", "1")),
    "no path": fields(""),
}


@pytest.mark.parametrize("headers", MALFORMED.values(), ids=MALFORMED)
async def test_a_call_that_is_malformed_is_reset(target: str, headers: list[tuple[str, str]]) -> None:
    async with raw(target) as (reader, writer):
        call = frame(frames.HEADERS, frames.END_HEADERS, 1, block(*headers))
        writer.writelines([HELLO, call, frame(frames.DATA, frames.END_STREAM, 1, BODY), frames.ping(bytes(8))])
        found = b""
        while True:
            found += await reader.read(65_536)
            told: list[Any] = parsed(found[: _whole(found)])
            if any(one.type == frames.PING for one in told):
                break
        assert [one.error_code for one in told if one.type == frames.RST_STREAM] == [frames.PROTOCOL_ERROR]


async def test_a_deadline_of_ten_thousand_years_is_one(target: str) -> None:
    async with wire(target) as client:
        client.state.send_headers(1, fields(COMPLETE, ("grpc-timeout", "99999999H")))
        client.state.send_data(1, BODY, end_stream=True)
        assert (await status(client, 1))["grpc-status"] == "0"
