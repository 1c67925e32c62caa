"""Embed and StreamEmbed: batches within limits, answers in order, bad items found."""

import asyncio
import base64
import json
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
import pytest
from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.error import (
    HedgerowError,
    ProviderRejectedRequest,
    ProviderUnavailable,
    RequestInvalid,
    ResponseTooLarge,
    UpstreamProtocol,
)
from hedgerow_server.core.event import EmbedCompleted, EmbeddingsAdded, Event, ItemFailed, Started
from hedgerow_server.core.model import ModelFacts
from hedgerow_server.core.port import HttpRequest
from hedgerow_server.core.request import EmbedInput, EmbedItem, EmbedRequest, EmbedSpec
from hedgerow_server.rpc.embed import FOR_GRPC, FOR_HTTP, Embed, Largest
from unit.hedgerow_server.calls import no_request
from unit.hedgerow_server.routing.scripted import HANG_S, JSON, Answer, ScriptedTransport, candidate, routes

Items = Sequence[EmbedItem | ItemFailed]


def vector(number: float) -> bytes:
    """A vector of two floats."""
    return struct.pack("<2f", number, 0.5)


def answer(inputs: list[object], *, extra: int = 0) -> Answer:
    """Vectors for these inputs, in any order: the vector of a text is its length, of tokens the first one."""
    numbers = [len(one) if isinstance(one, str) else one[0] for one in inputs]  # type: ignore[index]
    data = [
        {"index": index, "embedding": base64.b64encode(vector(number)).decode()}
        for index, number in enumerate([*numbers, *[0] * extra])
    ]
    document = {"model": "vec-2026", "data": data[::-1], "usage": {"prompt_tokens": len(inputs)}}
    return Answer([json.dumps(document).encode()], headers=JSON)


def inputs_of(request: HttpRequest) -> list[object]:
    """The inputs of an upstream request."""
    return list(json.loads(request.body)["input"])


def reply(request: HttpRequest) -> Answer:
    """Vectors for what was asked; a batch with a text that begins with "bad" is refused as a whole."""
    inputs = inputs_of(request)
    if any(isinstance(one, str) and one.startswith("bad") for one in inputs):
        return Answer([b'{"error": {"message": "no", "code": "invalid_value"}}'], 400, JSON)
    return answer(inputs)


class World:
    """A gateway with one embedding model."""

    def __init__(
        self, reply: Callable[[HttpRequest], Answer] = reply, *, largest: Largest = FOR_GRPC, **settings: Any
    ) -> None:
        self.transport = ScriptedTransport(reply=reply)
        of = candidate(self.transport, **settings)
        self.embed = Embed(routes({("embed", "vec"): (of,)}), largest)

    @property
    def batches(self) -> list[list[object]]:
        """The inputs of each upstream request."""
        return [inputs_of(request) for request in self.transport.requests]

    def call(self, spec: EmbedSpec, items: Items | None = None) -> Call:
        """A decoded call, of Embed or with items of StreamEmbed."""
        rpc, kind = (self.embed.embed, Kind.UNARY) if items is None else (self.embed.stream_embed, Kind.BIDI_STREAM)
        one = Call(Method("test.Service/Embed", kind, no_request, rpc), {}, b"")
        one.request = EmbedRequest(spec=spec)
        if items is not None:
            one.items = given(items)
        return one

    async def run(self, *inputs: EmbedInput, **spec: object) -> tuple[Call, list[Event]]:
        """A call of Embed and its events."""
        one = self.call(EmbedSpec(model="vec", inputs=inputs, **spec))  # type: ignore[arg-type]
        return one, [event async for event in one.method.rpc(one)]

    async def stream(self, *items: EmbedItem | ItemFailed) -> tuple[Call, list[Event]]:
        """A call of StreamEmbed and its events."""
        one = self.call(EmbedSpec(model="vec"), items)
        return one, [event async for event in one.method.rpc(one)]


async def given(items: Items) -> AsyncIterator[EmbedItem | ItemFailed]:
    """Items that are all there."""
    for item in items:
        yield item


def vectors(events: list[Event]) -> list[bytes]:
    """All vectors, in order."""
    return [one for event in events if isinstance(event, EmbeddingsAdded) for one in event.vectors]


def answered(events: list[Event]) -> list[tuple[str, bytes | None]]:
    """The answers of a stream: ids with their vectors, None for a failure."""
    found: list[tuple[str, bytes | None]] = []
    for event in events:
        if isinstance(event, EmbeddingsAdded):
            found += zip(event.ids, event.vectors, strict=True)
        elif isinstance(event, ItemFailed):
            found.append((event.id, None))
    return found


def texts(count: int) -> list[EmbedInput]:
    """Texts of lengths 1, 2, 3 and so on."""
    return ["x" * length for length in range(1, count + 1)]


def items(count: int, *bad: int) -> list[EmbedItem]:
    """Items "0", "1" and so on; the bad ones are those that the provider refuses."""
    return [EmbedItem(str(n), f"bad{n}" if n in bad else "x" * (n + 1)) for n in range(count)]


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (3, [3]), (4, [3, 1]), (10, [3, 3, 3, 1])])
async def test_batches_keep_to_the_providers_limit_and_the_order_of_the_inputs(count: int, sizes: list[int]) -> None:
    world = World(embed_batch_limit=3)
    one, events = await world.run(*texts(count))
    assert [len(batch) for batch in world.batches] == sizes
    assert vectors(events) == [vector(length) for length in range(1, count + 1)]
    assert one.attempts_started == len(sizes)


@pytest.mark.parametrize(("model", "sizes"), [("text-embedding-v4", [10, 10, 6]), ("text-embedding-v2", [25, 1])])
async def test_the_limit_is_that_of_the_model(model: str, sizes: list[int]) -> None:
    world = World(vendor="dashscope", model=model)
    await world.run(*texts(26))
    assert [len(batch) for batch in world.batches] == sizes


async def test_a_batch_suits_whichever_candidate_may_answer_it() -> None:
    transport = ScriptedTransport(reply=reply)
    wide, known = candidate(transport, embed_batch_limit=9), candidate(transport, embed_batch_limit=8)
    known = msgspec.structs.replace(known, facts=ModelFacts(kind="embed", embed_batch_limit=4))
    world = World()
    world.transport, world.embed = transport, Embed(routes({("embed", "vec"): (wide, known)}))
    await world.run(*texts(10))
    assert [len(batch) for batch in world.batches] == [4, 4, 2]


async def test_batches_keep_to_the_providers_limit_of_tokens() -> None:
    """A token may be as little as two thirds of a character: 30 tokens are 20 characters at most."""
    world = World(embed_token_limit=30)
    _, events = await world.run(*["x" * 8] * 5)
    assert [len(batch) for batch in world.batches] == [2, 2, 1]
    assert len(vectors(events)) == 5


async def test_a_stream_keeps_to_the_providers_limit_of_tokens() -> None:
    world = World(embed_token_limit=30)
    _, events = await world.stream(*(EmbedItem(str(number), "x" * 8) for number in range(5)))
    assert max(len(batch) for batch in world.batches) == 2
    assert len(vectors(events)) == 5


async def test_an_input_above_the_limit_of_tokens_goes_alone() -> None:
    """Whether it is too long only the provider knows."""
    world = World(embed_token_limit=30)
    await world.run("x", "y" * 100, "z")
    assert world.batches == [["x"], ["y" * 100], ["z"]]


async def test_an_answer_is_started_once_and_completed_once() -> None:
    world = World(embed_batch_limit=2)
    _, events = await world.run(*texts(5))
    assert events[0] == Started("sim", "vec-2026")
    assert [type(event) for event in events].count(Started) == 1
    completed = events[-1]
    assert isinstance(completed, EmbedCompleted)
    assert completed.usage.input_tokens == 5
    assert (completed.usage.final, completed.usage.estimated) == (True, False)
    assert (completed.attempts_count, completed.embedded_count, completed.failed_count) == (3, 5, 0)
    assert [record.number for record in completed.attempts] == [1, 2, 3]


async def test_tokens_of_a_vocabulary_are_sent_as_they_are() -> None:
    world = World()
    _, events = await world.run((7, 8), (9,))
    assert world.batches == [[[7, 8], [9]]]
    assert vectors(events) == [vector(7), vector(9)]


async def test_long_texts_are_split_before_the_providers_limit_of_tokens() -> None:
    """800,000 bytes at most in one request, counting four a character; a longer text goes alone."""
    world = World()
    await world.run("a" * 100_000, "b" * 100_000, "c" * 1, "d" * 300_000, "e")
    assert [[len(str(one)) for one in batch] for batch in world.batches] == [[100_000, 100_000], [1], [300_000], [1]]


@pytest.mark.parametrize("extra", [1, 2])
async def test_a_wrong_number_of_vectors_is_not_the_protocol(extra: int) -> None:
    world = World(lambda request: answer(inputs_of(request), extra=extra))
    with pytest.raises(UpstreamProtocol) as caught:
        await world.run("a", "b")
    assert caught.value.metadata == {"provider": "sim", "detail": "vector count"}


async def test_too_few_vectors_are_not_the_protocol() -> None:
    world = World(lambda request: answer(inputs_of(request)[1:]))
    with pytest.raises(UpstreamProtocol):
        await world.run("a", "b")


async def test_a_refused_batch_fails_a_unary_call() -> None:
    world = World()
    with pytest.raises(ProviderRejectedRequest):
        await world.run("a", "bad", "b")
    assert len(world.batches) == 1


async def test_a_failure_keeps_the_usage_of_the_batches_before_it() -> None:
    world = World(embed_batch_limit=1)
    one = world.call(EmbedSpec(model="vec", inputs=("a", "bad")))
    with pytest.raises(ProviderRejectedRequest):
        [event async for event in one.method.rpc(one)]
    assert one.usage is not None
    assert one.usage.input_tokens == 1


@pytest.mark.parametrize(
    ("count", "spec", "settings"),
    [
        (683, {}, {"model": "text-embedding-3-small"}),
        (342, {}, {"model": "text-embedding-3-large"}),
        (16, {"dimensions": 65_536}, {}),
        (1024, {}, {"dimensions": 1024}),
    ],
)
async def test_an_answer_that_clients_would_not_take_is_refused_before_anything_is_sent(
    count: int, spec: dict[str, object], settings: dict[str, Any]
) -> None:
    world = World(**settings)
    with pytest.raises(ResponseTooLarge) as caught:
        await world.run(*["x"] * count, **spec)
    assert "StreamEmbed" in caught.value.message
    assert caught.value.metadata["limitBytes"] == "4194304"
    assert int(caught.value.metadata["estimatedBytes"]) > 4 * 1024 * 1024
    assert world.batches == []


async def test_callers_over_http_take_larger_answers() -> None:
    """The gRPC clients' limit is not theirs; the gateway's own is 32 MiB of floats."""
    world = World(largest=FOR_HTTP)
    taken, refused = (world.call(EmbedSpec(model="vec", inputs=("x",) * n, dimensions=65_536)) for n in (127, 128))
    assert [event async for event in taken.method.rpc(taken)]
    sent = len(world.batches)
    with pytest.raises(ResponseTooLarge) as caught:
        [event async for event in refused.method.rpc(refused)]
    assert caught.value.metadata["limitBytes"] == str(32 * 1024 * 1024)
    assert len(world.batches) == sent


@pytest.mark.parametrize(
    ("count", "spec", "settings"),
    [
        (681, {}, {"model": "text-embedding-3-small"}),
        (15, {"dimensions": 65_536}, {}),
        (1000, {"dimensions": 2}, {"dimensions": 65_536}),
        (2000, {}, {}),
    ],
)
async def test_an_answer_that_fits_or_whose_size_nobody_knows_is_asked_for(
    count: int, spec: dict[str, object], settings: dict[str, Any]
) -> None:
    world = World(**settings)
    _, events = await world.run(*["x"] * count, **spec)
    assert len(vectors(events)) == count


async def test_a_stream_answers_by_id_in_the_order_of_the_items() -> None:
    world = World()
    _, events = await world.stream(*items(5))
    assert isinstance(events[0], Started)
    assert answered(events) == [(str(n), vector(n + 1)) for n in range(5)]
    completed = events[-1]
    assert isinstance(completed, EmbedCompleted)
    assert (completed.embedded_count, completed.failed_count) == (5, 0)


@pytest.mark.parametrize(
    "bad", [(0,), (7,), (15,), (0, 15), (3, 4, 5), (0, 1, 2, 3, 4, 5, 6, 7), tuple(range(16))], ids=str
)
async def test_every_item_that_the_provider_refuses_is_found_and_no_other(bad: tuple[int, ...]) -> None:
    world = World()
    _, events = await world.stream(*items(16, *bad))
    assert [isinstance(event, Started) for event in events] == [True] + [False] * (len(events) - 1)
    assert answered(events) == [(str(n), None if n in bad else vector(n + 1)) for n in range(16)]
    failures = [event.error for event in events if isinstance(event, ItemFailed)]
    assert all(isinstance(error, ProviderRejectedRequest) for error in failures)
    completed = events[-1]
    assert isinstance(completed, EmbedCompleted)
    assert (completed.embedded_count, completed.failed_count) == (16 - len(bad), len(bad))


async def test_one_bad_item_costs_a_request_for_each_halving_and_its_other_half() -> None:
    world = World()
    await world.stream(*items(16, 5))
    assert len(world.batches) == 1 + 2 * 4


async def test_a_stream_of_which_nothing_is_taken_is_given_up_before_every_item_was_tried() -> None:
    world = World()
    with pytest.raises(ProviderRejectedRequest):
        await world.stream(*items(200, *range(200)))
    assert len(world.batches) < 200


async def test_an_item_that_was_malformed_keeps_its_place() -> None:
    world = World()
    malformed = ItemFailed("m", RequestInvalid("no input"))
    one, two = items(2)
    _, events = await world.stream(one, malformed, two)
    assert answered(events) == [("0", vector(1)), ("m", None), ("1", vector(2))]
    assert world.batches == [["x", "xx"]]


async def test_malformed_items_alone_cost_no_request() -> None:
    world = World()
    _, events = await world.stream(ItemFailed("m", RequestInvalid("no input")))
    assert [type(event) for event in events] == [Started, ItemFailed, EmbedCompleted]
    assert world.batches == []


async def test_an_empty_stream_is_complete_at_once() -> None:
    _, events = await World().stream()
    assert [type(event) for event in events] == [Started, EmbedCompleted]


async def test_a_provider_that_is_down_ends_the_stream() -> None:
    """Its items are not to blame."""
    world = World(lambda _: Answer([b"{}"], 500, JSON))
    with pytest.raises(ProviderUnavailable):
        await world.stream(*items(3))
    assert len(world.batches) == 1


async def test_a_stream_batches_what_is_there_up_to_256_items() -> None:
    world = World()
    one = world.call(EmbedSpec(model="vec"), [EmbedItem(str(n), "x") for n in range(600)])
    found = [event async for event in one.method.rpc(one)]
    assert [entry[0] for entry in answered(found)] == [str(n) for n in range(600)]
    assert max(len(batch) for batch in world.batches) == 256


async def test_long_items_of_a_stream_are_split_as_well() -> None:
    world = World()
    _, events = await world.stream(*(EmbedItem(str(n), "x" * 100_001) for n in range(4)), EmbedItem("4", "x"))
    assert [entry[0] for entry in answered(events)] == ["0", "1", "2", "3", "4"]
    assert all(sum(len(str(one)) * 4 for one in batch) <= 800_000 for batch in world.batches)


async def test_an_item_is_answered_though_no_other_has_come() -> None:
    world = World()
    free = asyncio.Event()

    async def slow() -> AsyncIterator[EmbedItem | ItemFailed]:
        yield EmbedItem("first", "x")
        await free.wait()
        yield EmbedItem("second", "xx")

    one = world.call(EmbedSpec(model="vec"), [])
    one.items = slow()
    async with aclosing(one.method.rpc(one)) as events:
        assert isinstance(await asyncio.wait_for(anext(events), 5), Started)
        assert answered([await asyncio.wait_for(anext(events), 5)]) == [("first", vector(1))]
        free.set()
        assert answered([await asyncio.wait_for(anext(events), 5)]) == [("second", vector(2))]


async def test_a_stream_reads_little_ahead_of_a_caller_that_does_not_read() -> None:
    world = World(embed_batch_limit=4)
    taken = 0

    async def endless() -> AsyncIterator[EmbedItem | ItemFailed]:
        nonlocal taken
        while True:
            taken += 1
            yield EmbedItem(str(taken), "x")

    one = world.call(EmbedSpec(model="vec"), [])
    one.items = endless()
    async with aclosing(one.method.rpc(one)) as events:
        await anext(events)
        for _ in range(50):
            await asyncio.sleep(0)
        assert taken <= 3 * 4


async def test_a_fault_of_the_callers_stream_comes_after_the_answers_to_what_was_good() -> None:
    world = World()

    async def broken() -> AsyncIterator[EmbedItem | ItemFailed]:
        yield EmbedItem("good", "x")
        raise RequestInvalid("options stand twice")

    one = world.call(EmbedSpec(model="vec"), [])
    one.items = broken()
    found: list[Event] = []

    async def read() -> None:
        async for event in one.method.rpc(one):
            found.extend([event])

    with pytest.raises(RequestInvalid):
        await read()
    assert answered(found) == [("good", vector(1))]


async def test_a_caller_that_leaves_ends_the_upstream_request_and_the_reading() -> None:
    world = World(lambda _: Answer([HANG_S], headers=JSON))
    ended = asyncio.Event()

    async def waiting() -> AsyncIterator[EmbedItem | ItemFailed]:
        try:
            yield EmbedItem("1", "x")
            await asyncio.sleep(HANG_S)
        finally:
            ended.set()

    one = world.call(EmbedSpec(model="vec"), [])
    one.items = waiting()

    async def read() -> None:
        async with aclosing(one.method.rpc(one)) as events:
            async for _ in events:
                pass

    running = asyncio.create_task(read())
    await asyncio.wait_for(world.transport.reading.wait(), 5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert world.transport.responses[0].releases == [False]
    await asyncio.wait_for(ended.wait(), 5)


async def test_a_long_stream_keeps_few_records_and_counts_all() -> None:
    world = World(embed_batch_limit=1)
    one, events = await world.stream(*(EmbedItem(str(n), "x") for n in range(100)))
    completed = events[-1]
    assert isinstance(completed, EmbedCompleted)
    assert completed.attempts_count == one.attempts_started == 100
    assert [record.number for record in one.attempts] == list(range(69, 101))
    assert completed.usage.input_tokens == 100


async def test_an_unknown_model_fails_before_any_item_is_read() -> None:
    world = World()

    async def untouched() -> AsyncIterator[EmbedItem | ItemFailed]:
        raise AssertionError("an item was read")
        yield

    one = world.call(EmbedSpec(model="vex"), [])
    one.items = untouched()
    with pytest.raises(HedgerowError) as caught:
        [event async for event in one.method.rpc(one)]
    assert caught.value.reason == "MODEL_NOT_FOUND"
