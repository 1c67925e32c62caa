"""Which chats get a kept answer, which answers are kept, and for how long."""

import asyncio
from typing import Any

import pytest
from cache.world import ANN, BEN, BESIDE, COST, World, spec
from hedgerow_server.caching.section import CacheSection
from hedgerow_server.core.call import Kind, Principal
from hedgerow_server.core.error import ContentRefused, StreamCut
from hedgerow_server.core.event import (
    CacheKind,
    FinishReason,
    MediaDelta,
    ProviderItemAdded,
    RouteChanged,
    TextDelta,
    Usage,
    Warning,
    WarningCode,
)
from hedgerow_server.core.request import (
    CacheMode,
    FunctionTool,
    Image,
    Message,
    Part,
    ProviderItem,
    ProviderTool,
    Role,
    RoutePolicy,
)
from virtual import timed

USE, REFRESH, BYPASS = CacheMode.USE, CacheMode.REFRESH, CacheMode.BYPASS
READ_ONLY, WRITE_ONLY = CacheMode.READ_ONLY, CacheMode.WRITE_ONLY
TWO = [{"provider": "a", "model": "m", "region": "us"}, {"provider": "b", "model": "n", "region": "eu"}]


def policy(mode: CacheMode | None = None, **more: object) -> RoutePolicy:
    """What a call wants."""
    return RoutePolicy(cache=mode, **more)  # type: ignore[arg-type]


@timed
async def test_a_kept_answer_comes_at_once_event_by_event_and_tells_where_it_is_from() -> None:
    world = World()
    first = await world.ask()
    again = await world.ask()
    assert [one for one in again.events if isinstance(one, TextDelta)] == list(world.pieces)
    assert again.origin is not None
    assert (again.origin.kind, again.origin.provider, again.origin.model) == (CacheKind.EXACT, "a", "m")
    assert (again.origin.saved_picos, again.origin.age_s) == (COST, 0.0)
    assert (again.started.provider, again.started.response_id) == ("a", first.started.response_id)
    assert again.came_s[0] == again.came_s[-1]
    assert len(world.asked) == 1


@timed
async def test_a_kept_answer_tells_what_its_provider_said_beside_it() -> None:
    world = World()
    await world.ask()
    again = await world.ask()
    assert (again.completed.kept, again.started.beside) == (True, BESIDE)


@timed
async def test_a_hit_has_used_nothing_and_has_no_attempts() -> None:
    world = World()
    paid, again = await world.ask(), await world.ask()
    assert (again.completed.usage, again.completed.attempts, again.completed.kept) == (Usage(final=True), (), True)
    assert (again.call.usage, again.call.attempts_started, again.call.saved_picos) == (Usage(final=True), 0, COST)
    assert (paid.call.cache, again.call.cache) == ("miss", "hit")
    assert paid.call.saved_picos is None


@timed
async def test_an_answer_has_its_time_to_the_moment_and_no_more() -> None:
    world = World(ttl_seconds=100)
    whole = await world.ask()

    await asyncio.sleep(99.999 - (asyncio.get_running_loop().time() - whole.came_s[-1]))
    assert (await world.ask()).origin is not None
    await asyncio.sleep(0.001)
    assert (await world.ask()).origin is None


@timed
async def test_a_shorter_time_holds_for_older_answers_too() -> None:

    world = World(ttl_seconds=100)
    await world.ask()
    await asyncio.sleep(60)
    assert (await World(ttl_seconds=50, caches=world.caches).ask()).origin is None


@timed
async def test_a_call_may_want_a_younger_answer_than_its_route_gives() -> None:

    world = World(ttl_seconds=100)
    await world.ask()
    await asyncio.sleep(10)
    assert (await world.ask(policy=policy(cache_max_age_s=10.5))).origin is not None
    assert (await world.ask(policy=policy(cache_max_age_s=9.5))).origin is None
    assert (await world.ask(policy=policy(cache_max_age_s=9.5))).origin is not None, "the new one was kept"


@timed
async def test_the_modes_read_and_write_as_they_say() -> None:
    told = {}
    for mode in (USE, REFRESH, BYPASS, READ_ONLY, WRITE_ONLY):
        empty = World()
        await empty.ask(policy=policy(mode))
        writes = (await empty.ask()).origin is not None
        full = World()
        await full.ask()
        told[mode] = ((await full.ask(policy=policy(mode))).origin is not None, writes)
    assert told == {
        USE: (True, True),
        REFRESH: (False, True),
        BYPASS: (False, False),
        READ_ONLY: (True, False),
        WRITE_ONLY: (False, True),
    }


@timed
async def test_a_refreshed_answer_takes_the_place_of_the_old_one() -> None:
    world = World()
    await world.ask()
    fresh = await world.ask(policy=policy(REFRESH))
    assert (await world.ask()).started.response_id == fresh.started.response_id == "resp-2"


@pytest.mark.parametrize("scope", ["tenant", "user", "session"])
@timed
async def test_an_answer_is_given_within_its_scope_only(scope: str) -> None:
    world = World(scope=scope)
    one = policy(session_id="s")
    await world.ask(policy=one)
    others = {
        "another tenant": await world.ask(who=Principal("other", user="ann"), policy=one),
        "another user": await world.ask(who=BEN, policy=one),
        "another session": await world.ask(who=ANN, policy=policy(session_id="t")),
        "the same": await world.ask(policy=one),
    }
    shared = {name for name, told in others.items() if told.origin is not None}
    expected = {"tenant": {"another user", "another session"}, "user": {"another session"}, "session": set()}
    assert shared == expected[scope] | {"the same"}


@pytest.mark.parametrize("scope", ["user", "session"])
@timed
async def test_a_call_that_does_not_say_what_the_scope_needs_is_not_cached(scope: str) -> None:
    world = World(scope=scope)
    for _ in range(2):
        told = await world.ask(who=Principal("acme"))
        assert (told.origin, told.call.cache) == (None, "")
    assert world.caches.store.size() == (0, 0)


@timed
async def test_other_guards_other_regions_and_other_terms_are_other_answers() -> None:
    world = World({"fast": {"kind": "chat", "candidates": TWO, "cache": {}}})
    await world.ask()
    assert (await world.ask(guards=b"g")).origin is None
    assert (await world.ask(who=Principal("acme", regions=frozenset({"us"})))).origin is None
    for terms in ({"providers": ("a",)}, {"models": ("m",)}, {"regions": ("us",)}, {"require_parameters": True}):
        assert (await world.ask(policy=policy(**terms))).origin is None, terms
    assert (await world.ask()).origin is not None


@timed
async def test_only_whole_answers_of_the_right_kind_are_kept() -> None:
    for reason in FinishReason:
        world = World()
        world.reason = reason
        await world.ask()
        assert (reason, (await world.ask()).origin is not None) == (reason, reason is FinishReason.STOP)


@timed
async def test_tool_calls_are_kept_where_the_route_says_so() -> None:
    world = World(tool_calls=True)
    world.reason = FinishReason.TOOL_CALLS
    await world.ask()
    assert (await world.ask()).completed.reason is FinishReason.TOOL_CALLS
    assert len(world.asked) == 1


@pytest.mark.parametrize("error", [StreamCut("cut"), ContentRefused("no")])
@timed
async def test_a_failed_answer_is_not_kept(error: StreamCut | ContentRefused) -> None:
    world = World()
    world.fails = [error]
    assert (await world.ask()).reason == error.reason
    assert (await world.ask()).origin is None


@pytest.mark.parametrize(
    "piece",
    [RouteChanged("b", "n"), MediaDelta(0, "image/png", url="https://example.com/1.png")],
    ids=["a changed route", "a medium behind an address"],
)
@timed
async def test_an_answer_that_was_begun_twice_or_will_not_last_is_not_kept(piece: RouteChanged | MediaDelta) -> None:
    world = World()
    world.pieces = (TextDelta(0, "he"), piece, TextDelta(0, "llo"))
    await world.ask()
    assert (await world.ask()).origin is None


@timed
async def test_an_answer_that_is_too_large_is_not_kept() -> None:

    world = World(section=CacheSection(max_answer_bytes=1024))
    world.pieces = (TextDelta(0, "x" * 2000),)
    await world.ask()
    assert (await world.ask()).origin is None
    assert world.caches.store.size() == (0, 0)


@pytest.mark.parametrize(
    ("temperature", "cached"), [(None, True), (0.0, True), (0.3, True), (0.31, False), (1.0, False)]
)
@timed
async def test_a_high_temperature_asks_for_another_answer_each_time(temperature: float | None, cached: bool) -> None:
    world = World()
    for _ in range(2):
        told = await world.ask(spec(temperature=temperature))
    assert (told.origin is not None) is cached


@timed
async def test_a_route_may_want_a_temperature() -> None:
    world = World(without_temperature=False)
    await world.ask()
    assert (await world.ask()).origin is None


UNFIT: dict[str, dict[str, Any]] = {
    "a tool of the provider's": {"tools": (ProviderTool("a", '{"type": "web_search"}'),)},
    "a stored conversation": {"provider_options": {"openai": '{"previous_response_id": "r"}'}},
    "an address": {"messages": (Message(Role.USER, (Part(Image(url="https://example.com/1.png")),)),)},
}


@pytest.mark.parametrize("what", UNFIT)
@timed
async def test_what_depends_on_more_than_the_request_is_not_cached(what: str) -> None:
    world = World()
    for _ in range(2):
        told = await world.ask(spec(**UNFIT[what]))
        assert (told.origin, told.call.cache) == (None, "")


@timed
async def test_streamed_or_not_it_is_one_answer() -> None:
    world = World()
    await world.ask(kind=Kind.UNARY)
    assert (await world.ask(kind=Kind.SERVER_STREAM)).text == "hello"
    assert (await world.ask(kind=Kind.UNARY)).origin is not None
    assert len(world.asked) == 1


@timed
async def test_pauses_are_played_where_the_route_says_so_and_streams_only() -> None:
    world = World(replay="original")
    await world.ask()
    told = await world.ask()
    first, *rest = told.came_s
    assert [round(at - first, 3) for at in rest] == [0.5, 1.0, 1.0]
    assert len(set((await world.ask(kind=Kind.UNARY)).came_s)) == 1


@timed
async def test_pauses_never_cost_the_deadline() -> None:
    world = World(replay="original")
    await world.ask()
    told = await world.ask(timeout_s=0.5)
    assert told.reason == "OK"
    assert told.came_s[-1] - told.came_s[0] == pytest.approx(0.4, abs=0.05)


@timed
async def test_warnings_of_the_answer_come_with_it_and_those_of_the_first_call_do_not() -> None:
    world = World()
    of_answer = Warning(WarningCode.PARAMETER_IGNORED, "chat.seed", "ignored")
    world.warnings = (Warning(WarningCode.DEADLINE_CLAMPED, "", "cut"), of_answer)
    await world.ask()
    told = await world.ask()
    assert told.started.warnings == tuple(told.call.warnings) == (of_answer,)


ACROSS = [{"provider": "a", "model": "m", "model_family": "x"}, {"provider": "b", "model": "n", "model_family": "x"}]


def world_of(*candidates: object, **cache: object) -> dict[str, dict[str, object]]:
    """One route to candidates."""
    return {"fast": {"kind": "chat", "candidates": list(candidates), "cache": cache}}


@pytest.mark.parametrize("across", [False, True])
@timed
async def test_an_answer_serves_another_provider_only_where_the_route_says_so(across: bool) -> None:
    one = World(world_of(ACROSS[0], across_providers=across))
    await one.ask()
    other = World(world_of(ACROSS[1], across_providers=across), caches=one.caches)
    told = await other.ask()
    assert (told.origin is not None) is across
    if told.origin is not None:
        assert (told.origin.provider, told.origin.model) == ("a", "m")


@timed
async def test_another_family_is_never_served_nor_is_what_only_its_provider_can_use() -> None:
    one = World(world_of(ACROSS[0], across_providers=True))
    await one.ask()
    stranger = {"provider": "b", "model": "n"}
    assert (await World(world_of(stranger, across_providers=True), caches=one.caches).ask()).origin is None
    bound = World(world_of(ACROSS[0], across_providers=True))
    bound.pieces = (TextDelta(0, "x"), ProviderItemAdded(1, ProviderItem("a", "t", b"d")))
    await bound.ask()
    assert (await World(world_of(ACROSS[1], across_providers=True), caches=bound.caches).ask()).origin is None
    assert (await bound.ask()).origin is not None


@timed
async def test_where_regions_matter_an_answer_from_elsewhere_is_not_given() -> None:
    """A rule may hold for one user of a tenant and not for another."""
    us, eu = ({**one, "region": region} for one, region in zip(ACROSS, ("us", "eu"), strict=True))
    rules = [{"when": 'user == "ben"', "regions": ["eu"]}]
    routes = world_of(us, eu, across_providers=True)
    routes["fast"]["rules"] = rules
    world = World(routes)
    await world.ask(who=ANN)
    assert (await world.ask(who=BEN)).origin is None
    assert (await world.ask(who=Principal("acme", user="cat"))).origin is not None


@pytest.mark.parametrize(("keyed_by", "shared"), [("route", False), ("model", True)])
@timed
async def test_routes_share_answers_where_they_are_keyed_by_the_model(keyed_by: str, shared: bool) -> None:
    one = world_of({"provider": "a", "model": "m"}, keyed_by=keyed_by)["fast"]
    world = World({"fast": one, "other": one})
    await world.ask()
    assert ((await world.ask(spec(model="other"))).origin is not None) is shared


@timed
async def test_a_route_without_a_cache_or_with_one_that_is_off_keeps_nothing() -> None:
    one = {"kind": "chat", "candidates": [{"provider": "a", "model": "m"}]}
    world = World({"fast": {**one, "cache": {"mode": "off"}}, "plain": one})
    for model in ("fast", "plain"):
        for _ in range(2):
            told = await world.ask(spec(model=model))
            assert (told.origin, told.call.cache) == (None, "")


@timed
async def test_a_function_tool_is_a_part_of_the_question() -> None:
    world = World()
    tools = (FunctionTool("f"),)
    await world.ask(spec(tools=tools))
    assert (await world.ask()).origin is None
    assert (await world.ask(spec(tools=tools))).origin is not None
