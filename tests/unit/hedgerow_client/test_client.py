"""The synchronous client against a gateway in this process."""

import gc
import time
from collections.abc import Callable, Iterator

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckResponse
from hedgerow.chat.v1.chat_service_pb2 import CompleteRequest, StreamCompleteRequest
from hedgerow.chat.v1.message_pb2 import ChatSpec, Part
from hedgerow.embed.v1.embed_service_pb2 import StreamEmbedItem
from hedgerow.router.v1.router_service_pb2 import Model
from hedgerow_client import Client, chat, embedding, item
from hedgerow_client.errors import (
    CallCancelledError,
    IncompleteStreamError,
    InvalidArgumentError,
    StreamSequenceError,
    UnavailableError,
)
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
def client(gateway: FakeGateway) -> Iterator[Client]:
    with Client(gateway.target, token="secret-token", timeout=30) as client:
        yield client


def settled(count: Callable[[], int]) -> int:
    """What `count` gives once it has stopped growing for a quarter of a second, 10 s at the most."""
    deadline = time.monotonic() + 10
    last, since = count(), time.monotonic()
    while time.monotonic() < deadline and (not last or time.monotonic() - since < 0.25):
        time.sleep(0.01)
        if count() != last:
            last, since = count(), time.monotonic()
    return last


def test_a_conversation_alone_is_wrapped_in_a_request(gateway: FakeGateway, client: Client) -> None:
    spec = chat("fast", "hi", system="be kind", temperature=0.0, max_output_tokens=5)
    assert client.complete(spec) == gateway.answer
    assert gateway.requests == [CompleteRequest(chat=spec)]


def test_a_whole_request_is_sent_as_it_is(gateway: FakeGateway, client: Client) -> None:
    request = StreamCompleteRequest(chat=chat("fast", "hi"), labels={"feature": "search"})
    client.stream(request).collect()
    assert gateway.requests == [request]


def test_unset_sampling_stays_unset() -> None:
    spec = chat("fast", "hi")
    assert spec == ChatSpec.FromString(spec.SerializeToString())
    assert not spec.HasField("temperature")
    assert not spec.HasField("max_output_tokens")


def test_the_token_is_sent_with_every_call(gateway: FakeGateway, client: Client) -> None:
    client.list_models()
    assert gateway.metadata["authorization"] == "Bearer secret-token"


def test_metadata_of_a_call_is_sent_beside_it(gateway: FakeGateway, client: Client) -> None:
    client.complete(chat("fast", "hi"), metadata=[("x-request-id", "mine")])
    assert (gateway.metadata["x-request-id"], gateway.metadata["authorization"]) == ("mine", "Bearer secret-token")


def test_a_stream_gives_its_events_and_then_its_result(gateway: FakeGateway, client: Client) -> None:
    with client.stream(chat("fast", "hi")) as stream:
        assert list(stream) == gateway.events
    assert list(stream.result.message.content) == [Part(text="Hello there")]


def test_trailers_are_there_after_a_stream(gateway: FakeGateway, client: Client) -> None:
    stream = client.stream(chat("fast", "hi"))
    stream.collect()
    assert (stream.request_id, stream.report) == (REQUEST_ID, REPORT)


def test_a_result_before_the_end_is_refused(gateway: FakeGateway, client: Client) -> None:
    with client.stream(chat("fast", "hi")) as stream:
        next(stream)
        with pytest.raises(RuntimeError, match="not ended"):
            _ = stream.result


def test_the_folded_message_goes_into_the_next_request(gateway: FakeGateway, client: Client) -> None:
    spec = chat("fast", "hi")
    spec.messages.append(client.stream(spec).collect().message)
    client.complete(spec)
    assert [part.text for part in gateway.requests[-1].chat.messages[1].content] == ["Hello there"]


def test_iterating_over_a_cut_stream_fails(gateway: FakeGateway, client: Client) -> None:
    gateway.events = numbered([started(), text("half")])
    with pytest.raises(IncompleteStreamError) as caught:
        for _ in client.stream(chat("fast", "hi")):
            pass
    assert caught.value.request_id == REQUEST_ID


def test_a_gap_ends_the_stream(gateway: FakeGateway, client: Client) -> None:
    gateway.events = numbered([started(), text("a"), completed()])
    del gateway.events[1]
    stream = client.stream(chat("fast", "hi"))
    with pytest.raises(StreamSequenceError):
        stream.collect()
    assert list(stream) == []


def test_a_failure_after_events_is_raised_by_the_iteration(gateway: FakeGateway, client: Client) -> None:
    gateway.events = numbered([started(), text("half")])
    gateway.failure = Failure(grpc.StatusCode.UNAVAILABLE, "cut", "ERROR_REASON_STREAM_CUT")
    stream = client.stream(chat("fast", "hi"))
    assert [next(stream), next(stream)] == gateway.events
    with pytest.raises(UnavailableError, match="cut") as caught:
        next(stream)
    assert caught.value.reason == "ERROR_REASON_STREAM_CUT"


def test_leaving_the_context_cancels_the_call(gateway: FakeGateway, client: Client) -> None:
    with client.stream(chat("endless", "hi")) as stream:
        next(stream)
    assert gateway.cancelled.wait(5)


def test_dropping_a_stream_cancels_the_call(gateway: FakeGateway, client: Client) -> None:
    stream = client.stream(chat("endless", "hi"))
    next(stream)
    del stream
    gc.collect()
    assert gateway.cancelled.wait(5)


def test_a_closed_stream_raises_when_it_is_read(gateway: FakeGateway, client: Client) -> None:
    stream = client.stream(chat("endless", "hi"))
    next(stream)
    stream.close()
    with pytest.raises(CallCancelledError):
        stream.collect()


def test_closing_the_client_cancels_its_streams(gateway: FakeGateway, client: Client) -> None:
    next(client.stream(chat("endless", "hi")))
    client.close()
    assert gateway.cancelled.wait(5)


def test_unavailable_is_tried_twice(gateway: FakeGateway, client: Client) -> None:
    gateway.failure = Failure(grpc.StatusCode.UNAVAILABLE)
    with pytest.raises(UnavailableError):
        client.complete(chat("fast", "hi"))
    assert gateway.attempts == 2


@pytest.mark.parametrize(
    "failure",
    [
        Failure(grpc.StatusCode.UNAVAILABLE, trailers=(("grpc-retry-pushback-ms", "-1"),)),
        Failure(grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
def test_a_refused_retry_and_other_codes_are_tried_once(gateway: FakeGateway, client: Client, failure: Failure) -> None:
    gateway.failure = failure
    with pytest.raises(Exception, match="it failed"):
        client.complete(chat("fast", "hi"))
    assert gateway.attempts == 1


def test_a_gateway_that_drains_gets_no_calls(gateway: FakeGateway, client: Client) -> None:
    """Its health service says NOT_SERVING; a client with other addresses would take those."""
    gateway.health.set("", HealthCheckResponse.NOT_SERVING)
    with pytest.raises(UnavailableError):
        client.complete(chat("fast", "hi"))
    assert gateway.attempts == 0


def test_without_health_checks_it_gets_calls_anyway(gateway: FakeGateway) -> None:
    gateway.health.set("", HealthCheckResponse.NOT_SERVING)
    with Client(gateway.target, health_check=False) as client:
        client.complete(chat("fast", "hi"))
    assert gateway.attempts == 1


def test_answers_above_four_mebibytes_arrive(gateway: FakeGateway, client: Client) -> None:
    gateway.answer.message.content.add(text="x" * (6 << 20))
    assert client.complete(chat("fast", "hi")) == gateway.answer


def test_a_batch_of_texts_becomes_vectors(gateway: FakeGateway, client: Client) -> None:
    answer = client.embed(embedding("embed-small", "a", "b", dimensions=2))
    assert [list(vector.values) for vector in answer.embeddings] == [[3.0, 4.0], [3.0, 4.0]]
    assert gateway.requests[0].embed.dimensions == 2


def test_streamed_inputs_are_answered_in_order_with_their_ids(gateway: FakeGateway, client: Client) -> None:
    items = (item(f"i{number}", "x" * number) for number in range(1, 500))
    with client.stream_embed("embed-small", items) as stream:
        answers = [(each.id, each.embedding.values[0]) for each in stream if each.HasField("embedding")]
    assert answers == [(f"i{number}", float(number)) for number in range(1, 500)]
    assert stream.result.embedded_items_count == 499


def test_one_bad_input_does_not_end_the_stream(gateway: FakeGateway, client: Client) -> None:
    stream = client.stream_embed("embed-small", [item("1", "a"), item("2", "bad"), item("3", "c")])
    kinds = [each.WhichOneof("result") for each in stream]
    assert kinds == ["started", "embedding", "item_error", "embedding", "completed"]


def test_a_cut_stream_of_vectors_fails(gateway: FakeGateway, client: Client) -> None:
    gateway.embed_completes = False
    with pytest.raises(IncompleteStreamError):
        client.stream_embed("embed-small", [item("1", "a")]).collect()


def test_what_the_inputs_raise_is_raised_by_the_iteration(gateway: FakeGateway, client: Client) -> None:
    def items() -> Iterator[StreamEmbedItem]:
        yield item("1", "a")
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        client.stream_embed("embed-small", items()).collect()


def test_inputs_are_not_read_ahead_of_a_gateway_that_does_not_read(gateway: FakeGateway, client: Client) -> None:
    taken = 0

    def items() -> Iterator[StreamEmbedItem]:
        nonlocal taken
        for number in range(1_000_000):
            taken = number
            yield item(str(number), "x" * 1000)

    with client.stream_embed("stuck", items()):
        assert settled(lambda: taken) < 50_000


def test_all_pages_of_models_are_read(gateway: FakeGateway, client: Client) -> None:
    gateway.models = [Model(name=name) for name in "abcde"]
    assert [model.name for model in client.list_models()] == list("abcde")
    assert gateway.attempts == 3


def test_a_failed_unary_call_raises(gateway: FakeGateway, client: Client) -> None:
    gateway.failure = Failure(grpc.StatusCode.INVALID_ARGUMENT)
    with pytest.raises(InvalidArgumentError):
        client.embed(embedding("embed-small", "a"))
