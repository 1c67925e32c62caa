"""Routers that are renewed one after the other behind Envoy, while callers go on."""

import asyncio
import random

import pytest
from mesh.load import load, until
from mesh.replicas import Mesh


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_a_rolling_restart_cuts_no_stream_and_fails_no_call(shared: Mesh, request: pytest.FixtureRequest) -> None:
    """SIGTERM at random moments under streams and unary calls: each of the three routers once, and 60 streams open at
    a time; with --long ten times, and 1,000 streams. Every attempt is in the ledger, to the token.
    """
    long = request.config.getoption("--long")
    rounds, streams = (10, 1000) if long else (1, 60)
    dice = random.Random(10)
    async with load(shared) as callers:
        async with asyncio.TaskGroup() as work:
            for _ in range(streams):
                work.create_task(callers.keep_streaming("rolling"))
            for _ in range(4):
                work.create_task(callers.keep_calling("fast"))
            await until(lambda: callers.open >= streams and callers.answered, "all streams are open")
            for one in shared.replicas * rounds:
                await asyncio.sleep(dice.uniform(0.2, 1.5))  # the moment is what is drawn
                assert await asyncio.to_thread(one.stop) == 0
                await asyncio.to_thread(one.start)
                await asyncio.to_thread(shared.all_well)
            callers.stop()
        assert callers.failed == []
        assert callers.whole >= streams
        assert callers.answered > 50
        await callers.balance()
