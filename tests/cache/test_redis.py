"""Answers in a real Redis: shared by routers, gone when it is, and never trusted."""

import asyncio
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from cache.world import ANN, BEN, World, spec
from hedgerow_server.caching import redis as redis_cache
from hedgerow_server.caching.redis import RedisCache
from hedgerow_server.caching.section import CacheRedisSection, CacheSection
from hedgerow_server.caching.shelf import Caches
from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.secret import Secret
from hedgerow_server.store.port import StoreUnavailable
from redis import Redis
from redis_server import RedisServer

KEYS = {"mac": "a key of more than sixteen characters", "password": "secret-canary"}
_WAIT_S = 30.0


def reveal(name: str) -> Secret:
    """The secret of an entry of `credentials`."""
    if name not in KEYS:
        raise CredentialUnavailable("The credential is not there.")
    return Secret(KEYS[name])


def section(server: RedisServer, **more: object) -> CacheSection:
    """One that keeps answers there."""
    redis = {"url": server.url, "timeout_seconds": 0.5, **more}
    return CacheSection(store="redis", redis=CacheRedisSection.model_validate(redis), mac_key="mac")


class Pair:
    """Two routers on one server."""

    def __init__(self, server: RedisServer, **more: object) -> None:
        given = section(server, **more)
        self.server = server
        self.one, self.other = (World(caches=Caches(reveal), section=given, clock=time.time) for _ in range(2))
        for world in (self.one, self.other):
            world.takes_s = 0.01
        self.raw = Redis.from_url(server.url)

    async def kept(self, count: int = 1) -> list[bytes]:
        """The names of what is kept, once there is so much."""
        return await eventually(lambda: found if len(found := self.values) == count else None)

    @property
    def values(self) -> list[bytes]:
        """The names of what is kept."""
        return sorted(self.raw.keys("*:v:*"))  # type: ignore[arg-type]

    async def close(self) -> None:
        """Ends both."""
        await self.one.caches.close()
        await self.other.caches.close()
        self.raw.close()


async def eventually(condition: object) -> list[bytes]:
    """The first true result of a condition. Fails when there is none in time."""
    until_s = time.monotonic() + _WAIT_S
    while not (found := condition()):  # type: ignore[operator]
        assert time.monotonic() < until_s, "not in time"
        await asyncio.sleep(0.005)
    result: list[bytes] = found
    return result


@pytest.fixture
async def pair(redis: RedisServer) -> AsyncIterator[Pair]:
    """Two on an empty server."""
    redis.flush()
    made = Pair(redis)
    yield made
    await made.close()


async def test_what_one_router_keeps_the_other_gives(pair: Pair) -> None:
    await pair.one.ask()
    await pair.kept()
    told = await pair.other.ask()
    assert told.origin is not None
    assert (told.text, pair.other.asked) == ("hello", [])


async def test_whoever_comes_right_after_an_answer_finds_it_though_it_is_still_being_written(pair: Pair) -> None:
    for number in range(20):
        await pair.one.ask(f"q{number}")
        assert (await pair.one.ask(f"q{number}")).origin is not None
    await pair.kept(20)
    assert not store(pair.one)._writing


async def test_scopes_hold_across_routers(pair: Pair) -> None:
    await pair.one.ask(who=ANN)
    await pair.kept()
    assert (await pair.other.ask(who=Principal("other"))).origin is None
    assert (await pair.other.ask(who=BEN)).origin is not None


async def test_embeddings_are_shared_input_by_input(redis: RedisServer) -> None:
    redis.flush()
    routes = {"embed": {"kind": "embed", "candidates": [{"provider": "a", "model": "m"}], "cache": {}}}
    worlds = [World(routes, caches=Caches(reveal), section=section(redis), clock=time.time) for _ in range(2)]
    await worlds[0].embed("a", "b", "c")
    raw = Redis.from_url(redis.url)
    await eventually(lambda: len(raw.keys("*:v:*")) == 3)
    told = await worlds[1].embed("c", "x", "a")
    assert [one.inputs for one in worlds[1].asked] == [("x",)]  # type: ignore[union-attr]
    assert told.embedded.cached_count == 2
    raw.close()
    for world in worlds:
        await world.caches.close()


async def test_the_server_lets_go_of_values_by_itself_and_holds_no_words_in_its_keys(pair: Pair) -> None:
    await pair.one.ask("what about the canary")
    (name,) = await pair.kept()
    left_ms = pair.raw.pttl(name)
    assert 3_500_000 < int(str(left_ms)) <= 3_600_000
    found: Any = pair.raw.keys("*")
    for one in found:
        assert b"canary" not in one
        assert b"acme" not in one
        assert b"ann" not in one.removeprefix(b"hedgerow-cache:")
        assert int(str(pair.raw.ttl(one))) > 0


@pytest.mark.parametrize("what", ["changed", "cut", "empty", "stale", "foreign", "swapped"])
async def test_a_poisoned_value_is_a_miss_and_an_alarm(pair: Pair, what: str) -> None:
    await pair.one.ask("mine", who=ANN)
    (mine,) = await pair.kept()
    await pair.one.ask("yours", who=ANN)
    (yours,) = set(await pair.kept(2)) - {mine}
    value: bytes = pair.raw.get(yours)  # type: ignore[assignment]
    other: bytes = pair.raw.get(mine)  # type: ignore[assignment]
    poison = {
        "changed": value.replace(b"hello", b"jello").replace(b"llo", b"xxo"),
        "cut": value[:-5],
        "empty": b"",
        "stale": b"hgc\x00\x00" + value[5:],
        "foreign": b"\x80\x04\x95",
        "swapped": other,
    }[what]
    assert poison != value
    pair.raw.set(yours, poison)
    told = await pair.other.ask("yours", who=ANN)
    assert (told.reason, told.origin, told.text) == ("OK", None, "hello")
    alarms = pair.other.caches.counts.alarms
    assert alarms == {
        "format": int(what in ("empty", "stale", "foreign")),
        "mac": int(alarms["format"] == 0),
        "content": 0,
    }


async def test_a_value_that_is_too_large_is_not_taken_in(pair: Pair) -> None:
    await pair.one.ask()
    (name,) = await pair.kept()
    pair.raw.set(name, b"x" * (1 << 20))
    assert (await pair.other.ask()).origin is None
    assert sum(pair.other.caches.counts.alarms.values()) == 1


async def test_what_a_user_has_caused_to_be_kept_is_erased_with_him(pair: Pair) -> None:
    for text in ("a", "b"):
        await pair.one.ask(spec(text), ANN)
    await pair.one.ask(spec("c"), BEN)
    await pair.kept(3)
    assert await pair.other.caches.erase("acme", "ann") == 2
    assert len(pair.values) == 1
    assert await pair.other.caches.erase("acme", "ann") == 0
    assert (await pair.one.ask(spec("c"), BEN)).origin is not None


async def test_what_another_router_was_about_to_keep_of_an_erased_user_goes_as_well(pair: Pair) -> None:
    """It has not heard of it: the server tells it as it writes."""
    pair.other.takes_s = 0.3
    asking = asyncio.create_task(pair.other.ask(spec("late"), ANN))
    await eventually(lambda: pair.other.running)
    await pair.one.caches.erase("acme", "ann")
    await asking
    written = pair.other.caches.counts.writes
    assert written == 1
    await eventually(lambda: not store(pair.other)._writing)
    assert pair.values == []
    await pair.other.ask(spec("mine"), BEN)
    await pair.kept()


async def test_an_hour_after_he_was_erased_answers_of_a_user_are_kept_again(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pair.one.caches.erase("acme", "ann")
    real = time.time
    monkeypatch.setattr(redis_cache, "time", SimpleNamespace(time=lambda: real() + 3_601))
    await pair.other.ask(who=ANN)
    await pair.kept()
    await eventually(lambda: not store(pair.other)._writing)
    assert len(pair.values) == 1


async def test_all_of_many_values_of_a_user_are_erased(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_cache, "_AT_ONCE", 2)
    for number in range(5):
        await pair.one.ask(spec(f"q{number}"), ANN)
    await pair.kept(5)
    assert await pair.other.caches.erase("acme", "ann") == 5
    assert pair.values == []


@pytest.mark.parametrize("trouble", ["frozen", "gone"])
async def test_without_the_server_every_call_goes_on_and_it_is_asked_once(redis: RedisServer, trouble: str) -> None:
    """How soon is measured in processor time elsewhere; here each look-up gives up by its own limit."""
    redis.flush()
    pair = Pair(redis, timeout_seconds=0.03)
    await pair.one.ask()
    await pair.kept()
    assert (await pair.one.ask()).origin is not None
    if trouble == "frozen":
        redis.freeze()
    else:
        redis.kill()
    try:
        link = store(pair.one).link
        before = link.requests
        for _ in range(20):
            told = await pair.one.ask()
            assert (told.reason, told.origin) == ("OK", None)
        assert link.away is not None
        assert link.requests - before <= 2, "it was asked again although it was away"
        assert pair.one.caches.counts.unanswered == 20
        with pytest.raises(StoreUnavailable):
            await pair.one.caches.erase("acme", "ben")
    finally:
        if trouble == "frozen":
            redis.thaw()
        else:
            redis.start()
    await eventually(lambda: link.away is None)
    await pair.one.ask("again")
    await eventually(lambda: len(pair.values) >= 1)
    await eventually_hit(pair.one, "again")
    await pair.close()


async def eventually_hit(world: World, text: str) -> None:
    """Asks until the answer was kept."""
    until_s = time.monotonic() + _WAIT_S
    while (await world.ask(text)).origin is None:
        assert time.monotonic() < until_s, "no hit in time"


def store(world: World) -> RedisCache:
    """Where its answers are."""
    found = world.caches.store
    assert isinstance(found, RedisCache)
    return found


async def test_a_caller_that_leaves_while_it_is_asked_leaves_nothing_behind(redis: RedisServer) -> None:
    redis.flush()
    pair = Pair(redis, timeout_seconds=0.3)
    await pair.one.ask()
    await pair.kept()
    redis.freeze()
    try:
        asking = asyncio.create_task(pair.one.ask("another"))
        await asyncio.sleep(0.02)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert not pair.one.caches.flights.under_way
    finally:
        redis.thaw()
    await pair.close()


async def test_a_reload_to_another_server_or_to_memory_closes_the_old_connections(pair: Pair) -> None:
    await pair.one.ask()
    await pair.kept()
    old = store(pair.one)
    memory = World(caches=pair.one.caches, section=CacheSection(), clock=time.time)
    memory.takes_s = 0.01
    assert (await memory.ask()).origin is None
    assert (await memory.ask()).origin is not None
    await eventually(lambda: old.link.away is None and old.link.closed)
