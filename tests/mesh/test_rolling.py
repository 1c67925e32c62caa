"""Routers that are renewed one after the other behind Envoy, while callers go on."""

import asyncio
import logging
import random

import pytest
from hedgerow_client.aio import AsyncClient
from mesh.load import Load, load, rounds, until
from mesh.replicas import Mesh
from rpc.caller import chat

_log = logging.getLogger(__name__)
STREAMS = 1000
STREAM_S = 15
"""How long each of them lasts: five tokens, one in three seconds. That is half of the routers' grace."""


@pytest.mark.slow
@pytest.mark.timeout(2400)
async def test_a_rolling_restart_cuts_no_stream_and_fails_no_call(shared: Mesh, request: pytest.FixtureRequest) -> None:
    """SIGTERM at random moments of 1,000 streams that are open all the time, and of unary calls: each of the three
    routers once, with --long ten times. Every attempt is in the ledger, to the token.
    """
    dice = random.Random(10)
    async with load(shared) as callers:
        async with asyncio.TaskGroup() as work:
            for _ in range(STREAMS):
                work.create_task(callers.keep_streaming("rolling"))
            for _ in range(4):
                work.create_task(callers.keep_calling("fast"))
            await until(lambda: callers.open >= STREAMS and callers.answered, "all streams are open")
            for one in shared.replicas * rounds(request, 1, 10):
                await asyncio.sleep(dice.uniform(0, STREAM_S))  # the moment is what is drawn
                assert await asyncio.to_thread(one.stop) == 0
                await asyncio.to_thread(one.start)
                await asyncio.to_thread(shared.all_well)
            callers.stop()
        assert callers.failed == []
        assert callers.whole >= STREAMS
        assert callers.answered > 50
        _log.info("%d calls answered, %d streams whole", callers.answered, callers.whole)
        await callers.balance()


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_who_watches_the_health_of_a_proxy_is_served_while_a_router_behind_it_drains(shared: Mesh) -> None:
    """Their watch is a stream to one of the routers: it ends with the router's service, and the next one finds another.
    Long streams keep each router draining for many times as long as a call may take.
    """
    async with load(shared) as callers, AsyncClient(shared.envoy.address) as client:
        async with asyncio.TaskGroup() as work:
            for _ in range(12):
                work.create_task(callers.keep_streaming("rolling"))
            calls = work.create_task(_called(client, callers))
            await until(lambda: callers.open >= 12, "all streams are open")
            for one in shared.replicas:
                assert await asyncio.to_thread(one.stop) == 0
                await asyncio.to_thread(one.start)
                await asyncio.to_thread(shared.all_well)
            callers.stop()
        assert callers.failed == []
        times = calls.result()
        _log.info("%d calls, the longest took %.3f s", len(times), max(times))
        assert max(times) < STREAM_S / 3


async def _called(client: AsyncClient, callers: Load) -> list[float]:
    """Calls one after the other, until callers stop; how long each took. Raises where one fails."""
    took_s: list[float] = []
    while not callers.stopping:
        began_s = asyncio.get_running_loop().time()
        await client.complete(chat("fast"), timeout=STREAM_S)
        took_s.append(asyncio.get_running_loop().time() - began_s)
        await asyncio.sleep(0.02)
    return took_s
