"""When a candidate is asked again, and when a call waits for a rate limit."""

import asyncio
import time

import pytest
from hedgerow_server.core.error import FirstTokenTimeout, ProviderAuth, ProviderThrottled, ProviderUnavailable
from hedgerow_server.providers.http.port import UnreachableError
from hedgerow_server.routing.candidate import Candidate
from unit.hedgerow_server.routing.asking import (
    FAILED,
    FAILOVER,
    PRIMARY,
    RETRY,
    SUCCEEDED,
    Asking,
    asked,
    at,
    refused,
    said,
)
from unit.hedgerow_server.routing.scripted import HANG_S, Answer
from virtual import timed

DOWN = refused(503)


def limited(seconds: float) -> Answer:
    """A rate limit that is over in so many seconds."""
    return refused(429, retry_after=f"{seconds:g}")


def no_retries(one: Candidate) -> Candidate:
    """The candidate, at which nothing may be repeated."""
    while one.state.shared.retries.take():
        pass
    return one


@pytest.mark.parametrize("stream", [True, False])
@timed
async def test_what_fails_for_the_moment_is_asked_once_more_where_there_is_no_other(stream: bool) -> None:
    one = Asking(at(DOWN, said("hello")))
    assert await one.answer(stream=stream) == "hello"
    assert one.attempts == [("a", PRIMARY, FAILED), ("a", RETRY, SUCCEEDED)]


@timed
async def test_there_is_a_short_pause_before_the_same_candidate_is_asked_again() -> None:
    began_s = time.monotonic()
    await Asking(at(DOWN, said("hello"))).answer()
    assert 0.05 <= time.monotonic() - began_s <= 0.15


@timed
async def test_it_is_asked_once_more_and_no_oftener() -> None:
    only = at(DOWN, DOWN, DOWN)
    assert isinstance(await Asking(only, max_attempts=8).failure(), ProviderUnavailable)
    assert asked(only) == [2]


@timed
async def test_all_others_come_before_any_is_asked_again() -> None:
    one = Asking(at(DOWN, DOWN), at(DOWN, said("hello"), name="b"), max_attempts=4)
    assert await one.answer() == "hello"
    assert [(name, kind) for name, kind, _ in one.attempts] == [
        ("a", PRIMARY),
        ("b", FAILOVER),
        ("a", RETRY),
        ("b", RETRY),
    ]


@timed
async def test_nothing_is_repeated_without_an_allowance() -> None:
    only = no_retries(at(DOWN, said("hello")))
    assert isinstance(await Asking(only).failure(), ProviderUnavailable)
    assert asked(only) == [1]


@timed
async def test_an_outage_is_repeated_ever_less() -> None:
    """Ten may be repeated at once, then one in five: the breaker apart, which is held closed here."""
    only = at(*[DOWN] * 500)
    for _ in range(100):
        only.state.breaker._streak = 0
        only.state.breaker._window.clear()
        await Asking(only).failure()
    assert 100 + 10 + 100 // 5 - 3 <= asked(only)[0] <= 100 + 10 + 100 // 5


@timed
async def test_a_failover_needs_no_allowance() -> None:
    assert await Asking(at(DOWN), no_retries(at(said("hello"), name="b"))).answer() == "hello"


@timed
async def test_nothing_is_repeated_that_the_deadline_does_not_leave_time_for() -> None:
    only = at(Answer(before=[0.95, UnreachableError("reset")]), said("hello"))
    assert isinstance(await Asking(only).failure(deadline_s=1.0), ProviderUnavailable)
    assert asked(only) == [1]


@timed
async def test_an_ejected_candidate_is_not_asked_again() -> None:
    only = at(*[DOWN] * 20)
    for _ in range(4):
        await Asking(only, max_attempts=1).failure()
    one = Asking(only)
    await one.failure()
    assert one.attempts == [("a", PRIMARY, FAILED)]


@timed
async def test_a_refused_credential_is_not_tried_again() -> None:
    only = at(refused(401), said("hello"))
    assert isinstance(await Asking(only).failure(), ProviderAuth)
    assert asked(only) == [1]


@timed
async def test_a_call_waits_for_a_rate_limit_where_there_is_no_other() -> None:
    began_s = time.monotonic()
    one = Asking(at(limited(2), said("hello")))
    assert await one.answer() == "hello"
    assert one.attempts == [("a", PRIMARY, FAILED), ("a", RETRY, SUCCEEDED)]
    assert 2 <= time.monotonic() - began_s < 2.1


@timed
async def test_of_two_rate_limits_the_shorter_one_is_waited_for() -> None:
    began_s = time.monotonic()
    one = Asking(at(limited(4)), at(limited(2), said("hello"), name="b"))
    assert await one.answer() == "hello"
    assert one.attempts[-1] == ("b", RETRY, SUCCEEDED)
    assert time.monotonic() - began_s < 2.1


@timed
async def test_a_call_that_finds_a_rate_limit_waits_for_it_with_its_first_attempt() -> None:
    only = at(limited(2), said("hello"))
    await Asking(only, max_attempts=1).failure()
    one = Asking(only)
    assert await one.answer() == "hello"
    assert one.attempts == [("a", PRIMARY, SUCCEEDED)]


@timed
async def test_a_rate_limit_that_lasts_longer_than_the_route_waits_is_told() -> None:
    began_s = time.monotonic()
    error = await Asking(at(limited(6)), max_wait_s=5.0).failure()
    assert isinstance(error, ProviderThrottled)
    assert (error.retry_delay_s, time.monotonic() - began_s) == (6, 0)


@timed
async def test_the_waits_of_a_call_are_bounded_together() -> None:
    only = at(limited(3), limited(3), said("hello"))
    assert isinstance(await Asking(only, max_wait_s=5.0).failure(), ProviderThrottled)
    assert asked(only) == [2]


@timed
async def test_a_rate_limit_beyond_the_deadline_is_not_waited_for() -> None:
    began_s = time.monotonic()
    assert isinstance(await Asking(at(limited(2))).failure(deadline_s=1.5), ProviderThrottled)
    assert time.monotonic() == began_s


@timed
async def test_a_wait_costs_an_allowance_too() -> None:
    only = no_retries(at(limited(2), said("hello")))
    assert isinstance(await Asking(only).failure(), ProviderThrottled)
    assert asked(only) == [1]


@timed
async def test_a_rate_limit_that_grows_while_a_call_waits_is_waited_for_to_its_new_end() -> None:
    began_s = time.monotonic()
    only = at(limited(2), said("hello"))
    asyncio.get_running_loop().call_later(1, lambda: only.state.breaker.rest.cool_down(time.monotonic(), 2))
    assert await Asking(only).answer() == "hello"
    assert 3 <= time.monotonic() - began_s < 3.1


@timed
async def test_who_waits_for_a_rate_limit_does_not_wait_for_an_ejected_credential() -> None:
    only = at(limited(2), said("hello"))
    asyncio.get_running_loop().call_later(1, lambda: only.state.key.set_aside(time.monotonic(), "PROVIDER_AUTH"))
    assert isinstance(await Asking(only).failure(), ProviderThrottled)
    assert asked(only) == [1]


@timed
async def test_a_candidate_whose_rest_is_over_by_then_is_asked_after_all() -> None:
    """It rested when its turn came; the other one took its time to fail."""
    first, second = at(limited(2), said("hello")), at(Answer(before=[3.0, UnreachableError("reset")]), name="b")
    await Asking(first, max_attempts=1).failure()
    one = Asking(first, second)
    assert await one.answer() == "hello"
    assert one.attempts == [("b", PRIMARY, FAILED), ("a", FAILOVER, SUCCEEDED)]


@timed
async def test_a_silent_candidate_is_asked_once_more() -> None:
    one = Asking(at(Answer([HANG_S]), said("hello"), first_token_timeout_s=1.0))
    assert await one.answer() == "hello"
    assert one.call.attempts[0].error_reason == FirstTokenTimeout.reason
