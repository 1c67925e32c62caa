"""What a caller is told when nobody can be asked."""

import asyncio
import time

import pytest
from hedgerow_server.core.error import ProviderAuth, ProviderThrottled, ProviderUnavailable
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.execute import execute
from unit.hedgerow_server.calls import call
from unit.hedgerow_server.routing.asking import FAILED, FAILOVER, PRIMARY, SUCCEEDED, Asking, asked, at, refused, said
from unit.hedgerow_server.routing.scripted import HANG_S, HI, Answer
from virtual import timed

DOWN = refused(503)


async def ejected(one: Candidate) -> Candidate:
    """The candidate after five failures in a row."""
    for _ in range(5):
        await Asking(one, max_attempts=1).failure()
    assert one.state.breaker.ejected
    return one


@timed
async def test_a_rate_limit_that_all_are_under_is_told_with_the_time_of_the_first_that_is_back() -> None:
    first, second = at(refused(429, retry_after="60")), at(refused(429, retry_after="30"), name="b")
    await Asking(first, second, max_attempts=2).failure()
    error = await Asking(first, second).failure()
    assert isinstance(error, ProviderThrottled)
    assert error.retry_delay_s == pytest.approx(30)
    assert (error.metadata["provider"], error.metadata["candidates"]) == ("b", "2")
    assert asked(first, second) == [1, 1]


@timed
async def test_ejected_candidates_are_told_with_the_reason() -> None:
    first = await ejected(at(*[DOWN] * 5))
    error = await Asking(first).failure()
    assert isinstance(error, ProviderUnavailable)
    assert error.metadata["detail"] == "5 failures in a row, PROVIDER_UNAVAILABLE"
    assert error.retry_delay_s is not None
    assert 0 < error.retry_delay_s <= 2
    assert asked(first) == [5]


@timed
async def test_refused_credentials_are_told_as_what_they_are() -> None:
    first = at(refused(401))
    await Asking(first).failure()
    error = await Asking(first).failure()
    assert isinstance(error, ProviderAuth)
    assert error.metadata["detail"] == "PROVIDER_AUTH"


@timed
async def test_while_a_trial_runs_others_are_told_that_it_does() -> None:
    first = await ejected(at(*[DOWN] * 5, Answer([HANG_S])))
    await asyncio.sleep(3)
    trial = asyncio.create_task(Asking(first).answer())
    await asyncio.sleep(0.1)
    with pytest.raises(ProviderUnavailable, match="is being tried again") as caught:
        await anext(execute(call(), Asking(first).plan, HI, stream=True))
    assert caught.value.retry_delay_s is None
    trial.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trial
    assert asked(first) == [6]


@timed
async def test_a_candidate_that_still_answered_some_is_asked_rather_than_none() -> None:
    """Ejected on partial evidence: better than nobody."""
    first = at(said("x"), *[DOWN] * 5, said("hello"))
    await Asking(first).answer()
    await ejected(first)
    one = Asking(first)
    assert await one.answer() == "hello"
    assert one.attempts == [("a", PRIMARY, SUCCEEDED)]


@timed
async def test_the_ejected_one_is_asked_after_those_that_are_not() -> None:
    first, second = at(said("x"), *[DOWN] * 5, said("hello")), at(DOWN, name="b")
    await Asking(first).answer()
    await ejected(first)
    one = Asking(first, second)
    assert await one.answer() == "hello"
    assert one.attempts == [("b", PRIMARY, FAILED), ("a", FAILOVER, SUCCEEDED)]


@timed
async def test_one_that_answers_its_trials_comes_back() -> None:
    first = await ejected(at(*[DOWN] * 5, said("one"), said("two"), said("three")))
    await asyncio.sleep(3)
    for text in ("one", "two", "three"):
        assert await Asking(first).answer() == text
    assert not first.state.breaker.ejected
    assert time.monotonic() < 1010
