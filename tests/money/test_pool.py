"""The pool of a key: never beyond the provider's limit, and no tenant starves for another."""

import asyncio
import time
from collections import Counter

from hedgerow_server.core.port import HttpRequest, RateLimit, RateLimits
from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.pool import Pool, PoolPolicy, Turn
from money.limited import ANN, BOB, World
from money.shop import Shop, reply, seller
from unit.hedgerow_server.routing.asking import asked, refused
from unit.hedgerow_server.routing.scripted import Answer
from virtual import timed


def most_in_a_minute(times: list[float]) -> int:
    """The most that came within any minute."""
    return max(sum(start <= one < start + 60 for one in times) for start in times)


@timed
async def test_a_minute_never_sees_more_than_the_limit_and_nobody_waits_in_vain() -> None:
    pool = Pool(PoolPolicy(requests=60))
    times: list[float] = []

    async def call() -> None:
        turn = pool.take("a", 0) or await pool.turn("a", 0, 1000)
        assert turn is not None
        times.append(time.monotonic())
        pool.over(turn, 0)

    await asyncio.gather(*(call() for _ in range(300)))
    assert most_in_a_minute(times) <= 60
    assert max(times) - min(times) < 4 * 62
    assert pool.waiting == 0


@timed
async def test_a_tenant_at_fifty_times_its_share_leaves_the_others_theirs_at_once() -> None:
    pool = Pool(PoolPolicy(requests=100))
    waits: dict[str, list[float]] = {"hog": [], "b": [], "c": []}
    times: list[float] = []

    async def call(tenant: str) -> None:
        began_s = time.monotonic()
        turn = pool.take(tenant, 0) or await pool.turn(tenant, 0, 600)
        if turn is None:
            return
        waits[tenant].append(time.monotonic() - began_s)
        times.append(time.monotonic())
        await asyncio.sleep(0.1)
        pool.over(turn, 0)

    async def steady(tenant: str) -> None:
        for _ in range(100):
            await call(tenant)
            await asyncio.sleep(3)

    async with asyncio.TaskGroup() as group:
        others = [group.create_task(steady("b")), group.create_task(steady("c"))]
        await asyncio.sleep(5)
        hogs = [group.create_task(call("hog")) for _ in range(2500)]
        await asyncio.gather(*others)
        for one in hogs:
            one.cancel()
    assert most_in_a_minute(times) <= 100
    for tenant in ("b", "c"):
        assert len(waits[tenant]) == 100
        assert max(waits[tenant]) == 0.0, tenant
    assert len(waits["hog"]) > 150, "its own share, and some of what the others leave"


@timed
async def test_several_who_want_more_than_there_is_get_the_same() -> None:
    pool = Pool(PoolPolicy(requests=60))
    served: Counter[str] = Counter()

    async def call(tenant: str) -> None:
        turn = pool.take(tenant, 0) or await pool.turn(tenant, 0, 400)
        if turn is not None:
            served[tenant] += 1
            pool.over(turn, 0)

    await asyncio.gather(*(call(tenant) for _ in range(400) for tenant in ("a", "b", "c")))
    least, most = min(served.values()), max(served.values())
    assert most - least <= 0.25 * most, served


@timed
async def test_tokens_are_counted_as_expected_and_then_as_they_were() -> None:
    pool = Pool(PoolPolicy(tokens=1000))
    turn = pool.take("a", 500)
    assert turn is not None
    assert pool.take("a", 501) is None
    pool.over(turn, 10)
    assert pool.take("a", 501) is not None


@timed
async def test_a_call_larger_than_the_limit_goes_alone() -> None:
    pool = Pool(PoolPolicy(tokens=100))
    turn = pool.take("a", 500)
    assert turn is not None
    assert pool.take("b", 1) is None
    pool.over(turn, 500)
    began_s = time.monotonic()
    assert await pool.turn("b", 1, 100) is not None
    assert 60 <= time.monotonic() - began_s <= 62


@timed
async def test_what_answers_tell_of_the_limit_is_believed() -> None:
    pool = Pool(PoolPolicy())
    turns = [pool.take("a", 0) for _ in range(3)]
    assert all(turns)
    told = RateLimits(requests=RateLimit(remaining=3, limit=50, reset_s=20.0))
    pool.answered(told)
    # Two of the three may not have been counted there yet.
    assert pool.take("a", 0) is not None
    assert pool.take("a", 0) is None
    began_s = time.monotonic()
    assert await pool.turn("a", 0, 100) is not None
    assert 20 <= time.monotonic() - began_s <= 20.1


@timed
async def test_who_gives_up_or_is_cancelled_takes_nothing() -> None:
    pool = Pool(PoolPolicy(requests=1))
    turn = pool.take("a", 0)
    assert turn is not None
    assert await pool.turn("a", 0, 1.0) is None
    task = asyncio.create_task(pool.turn("a", 0, 100))
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert pool.waiting == 0
    pool.back(turn)
    assert pool.take("b", 0) == Turn("b", 0)


def told(left: int, limit: int = 50, reset_s: float = 20.0) -> RateLimits:
    """What an answer tells of requests."""
    return RateLimits(requests=RateLimit(remaining=left, limit=limit, reset_s=reset_s))


@timed
async def test_before_the_first_answer_only_a_few_are_sent_and_then_what_it_allows() -> None:
    pool = Pool(PoolPolicy())
    sent = [turn for _ in range(20) if (turn := pool.take("a", 0)) is not None]
    assert len(sent) == 8
    waiting = [asyncio.create_task(pool.turn("a", 0, 30)) for _ in range(12)]
    await asyncio.sleep(0.1)
    assert pool.take("b", 0) is not None, "who has had nothing waits for nobody"
    pool.answered(told(18))
    await asyncio.sleep(0.1)
    # Eight of those that were sent may not have been counted there yet.
    assert [one.done() for one in waiting].count(True) == 10
    for one in waiting:
        one.cancel()


@timed
async def test_a_provider_that_does_not_answer_holds_nobody_for_longer_than_a_second() -> None:
    pool = Pool(PoolPolicy())
    while pool.take("a", 0) is not None:
        pass
    began_s = time.monotonic()
    assert await pool.turn("a", 0, 30) is not None
    assert time.monotonic() - began_s == 1.0


@timed
async def test_one_that_tells_nothing_is_not_counted_after_its_first_answer() -> None:
    pool = Pool(PoolPolicy())
    first = pool.take("a", 0)
    assert first is not None
    pool.answered(None)
    turns = [pool.take("a", 10_000) for _ in range(1000)]
    assert all(turns)
    assert (pool.counts, pool.facts()) == (False, None)
    for turn in turns:
        assert turn is not None
        pool.over(turn, 20_000)


@timed
async def test_long_answers_that_have_begun_are_in_what_the_provider_tells() -> None:
    """Thirty streams run for minutes: the provider has counted them when it answered the last one."""
    pool = Pool(PoolPolicy())
    for left in range(49, 19, -1):
        assert pool.take("a", 0) is not None
        pool.answered(told(left))
    facts = pool.facts()
    assert facts is not None
    assert facts.requests_left == 20


@timed
async def test_who_comes_first_is_taken_for_the_only_one_after_ten_minutes() -> None:
    """Until then it gets a quarter in fifteen seconds, as where others are there; after that all but a tenth."""
    pool = Pool(PoolPolicy(requests=100, several=True))
    assert sum(pool.take("a", 0) is not None for _ in range(100)) == 22
    await asyncio.sleep(601)
    assert sum(pool.take("a", 0) is not None for _ in range(100)) == 90
    assert sum(pool.take("b", 0) is not None for _ in range(100)) == 10


@timed
async def test_a_tenant_that_has_had_its_quarter_is_told_when_it_is_over() -> None:
    pool = Pool(PoolPolicy(requests=100, several=True))
    while pool.take("a", 0) is not None:
        pass
    assert pool.wait_s("a") == 15.0


def pooled(name: str, pool: Pool) -> Candidate:
    """A candidate whose key has a pool."""
    one = seller(name, lambda _: reply(), rates=None, model="m")
    one.state.pool = pool
    return one


async def test_a_call_without_a_turn_goes_to_another_candidate() -> None:
    first, second = pooled("a", Pool(PoolPolicy(requests=1))), seller("b", lambda _: reply(), rates=None, model="m")
    one = Shop(World(), first, second)
    await one.ask()
    await one.ask()
    assert asked(first, second) == [1, 1]
    assert [record.provider for record in one.calls[1].attempts] == ["b"]


@timed
async def test_where_there_is_no_other_the_call_waits_for_its_turn() -> None:
    first = pooled("a", Pool(PoolPolicy(requests=2)))
    one = Shop(World(), first, max_wait_s=100)
    await asyncio.gather(*(one.ask() for _ in range(3)))
    waited = sorted(call.queue_s for call in one.calls)
    assert waited[:2] == [0, 0]
    assert 60 <= waited[2] <= 62


@timed
async def test_a_turn_that_does_not_come_in_time_is_a_throttle_that_asked_nobody() -> None:
    first = pooled("a", Pool(PoolPolicy(requests=1)))
    one = Shop(World(), first, max_wait_s=5)
    await one.ask()
    began_s = time.monotonic()
    error = await one.failure()
    assert time.monotonic() - began_s == 5
    assert (error.reason, error.metadata) == ("PROVIDER_THROTTLED", {"provider": "a", "model": "m"})
    assert error.retry_delay_s is not None
    assert 50 < error.retry_delay_s < 60
    assert asked(first) == [1]


@timed
async def test_tenants_share_a_key_and_the_provider_never_refuses() -> None:
    """One tenant at fifty times its share, to a provider that refuses whatever is beyond its limit in a minute."""
    seen: list[float] = []
    refusals = 0

    def provider(_: HttpRequest) -> Answer:
        nonlocal refusals
        now_s = time.monotonic()
        seen.append(now_s)
        if sum(now_s - 60 < one <= now_s for one in seen) > 60:
            refusals += 1
            return refused(429)
        return reply()

    model = seller("a", provider, rates=None, model="m")
    model.state.pool = Pool(PoolPolicy(requests=60))
    one = Shop(World(), model, max_wait_s=300)
    waits: list[float] = []

    async def other() -> None:
        for _ in range(60):
            call = one.call(who=BOB)
            await one.serve(call)
            waits.append(call.queue_s)
            await asyncio.sleep(4)

    await one.ask(who=BOB)
    hogs = [asyncio.create_task(one.ask(who=ANN)) for _ in range(1500)]
    await other()
    for task in hogs:
        task.cancel()
    await asyncio.gather(*hogs, return_exceptions=True)
    assert refusals == 0
    assert max(waits) == 0
    assert model.state.pool.waiting == 0


async def test_an_attempt_that_is_over_has_counted_what_it_came_to() -> None:
    pool = Pool(PoolPolicy(tokens=1000))
    one = Shop(World(), pooled("a", pool))
    await one.ask()
    assert pool._tokens.all.total == 12
    assert pool._unheard == 0
