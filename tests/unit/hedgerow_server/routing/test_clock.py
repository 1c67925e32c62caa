"""One timer bounds many waits, and nothing but what is too long."""

import asyncio

import pytest
from hedgerow_server.routing.clock import Clock

SHORT_S = 0.02
LONG_S = 60.0


async def test_a_wait_that_ends_in_time_gives_its_result() -> None:
    assert await Clock().wait(LONG_S, asyncio.sleep(0, "result")) == "result"


@pytest.mark.parametrize("limit_s", [SHORT_S, 0.0, -1.0])
async def test_a_wait_beyond_its_limit_times_out(limit_s: float) -> None:
    with pytest.raises(TimeoutError):
        await Clock().wait(limit_s, asyncio.sleep(LONG_S))


async def test_a_wait_without_limit_does_not_time_out() -> None:
    assert await Clock().wait(None, asyncio.sleep(SHORT_S, "result")) == "result"


async def test_a_clock_goes_on_after_a_timeout() -> None:
    clock = Clock()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await clock.wait(SHORT_S, asyncio.sleep(LONG_S))
    assert await clock.wait(LONG_S, asyncio.sleep(0, "result")) == "result"


async def test_the_limit_of_an_earlier_wait_does_not_hold_for_a_later_one() -> None:
    clock = Clock()
    await clock.wait(SHORT_S, asyncio.sleep(0))
    assert await clock.wait(LONG_S, asyncio.sleep(SHORT_S * 3, "result")) == "result"


async def test_a_shorter_limit_holds_after_a_longer_one() -> None:
    clock = Clock()
    await clock.wait(LONG_S, asyncio.sleep(0))
    with pytest.raises(TimeoutError):
        await clock.wait(SHORT_S, asyncio.sleep(LONG_S))


async def test_no_limit_holds_between_waits() -> None:
    clock = Clock()
    await clock.wait(SHORT_S, asyncio.sleep(0))
    await asyncio.sleep(SHORT_S * 3)
    assert await clock.wait(LONG_S, asyncio.sleep(0, "result")) == "result"


async def test_a_cancel_is_no_timeout() -> None:
    clock, waiting = Clock(), asyncio.Event()

    async def wait() -> None:
        waiting.set()
        await clock.wait(LONG_S, asyncio.sleep(LONG_S))

    task = asyncio.create_task(wait())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancel_at_the_moment_of_the_timeout_is_not_lost() -> None:
    clock, waiting = Clock(), asyncio.Event()

    async def wait() -> None:
        waiting.set()
        await clock.wait(LONG_S, asyncio.sleep(LONG_S))

    task = asyncio.create_task(wait())
    await waiting.wait()
    await asyncio.sleep(0)
    clock._due = 0.0
    clock._go_off()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_failure_of_what_is_awaited_goes_on_as_it_is() -> None:
    async def fails() -> None:
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        await Clock().wait(LONG_S, fails())


async def test_a_timeout_within_a_deadline_leaves_the_deadline_alone() -> None:
    async with asyncio.timeout(LONG_S) as deadline:
        with pytest.raises(TimeoutError):
            await Clock().wait(SHORT_S, asyncio.sleep(LONG_S))
    assert not deadline.expired()


async def test_a_closed_clock_has_no_timer_left() -> None:
    clock = Clock()
    await clock.wait(LONG_S, asyncio.sleep(0))
    timer = clock._timer
    assert timer is not None
    clock.close()
    assert timer.cancelled()
