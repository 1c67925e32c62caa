"""Calls of a connection, from their beginning to any end."""

from __future__ import annotations  # grpcio takes parameters in its stubs only

import asyncio
import contextlib
import gc
import gzip
import weakref
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
from hedgerow_server.doors.gate import Gate
from hedgerow_server.doors.http2 import frames
from hedgerow_server.doors.pressure import Pressure
from unit.hedgerow_server.doors.http2.peer import (
    bidi,
    connect,
    frame,
    framed,
    parsed,
    peer,
    server_stream,
    status,
    unary,
)

ENDED = (frames.CANCEL).to_bytes(4, "big")


async def test_each_kind_of_rpc_is_answered() -> None:
    async with peer() as client:
        echo, count = client.call("Echo", b"a"), client.call("Count", b"3")
        talk, gather = client.call("Talk", b"x", b"y"), client.call("Gather", b"1", b"2")
        await client.exchange()
        bodies = [client.told[one].body for one in (echo, count, talk, gather)]
        assert bodies == [
            framed(b"a"),
            b"".join(map(framed, (b"0", b"1", b"2"))),
            framed(b"x") + framed(b"y"),
            framed(b"1+2"),
        ]
        assert {told.status for told in client.told.values() if told.headers} == {"0"}


@pytest.mark.parametrize("messages", [(), (b"",)], ids=["no message", "an empty one"])
async def test_a_unary_call_needs_a_message(messages: tuple[bytes, ...]) -> None:
    async with peer() as client:
        assert await status(client, client.call("Echo", *messages)) == ("0" if messages else "13")


async def test_a_stream_of_requests_may_be_empty() -> None:
    async with peer() as client:
        stream = client.begin("Gather")
        client.state.end_stream(stream)
        assert await status(client, stream) == "0"
        assert client.told[stream].body == framed(b"")


async def test_a_stream_of_requests_that_ends_within_a_message_is_a_failure() -> None:
    """Whoever reads it would take the rest for the whole."""
    async with peer() as client:
        stream = client.begin("Gather")
        client.state.send_data(stream, framed(b"a") + framed(b"b")[:-1], end_stream=True)
        assert await status(client, stream) == "13"


async def test_an_rpc_that_there_is_not_is_unimplemented() -> None:
    async with peer() as client:
        assert await status(client, client.call("None", b"a")) == "12"


async def test_a_message_in_an_encoding_is_inflated_and_one_that_is_too_large_then_is_refused() -> None:
    async with peer() as client:
        found = []
        for size in (50_000, 200_000):
            stream = client.begin("Echo", ("grpc-encoding", "gzip"))
            client.state.send_data(stream, framed(gzip.compress(bytes(size)), compressed=True), end_stream=True)
            await client.ends(stream)
            found.append(client.told[stream].status)
        assert found == ["0", "8"]


async def test_a_message_of_a_stream_that_cannot_be_read_ends_the_call_and_cancels_its_handler() -> None:
    ends: list[str] = []

    async def handle(bodies: AsyncIterator[bytes], context: Any) -> None:
        try:
            async for _ in bodies:
                pass
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    async with peer({"Read": bidi(handle)}) as client:
        stream = client.begin("Read", ("grpc-encoding", "gzip"))
        client.state.send_data(stream, framed(b"a") + framed(b"no gzip", compressed=True))
        assert await status(client, stream) == "13"
        assert ends == ["cancelled"]


async def test_a_message_that_is_none_of_its_rpc_is_the_callers_fault(caplog: pytest.LogCaptureFixture) -> None:
    async def handle(number: int, context: Any) -> bytes:
        return b""

    method: Any = grpc.unary_unary_rpc_method_handler(handle, request_deserializer=int)
    async with peer({"Number": method}) as client:
        assert await status(client, client.call("Number", b"seven")) == "13"
    assert caplog.records == []


async def test_a_fault_of_a_handler_is_unknown_even_where_its_trailers_are_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handle(body: bytes, context: Any) -> bytes:
        context.set_trailing_metadata([("x", 7)])
        return body

    async with peer({"Wrong": unary(handle)}) as client:
        assert await status(client, client.call("Wrong", b"")) == "2"
    assert len(caplog.records) == 1


# Ends of calls.


async def test_a_handler_that_answers_although_its_caller_has_left_disturbs_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handle(body: bytes, context: Any) -> bytes:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return b"too late"
        return b""

    async with peer({"Late": unary(handle)}) as client:
        stream = client.call("Late", b"")
        await client.exchange()
        client.state.reset_stream(stream, frames.CANCEL)
        assert await status(client, client.call("Echo", b"")) == "0"
        assert stream not in client.told
        client.call("Late", b"")
        await client.exchange()
    assert caplog.records == []


async def test_whoever_reads_in_a_task_of_his_own_hears_that_the_caller_has_left() -> None:
    reading: list[asyncio.Task[None]] = []

    async def read(bodies: AsyncIterator[bytes]) -> None:
        async for _ in bodies:
            pass

    async def handle(bodies: AsyncIterator[bytes], context: Any) -> None:
        reading.append(asyncio.create_task(read(bodies)))
        await asyncio.Event().wait()

    async with peer({"Read": bidi(handle)}) as client:
        stream = client.call("Read", b"a", end=False)
        await client.exchange()
        client.state.reset_stream(stream, frames.CANCEL)
        await client.exchange()
        assert reading[0].cancelled()


@pytest.mark.parametrize("path", ["Echo", "Count", "Talk", "Wait"])
@pytest.mark.parametrize("rounds", range(5))
async def test_a_call_may_be_cancelled_at_any_time(path: str, rounds: int, caplog: pytest.LogCaptureFixture) -> None:
    async with peer() as client:
        stream = client.call(path, b"5", end=False)
        client.connection.data_received(client.state.data_to_send())
        for _ in range(rounds):
            await asyncio.sleep(0)
        client.read()
        client.connection.data_received(frame(frames.RST_STREAM, 0, stream, ENDED))
        await client.exchange()
        assert not client.connection.calls
        assert client.connection._ended.unwinding == 0
    assert caplog.records == []


async def test_a_write_that_is_cancelled_goes_out_whole_with_the_status_behind_it() -> None:
    async def handle(body: bytes, context: Any) -> bytes:
        writing = asyncio.ensure_future(context.write(bytes(90_000)))
        await asyncio.sleep(0)
        writing.cancel()
        return b"end"

    async with peer({"Write": server_stream(handle)}) as client:
        stream = client.call("Write", b"")
        await client.exchange()
        assert client.told[stream].status == "0"
        assert client.told[stream].body == framed(bytes(90_000))


async def test_two_writes_at_once_both_return() -> None:
    async def handle(body: bytes, context: Any) -> None:
        await asyncio.gather(*[context.write(bytes([48 + one]) * 50_000) for one in range(3)])

    async with peer({"Write": server_stream(handle)}) as client:
        stream = client.call("Write", b"")
        assert await status(client, stream) == "0"
        assert client.told[stream].body == b"".join(framed(one * 50_000) for one in (b"0", b"1", b"2"))


async def test_when_the_connection_is_lost_every_handler_is_cancelled() -> None:
    ends: list[str] = []

    async def handle(bodies: AsyncIterator[bytes], context: Any) -> None:
        try:
            async for _ in bodies:
                await context.write(bytes(90_000))
        except asyncio.CancelledError:
            ends.append(str(context.left))
            raise

    async with peer({"Read": bidi(handle)}) as client:
        client.state.update_settings({4: 0})
        client.call("Read", b"a", end=False)
        client.call("Read", end=False)
        await client.exchange()
        await client.lose()
        assert ends == ["True", "True"]


# The connection goes.


async def test_whoever_is_asked_to_go_is_answered_what_he_began_before_he_heard() -> None:
    async with peer() as client:
        first = client.call("Talk", b"a", end=False)
        await client.exchange()
        client.connection.retire()
        second = client.call("Echo", b"b")
        await client.exchange(read=False)
        client.connection.data_received(frame(frames.PING, frames.ACK, 0, b"retiring"))
        third = client.call("Echo", b"c")
        await client.exchange(read=False)
        found = parsed(client.pipe.taken())
        assert [one.last_stream_id for one in found if one.type == frames.GOAWAY] == [2**31 - 1, second]
        assert [one.stream_id for one in found if "END_STREAM" in one.flags] == [second]
        assert [one.stream_id for one in found if one.type == frames.RST_STREAM] == [third]
        assert not client.pipe.is_closing()
        client.connection.data_received(frame(frames.DATA, frames.END_STREAM, first))
        await client.exchange(read=False)
        assert client.pipe.is_closing()


async def test_a_server_that_stops_ends_each_call_with_a_status_even_at_its_very_beginning() -> None:
    async with peer() as client:
        streams = [client.call("Wait", b""), client.begin("Echo"), client.call("Talk", end=False)]
        await client.exchange()
        streams.append(client.call("Wait", b""))
        client.connection.data_received(client.state.data_to_send())
        client.connection.cancel()
        await client.exchange(read=False)
        ends = [one.stream_id for one in parsed(client.pipe.taken()) if "END_STREAM" in one.flags]
        assert sorted(ends) == streams


async def test_what_has_come_may_be_read_when_the_connection_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    read: list[int] = []

    async def handle(bodies: AsyncIterator[bytes], context: Any) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        while True:
            read.append(len(await anext(bodies)))

    async with peer({"Late": bidi(handle)}, stream_window=70_000) as client:
        client.call("Late", bytes(16_000), end=False)
        for _ in range(3):
            client.state.send_data(1, framed(bytes(15_000)))
        await client.exchange()
        await client.lose()
    assert read == [16_000, 15_000, 15_000, 15_000]
    assert caplog.records == []


async def test_a_connection_that_has_ended_is_freed_without_the_collector() -> None:
    async with peer(max_age_s=1000.0) as client:
        other = connect(client.server)
        other.state.initiate_connection()
        for path in ("Echo", "Talk", "Wait"):
            other.call(path, b"a", end=False)
        await other.exchange()
        await other.lose()
        await client.exchange()
        seen = weakref.ref(other.connection)
        gc.disable()
        try:
            del other
            assert seen() is None
        finally:
            gc.enable()


async def test_a_call_whose_request_does_not_come_is_ended() -> None:
    async with peer(request_s=0.0) as client:
        stream = client.begin("Echo")
        await client.exchange()
        client.connection._sweep()
        assert await status(client, stream) == "4"


async def test_a_call_whose_answer_nobody_takes_is_ended_at_the_second_look() -> None:
    async with peer() as client:
        client.state.update_settings({4: 0})
        stream = client.call("Echo", b"a")
        await client.exchange()
        client.connection._sweep()
        assert list(client.connection.calls) == [stream]
        client.connection._sweep()
        await client.exchange()
        assert client.told[stream].reset == frames.CANCEL


async def test_whoever_waits_for_a_turn_is_told_apart_as_the_gate_does_and_not_by_keys_that_are_made_up() -> None:
    begun: list[str] = []

    async def note(body: bytes, context: Any) -> bytes:
        begun.append(body.decode())
        return b""

    gate = Gate(Pressure(1000, 2.0, lambda: 0.0, shedding=True))
    gate.leave("grpc", gate.enter("grpc", "known", "ipv4:192.0.2.1:1", retried=False), "known", "tenant")
    async with peer({"Note": unary(note)}, streams=200) as client:
        client.server.group = gate.group
        for number in range(100):
            stream = client.begin("Note", ("authorization", f"made up {number}"))
            client.state.send_data(stream, framed(b"stranger"), end_stream=True)
        stream = client.begin("Note", ("authorization", "known"))
        client.state.send_data(stream, framed(b"known"), end_stream=True)
        await client.ends(stream)
        while len(begun) < 101:
            await client.exchange()
    assert begun.index("known") < 20
