"""Equal calls at once: one asks the provider, the others wait for what it is told."""

import asyncio
from collections import Counter

import pytest
from cache.world import ANN, Told, World, spec
from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import ContentRefused, ProviderRejectedRequest, StreamCut
from hedgerow_server.core.event import FinishReason
from hedgerow_server.core.request import CacheMode, RoutePolicy
from virtual import timed


def begun(world: World, count: int, **more: object) -> list[asyncio.Task[Told]]:
    """So many equal calls."""
    return [asyncio.create_task(world.ask(**more)) for _ in range(count)]  # type: ignore[arg-type]


async def after(seconds: float) -> None:
    """Lets what was begun go on."""
    await asyncio.sleep(seconds)


@timed
async def test_a_thousand_equal_calls_ask_once_for_each_tenant() -> None:
    world = World()
    tenants = [Principal(f"tenant-{number}") for number in range(4)]
    calls = [one for who in tenants for one in begun(world, 250, who=who)]
    told = await asyncio.gather(*calls)
    assert len(world.asked) == len(tenants)
    by_origin = Counter(one.origin is None for one in told)
    assert by_origin == {True: 4, False: 996}
    assert {one.text for one in told} == {"hello"}
    assert {one.call.cache for one in told} == {"hit", "miss"}
    # What each tenant was told comes from his own call.
    assert len({(one.call.principal.tenant, one.started.response_id) for one in told if one.call.principal}) == 4


@timed
async def test_whoever_waits_says_so_and_is_charged_for_nothing() -> None:
    world = World()
    leader, follower = await asyncio.gather(*begun(world, 2))
    assert (leader.origin, follower.call.attempts_started) == (None, 0)
    assert follower.call.queue_s == pytest.approx(world.takes_s)
    assert world.caches.counts.shared == 1


@timed
async def test_a_leader_that_leaves_takes_nobody_with_it() -> None:
    world = World()
    calls = begun(world, 10)
    for leader in calls[:3]:
        await after(0.4)
        leader.cancel()
    told = await asyncio.gather(*calls[3:])
    assert {one.reason for one in told} == {"OK"}
    # One after the other took the lead, and never two at once.
    assert len(world.asked) == 4


@timed
async def test_a_leader_whose_deadline_comes_takes_nobody_with_it() -> None:
    world = World()
    leader = asyncio.create_task(world.ask(timeout_s=0.5))
    await after(0.1)
    others = begun(world, 5)
    assert (await leader).reason == "DEADLINE_EXCEEDED"
    assert {one.reason for one in await asyncio.gather(*others)} == {"OK"}
    assert len(world.asked) == 2


@timed
async def test_each_waits_within_its_own_deadline() -> None:
    world = World()
    patient = begun(world, 2)
    await after(0)
    hurried = asyncio.create_task(world.ask(timeout_s=0.3))
    assert (await hurried).reason == "DEADLINE_EXCEEDED"
    assert {one.reason for one in await asyncio.gather(*patient)} == {"OK"}
    assert len(world.asked) == 1


@timed
async def test_when_a_leader_fails_one_of_the_others_leads() -> None:
    world = World()
    world.fails = [StreamCut("cut")]
    told = await asyncio.gather(*begun(world, 10))
    assert Counter(one.reason for one in told) == {"STREAM_CUT": 1, "OK": 9}
    assert len(world.asked) == 2


@timed
async def test_after_three_failures_nobody_waits_any_more() -> None:
    """A provider that is down must not make callers wait one after the other."""
    world = World()
    world.fails = [StreamCut("cut") for _ in range(10)]
    began_s = asyncio.get_running_loop().time()
    told = await asyncio.gather(*begun(world, 10))
    assert {one.reason for one in told} == {"STREAM_CUT"}
    assert asyncio.get_running_loop().time() - began_s == pytest.approx(4 * world.takes_s / 2)


@pytest.mark.parametrize("kind", [ProviderRejectedRequest, ContentRefused])
@timed
async def test_a_failure_that_is_the_requests_own_fault_meets_all(
    kind: type[ProviderRejectedRequest | ContentRefused],
) -> None:
    world = World()
    world.fails = [kind("no", metadata={"provider": "a"}, subject="x") for _ in range(10)]
    told = await asyncio.gather(*begun(world, 10))
    assert len(world.asked) == 1
    assert {(one.reason, one.error.message, one.error.subject) for one in told if one.error} == {
        (kind.reason, "no", "x")
    }
    assert len({id(one.error) for one in told}) == 10


@timed
async def test_an_answer_that_cannot_be_shared_sends_everybody_off_at_once() -> None:
    world = World()
    world.reason = FinishReason.LENGTH
    began_s = asyncio.get_running_loop().time()
    told = await asyncio.gather(*begun(world, 20))
    assert {one.reason for one in told} == {"OK"}
    assert asyncio.get_running_loop().time() - began_s == pytest.approx(2 * world.takes_s)
    assert len(world.asked) == 20


@timed
async def test_those_that_want_a_fresh_answer_share_one_that_is_begun_after_they_have_come() -> None:
    world = World()
    await world.ask()
    refresh = RoutePolicy(cache=CacheMode.REFRESH)
    told = await asyncio.gather(*begun(world, 5, policy=refresh))
    assert len(world.asked) == 2
    assert {one.started.response_id for one in told} == {"resp-2"}


@timed
async def test_other_questions_do_not_wait() -> None:
    world = World()
    told = await asyncio.gather(*(world.ask(spec(f"q{number}")) for number in range(5)))
    assert [one.call.queue_s for one in told] == [0.0] * 5
    assert len(world.asked) == 5


@timed
async def test_nothing_is_left_when_all_are_gone() -> None:
    world = World()
    calls = begun(world, 5, who=ANN)
    await after(0.1)
    for one in calls:
        one.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert world.running == 0
    assert not world.caches.flights.under_way
    assert (await world.ask()).reason == "OK"
