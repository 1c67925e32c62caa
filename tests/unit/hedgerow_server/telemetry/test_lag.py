"""How late the event loop is."""

import asyncio
import time

from hedgerow_server.telemetry.lag import LoopLag
from unit.hedgerow_server.telemetry.counted import told


async def _seen(lag: LoopLag, count: int) -> None:
    until_s = time.monotonic() + 20
    while sum(lag.seen.counts) < count:
        assert time.monotonic() < until_s
        await asyncio.sleep(0.01)


async def test_a_loop_that_was_held_up_was_late_by_so_much() -> None:
    lag = LoopLag()
    lag.start()
    try:
        await _seen(lag, 1)
        time.sleep(0.4)  # noqa: ASYNC251  (that is the point)
        await _seen(lag, 2)
    finally:
        lag.stop()
    assert sum(lag.seen.counts) >= 2
    assert lag.seen.total >= 0.25
    assert told(lag, "hedgerow_event_loop_lag_seconds_count") == {
        ("hedgerow_event_loop_lag_seconds_count",): sum(lag.seen.counts)
    }


async def test_once_stopped_it_looks_no_more() -> None:
    lag = LoopLag()
    lag.start()
    await _seen(lag, 1)
    lag.stop()
    before = sum(lag.seen.counts)
    await asyncio.sleep(0.25)
    assert sum(lag.seen.counts) == before
