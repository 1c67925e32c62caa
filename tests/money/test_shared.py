"""Limits that two routers share through a real Redis, or two workers through their supervisor, each with counts of its
own.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hedgerow_server.core.error import BudgetSpent, HedgerowError, LimitsUnavailable, QuotaExceeded
from hedgerow_server.limits.alert import Alert
from hedgerow_server.limits.counters import Reservation
from hedgerow_server.limits.lender import Lender
from hedgerow_server.limits.limiter import Limiter, LimitMemory
from hedgerow_server.limits.outlive import Outlive
from hedgerow_server.limits.redis import RedisLender
from hedgerow_server.limits.rules import Resolved, groups
from hedgerow_server.limits.section import BudgetSection, QuotaSection
from hedgerow_server.limits.shared import SharedCounters
from hedgerow_server.limits.sharing import Apart, RedisSection, SharingSection
from money.desk import Desk
from money.limited import ANN, LATER_S
from redis_server import RedisServer

MICRO_USD = 10**6
"""In picos."""


class Router:
    """What a router has of limits."""

    def __init__(
        self,
        lends: str | Lender,
        quotas: Sequence[Any] = (),
        budgets: Sequence[Any] = (),
        notes: Path | None = None,
        **more: Any,
    ) -> None:
        """`lends` is the lender, or the URL of a Redis."""
        if isinstance(lends, str):
            redis = RedisSection(url=lends, lease_seconds=2.0, timeout_seconds=more.pop("timeout_seconds", 1.0))
            lender = RedisLender(redis)
            outlive = Outlive(notes, lender) if notes is not None else None
            self.counters = SharedCounters(SharingSection(redis=redis, replicas=2, **more), lender, outlive)
        else:
            self.counters = SharedCounters(Apart(replicas=2), lends)
        self.alerts: list[Alert] = []
        found = groups(
            [QuotaSection.model_validate(one) for one in quotas], [BudgetSection.model_validate(one) for one in budgets]
        )
        self.limiter = Limiter(found, LimitMemory(self.counters), self.alerts.append)
        self.counters.start()

    def of(self) -> Resolved:
        """What holds for the one caller."""
        return self.limiter.of(ANN, "fast", "fast")

    async def take(self, *, tokens: int = 0, picos: int = 0) -> Reservation:
        """A call's reservation. Raises what it is refused with."""
        return await self.limiter.reserve(self.of(), self.of, [1, tokens, 1, picos, 0], LATER_S)

    async def taken(self, **amounts: int) -> bool:
        """Whether a call was let in."""
        try:
            await self.take(**amounts)
        except (QuotaExceeded, BudgetSpent):
            return False
        return True

    def die(self) -> None:
        """As if it had been killed: it says nothing more, and the system lets go of its lock."""
        for task in tuple(self.counters._tasks):
            task.cancel()
        outlive = self.counters._outlive
        if outlive is not None:
            outlive._notes.close(keep=True)

    def settle(self, one: Reservation, *, requests: int = 1, tokens: int = 0, picos: int = 0) -> None:
        """A call has come to that."""
        self.limiter.settle(one, [requests, tokens, 0, picos, 0])


@pytest.fixture
async def by_redis(redis: RedisServer) -> AsyncIterator[Any]:
    """Makes any number of routers with the same limits."""
    redis.empty()
    made: list[Router] = []

    async def make(count: int = 2, **more: Any) -> list[Router]:
        made.extend(Router(redis.url, **more) for _ in range(count))
        return made[-count:]

    yield make
    for one in made:
        await one.counters.close()


@pytest.fixture
async def by_supervisor() -> AsyncIterator[Any]:
    """The same of workers."""
    desk, made = Desk(), list[Router]()

    async def make(count: int = 2, **more: Any) -> list[Router]:
        made.extend([Router((await desk.lender())[0], **more) for _ in range(count)])
        return made[-count:]

    yield make
    for one in made:
        await one.counters.close()
    await desk.close()


@pytest.fixture(params=["by_redis", "by_supervisor"])
def routers(request: pytest.FixtureRequest) -> Any:
    """Either."""
    return request.getfixturevalue(request.param)


def requests(most: int, per: str = "total") -> list[Any]:
    """A quota of requests."""
    return [{"name": "all", "limits": [{"requests": most, "per": per}]}]


async def accepted(routers: Sequence[Router], calls: int, **amounts: int) -> int:
    """How many of so many calls at once were let in, spread over routers."""
    spread = [routers[number % len(routers)].taken(**amounts) for number in range(calls)]
    return sum(await asyncio.gather(*spread))


@pytest.mark.parametrize("per", ["total", "month", "minute"])
async def test_calls_at_once_at_two_routers_take_the_limit_to_the_last_unit(routers: Any, per: str) -> None:
    two = await routers(quotas=requests(357, per))
    assert await accepted(two, 1000) == 357


async def test_money_is_exact_to_the_last_cent(routers: Any) -> None:
    two = await routers(budgets=[{"name": "all", "usd": "0.01", "per": "total"}])
    assert await accepted(two, 1000, picos=30 * MICRO_USD) == 333


async def test_calls_at_once_are_limited_together(routers: Any) -> None:
    one, other = await routers(quotas=[{"name": "all", "limits": [{"concurrency": 3}]}])
    held = [await one.take(), await one.take(), await other.take()]
    assert not await other.taken()
    one.settle(held[0])
    assert await other.taken()


async def test_nobody_is_refused_while_a_neighbour_sits_on_what_was_lent(routers: Any) -> None:
    one, other = await routers(quotas=requests(1000))
    for _ in range(500):
        await one.take()
    assert await accepted([other], 500) == 500
    assert not await one.taken()


async def test_what_calls_did_not_use_is_there_for_others(routers: Any) -> None:
    one, other = await routers(quotas=[{"name": "all", "limits": [{"tokens": 1000, "per": "day"}]}])
    first = await one.take(tokens=1000)
    assert not await other.taken(tokens=1)
    one.settle(first, tokens=400)
    assert await other.taken(tokens=600)
    assert not await one.taken(tokens=1)


async def test_cancelled_calls_leave_nothing_reserved(routers: Any) -> None:
    two = await routers(budgets=[{"name": "all", "usd": "1", "per": "total"}], quotas=requests(10**6))

    async def cancelled(router: Router) -> None:
        router.settle(await router.take(picos=MICRO_USD), requests=0)

    for _ in range(10):
        await asyncio.gather(*(cancelled(two[number % 2]) for number in range(500)))
    assert [one.counters.reservations for one in two] == [0, 0]
    for one in two:
        await one.counters.close()
    (third,) = await routers(1, budgets=[{"name": "all", "usd": "1", "per": "total"}])
    assert await third.taken(picos=10**12)


async def test_any_interleaving_of_two_routers_keeps_the_sums(routers: Any) -> None:
    seed = random.SystemRandom().randrange(10**9)
    chance = random.Random(seed)
    most = 5_000
    two = await routers(quotas=[{"name": "all", "limits": [{"tokens": most, "per": "total"}]}])
    used = held = 0
    open_calls: list[tuple[Router, Reservation, int]] = []

    async def step() -> None:
        nonlocal used, held
        router, need = chance.choice(two), chance.randrange(1, 60)
        if open_calls and chance.random() < 0.45:
            owner, reservation, reserved = open_calls.pop(chance.randrange(len(open_calls)))
            actual = chance.randrange(reserved + 1)
            owner.settle(reservation, tokens=actual)
            used, held = used + actual, held - reserved
            return
        try:
            reservation = await router.take(tokens=need)
        except QuotaExceeded:
            # Refused only where it truly did not fit at some moment of the asking.
            return
        open_calls.append((router, reservation, need))
        held += need
        assert used + held <= most, seed

    for _ in range(300):
        await asyncio.gather(*(step() for _ in range(8)))
    for owner, reservation, _ in open_calls:
        owner.settle(reservation, tokens=0)
    left = most - used
    assert await two[0].taken(tokens=left), seed
    assert not await two[1].taken(tokens=1), seed


async def test_a_threshold_is_told_once_by_one_of_them(routers: Any) -> None:
    budget = {"name": "all", "usd": "0.001", "per": "month", "mode": "soft", "alert_percent": [50, 80]}
    two = await routers(budgets=[budget])

    async def call(router: Router) -> None:
        router.settle(await router.take(picos=MICRO_USD), picos=MICRO_USD)

    await asyncio.gather(*(call(two[number % 2]) for number in range(900)))
    told: list[float] = []
    async with asyncio.timeout(10):
        while len(told) < 2:
            await asyncio.sleep(0.05)
            told = [one.percent for router in two for one in router.alerts if one.percent is not None]
    await asyncio.sleep(0)
    assert sorted(told) == [50, 80]


async def test_a_dead_router_gives_back_what_it_was_lent(by_redis: Any) -> None:
    one, other = await by_redis(quotas=[{"name": "all", "limits": [{"concurrency": 2}]}])
    await one.take()
    await one.take()
    one.die()
    assert not await other.taken()
    async with asyncio.timeout(15):
        while not await other.taken():  # noqa: ASYNC110  (nobody tells)
            await asyncio.sleep(0.1)


async def silent(one: Router) -> None:
    """Returns once Redis does not believe any more that a router with one limit is there."""
    lender, (name,) = one.counters.lender, one.counters._names
    assert isinstance(lender, RedisLender)
    until_ms = float("inf")
    async with asyncio.timeout(10):
        while until_ms > 1000 * time.time():
            await asyncio.sleep(0.05)
            until_ms = float(await lender._redis.client.hget("{hedgerow}:" + name, f"x:{lender.router}") or 0)


def notes_in(folder: Path) -> list[Path]:
    """The files in which routers note what they use."""
    return list(folder.iterdir())


async def in_all(router: Router, most: int, **amounts: int) -> int:
    """How many calls it lets in before it lets in no more, which it must not have done at `most` calls yet."""
    let_in = 0
    async with asyncio.timeout(15):
        while let_in < most:
            let_in += await router.taken(**amounts)
            await asyncio.sleep(0.001)
    return let_in + await accepted([router], 20, **amounts)


async def test_what_a_router_used_last_that_was_killed_counts_once_another_one_finds_its_notes(
    by_redis: Any, tmp_path: Path
) -> None:
    one, other = await by_redis(quotas=requests(300), notes=tmp_path)
    await one.counters.settle_in()
    assert await accepted([one], 113) == 113
    one.die()
    await silent(one)
    # What is no file of a router holds up none.
    (tmp_path / "zz.used").mkdir()
    await by_redis(1, quotas=requests(300), notes=tmp_path)
    assert await in_all(other, 187) == 187


async def test_money_that_a_router_spent_last_that_was_killed_counts_too(by_redis: Any, tmp_path: Path) -> None:
    one, other = await by_redis(budgets=[{"name": "all", "usd": "0.0003", "per": "total"}], notes=tmp_path)
    await one.counters.settle_in()
    for _ in range(113):
        one.settle(await one.take(picos=2 * MICRO_USD), picos=MICRO_USD)
    one.die()
    await silent(one)
    await by_redis(1, budgets=[{"name": "all", "usd": "0.0003", "per": "total"}], notes=tmp_path)
    assert await in_all(other, 187, picos=MICRO_USD) == 187


async def test_a_router_that_ends_in_good_order_leaves_no_notes(by_redis: Any, tmp_path: Path) -> None:
    (one,) = await by_redis(1, quotas=requests(300), notes=tmp_path)
    await one.counters.settle_in()
    await one.take()
    assert notes_in(tmp_path)
    await one.counters.close()
    assert notes_in(tmp_path) == []


async def test_what_cannot_be_told_at_the_end_is_left_for_whoever_comes_next(
    private_redis: RedisServer, tmp_path: Path
) -> None:
    one = Router(private_redis.url, requests(300), notes=tmp_path)
    await one.counters.settle_in()
    assert await accepted([one], 113) == 113
    private_redis.freeze()
    await one.counters.close()
    private_redis.thaw()
    assert notes_in(tmp_path)
    heir = Router(private_redis.url, requests(300), notes=tmp_path)
    assert await in_all(heir, 187) == 187
    await heir.counters.close()


async def test_a_call_that_takes_long_keeps_what_it_holds(routers: Any) -> None:
    """Deadlines go by the clock of this process, sliding slots by that of Redis."""
    (one,) = await routers(1, quotas=requests(10))
    late = time.monotonic() + 60
    held = await one.limiter.reserve(one.of(), one.of, [1, 0, 0, 0, 0], late)
    gone = await one.limiter.reserve(one.of(), one.of, [1, 0, 0, 0, 0], time.monotonic())
    one.counters._sweep_s = 0.0
    await one.take()
    assert (held.expired, gone.expired) == (False, True)


async def test_a_flush_does_not_make_money_available_twice(by_redis: Any, redis: RedisServer) -> None:
    """Nor what a router knows of that has been silent for long."""
    one, other = two = await by_redis(budgets=[{"name": "all", "usd": "0.001", "per": "total"}])
    for router in two:
        for _ in range(400):
            router.settle(await router.take(picos=MICRO_USD), picos=MICRO_USD)
    async with asyncio.timeout(10):
        while one.counters._active or other.counters._active:  # noqa: ASYNC110  (nobody tells)
            await asyncio.sleep(0.05)
    redis.flush()
    let_in, unknown = 0, 0
    async with asyncio.timeout(20):
        while let_in < 200:
            try:
                await other.take(picos=MICRO_USD)
                let_in += 1
            except LimitsUnavailable:
                unknown += 1
                await asyncio.sleep(0.05)
    assert unknown
    assert await accepted(two, 400, picos=MICRO_USD) == 0


@pytest.mark.parametrize("ail", ["freeze", "kill"])
async def test_while_redis_is_away_rates_go_by_shares_and_money_is_refused(
    private_redis: RedisServer, ail: str
) -> None:
    quotas = [
        {"name": "rate", "limits": [{"requests": 100, "per": "hour"}]},
        {"name": "money", "match": {"user": ["nobody"]}, "limits": [{"usd": "1", "per": "day"}]},
    ]
    rates = Router(private_redis.url, quotas, timeout_seconds=0.05)
    money = Router(private_redis.url, budgets=[{"name": "all", "usd": "1", "per": "day"}], timeout_seconds=0.05)
    careful = Router(private_redis.url, quotas, timeout_seconds=0.05, when_away="refuse")
    getattr(private_redis, ail)()
    began_s, slowest_s, let_in = time.monotonic(), 0.0, 0
    for _ in range(120):
        since_s = time.monotonic()
        let_in += await rates.taken()
        slowest_s = max(slowest_s, time.monotonic() - since_s)
    assert let_in == 50
    for router, amounts in ((money, {"picos": MICRO_USD}), (careful, {})):
        with pytest.raises(LimitsUnavailable, match="Nobody can tell what is left of"):
            await router.take(**amounts)
    assert time.monotonic() - began_s < 120 * 0.05, "most calls do not wait at all"
    private_redis.thaw() if ail == "freeze" else private_redis.start()
    for router, amounts in ((money, {"picos": MICRO_USD}), (careful, {})):
        async with asyncio.timeout(10):
            while True:
                try:
                    await router.take(**amounts)
                    break
                except HedgerowError:
                    await asyncio.sleep(0.05)
    for router in (rates, money, careful):
        await router.counters.close()
