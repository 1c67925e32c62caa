"""Items of a stream get the vectors that are kept, batch by batch, and leave theirs to others."""

from collections.abc import AsyncIterator, Mapping, Sequence

import pytest
from cache.test_embeddings import routes
from cache.world import ANN, BEN, COST, World
from hedgerow_server.caching.embeddings import shares
from hedgerow_server.core.call import Call, Kind, Method, Principal
from hedgerow_server.core.error import HedgerowError, RequestInvalid
from hedgerow_server.core.event import EmbedCompleted, Event, ItemFailed, Started, Usage
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.request import CacheMode, EmbedItem, EmbedRequest, EmbedSpec, RoutePolicy
from hedgerow_server.rpc.embed import Embed
from unit.hedgerow_server.routing.scripted import Answer
from unit.hedgerow_server.rpc.test_embed import answered, inputs_of, reply, vector
from virtual import timed

Items = Sequence[EmbedItem | ItemFailed]


class Streams:
    """A chain with a cache, before the real RPC and a provider by whom the vector of a text is its length."""

    def __init__(self, *candidates: Mapping[str, object], before: "Streams | None" = None, **cache: object) -> None:
        """On what another one has kept, if there was one `before`."""
        caches = before.world.caches if before is not None else None
        self.world: World = World(routes(*candidates, **cache), caches=caches)
        self.transport = self.world.paper._transport
        self.transport._reply = reply
        self.rpc = Embed(self.world.routes)

    @property
    def asked(self) -> list[list[object]]:
        """The inputs of each upstream request."""
        return [inputs_of(request) for request in self.transport.requests]

    async def stream(
        self,
        *texts: str,
        who: Principal | None = ANN,
        policy: RoutePolicy | None = None,
        broken: Sequence[int] = (),
    ) -> tuple[Call, list[Event]]:
        """A call whose items have their places as ids; those that are `broken` have failed on their way in."""
        items: list[EmbedItem | ItemFailed] = [EmbedItem(str(at), text) for at, text in enumerate(texts)]
        for at in broken:
            items[at] = ItemFailed(str(at), RequestInvalid("no"))
        call = Call(Method("embed", Kind.BIDI_STREAM, lambda _: None, self.rpc.stream_embed), {}, b"")
        call.principal, call.request_id = who, f"req-{id(call)}"
        call.request = EmbedRequest(spec=EmbedSpec(model="embed"), policy=policy or RoutePolicy())
        call.items = _given(items)
        told: list[Event] = []

        async def deliver(event: Event) -> None:
            told.append(event)

        await self.world.chain.serve(call, deliver)
        return call, told

    async def embed(self, *texts: str, who: Principal = ANN) -> Call:
        """A call of Embed on what is kept."""
        return (await self.world.embed(*texts, who=who)).call


async def _given(items: Items) -> AsyncIterator[EmbedItem | ItemFailed]:
    for one in items:
        yield one


def last(told: list[Event]) -> EmbedCompleted:
    """The last event."""
    assert isinstance(told[-1], EmbedCompleted)
    return told[-1]


def right(told: list[Event], *texts: str) -> None:
    """Each text has its vector, in order; None stands for one that has failed."""
    expected = [(str(at), vector(len(text)) if not text.startswith("bad") else None) for at, text in enumerate(texts)]
    assert answered(told) == expected
    assert isinstance(told[0], Started)
    assert last(told).embedded_count + last(told).failed_count == len(texts)


@timed
async def test_only_items_that_are_missing_are_asked_for_and_the_order_stays() -> None:
    one = Streams()
    await one.stream("a", "ccc")
    call, told = await one.stream("a", "bb", "ccc", "dddd")
    right(told, "a", "bb", "ccc", "dddd")
    assert one.asked == [["a", "ccc"], ["bb", "dddd"]]
    assert (last(told).cached_count, last(told).embedded_count, call.cache) == (2, 4, "miss")


@timed
async def test_where_all_are_there_nobody_is_asked_and_nothing_is_used() -> None:
    one = Streams()
    await one.stream("a", "bb")
    call, told = await one.stream("bb", "a")
    right(told, "bb", "a")
    assert len(one.asked) == 1
    assert (call.cache, call.attempts_started, last(told).usage) == ("hit", 0, Usage(final=True))
    assert call.usage == Usage(final=True)


@timed
async def test_streams_and_calls_of_embed_get_each_others_vectors() -> None:
    one = Streams()
    await one.stream("a", "bb")
    assert (await one.embed("bb")).cache == "hit"
    await one.embed("c")
    assert (await one.stream("c"))[0].cache == "hit"


@timed
async def test_more_items_than_a_batch_are_looked_up_as_they_come() -> None:
    one, texts = Streams(), ["x" * (number + 1) for number in range(700)]
    await one.stream(*texts[::2])
    asked = len(one.asked)
    _, told = await one.stream(*texts)
    right(told, *texts)
    assert [text for batch in one.asked[asked:] for text in batch] == texts[1::2]
    assert last(told).cached_count == 350


@timed
async def test_a_stream_of_which_only_the_end_was_there_is_no_hit() -> None:
    one, texts = Streams(), ["x" * (number + 1) for number in range(600)]
    await one.stream(*texts[500:])
    call, told = await one.stream(*texts)
    assert (call.cache, last(told).cached_count) == ("miss", 100)


@timed
async def test_what_is_saved_is_the_sum_over_all_batches_and_unknown_where_a_part_of_it_is() -> None:
    one, texts = Streams(), ["x" * (number + 1) for number in range(600)]
    await one.embed(*texts[:-1])
    await one.world.caches.close()
    call, told = await one.stream(*texts[:-1])
    assert call.saved_picos == last(told).saved_picos == sum(one or 0 for one in shares(texts[:-1], COST))
    # This provider's prices are not known.
    await one.stream(texts[-1])
    _, told = await one.stream(*texts)
    assert (last(told).cached_count, last(told).saved_picos) == (600, None)


@timed
async def test_a_refused_item_has_no_vector_and_leaves_the_others_theirs() -> None:
    one = Streams()
    await one.stream("a")
    _, told = await one.stream("bb", "bad", "a", "ccc", "bad too", "dddd")
    right(told, "bb", "bad", "a", "ccc", "bad too", "dddd")
    assert (last(told).failed_count, last(told).cached_count) == (2, 1)
    call, told = await one.stream("ccc", "bb", "dddd")
    right(told, "ccc", "bb", "dddd")
    assert call.cache == "hit"


@timed
async def test_an_item_that_has_failed_on_its_way_in_is_not_looked_for() -> None:
    one = Streams()
    await one.stream("a", "bb")
    _, told = await one.stream("a", "xx", "bb", broken=[1])
    assert answered(told) == [("0", vector(1)), ("1", None), ("2", vector(2))]
    assert (last(told).cached_count, last(told).failed_count, len(one.asked)) == (2, 1, 1)


@pytest.mark.parametrize(
    ("mode", "reads", "keeps"),
    [
        (CacheMode.USE, True, True),
        (CacheMode.REFRESH, False, True),
        (CacheMode.READ_ONLY, True, False),
        (CacheMode.WRITE_ONLY, False, True),
        (CacheMode.BYPASS, False, False),
    ],
)
@timed
async def test_the_modes_read_and_write_as_they_say(mode: CacheMode, *, reads: bool, keeps: bool) -> None:
    one, policy = Streams(), RoutePolicy(cache=mode)
    await one.stream("a")
    _, told = await one.stream("a", "bb", policy=policy)
    assert last(told).cached_count == int(reads)
    assert ((await one.embed("bb")).cache == "hit") is keeps


@pytest.mark.parametrize(("scope", "shared"), [("tenant", True), ("user", False)])
@timed
async def test_scopes_hold(scope: str, *, shared: bool) -> None:
    one = Streams(scope=scope)
    await one.stream("a")
    assert ((await one.stream("a", who=BEN))[0].cache == "hit") is shared
    assert (await one.stream("a", who=Principal("globex", user="ann")))[0].cache == "miss"


@timed
async def test_a_stream_of_nobody_is_not_cached_where_the_scope_needs_a_user() -> None:
    one = Streams(scope="user")
    for _ in range(2):
        call, told = await one.stream("a", who=Principal("acme"))
        right(told, "a")
    assert (call.cache, len(one.asked), one.world.slots) == ("", 2, [])


@timed
async def test_what_was_made_before_a_stream_fails_is_kept() -> None:
    one = Streams()
    texts = ["x" * (number + 1) for number in range(300)]

    def down(request: HttpRequest) -> Answer:
        return Answer([b"no"], 401) if len(one.asked) > 1 else reply(request)

    one.transport._reply = down
    with pytest.raises(HedgerowError):
        await one.stream(*texts)
    await one.world.caches.close()
    assert len(one.world.slots) == 256


@timed
async def test_a_vector_belongs_to_the_candidate_that_has_made_it() -> None:
    of = {name: {"provider": name, "model": "m", "vector_space": "s"} for name in ("a", "b")}
    one, asked = Streams(*of.values()), 0

    def first_is_down(request: HttpRequest) -> Answer:
        nonlocal asked
        asked += 1
        return Answer([b"no"], 503) if asked == 1 else reply(request)

    one.transport._reply = first_is_down
    _, told = await one.stream("a")
    assert isinstance(told[0], Started)
    maker, other = of.pop(told[0].provider), *of.values()
    assert asked == 2
    policy = RoutePolicy(cache=CacheMode.READ_ONLY)
    assert (await Streams(other, before=one).stream("a", policy=policy))[0].cache == "miss"
    assert (await Streams(maker, before=one).stream("a", policy=policy))[0].cache == "hit"


@timed
async def test_an_erased_user_leaves_no_vectors() -> None:
    one = Streams()
    await one.stream("a")
    assert await one.world.caches.erase("acme", "ann") == 1
    await one.stream("bb")
    assert one.world.slots == []
