"""One deadline for all attempts of a call."""

import asyncio
import time

import pytest
from hedgerow_server.core.error import DeadlineExceeded, FirstTokenTimeout, ProviderUnavailable
from hedgerow_server.core.request import RoutePolicy
from hedgerow_server.providers.http.port import UnreachableError
from hedgerow_server.routing.candidate import Candidate
from unit.hedgerow_server.routing.asking import (
    CANCELLED,
    FAILED,
    FAILOVER,
    PRIMARY,
    SUCCEEDED,
    Asking,
    asked,
    at,
    said,
    wire,
)
from unit.hedgerow_server.routing.scripted import HANG_S, Answer, chunk
from virtual import timed

SILENT = Answer([HANG_S])


def taking(one: Candidate, seconds: float, *, stream: bool = True) -> Candidate:
    """The candidate, known to take so long to its first token."""
    for _ in range(40):
        one.state.times[stream].observe(seconds, time.monotonic())
    return one


@pytest.mark.parametrize("stream", [True, False])
@timed
async def test_the_first_attempt_gets_half_of_the_time_while_another_could_follow(stream: bool) -> None:
    one = Asking(at(SILENT), at(said("hello"), name="b"))
    assert await one.answer(stream=stream, deadline_s=4.0) == "hello"
    assert one.call.attempts[0].total_s == pytest.approx(2.0)
    assert one.attempts == [("a", PRIMARY, FAILED), ("b", FAILOVER, SUCCEEDED)]


@timed
async def test_each_gets_half_of_what_is_left_and_the_last_one_all_of_it() -> None:
    one = Asking(at(SILENT), at(SILENT, name="b"), at(SILENT, name="c"))
    with pytest.raises(TimeoutError):
        await one.answer(deadline_s=8.0)
    assert [record.total_s for record in one.call.attempts] == pytest.approx([4.0, 2.0, 2.0])
    assert one.attempts[-1] == ("c", FAILOVER, CANCELLED)


@timed
async def test_the_only_candidate_has_all_the_time() -> None:
    assert await Asking(at(said("hello", after_s=3.9))).answer(deadline_s=4.0) == "hello"


@timed
async def test_time_is_not_kept_for_those_that_cannot_be_asked() -> None:
    second = at(said("x"), name="b")
    second.state.key.set_aside(time.monotonic(), "PROVIDER_AUTH")
    assert await Asking(at(said("hello", after_s=3.9)), second).answer(deadline_s=4.0) == "hello"


@timed
async def test_time_is_not_kept_where_no_more_attempts_may_be_made() -> None:
    one = Asking(at(said("hello", after_s=3.9)), at(name="b"), max_attempts=1)
    assert await one.answer(deadline_s=4.0) == "hello"


@pytest.mark.parametrize(
    ("own", "routes", "expected"), [(None, 1.0, 1.0), (0.5, 1.0, 0.5), (None, 3.0, 2.0), (3.0, 1.0, 2.0)]
)
@timed
async def test_the_first_token_clock_holds_if_it_is_shorter(own: float | None, routes: float, expected: float) -> None:
    policy = RoutePolicy(first_token_timeout_s=own)
    one = Asking(at(SILENT), at(said("x"), name="b"), policy=policy, first_token_timeout_s=routes)
    await one.answer(deadline_s=4.0)
    assert one.call.attempts[0].total_s == pytest.approx(expected)


@timed
async def test_a_candidates_own_clock_comes_before_the_routes_and_the_providers() -> None:
    one = Asking(at(SILENT, first_token_timeout_s=9.0), first_token_timeout_s=2.0, max_attempts=1)
    assert isinstance(await one.failure(), FirstTokenTimeout)
    assert one.call.attempts[0].total_s == pytest.approx(2.0)


@timed
async def test_a_unary_answer_that_stalls_leaves_time_for_another() -> None:
    """It may be replaced until its end, so the pause between its pieces has its share of the deadline as well."""
    one = Asking(at(Answer([chunk("par"), HANG_S])), at(said("hello"), name="b"), streams=True)
    assert await one.answer(stream=False, deadline_s=4.0) == "hello"
    assert one.call.attempts[0].total_s == pytest.approx(2.0)


@timed
async def test_the_pauses_of_a_stream_are_its_own_affair() -> None:
    first = at(Answer([chunk("he"), 3.0, *said("llo").body]))
    assert await Asking(first, at(name="b")).answer(deadline_s=4.0) == "hello"


@timed
async def test_a_call_without_time_for_a_useful_attempt_is_refused_before_anything_is_sent() -> None:
    first, second = taking(at(), 3.0), taking(at(name="b"), 2.0)
    one = Asking(first, second)
    error = await one.failure(deadline_s=1.0)
    assert isinstance(error, DeadlineExceeded)
    assert error.metadata["provider"] == "b"
    assert float(error.metadata["neededSeconds"]) == pytest.approx(2.0, rel=0.03)
    assert error.metadata["deadlineSeconds"] == "1"
    assert asked(first, second) == [0, 0]
    assert (one.call.attempts, one.call.attempts_started) == ([], 0)


@timed
async def test_a_slow_candidate_is_passed_over_for_one_that_is_fast_enough() -> None:
    first, second = taking(at(), 3.0), taking(at(said("hello"), name="b"), 0.2)
    one = Asking(first, second)
    assert await one.answer(deadline_s=1.0) == "hello"
    assert one.attempts == [("b", PRIMARY, SUCCEEDED)]


@timed
async def test_a_deadline_that_has_passed_is_told_without_a_request() -> None:
    only = at(said("x"))
    assert isinstance(await Asking(only).failure(deadline_s=0.001), DeadlineExceeded)
    assert asked(only) == [0]


@timed
async def test_no_fallback_is_asked_that_would_be_too_late() -> None:
    first, second = at(Answer(before=[0.4, UnreachableError("reset")])), taking(at(name="b"), 0.7)
    one = Asking(first, second, max_attempts=2)
    first.state.shared.retries.correct(-100)
    assert isinstance(await one.failure(deadline_s=1.0), ProviderUnavailable)
    assert asked(second) == [0]


@timed
async def test_the_deadline_closes_the_answer_and_the_record() -> None:
    only = at(Answer([chunk("par"), HANG_S]))
    one, began_s = Asking(only), time.monotonic()
    with pytest.raises(TimeoutError):
        await one.answer(deadline_s=1.0)
    assert time.monotonic() - began_s == pytest.approx(1.0)
    assert one.attempts == [("a", PRIMARY, CANCELLED)]
    assert wire(only).responses[0].releases == [False]


@timed
async def test_callers_in_a_hurry_do_not_eject_a_candidate_that_answers_others() -> None:
    """It takes a second; who gives it half of that learns nothing new."""
    patient = [said("hello", after_s=1.0)] * 40
    only = at(*patient, *[SILENT] * 40, first_token_timeout_s=30.0)
    for _ in patient:
        await Asking(only).answer()
    for _ in range(20):
        policy = RoutePolicy(first_token_timeout_s=0.5, max_attempts=1)
        assert isinstance(await Asking(only, policy=policy).failure(), FirstTokenTimeout)
    assert not only.state.breaker.ejected


@timed
async def test_a_candidate_that_answers_nobody_is_ejected_however_short_the_deadlines() -> None:
    only = at(*[SILENT] * 40)
    policy = RoutePolicy(first_token_timeout_s=0.5, max_attempts=1)
    for _ in range(5):
        await Asking(only, policy=policy).failure()
    assert only.state.breaker.ejected


@timed
async def test_a_caller_that_leaves_says_nothing_of_the_candidate() -> None:
    only = at(*[SILENT] * 20)
    for _ in range(10):
        running = asyncio.create_task(Asking(only).answer())
        await asyncio.sleep(1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert not only.state.breaker.ejected
