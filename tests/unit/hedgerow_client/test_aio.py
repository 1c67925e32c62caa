"""The asyncio client against a gateway in this process."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator

import grpc
import pytest
from hedgerow.chat.v1.message_pb2 import Part
from hedgerow.embed.v1.embed_service_pb2 import StreamEmbedItem
from hedgerow.router.v1.router_service_pb2 import Model
from hedgerow_client import AsyncClient, chat, embedding, item
from hedgerow_client.errors import CallCancelledError, IncompleteStreamError, StreamSequenceError, UnavailableError
from unit.hedgerow_client.fake_gateway import (
    REPORT,
    REQUEST_ID,
    Failure,
    FakeGateway,
    completed,
    numbered,
    started,
    text,
)


@pytest.fixture
async def client(gateway: FakeGateway) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(gateway.target, token="secret-token", timeout=30) as client:
        yield client


async def was_cancelled(gateway: FakeGateway) -> bool:
    return await asyncio.to_thread(gateway.cancelled.wait, 5)


async def test_a_unary_call_is_answered(gateway: FakeGateway, client: AsyncClient) -> None:
    assert await client.complete(chat("fast", "hi")) == gateway.answer
    assert gateway.metadata["authorization"] == "Bearer secret-token"


async def test_a_stream_gives_its_events_and_then_its_result(gateway: FakeGateway, client: AsyncClient) -> None:
    async with client.stream(chat("fast", "hi")) as stream:
        assert [event async for event in stream] == gateway.events
    assert list(stream.result.message.content) == [Part(text="Hello there")]
    assert (stream.request_id, stream.report) == (REQUEST_ID, REPORT)


async def test_iterating_over_a_cut_stream_fails(gateway: FakeGateway, client: AsyncClient) -> None:
    gateway.events = numbered([started(), text("half")])
    with pytest.raises(IncompleteStreamError):
        await client.stream(chat("fast", "hi")).collect()


async def test_a_gap_ends_the_stream(gateway: FakeGateway, client: AsyncClient) -> None:
    gateway.events = numbered([started(), text("a"), completed()])
    del gateway.events[1]
    stream = client.stream(chat("fast", "hi"))
    with pytest.raises(StreamSequenceError):
        await stream.collect()
    assert [event async for event in stream] == []


async def test_a_failure_after_events_is_raised_by_the_iteration(gateway: FakeGateway, client: AsyncClient) -> None:
    gateway.events = numbered([started(), text("half")])
    gateway.failure = Failure(grpc.StatusCode.UNAVAILABLE, "cut", "ERROR_REASON_STREAM_CUT")
    with pytest.raises(UnavailableError) as caught:
        await client.stream(chat("fast", "hi")).collect()
    assert caught.value.reason == "ERROR_REASON_STREAM_CUT"


async def test_leaving_the_context_cancels_the_call(gateway: FakeGateway, client: AsyncClient) -> None:
    async with client.stream(chat("endless", "hi")) as stream:
        await anext(stream)
    assert await was_cancelled(gateway)


async def test_dropping_a_stream_cancels_the_call(gateway: FakeGateway, client: AsyncClient) -> None:
    stream = client.stream(chat("endless", "hi"))
    await anext(stream)
    del stream
    gc.collect()
    assert await was_cancelled(gateway)


async def test_a_closed_stream_raises_when_it_is_read(gateway: FakeGateway, client: AsyncClient) -> None:
    stream = client.stream(chat("endless", "hi"))
    await anext(stream)
    stream.close()
    with pytest.raises(CallCancelledError):
        await stream.collect()


async def test_closing_from_another_task_ends_the_reader(gateway: FakeGateway, client: AsyncClient) -> None:
    stream = client.stream(chat("silent", "hi"))
    reader = asyncio.create_task(stream.collect())
    assert await asyncio.to_thread(gateway.arrived.wait, 5)
    stream.close()
    with pytest.raises(CallCancelledError):
        await asyncio.wait_for(reader, 5)


async def test_cancelling_the_task_of_a_stream_cancels_the_call(gateway: FakeGateway, client: AsyncClient) -> None:
    task = asyncio.create_task(client.stream(chat("silent", "hi")).collect())
    assert await asyncio.to_thread(gateway.arrived.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await was_cancelled(gateway)


async def test_cancelling_the_task_of_a_unary_call_cancels_the_call(gateway: FakeGateway, client: AsyncClient) -> None:
    task = asyncio.create_task(client.complete(chat("silent", "hi")))
    assert await asyncio.to_thread(gateway.arrived.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await was_cancelled(gateway)


async def test_a_batch_of_texts_becomes_vectors(gateway: FakeGateway, client: AsyncClient) -> None:
    answer = await client.embed(embedding("embed-small", "a"))
    assert [list(vector.values) for vector in answer.embeddings] == [[3.0, 4.0]]


async def test_inputs_may_come_from_an_asynchronous_iterator(gateway: FakeGateway, client: AsyncClient) -> None:
    async def items() -> AsyncIterator[StreamEmbedItem]:
        for number in range(1, 200):
            yield item(f"i{number}", "x" * number)

    async with client.stream_embed("embed-small", items()) as stream:
        answers = [each.id async for each in stream if each.HasField("embedding")]
    assert answers == [f"i{number}" for number in range(1, 200)]
    assert stream.result.embedded_items_count == 199


async def test_inputs_may_come_from_a_plain_iterator(gateway: FakeGateway, client: AsyncClient) -> None:
    done = await client.stream_embed("embed-small", [item("1", "a"), item("2", "bad")]).collect()
    assert (done.embedded_items_count, done.failed_items_count) == (1, 1)


async def test_what_the_inputs_raise_is_raised_by_the_iteration(gateway: FakeGateway, client: AsyncClient) -> None:
    def items() -> Iterator[StreamEmbedItem]:
        yield item("1", "a")
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        await client.stream_embed("embed-small", items()).collect()


async def test_all_pages_of_models_are_read(gateway: FakeGateway, client: AsyncClient) -> None:
    gateway.models = [Model(name=name) for name in "abcde"]
    assert [model.name for model in await client.list_models()] == list("abcde")
