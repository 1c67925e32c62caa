"""Quotas and budgets around real calls: what a call takes, what it gives back, and what it may no longer do."""

import asyncio
import datetime as dt
import random
from typing import Any

import msgspec
import pytest
from hedgerow_server.core.call import Kind
from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import AttemptOutcome, Started, WarningCode
from hedgerow_server.core.hold import Left, Spent
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.request import EmbedRequest, EmbedSpec, ProviderTool, RoutePolicy
from hedgerow_server.core.tokens import input_tokens
from hedgerow_server.limits.hold import CallHold
from hedgerow_server.pricing.estimate import estimate
from hedgerow_server.routing.candidate import Candidate
from money.limited import ANN, World
from money.shop import Shop, budget_rule, reply, seller, sent
from unit.hedgerow_server.routing.asking import refused
from unit.hedgerow_server.routing.scripted import HI, JSON, Answer

RATES = (3, 11)
CHEAP = (1, 1)
USD = 10**12


def shown(picos: int) -> str:
    """Picos as the configuration says them."""
    return f"0.{picos:012d}" if picos < USD else str(picos // USD)


def budget(picos: int, **more: Any) -> dict[str, Any]:
    """A budget of so many picos."""
    return {"name": "team-month", "by": ["team"], "usd": shown(picos), "per": "month", **more}


def shop(picos: int, *candidates: Candidate, limits: Any = None, **more: Any) -> Shop:
    """A gateway with one budget."""
    return Shop(World(budgets=[budget(picos, **(limits or {}))]), *candidates, **more)


def used(world: World) -> tuple[int, int]:
    """Used and held of the one bucket."""
    ((found),) = world.counts().values()
    return found


def bound(output: int, rates: tuple[int, int] = RATES) -> int:
    """The most that a call of HI costs."""
    one = seller("a", lambda _: reply(), rates=rates, model="m")
    high = estimate(msgspec.structs.replace(HI, max_output_tokens=output), one.price).high
    assert high is not None
    return high


COST = 7 * RATES[0] + 5 * RATES[1]


async def test_a_call_takes_its_bound_and_gives_back_what_it_did_not_cost() -> None:
    holding: list[tuple[int, int]] = []
    world = World(budgets=[budget(USD)])

    def answer(_: HttpRequest) -> Answer:
        holding.append(used(world))
        return reply()

    one = Shop(world, seller("a", answer, rates=RATES, model="m"))
    await one.ask(max_output_tokens=20)
    assert holding == [(0, bound(20))]
    assert used(world) == (COST, 0)


async def test_a_thousand_calls_at_the_last_cent_overshoot_by_nothing_and_undershoot_by_less_than_a_bound() -> None:
    dice = random.Random(1)

    def answer(_: HttpRequest) -> Answer:
        return Answer(reply(completion=dice.randint(0, 20)).body, headers=JSON, before=[dice.random() / 1000])

    limit = 20 * bound(20) + 17
    one = shop(limit, seller("a", answer, rates=RATES, model="m"))
    failed = await one.burst(1000, max_output_tokens=20)
    assert len(failed) >= 1000 - 20
    while len(failed := await one.burst(50, max_output_tokens=20)) < 50:
        pass  # what the first ones gave back is there for others
    spent, held = used(one.world)
    assert {error.reason for error in failed} == {"BUDGET_SPENT"}
    assert limit - bound(20) < spent <= limit
    assert held == 0
    assert spent == sum(record.cost_picos or 0 for call in one.calls for record in call.attempts)
    assert one.world.counters.reservations == 0


@pytest.mark.timeout(1000)
async def test_calls_that_are_cancelled_anywhere_leave_no_reservation(request: pytest.FixtureRequest) -> None:
    calls = 100_000 if request.config.getoption("--long") else 2_000
    dice = random.Random(2)

    def answer(_: HttpRequest) -> Answer:
        return Answer([0.0005, *reply().body], headers=JSON, before=[0.0005])

    quotas = [{"name": "q", "by": ["user"], "limits": [{"requests": 10**9, "per": "day"}, {"concurrency": 10**6}]}]
    world = World(quotas, [budget(900_000 * USD)])
    one = Shop(world, seller("a", answer, rates=RATES, model="m"))

    async def leave() -> None:
        task = asyncio.create_task(one.ask(max_output_tokens=20))
        for _ in range(dice.randint(0, 12)):
            await asyncio.sleep(0)
        if dice.random() < 0.2:
            await asyncio.sleep(dice.random() / 500)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    for start in range(0, calls, 500):
        await asyncio.gather(*(leave() for _ in range(min(500, calls - start))))
        one.calls.clear()
    assert world.counters.reservations == 0
    assert all(held == 0 for _, held in world.counts().values())
    assert world.counts()["q", "concurrency", "", "ann"] == (0, 0)


async def test_a_call_without_a_bound_is_refused_with_the_field_that_gives_one() -> None:
    one = shop(USD, seller("a", lambda _: reply(), rates=RATES, model="m"))
    error = await one.failure()
    assert (error.reason, error.code) == ("COST_UNBOUNDED", "FAILED_PRECONDITION")
    assert error.metadata == {"budget": "team-month", "model": "a/m", "field": "chat.max_output_tokens"}
    assert used(one.world) == (0, 0)
    tool = ProviderTool("a", "{}")
    error = await one.failure(max_output_tokens=5, tools=(tool,))
    assert (error.reason, error.metadata["field"]) == ("COST_UNBOUNDED", "chat.tools")


async def test_a_model_without_a_price_is_refused_under_a_hard_budget_and_served_under_a_soft_one() -> None:
    unknown = seller("a", lambda _: reply(), rates=None, model="m")
    hard = shop(USD, unknown)
    error = await hard.failure(max_output_tokens=5)
    assert (error.reason, error.metadata["model"]) == ("PRICE_UNKNOWN", "a/m")
    soft = shop(USD, unknown, limits={"mode": "soft"})
    await soft.ask()
    assert used(soft.world) == (0, 0)


async def test_candidates_without_a_bound_are_passed_over() -> None:
    unknown = seller("a", lambda _: reply(), rates=None, model="m")
    known = seller("b", lambda _: reply(), rates=RATES, model="m")
    one = shop(USD, unknown, known)
    await one.ask(max_output_tokens=5)
    assert [record.provider for record in one.calls[0].attempts] == ["b"]


async def test_the_models_own_limit_is_a_bound_and_is_sent() -> None:
    facts = ModelFacts(max_output_tokens=40, context_tokens=1000)
    model = msgspec.structs.replace(seller("a", lambda _: reply(), rates=RATES, model="m"), facts=facts)
    one = shop(USD, model)
    await one.ask()
    (body,) = sent(model)
    assert 40 in body.values(), body


async def test_a_budgets_output_is_sent_and_told_where_it_lowers_what_was_asked() -> None:
    model = seller("a", lambda _: reply(), rates=RATES, model="m")
    one = shop(USD, model, limits={"max_output_tokens": 30})
    for asked, expected, warned in ((None, 30, False), (10, 10, False), (31, 30, True)):
        told = await one.ask(max_output_tokens=asked)
        assert expected in sent(model)[-1].values()
        assert isinstance(told[0], Started)
        assert any(one.code is WarningCode.PARAMETER_CHANGED for one in told[0].warnings) is warned


async def test_a_later_attempt_is_not_made_that_the_budget_has_no_room_for() -> None:
    """The first one was paid for and came to nothing."""

    def broken(_: HttpRequest) -> Answer:
        whole = reply().body[0]
        assert isinstance(whole, bytes)
        return Answer([whole[:-20]], headers=JSON)

    first = seller("a", broken, rates=RATES, model="m")
    second = seller("b", lambda _: reply(), rates=RATES, model="m")
    tight = shop(bound(20) + 1, first, second)
    error = await tight.failure(max_output_tokens=20)
    assert error.reason in ("STREAM_CUT", "UPSTREAM_PROTOCOL")
    assert [record.provider for record in tight.calls[0].attempts] == ["a"]
    (record,) = tight.calls[0].attempts
    assert record.cost_picos
    assert used(tight.world) == (record.cost_picos, 0)

    ample = shop(2 * bound(20), first, second)
    await ample.ask(max_output_tokens=20)
    assert [record.provider for record in ample.calls[0].attempts] == ["a", "b"]
    assert used(ample.world) == (sum(record.cost_picos or 0 for record in ample.calls[0].attempts), 0)


async def test_an_attempt_that_cost_nothing_leaves_its_money_to_the_next() -> None:
    first = seller("a", lambda _: refused(503), rates=RATES, model="m")
    second = seller("b", lambda _: reply(), rates=RATES, model="m")
    one = shop(bound(20), first, second)
    await one.ask(max_output_tokens=20)
    assert used(one.world) == (COST, 0)


async def test_a_call_that_asked_nobody_has_used_nothing() -> None:
    quotas = [{"name": "q", "limits": [{"requests": 5, "per": "day"}, {"tokens": 10**6, "per": "day"}]}]
    model = seller("a", lambda _: reply(), rates=RATES, model="m")
    one = Shop(World(quotas), model)
    error = await one.failure(policy=RoutePolicy(providers=("nobody",)))
    assert error.reason == "NO_CANDIDATE"
    assert set(one.world.counts().values()) == {(0, 0)}
    error = await one.failure(model="unknown")
    assert error.reason == "MODEL_NOT_FOUND"
    assert set(one.world.counts().values()) == {(0, 0)}


async def test_tokens_are_taken_as_calls_usually_come_to_and_settled_as_they_did() -> None:
    world = World([{"name": "t", "limits": [{"tokens": 10**6, "per": "day"}]}])
    holding: list[int] = []

    def answer(_: HttpRequest) -> Answer:
        holding.append(used(world)[1])
        return reply(prompt=100, completion=40)

    one = Shop(world, seller("a", answer, rates=None, model="m"))
    asked = input_tokens(HI).expected
    await one.ask()
    await one.ask()
    await one.ask(max_output_tokens=6)
    assert holding == [asked + 256, asked + 40, asked + 6]
    assert used(world) == (3 * 140, 0)


async def test_a_token_limit_below_what_calls_usually_come_to_still_lets_them_in_one_by_one() -> None:
    world = World([{"name": "t", "limits": [{"tokens": 100, "per": "minute"}]}])
    one = Shop(world, seller("a", lambda _: reply(completion=1), rates=None, model="m"))
    world.memory.usual.note("fast", 5000)
    await one.ask()
    assert used(world) == (8, 0)
    assert (await one.failure()).reason == "QUOTA_EXCEEDED"


async def test_a_downgrade_serves_the_cheaper_model_and_says_so() -> None:
    dear = seller("a", lambda _: reply(), rates=RATES, model="opus")
    cheap = seller("a", lambda _: reply(), rates=CHEAP, model="haiku")
    rule = budget_rule('budgets["team-month"] >= 0.8', models=frozenset(["haiku"]))
    one = shop(COST * 10, dear, cheap, limits={"mode": "soft"}, rules=[rule])
    for _ in range(8):
        told = await one.ask()
        assert isinstance(told[0], Started)
        assert not told[0].warnings
    told = await one.ask()
    assert isinstance(told[0], Started)
    (warning,) = told[0].warnings
    assert warning.code is WarningCode.MODEL_DOWNGRADED
    assert "opus" in warning.message
    assert one.calls[-1].downgraded_from == "opus"
    assert [record.model for record in one.calls[-1].attempts] == ["haiku"]
    error = await one.failure(policy=RoutePolicy(models=("opus",)))
    assert (error.reason, error.subject) == ("BUDGET_SPENT", "team-month")
    # Whoever asks for the cheaper one by itself loses nothing by it.
    assert (await one.ask(policy=RoutePolicy(models=("haiku",))))[0].warnings == ()  # type: ignore[union-attr]


async def test_a_downgrade_needs_no_more_than_the_cheaper_model_costs() -> None:
    """The bound that a hard budget takes is that of those who may still serve."""
    dear = seller("a", lambda _: reply(), rates=(3000, 11_000), model="opus")
    cheap = seller("a", lambda _: reply(), rates=CHEAP, model="haiku")
    rule = budget_rule('budgets["team-month"] >= 0.0', models=frozenset(["haiku"]))
    one = shop(bound(20, CHEAP), dear, cheap, rules=[rule])
    await one.ask(max_output_tokens=20)
    assert used(one.world) == (12, 0)


async def test_embeddings_are_paid_batch_by_batch_and_never_beyond_the_budget() -> None:
    world = World([{"name": "t", "limits": [{"tokens": 10**6, "per": "day"}]}], [budget(10**9)])
    body = b'{"object":"list","model":"e","data":[%b],"usage":{"prompt_tokens":9,"total_tokens":9}}'
    vector = b'{"object":"embedding","index":%d,"embedding":"AACAPw=="}'

    def answer(request: HttpRequest) -> Answer:
        many = request.body.count(b"word")
        return Answer([body % b",".join(vector % place for place in range(many))], headers=JSON)

    one = Shop(world, seller("a", answer, rates=(3, 0), model="e"))
    spec = EmbedSpec(model="fast", inputs=tuple(f"word {number}" for number in range(4100)))
    await one.ask(request=EmbedRequest(spec=spec))
    attempts = one.calls[0].attempts_started
    assert attempts > 1
    assert world.counts() == {
        ("t", "tokens", "day"): (9 * attempts, 0),
        ("team-month", "usd", "month", "search"): (27 * attempts, 0),
    }


async def test_a_lost_race_is_paid_by_the_overhead_budget_and_needs_room_in_it() -> None:
    """Of a call whose second attempt answered first the caller pays that one only."""
    overhead = {"name": "races", "by": ["route"], "usd": shown(100), "per": "day", "account": "overhead"}
    world = World(budgets=[budget(1000), overhead])
    hold = world.hold()
    assert hold.take(100, 0, world.counters.mono_s + 60, covers=True) is None
    assert hold.cover(200, 0) is None
    assert hold.cover_overhead(80) is None
    hold.book(Spent(charged_picos=90, overhead_picos=70))
    hold.settle(served=True)
    assert world.counts() == {
        ("races", "usd", "day", "fast"): (70, 0),
        ("team-month", "usd", "month", "search"): (90, 0),
    }
    late = world.hold()
    assert late.take(100, 0, world.counters.mono_s + 60, covers=True) is None
    error = late.cover_overhead(31)
    assert error is not None
    assert error.subject == "races[route=fast] usd/day"
    # An answer that was replaced has been paid for, whatever is left.
    late.book(Spent(overhead_picos=50))
    late.settle(served=True)
    assert world.counts()["races", "usd", "day", "fast"] == (120, 0)


async def test_what_is_counted_after_the_call_corrects_what_was_taken_for_it() -> None:
    world = World(budgets=[budget(1000)])
    hold = world.hold()
    assert hold.take(400, 0, world.counters.mono_s + 60, covers=True) is None
    hold.book(Spent(charged_picos=400))
    hold.settle(served=True)
    hold.book(Spent(charged_picos=-150))
    assert used(world) == (250, 0)


async def test_the_tightest_limits_are_told() -> None:
    quotas = [{"name": "q", "limits": [{"requests": 10, "per": "day"}, {"requests": 1000, "per": "month"}]}]
    world = World(quotas, [budget(1000)])
    hold = world.hold(ANN)
    assert hold.take(950, 0, world.counters.mono_s + 60, covers=True) is None
    told = [(one.name, one.window, one.left, one.limit) for one in hold.tightest(2)]
    assert told == [("team-month", "month", 50, 1000), ("q", "day", 9, 10)]


async def turned_away(world: World, tokens: int) -> tuple[CallHold, HedgerowError]:
    """The hold of a call that is refused for so many tokens, and why."""
    hold = world.hold(ANN)
    short = hold.take(0, tokens, world.counters.mono_s + 60, covers=True)
    assert short is not None
    with pytest.raises(HedgerowError) as caught:
        await hold.wait(short, world.of)
    return hold, caught.value


async def test_a_call_that_is_turned_away_tells_of_the_limit_that_it_met_and_then_of_the_others() -> None:
    limits = [{"tokens": 100, "per": "minute"}, {"requests": 10, "per": "day"}, {"requests": 50, "per": "day"}]
    world = World([{"name": name, "limits": [one]} for name, one in zip("abc", limits, strict=True)])
    for _ in range(9):
        assert world.hold(ANN).take(0, 8, world.counters.mono_s + 60, covers=True) is None
    hold, error = await turned_away(world, 50)
    assert error.retry_delay_s is not None
    midnight = dt.datetime(2026, 5, 14, tzinfo=dt.UTC).timestamp()
    told = [
        Left("a", "tokens", "minute", 100, 28, world.counters.unix_s + error.retry_delay_s),
        Left("b", "requests", "day", 10, 1, midnight),
        Left("c", "requests", "day", 50, 41, midnight),
    ]
    assert hold.refused(8) == told
    assert hold.refused(2) == told[:2]
    assert hold.tightest(8) == ()


async def test_what_is_more_than_a_whole_limit_has_no_reset() -> None:
    world = World([{"name": "a", "limits": [{"tokens": 100, "per": "minute"}]}])
    hold, _ = await turned_away(world, 101)
    assert hold.refused(8) == [Left("a", "tokens", "minute", 100, 100, None)]


async def test_a_call_that_was_let_in_tells_of_no_refusal() -> None:
    world = World([{"name": "a", "limits": [{"tokens": 100, "per": "minute"}]}])
    hold = world.hold(ANN)
    assert hold.take(0, 100, world.counters.mono_s + 60, covers=True) is None
    assert hold.refused(8) == ()


async def test_a_stream_that_is_left_in_its_middle_pays_for_what_came() -> None:
    world = World(budgets=[budget(USD)])
    waiting = asyncio.Event()

    def answer(_: HttpRequest) -> Answer:
        chunk = b'data: {"choices":[{"index":0,"delta":{"content":"four words and more"}}]}\n\n'
        return Answer([chunk, 30.0])

    one = Shop(world, seller("a", answer, rates=RATES, model="m"))
    call = one.call(kind=Kind.SERVER_STREAM, max_output_tokens=20)

    async def deliver(event: object) -> None:
        if not isinstance(event, Started):
            waiting.set()

    task = asyncio.create_task(one.chain.serve(call, deliver))
    await asyncio.wait_for(waiting.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    (record,) = call.attempts
    assert record.outcome is AttemptOutcome.CANCELLED
    assert record.cost_picos
    assert used(world) == (record.cost_picos, 0)
