"""What is lent of a limit: by Redis to several routers, with the real script in a real Redis, and by a supervisor to
its workers, over real sockets.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from hedgerow_server.core.secret import Secret
from hedgerow_server.limits.lender import Answer, Lender, LenderAway, Loan
from hedgerow_server.limits.redis import RedisLender
from hedgerow_server.limits.sharing import RedisSection
from money.desk import Desk
from redis_server import RedisServer
from stack import ROOT

Lenders = tuple[Lender, Lender]


@pytest.fixture
async def of_redis(redis: RedisServer) -> AsyncIterator[tuple[RedisLender, RedisLender]]:
    """Two routers' lenders with an empty Redis."""
    redis.empty()
    section = RedisSection(url=redis.url, timeout_seconds=1.0, lease_seconds=2.0)
    two = RedisLender(section), RedisLender(section)
    yield two
    for one in two:
        await one.close()


@pytest.fixture
async def of_supervisor() -> AsyncIterator[Lenders]:
    """Two workers' lenders with a supervisor that has lent nothing."""
    desk = Desk()
    one, other = await desk.lender(), await desk.lender()
    yield one[0], other[0]
    await desk.close()


@pytest.fixture(params=["of_redis", "of_supervisor"])
def lenders(request: pytest.FixtureRequest) -> Lenders:
    """Either."""
    found: Lenders = request.getfixturevalue(request.param)
    return found


def loan(
    need: int = 0, *, used: int = 0, lent: int = 0, held: int | None = None, most: int | None = 100, **more: int
) -> Loan:
    """What a router says of a count that never turns."""
    given: dict[str, Any] = {"slot": 0, "length_us": 0, "due": need, "want": 0, **more}
    return Loan(key="k", most=most, used=used, lent=lent, held=lent if held is None else held, need=need, **given)


async def granted(lender: Lender, one: Loan) -> int:
    """What it is lent; -1 where there is too little left."""
    answer = await lender.ask([one])
    return answer.counts[0].granted if answer.short is None else -1


async def test_the_last_unit_is_lent_once(lenders: Lenders) -> None:
    one, other = lenders
    assert await granted(one, loan(99)) == 99
    assert await granted(other, loan(1)) == 1
    assert await granted(other, loan(1, lent=1)) == -1
    assert await granted(one, loan(1, used=99)) == -1


async def test_all_counts_of_a_request_are_lent_or_none(lenders: Lenders) -> None:
    one, other = lenders
    full = Loan(key="full", most=5, length_us=0, slot=0, used=0, lent=0, held=0, need=6, due=6)
    answer = await one.ask([loan(10), full])
    assert (answer.short, [told.granted for told in answer.counts]) == (1, [0, 0])
    assert await granted(other, loan(100)) == 100


async def test_an_answer_that_was_lost_is_put_right_by_the_next_request(lenders: Lenders) -> None:
    one, other = lenders
    await one.ask([loan(60)])  # never heard of: it still has nothing
    assert await granted(one, loan(60)) == 60
    assert await granted(other, loan(40)) == 40


async def test_what_was_used_is_not_counted_twice_when_it_is_said_twice(lenders: Lenders) -> None:
    one, other = lenders
    for _ in range(3):
        await one.ask([loan(used=60)])
    assert await granted(other, loan(40)) == 40


async def test_what_is_lent_ahead_is_a_part_of_what_is_left(lenders: Lenders) -> None:
    one, _ = lenders
    assert await granted(one, loan(1, want=1000, part=4)) == 25
    assert await granted(one, loan(1, want=1000, part=4, used=25, lent=0)) == 18


async def test_calls_that_wait_are_served_as_far_as_it_goes(lenders: Lenders) -> None:
    one, _ = lenders
    assert await granted(one, loan(1, due=150)) == 100


async def test_what_was_lent_comes_back_when_a_router_is_gone(of_redis: Lenders) -> None:
    one, other = of_redis
    await one.ask([loan(60, used=10)])
    assert await granted(other, loan(90)) == -1
    async with asyncio.timeout(10):
        while await granted(other, loan(90)) != 90:  # noqa: ASYNC110  (nobody tells)
            await asyncio.sleep(0.05)


async def test_what_was_lent_comes_back_at_once_when_a_worker_is_gone_and_what_it_used_stays() -> None:
    desk = Desk()
    (one, member), (other, _) = await desk.lender(), await desk.lender()
    await one.ask([loan(60, used=10)])
    assert await granted(other, loan(90)) == -1
    await desk.leave(member)
    assert await granted(other, loan(90)) == 90
    assert await granted(other, loan(1, lent=90)) == -1
    await desk.close()


class Leaving:
    """Two lenders of which the first one can be gone without a word."""

    def __init__(self, one: Lender, other: Lender, go: Callable[[], Awaitable[None]]) -> None:
        self.one = one
        self.other = other
        self.go = go
        """Returns once whoever lends knows of it."""


@pytest.fixture
async def silent(redis: RedisServer) -> AsyncIterator[Leaving]:
    """Two routers; one that says nothing is believed to be there for a short time only."""
    redis.empty()
    section = RedisSection(url=redis.url, timeout_seconds=1.0).model_copy(update={"lease_seconds": 0.25})
    one, other = RedisLender(section), RedisLender(section)

    async def lapse() -> None:
        life = Loan(key="life", most=None, length_us=0, slot=0, used=0, lent=1, held=0)
        await one.ask([life])
        async with asyncio.timeout(10):
            # What is idle is of those that are believed to be there.
            while (await other.ask([life])).counts[0].idle_elsewhere:  # noqa: ASYNC110  (nobody tells)
                await asyncio.sleep(0.05)

    yield Leaving(one, other, lapse)
    await one.close()
    await other.close()


@pytest.fixture
async def ended() -> AsyncIterator[Leaving]:
    """Two workers of one supervisor."""
    desk = Desk()
    (one, member), (other, _) = await desk.lender(), await desk.lender()
    yield Leaving(one, other, lambda: desk.leave(member))
    await desk.close()


@pytest.fixture(params=["silent", "ended"])
def leaving(request: pytest.FixtureRequest) -> Leaving:
    """Either."""
    found: Leaving = request.getfixturevalue(request.param)
    return found


DOUBT = {"doubt_ms": 60_000}


async def test_what_one_was_lent_that_is_gone_stays_counted_as_long_as_it_may_have_used_it(leaving: Leaving) -> None:
    await leaving.one.ask([loan(lent=60, held=0, used=10, **DOUBT)])
    await leaving.go()
    assert await granted(leaving.other, loan(31)) == -1
    assert await granted(leaving.other, loan(30)) == 30


async def test_whoever_finds_what_one_has_used_that_is_gone_has_the_rest_given_back(leaving: Leaving) -> None:
    await leaving.one.ask([loan(lent=60, held=0, used=10, **DOUBT)])
    await leaving.go()
    await leaving.other.bury(leaving.one.router, [loan(used=45)])
    assert await granted(leaving.other, loan(56)) == -1
    assert await granted(leaving.other, loan(55)) == 55


async def test_what_is_told_twice_of_one_that_is_gone_counts_once(leaving: Leaving) -> None:
    await leaving.one.ask([loan(lent=60, held=0, used=10, **DOUBT)])
    await leaving.go()
    for _ in range(2):
        await leaving.other.bury(leaving.one.router, [loan(used=45)])
    assert await granted(leaving.other, loan(55)) == 55


async def test_of_a_count_of_which_it_had_said_nothing_nobody_else_may(leaving: Leaving) -> None:
    """Its use is in whatever tells such a count for the first time: the ledger."""
    await leaving.one.bury("somebody", [loan(used=45)])
    assert await granted(leaving.other, loan(70, base=30)) == 70


async def test_nobody_is_waited_for_for_ever(leaving: Leaving) -> None:
    await leaving.one.ask([loan(lent=60, held=0, used=10, doubt_ms=300)])
    await leaving.go()
    async with asyncio.timeout(10):
        while await granted(leaving.other, loan(90)) != 90:  # noqa: ASYNC110  (nobody tells)
            await asyncio.sleep(0.05)


async def test_one_that_was_only_silent_uses_what_it_was_lent(silent: Leaving) -> None:
    await silent.one.ask([loan(lent=60, held=0, used=10, **DOUBT)])
    await silent.go()
    assert await granted(silent.one, loan(lent=20, held=0, used=50, **DOUBT)) == 0
    assert await granted(silent.other, loan(31)) == -1
    assert await granted(silent.other, loan(30)) == 30


async def test_in_the_next_slot_all_counts_that_one_was_lent_that_is_gone(leaving: Leaving) -> None:
    """Of a sliding one: of the slot before, nobody will tell how much it was."""
    length_us = 2_000_000
    async with asyncio.timeout(20):
        answer = await leaving.other.ask([loan(length_us=length_us)])
        while answer.now_us % length_us > length_us // 2:
            await asyncio.sleep(0.05)
            answer = await leaving.other.ask([loan(length_us=length_us)])
        slot = answer.counts[0].slot
        await leaving.one.ask([loan(lent=60, held=0, used=10, slot=slot, length_us=length_us, **DOUBT)])
        await leaving.go()
        while answer.counts[0].slot == slot:
            await asyncio.sleep(0.05)
            answer = await leaving.other.ask([loan(length_us=length_us)])
    assert (answer.counts[0].slot, answer.counts[0].before) == (slot + 1, 70)


async def test_whoever_has_no_supervisor_any_more_is_told_so() -> None:
    desk = Desk()
    lender, _ = await desk.lender()
    await desk.close()
    with pytest.raises(LenderAway, match="supervisor"):
        await lender.ask([loan(1)])
    assert lender.away is not None


async def test_idle_loans_of_others_are_told(lenders: Lenders) -> None:
    one, other = lenders
    await one.ask([loan(lent=30, held=20)])
    answer: Answer = await other.ask([loan(80)])
    assert (answer.short, answer.counts[0].idle_elsewhere) == (0, 10)


async def test_a_flush_forgets_nothing_that_a_living_router_knows(of_redis: Lenders, redis: RedisServer) -> None:
    one, other = of_redis
    await one.ask([loan(used=60)])
    await other.ask([loan(used=30)])
    redis.empty()
    assert await granted(one, loan(20, used=60)) == 20
    assert await granted(other, loan(20, used=30)) == -1
    assert await granted(one, loan(20, used=80)) == -1


async def test_a_server_that_has_lost_its_counts_grants_nothing_until_it_has_heard_of_all(
    of_redis: Lenders, redis: RedisServer
) -> None:
    one, other = of_redis
    before = await one.ask([loan(used=60)])
    assert before.hearing_s == 0
    redis.flush()
    answer = await other.ask([loan(100)])
    assert (answer.short, answer.counts[0].granted) == (None, 0)
    assert 0 < answer.hearing_s <= 2
    assert answer.since_us > before.since_us
    assert (await one.ask([loan(used=60)])).since_us == answer.since_us
    async with asyncio.timeout(10):
        while answer.hearing_s:
            await asyncio.sleep(0.05)
            answer = await other.ask([loan(50)])
    assert answer.short == 0
    assert await granted(other, loan(40)) == 40


async def test_a_new_slot_begins_empty_and_a_clock_that_is_behind_brings_none_back(lenders: Lenders) -> None:
    one, other = lenders
    await one.ask([loan(used=100, slot=10)])
    assert await granted(other, loan(100, slot=20)) == 100
    behind = await one.ask([loan(1, used=0, slot=10)])
    assert (behind.short, behind.counts[0].slot) == (0, 20)


async def test_of_a_sliding_slot_the_one_before_fades(lenders: Lenders) -> None:
    one, other = lenders
    length_us = 1_000_000
    answer = await one.ask([loan(length_us=length_us)])
    before = 0
    async with asyncio.timeout(10):
        # Says in each slot that all was used, until it is told that of the slot before.
        while not before:
            answer = await one.ask([loan(used=100, slot=answer.now_us // length_us, length_us=length_us)])
            before = answer.counts[0].before
            await asyncio.sleep(0.05)
    assert before == 100
    assert (await other.ask([loan(100, length_us=length_us)])).short == 0


async def test_the_user_that_the_documentation_proposes_may_do_all_that_is_needed(redis: RedisServer) -> None:
    redis.empty()
    page = (ROOT / "docs" / "quotas.md").read_text()
    words = next(line for line in page.splitlines() if line.startswith("ACL SETUSER")).split()
    assert redis.ask(*words) == "+OK"
    section = RedisSection(url=redis.url, username=words[2], timeout_seconds=1.0)
    lender = RedisLender(section, lambda: Secret("PASSWORD"))
    hearing = lender.called_back()
    heard = asyncio.ensure_future(anext(hearing))
    try:
        assert await granted(lender, loan(1)) == 1
        assert [await lender.first("a", 10), await lender.first("a", 10)] == [True, False]
        other = RedisLender(section, lambda: Secret("PASSWORD"))
        async with asyncio.timeout(10):
            while not heard.done():
                await other.call_back("k")
                await asyncio.sleep(0.05)
        assert heard.result() == "k"
        await other.close()
    finally:
        heard.cancel()
        await asyncio.wait({heard})
        await hearing.aclose()
        await lender.close()
        assert redis.ask("ACL", "DELUSER", words[2]) == ":1"


async def test_a_wrong_password_is_a_server_that_is_away_and_is_told_to_nobody(
    redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    lender = RedisLender(RedisSection(url=redis.url, username="nobody", timeout_seconds=1.0), lambda: Secret("canary"))
    for _ in range(2):
        with pytest.raises(LenderAway, match="AuthenticationError") as refused:
            await lender.ask([loan(1)], probing=True)
        assert "canary" not in str(refused.value)
    assert [one.message.count("AuthenticationError") for one in caplog.records] == [1]
    assert "canary" not in caplog.text
    await lender.close()


async def test_a_frozen_server_is_asked_once_and_left_alone_until_a_probe_finds_it_back(
    redis: RedisServer,
) -> None:
    section = RedisSection(url=redis.url, timeout_seconds=0.05)
    redis.empty()
    lender = RedisLender(section)
    assert await granted(lender, loan(1)) == 1
    redis.freeze()
    try:
        for _ in range(3):
            with pytest.raises(LenderAway, match="Redis at 127"):
                await lender.ask([loan(1)])
        assert lender.failures == 1
    finally:
        redis.thaw()
    with pytest.raises(LenderAway):
        await lender.ask([loan(1)])
    async with asyncio.timeout(10):
        while lender.away:
            await asyncio.sleep(0.05)
            with suppress(LenderAway):
                await lender.ask([], probing=True)
    assert await granted(lender, loan(1)) == 1
    await lender.close()
