"""Callers that leave at random moments, many beside each other: the ledger equals the simulator's book afterwards."""

import asyncio
import random
from contextlib import suppress
from pathlib import Path

import grpc.aio
import pytest
from money.counter import Counter, counter, ids
from rpc.caller import COMPLETE, STREAM_COMPLETE, chat, new_trace
from stack import OWN_CONNECTIONS

AT_ONCE = 40
ROUTES = ("fast", "paced", "over", "cut", "drained", "silent", "late")


@pytest.mark.slow
@pytest.mark.timeout(7200)
async def test_after_random_cancels_ledger_and_book_are_equal(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    calls = 100_000 if request.config.getoption("--long") else 300
    with counter(tmp_path, max_bytes=64 << 20) as desk:
        told = await _left(desk, calls, random.Random(11))
        assert len(told) == calls
        assert await asyncio.to_thread(desk.balance, 60) == []
        rows, _ = desk.rows()
        ended = {row.request_id: row.code for row in rows}
        # Some had gone before the router had their request; of all others there is a row.
        assert set(ended) <= told
        assert len(ended) > calls // 3
        assert {"OK", "CANCELLED"} <= set(ended.values())


async def _left(desk: Counter, calls: int, dice: random.Random) -> set[str]:
    """Makes the calls; returns their ids."""
    told: set[str] = set()
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(channel: grpc.aio.Channel) -> None:
        trace, after_s = new_trace(), dice.choice((0.0, 0.1, 0.4, 1.0, 2.0)) * dice.random()
        told.add(trace)
        payload = chat(dice.choice(ROUTES)).SerializeToString()
        if dice.random() < 0.5:
            complete: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(COMPLETE)
            answer = complete(payload, timeout=30, metadata=ids(trace))
            reading, leave = asyncio.ensure_future(_unary(answer)), answer.cancel
        else:
            stream: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(STREAM_COMPLETE)
            events = stream(payload, timeout=30, metadata=ids(trace))
            reading, leave = asyncio.ensure_future(_stream(events)), events.cancel
        await asyncio.wait({reading}, timeout=after_s)
        leave()
        await asyncio.wait({reading})
        slots.release()

    async with grpc.aio.insecure_channel(desk.router.addresses["grpc"], OWN_CONNECTIONS) as channel:
        running: set[asyncio.Task[None]] = set()
        for _ in range(calls):
            await slots.acquire()
            task = asyncio.create_task(one(channel))
            running.add(task)
            task.add_done_callback(running.discard)
        if running:
            await asyncio.wait(running)
    return told


async def _unary(call: "grpc.aio.UnaryUnaryCall[bytes, bytes]") -> None:
    with suppress(grpc.RpcError, asyncio.CancelledError):
        await call


async def _stream(call: "grpc.aio.UnaryStreamCall[bytes, bytes]") -> None:
    with suppress(grpc.RpcError, asyncio.CancelledError):
        async for _ in call:
            pass
