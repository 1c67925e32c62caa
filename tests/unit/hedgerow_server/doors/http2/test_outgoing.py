"""What a connection sends: within the windows of the other end, in turns, and no faster than it is taken."""

from __future__ import annotations  # grpcio takes parameters in its stubs only

import asyncio
from collections import Counter
from typing import Any

import pytest
from h2.settings import SettingCodes
from hedgerow_server.doors.http2 import frames
from unit.hedgerow_server.doors.http2.peer import Peer, framed, parsed, peer, server_stream, status

WINDOW = SettingCodes.INITIAL_WINDOW_SIZE


def sized(counts: Counter[str]) -> Any:
    """An RPC that sends a message of the size that it is told, and counts what it has sent."""

    async def handle(body: bytes, context: Any) -> None:
        size, name = body.split()
        await context.write(bytes(int(size)))
        counts[name.decode()] += 1

    return server_stream(handle)


async def begun(client: Peer, *messages: bytes, window: int = 65_535) -> list[int]:
    """Calls of a client that takes so much of each, and that does not read."""
    client.state.update_settings({WINDOW: window})
    await client.exchange()
    streams = [client.call("Sized", one) for one in messages]
    await client.exchange(read=False)
    return streams


def data(client: Peer) -> list[tuple[int, int]]:
    """The frames of data that have come since: their streams and sizes."""
    return [(one.stream_id, len(one.data)) for one in parsed(client.pipe.taken()) if one.type == frames.DATA]


async def more(client: Peer, stream: int | None, size: int) -> None:
    """The client takes more."""
    client.state.increment_flow_control_window(size, stream)
    await client.exchange(read=False)


@pytest.mark.parametrize("window", [0, 1, 100, 16_384, 16_385, 65_535, 200_000])
@pytest.mark.parametrize("size", [0, 10, 16_379, 16_380, 40_000, 150_000])
async def test_what_goes_out_is_whole_whatever_the_windows_are(window: int, size: int) -> None:
    counts: Counter[str] = Counter()
    async with peer({"Sized": sized(counts)}) as client:
        client.state.update_settings({WINDOW: window})
        stream = client.call("Sized", b"%d a" % size)
        await client.exchange()
        while not client.told[stream].ended:
            client.state.increment_flow_control_window(30_000, stream)
            await client.exchange()
        assert client.told[stream].body == framed(bytes(size))
        assert client.told[stream].status == "0"


async def test_no_more_goes_out_than_the_window_of_a_call_and_no_write_returns_before() -> None:
    counts: Counter[str] = Counter()
    async with peer({"Sized": sized(counts)}) as client:
        (stream,) = await begun(client, b"995 a", window=600)
        assert data(client) == [(stream, 600)]
        assert counts == {}
        await more(client, stream, 399)
        assert data(client) == [(stream, 399)]
        await more(client, stream, 1)
        assert data(client) == [(stream, 1)]
        assert counts == {"a": 1}


async def test_no_more_goes_out_than_the_window_of_the_connection() -> None:
    counts: Counter[str] = Counter()
    async with peer({"Sized": sized(counts)}, most=10**6) as client:
        await begun(client, b"50000 a", b"50000 b", window=10**6)
        assert sum(size for _, size in data(client)) == 65_535
        await more(client, None, 7)
        assert sum(size for _, size in data(client)) == 7
        assert sum(counts.values()) <= 1


async def test_the_window_of_a_call_may_get_smaller_than_nothing() -> None:
    counts: Counter[str] = Counter()
    async with peer({"Sized": sized(counts)}) as client:
        (stream,) = await begun(client, b"995 a", window=600)
        client.pipe.taken()
        for window, sent in ((100, []), (599, []), (600, []), (601, [(stream, 1)]), (10_000, [(stream, 399)])):
            client.state.update_settings({WINDOW: window})
            await client.exchange(read=False)
            assert data(client) == sent
        assert counts == {"a": 1}


async def test_calls_go_out_in_turns_a_frame_of_each() -> None:
    counts: Counter[str] = Counter()
    async with peer({"Sized": sized(counts)}, most=10**7) as client:
        streams = await begun(client, b"99995 a", b"99995 b", b"99995 c", window=100_000)
        data(client)
        await more(client, None, 6 * 16_384)
        order = [stream for stream, _ in data(client)]
        assert sorted(order[:3]) == sorted(order[3:6]) == streams


async def test_a_small_call_does_not_wait_for_a_large_one_of_a_client_that_takes_it_slowly() -> None:
    counts: Counter[str] = Counter()
    async with peer({"Sized": sized(counts)}) as client:
        large, small = await begun(client, b"60000 large", b"10 small", window=1000)
        await client.exchange()
        assert client.told[small].status == "0"
        assert not client.told[large].ended


async def test_nothing_more_is_handed_to_a_transport_that_has_enough() -> None:
    counts: Counter[str] = Counter()
    async with peer({"Sized": sized(counts)}, most=20_000) as client:
        await begun(client, *(b"60000 %d" % number for number in range(8)), window=10**6)
        client.state.increment_flow_control_window(10**6)
        await client.exchange(read=False)
        taken = 0
        while sent := sum(size for _, size in data(client)):
            taken += sent
            # What is handed over at a time, and a frame.
            assert sent <= 256 * 1024 + 16_384
            await client.exchange(read=False)
        assert taken == 8 * 60_005
        assert sum(counts.values()) == 8


async def test_an_update_of_one_window_looks_at_no_other_call() -> None:
    """A client may have a thousand calls that wait, and updates cost it next to nothing."""
    counts: Counter[str] = Counter()
    async with peer({"Sized": sized(counts)}) as client:
        streams = await begun(client, *(b"10 %d" % number for number in range(9)), window=0)
        outgoing = client.connection._outgoing
        assert not outgoing._ready
        await more(client, streams[4], 5)
        assert data(client) == [(streams[4], 5)]
        assert not outgoing._ready
        await more(client, streams[4], 10)
        assert counts == {"4": 1}


async def test_headers_that_others_must_not_wait_for_go_out_whatever_the_windows_are() -> None:
    async def handle(body: bytes, context: Any) -> None:
        await context.send_initial_metadata([("x-a", "1")])
        await asyncio.Event().wait()

    async with peer({"Headers": server_stream(handle)}) as client:
        client.state.update_settings({WINDOW: 0})
        stream = client.call("Headers", b"")
        assert await status(client, stream) is None
        assert client.told[stream].headers["x-a"] == "1"
