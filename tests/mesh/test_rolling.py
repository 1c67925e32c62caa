"""Routers that are renewed one after the other behind Envoy, while callers go on."""

import asyncio
import logging
import random

import pytest
from mesh.load import load, rounds, until
from mesh.replicas import Mesh

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
