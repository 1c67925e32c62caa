"""Vectors are kept input by input."""

import asyncio
from collections.abc import Mapping

import pytest
from cache.world import ANN, BEN, COST, Told, World, vectors
from hedgerow_server.caching.embeddings import Batch
from hedgerow_server.caching.kept import Kept
from hedgerow_server.caching.key import Asked
from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import StreamCut
from hedgerow_server.core.event import Usage
from hedgerow_server.core.request import CacheMode, EmbedSpec, RoutePolicy
from virtual import timed


def world(*candidates: Mapping[str, object], **cache: object) -> World:
    """One with a route for embeddings."""
    return World(routes(*candidates, **cache))


def routes(*candidates: Mapping[str, object], **cache: object) -> dict[str, dict[str, object]]:
    """A route for embeddings."""
    found = list(candidates) or [{"provider": "a", "model": "m"}]
    return {"embed": {"kind": "embed", "candidates": found, "cache": cache}}


def right(told: Told, *inputs: str) -> None:
    """The vectors are those of the inputs, in their order."""
    assert told.vectors == vectors(EmbedSpec(model="embed", inputs=inputs))
    assert told.embedded.embedded_count == len(inputs)


def inputs(world: World) -> list[tuple[object, ...]]:
    """What the provider was asked for."""
    return [one.inputs for one in world.asked if isinstance(one, EmbedSpec)]


@timed
async def test_only_what_is_missing_is_asked_for_and_the_order_stays() -> None:
    one = world()
    await one.embed("a", "c")
    told = await one.embed("a", "b", "c", "d")
    right(told, "a", "b", "c", "d")
    assert inputs(one) == [("a", "c"), ("b", "d")]
    assert (told.embedded.cached_count, told.call.cache) == (2, "miss")


@timed
async def test_an_input_that_stands_twice_is_asked_for_once() -> None:
    one = world()
    told = await one.embed("a", "b", "a")
    right(told, "a", "b", "a")
    assert inputs(one) == [("a", "b")]
    assert told.embedded.cached_count == 0


@timed
async def test_where_all_are_there_nobody_is_asked_and_nothing_is_used() -> None:
    one = world()
    await one.embed("a", "b")
    told = await one.embed("b", "a")
    right(told, "b", "a")
    assert len(one.asked) == 1
    assert (told.embedded.usage, told.embedded.attempts, told.call.usage) == (Usage(final=True), (), Usage(final=True))
    assert (told.embedded.cached_count, told.call.cache) == (2, "hit")
    assert (told.started.provider, told.started.model) == ("a", "m")


@timed
async def test_what_was_saved_is_what_those_had_cost() -> None:
    one = world()
    first = await one.embed("aaa", "b")
    assert first.embedded.saved_picos is None
    told = await one.embed("aaa", "c")
    assert told.embedded.saved_picos == told.call.saved_picos == COST * 3 // 4
    assert (await one.embed("aaa", "b")).call.saved_picos == COST


@timed
async def test_vectors_are_given_within_their_scope_only() -> None:
    one = world(scope="user")
    await one.embed("a", who=ANN)
    await one.embed("a", who=BEN)
    assert len(one.asked) == 2
    assert (await one.embed("a", who=BEN)).call.cache == "hit"


@timed
async def test_other_lengths_are_other_vectors() -> None:
    one = world()
    await one.embed("a")
    await one.embed("a", dimensions=2)
    assert len(one.asked) == 2


@pytest.mark.parametrize("mode", [CacheMode.BYPASS, CacheMode.READ_ONLY, CacheMode.REFRESH, CacheMode.WRITE_ONLY])
@timed
async def test_the_modes_read_and_write_as_they_say(mode: CacheMode) -> None:
    policy = RoutePolicy(cache=mode)
    empty, full = world(), world()
    await empty.embed("a", policy=policy)
    assert ((await empty.embed("a")).call.cache == "hit") is (mode in (CacheMode.REFRESH, CacheMode.WRITE_ONLY))
    await full.embed("a")
    assert ((await full.embed("a", policy=policy)).call.cache == "hit") is (mode is CacheMode.READ_ONLY)


@timed
async def test_a_vector_has_its_time() -> None:
    one = world(ttl_seconds=100)
    await one.embed("a")
    await asyncio.sleep(50)
    await one.embed("b")
    assert (await one.embed("a", policy=RoutePolicy(cache_max_age_s=40))).call.cache == "miss"
    await asyncio.sleep(60)
    await one.embed("a", "b")
    assert inputs(one) == [("a",), ("b",), ("a",)]
    await asyncio.sleep(40)
    await one.embed("a", "b")
    assert inputs(one)[3:] == [("a", "b")]


@timed
async def test_vectors_are_of_one_space_and_of_another_provider_only_where_the_route_says_so() -> None:
    there, here = ({"provider": name, "model": model, "vector_space": "s"} for name, model in (("a", "m"), ("b", "n")))
    for across in (False, True):
        one = World(routes(there, across_providers=across))
        await one.embed("a")
        other = World(routes(here, across_providers=across), caches=one.caches)
        assert ((await other.embed("a")).call.cache == "hit") is across
    stranger = {"provider": "b", "model": "n", "vector_space": "t"}
    assert (await World(routes(stranger, across_providers=True), caches=one.caches).embed("a")).call.cache == "miss"


@timed
async def test_of_many_equal_calls_at_once_one_asks_for_each_tenant() -> None:
    one = world()
    who = [Principal(f"tenant-{number % 3}") for number in range(300)]
    told = await asyncio.gather(*(one.embed("a", "b", who=caller) for caller in who))
    assert len(one.asked) == 3
    for answer in told:
        right(answer, "a", "b")
    assert sum(answer.call.cache == "hit" for answer in told) == 297
    assert not one.caches.flights.under_way


@timed
async def test_a_leader_that_leaves_or_fails_takes_nobody_with_it() -> None:
    one = world()
    calls = [asyncio.create_task(one.embed("a")) for _ in range(10)]
    await asyncio.sleep(0.5)
    calls[0].cancel()
    one.fails = [StreamCut("cut")]
    told = await asyncio.gather(*calls[1:])
    assert sorted(answer.reason for answer in told) == ["OK"] * 8 + ["STREAM_CUT"]
    assert len(one.asked) == 3


@timed
async def test_a_call_that_fails_keeps_nothing() -> None:
    one = world()
    one.fails = [StreamCut("cut")]
    assert (await one.embed("a")).reason == "STREAM_CUT"
    assert one.slots == []


@timed
async def test_many_inputs_are_kept_on_the_side_and_all_found_again() -> None:
    one = world()
    many = [f"text {number}" for number in range(1000)]
    await one.embed(*many)
    await one.caches.close()
    told = await one.embed(*many)
    assert (told.call.cache, len(told.vectors)) == ("hit", 1000)


@timed
async def test_an_answer_too_large_for_clients_is_left_to_the_rpc_which_refuses_it() -> None:
    one = world()
    big = b"\0" * (1 << 20)
    await one.embed("a")
    (slot,) = one.slots
    spec = EmbedSpec(model="embed", inputs=("a",))
    batch = Batch(spec.inputs)
    batch.add(Asked(b"", b"", b""), slot, Kept(made_unix_s=0, until_unix_s=1, provider="a", model="m", vector=big))
    too_large = one.cache._embeddings._too_large
    assert (too_large(batch, 1), too_large(batch, 4)) == (False, True)


def test_costs_are_shared_by_length_and_never_come_to_more_than_the_whole() -> None:
    batch = Batch(["a" * 7, "b" * 5, "c"])
    for number in range(3):
        batch.add(Asked(b"", b"", bytes([number])), bytes([number]), None)
    shares = batch.costs(100)
    assert shares == [53, 38, 7]
    assert batch.costs(None) == [None] * 3


def test_a_batch_that_got_too_few_vectors_is_no_answer() -> None:
    batch = Batch(["a", "b"])
    for number in range(2):
        batch.add(Asked(b"", b"", bytes([number])), bytes([number]), None)
    with pytest.raises(ValueError, match="shorter"):
        batch.whole([b"1"])
