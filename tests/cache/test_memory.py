"""Answers in memory: for how long, how many, and whose."""

import asyncio

import pytest
from cache.world import ANN, BEN, World, now, spec
from hedgerow_server.caching.key import owner_of
from hedgerow_server.caching.memory import MemoryCache
from hedgerow_server.caching.port import Entry
from hedgerow_server.caching.section import CacheSection
from hedgerow_server.core.erasure import mark_of, new_salt
from hedgerow_server.core.request import RoutePolicy
from hedgerow_server.core.slices import in_slices
from virtual import timed

OVERHEAD = 400


def entry(number: int, size: int = 100, ttl_s: float = 10.0, owner: bytes = b"") -> Entry:
    """A value of a size."""
    return Entry(bytes([number]) * 32, b"v" * size, ttl_s, owner)


async def held(cache: MemoryCache, *numbers: int) -> list[int]:
    """Which of the values are there."""
    found = await cache.get([entry(one).slot for one in numbers])
    return [number for number, value in zip(numbers, found, strict=True) if value is not None]


@timed
async def test_a_value_is_there_for_its_time_to_the_moment() -> None:
    cache = MemoryCache(10_000, now)
    cache.put([entry(1, ttl_s=10), entry(2, ttl_s=20)])
    await asyncio.sleep(9.999)
    assert await held(cache, 1, 2) == [1, 2]
    await asyncio.sleep(0.001)
    assert await held(cache, 1, 2) == [2]


@timed
async def test_what_was_not_given_for_the_longest_time_goes_first() -> None:
    cache = MemoryCache(3 * (100 + OVERHEAD), now)
    cache.put([entry(1), entry(2), entry(3)])
    assert await held(cache, 1) == [1]
    cache.put([entry(4)])
    assert await held(cache, 1, 2, 3, 4) == [1, 3, 4]
    assert cache.size() == (3, 3 * (100 + OVERHEAD))


@timed
async def test_memory_never_grows_above_its_limit() -> None:
    cache = MemoryCache(5_000, now)
    for number in range(100):
        cache.put([entry(number, size=number * 10)])
        entries, size = cache.size() or (0, 0)
        assert size <= 5_000
        assert entries
    cache.put([entry(200, size=10_000)])
    assert await held(cache, 200) == []
    cache.allow(0)
    assert cache.size() == (0, 0)


@timed
async def test_what_has_had_its_time_goes_as_others_come() -> None:
    """Content must not lie about because nobody asks for it."""
    cache = MemoryCache(1 << 20, now)
    cache.put([entry(number, ttl_s=1) for number in range(50)])
    await asyncio.sleep(1)
    cache.put([entry(100 + number) for number in range(50)])
    assert cache.size() == (50, 50 * (100 + OVERHEAD))


@timed
async def test_a_value_in_the_place_of_another_is_counted_once() -> None:
    cache = MemoryCache(1 << 20, now)
    cache.put([entry(1, owner=b"ann")])
    cache.put([entry(1, size=50, owner=b"ben")])
    assert cache.size() == (1, 50 + OVERHEAD)
    assert (await cache.erase(b"ann"), await cache.erase(b"ben"), await cache.erase(b"ben")) == (0, 1, 0)


@pytest.mark.parametrize("scope", ["tenant", "user", "session"])
@timed
async def test_what_a_user_has_caused_to_be_kept_is_erased_with_him(scope: str) -> None:
    world = World(scope=scope)
    policy = RoutePolicy(session_id="s")
    for who in (ANN, BEN):
        await world.ask(spec(f"of {who.user}"), who, policy=policy)
    assert await world.caches.erase("other", "ann") == 0
    assert await world.caches.erase("acme", "ann") == 1
    assert (await world.ask(spec("of ann"), ANN, policy=policy)).origin is None
    assert (await world.ask(spec("of ben"), BEN, policy=policy)).origin is not None
    assert owner_of(ANN) != owner_of(BEN)


@timed
async def test_of_users_who_are_gone_all_is_forgotten_and_of_nobody_else() -> None:
    cache = MemoryCache(1 << 20, now)
    cache.put([entry(number, owner=(b"ann", b"ben", b"")[number % 3]) for number in range(90)])
    assert await in_slices(cache.forget(lambda owner: owner == b"ann")) == 30
    assert await held(cache, 0, 1, 2) == [1, 2]
    assert cache.size() == (60, 60 * (100 + OVERHEAD))
    assert await in_slices(cache.forget(bool)) == 30
    assert await held(cache, 1, 2) == [2]


@timed
async def test_what_comes_of_a_call_that_was_under_way_when_its_user_was_erased_is_not_kept() -> None:
    """Nor given to those who wait for it: each of them asks."""
    world = World()
    asking = [asyncio.create_task(world.ask(who=who)) for who in (ANN, BEN)]
    await asyncio.sleep(0.5)
    assert await world.caches.erase("acme", "ann") == 0
    first, second = await asyncio.gather(*asking)
    assert (first.reason, second.reason, second.origin) == ("OK", "OK", None)
    assert len(world.asked) == 2


@timed
async def test_a_router_that_hears_of_an_erasure_in_time_does_not_keep_what_was_under_way() -> None:
    world = World()
    asking = asyncio.create_task(world.ask())
    await asyncio.sleep(0.5)
    world.caches.barred.add([mark_of(owner_of(ANN), new_salt())])
    await asking
    assert world.slots == []
    await world.ask(who=BEN)
    assert len(world.slots) == 1


@timed
async def test_an_hour_after_he_was_erased_a_user_is_one_like_all_others() -> None:
    world = World()
    await world.caches.erase("acme", "ann")
    await world.ask()
    assert world.slots == []
    await asyncio.sleep(3_600)
    await world.ask()
    assert len(world.slots) == 1


@timed
async def test_a_reload_leaves_what_is_kept_where_it_is() -> None:
    world = World()
    await world.ask()
    assert (await World(caches=world.caches).ask()).origin is not None
    smaller = World(caches=world.caches, section=CacheSection(max_memory_bytes=65_536))
    assert (await smaller.ask()).origin is not None
