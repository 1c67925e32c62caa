"""What second attempts, batches and answers that are read on mean for the money of a call."""

import asyncio
import time
from typing import Any

import msgspec
import pytest
from hedgerow_server.core.call import Call, Kind
from hedgerow_server.core.event import AttemptOutcome, EmbedCompleted
from hedgerow_server.core.port import CancelBilling, HttpRequest
from hedgerow_server.core.request import EmbedItem, EmbedRequest, EmbedSpec
from hedgerow_server.providers.drain import DrainCaps, Drainer
from hedgerow_server.routing.candidate import Candidate, Drain
from hedgerow_server.routing.hedge import HedgePolicy
from hedgerow_server.routing.hedges import HedgeBudgets, Hedges
from hedgerow_server.rpc.embed import Embed
from money.limited import World
from money.shop import Shop, seller
from money.test_calls import RATES, bound, budget, shown, used
from unit.hedgerow_server.routing.scripted import DONE, JSON, Answer, chunk, usage_chunk
from virtual import timed

OVERHEAD = {"name": "races", "by": ["route"], "per": "day", "account": "overhead"}


def hedges(primary: Candidate) -> Hedges:
    """Starts a second attempt after a second."""
    policy = HedgePolicy(max_extra=0.5, min_delay_s=1.0, max_delay_s=1.0, min_samples=1)
    found = Hedges(policy, HedgeBudgets(0.5))
    now_s = time.monotonic()
    for _ in range(40):
        primary.state.times[True].observe(0.01, now_s)
        hedging = found.of(primary)
        hedging.plan(primary.state.latency(stream=True), now_s)
        hedging.booked(10**6)
    return found


def slow(_: HttpRequest) -> Answer:
    """Says nothing for long, then answers."""
    return Answer([5.0, chunk("late"), chunk(finish="stop"), usage_chunk(), DONE])


def quick(_: HttpRequest) -> Answer:
    """A stream of one word."""
    return Answer([chunk("now"), chunk(finish="stop"), usage_chunk(), DONE])


def racing(money: int, overhead: int | None = None) -> Shop:
    """A route that hedges, under a budget."""
    first, second = seller("a", slow, rates=RATES, model="m"), seller("b", quick, rates=RATES, model="m")
    budgets = [budget(money)] if overhead is None else [budget(money), {**OVERHEAD, "usd": shown(overhead)}]
    return Shop(World(budgets=budgets), first, second, streams=True, hedges=hedges(first))


@timed
async def test_the_loser_of_a_race_is_the_routes_and_the_winner_the_callers() -> None:
    one = racing(10 * bound(20), 10 * bound(20))
    await one.ask(max_output_tokens=20)
    lost, won = one.calls[0].attempts
    assert (lost.outcome, won.outcome) == (AttemptOutcome.HEDGE_LOST, AttemptOutcome.SUCCEEDED)
    counts = one.world.counts()
    assert lost.cost_picos
    assert won.cost_picos
    assert counts["team-month", "usd", "month", "search"] == (won.cost_picos, 0)
    assert counts["races", "usd", "day", "fast"] == (lost.cost_picos, 0)
    assert one.world.counters.reservations == 0


@pytest.mark.parametrize(("money", "overhead"), [(2, 0.5), (1.5, None)])
@timed
async def test_no_second_attempt_starts_that_a_budget_has_no_room_for(money: float, overhead: float | None) -> None:
    """Until the race is over both may be the caller's."""
    whole = bound(20)
    one = racing(int(money * whole), int(overhead * whole) if overhead is not None else None)
    await one.ask(max_output_tokens=20)
    assert [(record.provider, record.outcome) for record in one.calls[0].attempts] == [("a", AttemptOutcome.SUCCEEDED)]
    assert all(held == 0 for _, held in one.world.counts().values())


def embedding(request: HttpRequest) -> Answer:
    """A vector for each input, at 9 tokens a request."""
    many = request.body.count(b"word")
    vectors = b",".join(b'{"object":"embedding","index":%d,"embedding":"AACAPw=="}' % place for place in range(many))
    usage = b'"usage":{"prompt_tokens":9,"total_tokens":9}'
    return Answer([b'{"object":"list","model":"e","data":[%b],%b}' % (vectors, usage)], headers=JSON)


def stream_of(one: Shop, items: int) -> Call:
    """A call of StreamEmbed."""

    async def coming() -> Any:
        for number in range(items):
            yield EmbedItem(str(number), f"word {number}")

    call = one.call(request=EmbedRequest(spec=EmbedSpec(model="fast")), kind=Kind.BIDI_STREAM)
    call.items = coming()
    call.method = msgspec.structs.replace(call.method, rpc=Embed(one.routes).stream_embed)
    return call


async def test_a_stream_of_inputs_pays_as_they_come_and_ends_where_the_budget_does() -> None:
    world = World(budgets=[budget(10**9)])
    one = Shop(world, seller("a", embedding, rates=(3, 0), model="e"))
    call = stream_of(one, 1000)
    told = await one.serve(call)
    assert isinstance(told[-1], EmbedCompleted)
    assert used(world) == (27 * call.attempts_started, 0)

    # Room for the bound of one batch: each gives back what it did not cost, so all but the last few fit.
    tight = World(budgets=[budget(12_000)])
    one = Shop(tight, seller("a", embedding, rates=(3, 0), model="e"))
    call = stream_of(one, 1000)
    with pytest.raises(Exception, match="budget team-month") as caught:
        await one.serve(call)
    assert getattr(caught.value, "reason", "") == "BUDGET_SPENT"
    spent, held = used(tight)
    assert (spent, held) == (27 * call.attempts_started, 0)
    assert spent <= 12_000


async def test_a_stream_of_inputs_meets_its_token_quota_batch_by_batch() -> None:
    world = World([{"name": "t", "limits": [{"tokens": 1500, "per": "day"}]}])
    one = Shop(world, seller("a", embedding, rates=None, model="e"))
    call = stream_of(one, 1000)
    with pytest.raises(Exception, match="quota t") as caught:
        await one.serve(call)
    assert getattr(caught.value, "reason", "") == "QUOTA_EXCEEDED"
    assert call.attempts_started >= 1
    assert used(world) == (9 * call.attempts_started, 0)


async def test_an_answer_that_is_read_on_is_taken_for_its_bound_until_the_provider_has_counted_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The caller has left, and the provider finishes and bills the whole answer."""
    go_on = asyncio.Event()

    def answer(_: HttpRequest) -> Answer:
        return Answer([chunk("some words"), 0.2, chunk(finish="stop"), usage_chunk(), DONE])

    model = seller("a", answer, rates=RATES, model="m")
    monkeypatch.setattr(model.upstream.dialect, "billing_after_cancel", lambda *_, **__: CancelBilling.CONTINUES)
    drainer = Drainer(10)
    upstream = msgspec.structs.replace(model.upstream, drain=Drain(drainer, DrainCaps(20.0, 1 << 20)))
    model = msgspec.structs.replace(model, upstream=upstream)
    world = World(budgets=[budget(10**9)])
    one = Shop(world, model)
    call = one.call(kind=Kind.SERVER_STREAM, max_output_tokens=20)

    async def deliver(event: object) -> None:
        go_on.set()

    task = asyncio.create_task(one.chain.serve(call, deliver))
    await asyncio.wait_for(go_on.wait(), 10)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert drainer.active == 1
    assert used(world) == (bound(20), 0)
    await drainer.close(10)
    (record,) = call.attempts
    assert record.usage is not None
    assert not record.usage.estimated
    assert used(world) == (record.cost_picos, 0)


def both_slow(drainer: Drainer, monkeypatch: pytest.MonkeyPatch, money: int) -> Shop:
    """A race of two that take their time, and whose answers are read on and charged to the end."""

    def answer(_: HttpRequest) -> Answer:
        # Whoever reads on waits for the second pause, since the first one was broken off.
        return Answer([5.0, 5.0, chunk("late"), chunk(finish="stop"), usage_chunk(), DONE])

    found = []
    for name in ("a", "b"):
        model = seller(name, answer, rates=RATES, model="m")
        monkeypatch.setattr(model.upstream.dialect, "billing_after_cancel", lambda *_, **__: CancelBilling.CONTINUES)
        upstream = msgspec.structs.replace(model.upstream, drain=Drain(drainer, DrainCaps(20.0, 1 << 20)))
        found.append(msgspec.structs.replace(model, upstream=upstream))
    return Shop(World(budgets=[budget(money)]), *found, streams=True, hedges=hedges(found[0]))


@pytest.mark.parametrize("room", [10, 1, 0], ids=["both are read on", "one is", "none is"])
@timed
async def test_both_attempts_of_a_race_that_its_caller_leaves_are_taken_for_their_bounds(room: int) -> None:
    """Also the one that is closed only after the call has settled: it never costs more than was held for it."""
    drainer = Drainer(room)
    with pytest.MonkeyPatch.context() as patch:
        one = both_slow(drainer, patch, 10 * bound(20))
        call = one.call(kind=Kind.SERVER_STREAM, max_output_tokens=20)

        async def deliver(event: object) -> None:
            raise AssertionError("nothing comes before five seconds")

        task = asyncio.create_task(one.chain.serve(call, deliver))
        await asyncio.sleep(2)
        task.cancel()
        seen = []
        task.add_done_callback(lambda _: seen.append(used(one.world)[0]))
        await asyncio.gather(task, return_exceptions=True)
        assert [record.outcome for record in call.attempts] == [AttemptOutcome.CANCELLED] * 2
        await asyncio.sleep(1)
        assert drainer.active == min(room, 2)
        seen.append(used(one.world)[0])
        assert seen[-1] == drainer.active * bound(20)
        await drainer.close(10)
        await asyncio.sleep(0)
        seen.append(used(one.world)[0])
        assert seen == sorted(seen, reverse=True), "what is booked is only ever corrected downwards"
        assert used(one.world) == (sum(record.cost_picos or 0 for record in call.attempts), 0)
