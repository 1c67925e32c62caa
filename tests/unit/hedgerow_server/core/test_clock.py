"""One timer bounds many waits, and nothing but what is too long."""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

import pytest
from hedgerow_server.core.clock import Clock

SHORT_S = 0.02
LONG_S = 60.0
T = TypeVar("T")


async def within(clock: Clock, limit_s: float | None, awaited: Awaitable[T]) -> T:
    """The result of what is awaited, within so many seconds."""
    clock.start(None if limit_s is None else time.monotonic() + limit_s)
    try:
        return await awaited
    except asyncio.CancelledError:
        if clock.timed_out():
            raise TimeoutError from None
        raise
    finally:
        clock.stop()


async def test_a_wait_that_ends_in_time_gives_its_result() -> None:
    assert await within(Clock(), LONG_S, asyncio.sleep(0, "result")) == "result"


@pytest.mark.parametrize("limit_s", [SHORT_S, 0.0, -1.0])
async def test_a_wait_beyond_its_limit_times_out(limit_s: float) -> None:
    with pytest.raises(TimeoutError):
        await within(Clock(), limit_s, asyncio.sleep(LONG_S))


async def test_a_wait_without_limit_does_not_time_out() -> None:
    assert await within(Clock(), None, asyncio.sleep(SHORT_S, "result")) == "result"


async def test_a_clock_goes_on_after_a_timeout() -> None:
    clock = Clock()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await within(clock, SHORT_S, asyncio.sleep(LONG_S))
    assert await within(clock, LONG_S, asyncio.sleep(0, "result")) == "result"


async def test_the_limit_of_an_earlier_wait_does_not_hold_for_a_later_one() -> None:
    clock = Clock()
    await within(clock, SHORT_S, asyncio.sleep(0))
    assert await within(clock, LONG_S, asyncio.sleep(SHORT_S * 3, "result")) == "result"


async def test_a_shorter_limit_holds_after_a_longer_one() -> None:
    clock = Clock()
    await within(clock, LONG_S, asyncio.sleep(0))
    with pytest.raises(TimeoutError):
        await within(clock, SHORT_S, asyncio.sleep(LONG_S))


async def test_no_limit_holds_between_waits() -> None:
    clock = Clock()
    await within(clock, SHORT_S, asyncio.sleep(0))
    await asyncio.sleep(SHORT_S * 3)
    assert await within(clock, LONG_S, asyncio.sleep(0, "result")) == "result"


async def waiting(clock: Clock) -> "asyncio.Task[None]":
    """A task that waits within the clock's time by now."""
    begun = asyncio.Event()

    async def wait() -> None:
        begun.set()
        await within(clock, LONG_S, asyncio.sleep(LONG_S))

    task = asyncio.create_task(wait())
    await begun.wait()
    return task


async def test_a_cancel_is_no_timeout() -> None:
    clock = Clock()
    task = await waiting(clock)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancel_at_the_moment_of_the_timeout_is_not_lost() -> None:
    clock = Clock()
    task = await waiting(clock)
    await asyncio.sleep(0)
    clock._due_s = 0.0
    clock._go_off()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_failure_of_what_is_awaited_goes_on_as_it_is() -> None:
    async def fails() -> None:
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        await within(Clock(), LONG_S, fails())


async def test_a_timeout_within_a_deadline_leaves_the_deadline_alone() -> None:
    async with asyncio.timeout(LONG_S) as deadline:
        with pytest.raises(TimeoutError):
            await within(Clock(), SHORT_S, asyncio.sleep(LONG_S))
    assert not deadline.expired()


async def test_a_closed_clock_has_no_timer_left() -> None:
    clock = Clock()
    await within(clock, LONG_S, asyncio.sleep(0))
    timer = clock._timer
    assert timer is not None
    clock.close()
    assert timer.cancelled()


async def test_a_wait_can_be_given_less_time() -> None:
    clock = Clock()

    async def wait() -> None:
        asyncio.get_running_loop().call_soon(clock.move, time.monotonic() + SHORT_S)
        await within(clock, LONG_S, asyncio.sleep(LONG_S))

    with pytest.raises(TimeoutError):
        await wait()


async def test_a_wait_can_be_given_more_time() -> None:
    clock = Clock()
    asyncio.get_running_loop().call_soon(clock.move, time.monotonic() + LONG_S)
    assert await within(clock, SHORT_S, asyncio.sleep(SHORT_S * 3, "result")) == "result"


async def test_a_wait_can_be_ended_at_once() -> None:
    clock = Clock()
    asyncio.get_running_loop().call_soon(clock.expire)
    with pytest.raises(TimeoutError):
        await within(clock, LONG_S, asyncio.sleep(LONG_S))


async def test_where_nobody_waits_nothing_can_be_ended() -> None:
    clock = Clock()
    await within(clock, LONG_S, asyncio.sleep(0))
    assert not clock.expire()


async def test_a_timeout_that_nobody_asked_about_leaves_the_task_as_it_was() -> None:
    clock = Clock()
    clock.start(time.monotonic())
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(LONG_S)
    clock.close()
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()
