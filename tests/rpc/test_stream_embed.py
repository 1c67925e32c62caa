"""Embeddings in bulk and in batches: order, ids, bad items, back-pressure, sizes."""

import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import grpc
import psutil
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from hedgerow.common.v1.policy_pb2 import RoutePolicy
from hedgerow.embed.v1 import embed_service_pb2 as pb
from rpc.caller import (
    EMBED,
    Caller,
    Door,
    Outcome,
    booked,
    connected,
    drained,
    embed,
    eventually,
    item,
    new_trace,
    options,
)
from stack import OWN_CONNECTIONS

DIMENSIONS = 32
MIB = 1 << 20
TOO_LONG = "word " * 9000
BULK = 50_000
RESTS = (5_000, 35_000)
MAX_ASKED_AHEAD = 10_000
MAX_GROWTH_BYTES = 32 * MIB
# HTTP/2 lets this much of the requests wait between caller and gateway, however many there are still to come.
MAX_AHEAD_BYTES = 8 * MIB
# The reader's window stays at 64 KiB, where it would grow with the speed of the loopback device.
SMALL_WINDOW = (("grpc.http2.bdp_probe", 0),)
TEXT = "one of very many texts, as long as a short sentence; " * 5
TOKENS = 66


def stream(caller: Caller, *texts: str, model: str = "embed-small", **more: Any) -> Outcome[pb.StreamEmbedResponse]:
    """Embeds texts whose ids are their numbers."""
    more.setdefault("dimensions", DIMENSIONS)
    return caller.stream_embed([options(model, **more), *(item(str(n), text) for n, text in enumerate(texts))])


def kinds(outcome: Outcome[pb.StreamEmbedResponse]) -> list[str | None]:
    """The kinds of the messages; their numbers are checked on the way."""
    assert [message.sequence for message in outcome.messages] == list(range(1, len(outcome.messages) + 1))
    return [message.WhichOneof("result") for message in outcome.messages]


def vectors(outcome: Outcome[pb.StreamEmbedResponse]) -> dict[str, list[float]]:
    """The vectors by id, in the order in which they came."""
    return {one.id: list(one.embedding.values) for one in outcome.messages if one.HasField("embedding")}


def expected(door: Door, *texts: str) -> list[list[float]]:
    """The vectors of texts, each asked for alone."""
    alone = [door.caller.embed(embed("embed-small", text, dimensions=DIMENSIONS)).message for text in texts]
    return [list(one.embeddings[0].values) for one in alone]


def test_answers_come_in_order_under_the_callers_ids(either: Door) -> None:
    texts = [f"text {number}" for number in range(700)]
    outcome = stream(either.caller, *texts)
    assert outcome.code is grpc.StatusCode.OK
    assert kinds(outcome) == ["started", *["embedding"] * 700, "completed"]
    found = vectors(outcome)
    assert list(found) == [str(number) for number in range(700)]
    for number in (0, 255, 256, 699):
        assert [found[str(number)]] == expected(either, texts[number])
    completed = outcome.messages[-1].completed
    assert (completed.embedded_items_count, completed.failed_items_count) == (700, 0)
    assert completed.usage.input_tokens > 700
    assert completed.usage.final
    assert completed.attempts_count == outcome.report.attempts[0].number


def test_ids_are_given_back_and_not_compared(door: Door) -> None:
    ids = ["x", "x", "with space/ü", "y" * 128]
    outcome = door.caller.stream_embed([options("embed-small"), *(item(one, "text") for one in ids)])
    assert [one.id for one in outcome.messages if one.HasField("embedding")] == ids


def test_a_caller_that_sends_little_waits_for_nobody(door: Door) -> None:
    """Every item is answered before the next one is sent."""
    answered = threading.Semaphore(0)

    def requests() -> Iterator[pb.StreamEmbedRequest]:
        yield options("embed-small")
        for number in range(3):
            yield item(str(number), "text")
            assert answered.acquire(timeout=10)

    found = []
    for message in door.caller.open_embed(requests()):
        if message.HasField("embedding"):
            found.append(message.id)
            answered.release()
    assert found == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("bad", "reason", "detail"),
    [("", "REQUEST_INVALID", error_details_pb2.BadRequest), (TOO_LONG, "CONTEXT_TOO_LONG", None)],
    ids=["an empty text", "a text that the provider refuses"],
)
@pytest.mark.parametrize("at", [0, 3, 7])
def test_one_bad_item_is_answered_with_its_error(either: Door, bad: str, reason: str, detail: Any, at: int) -> None:
    """In its place, with the details of a failed call; all others are embedded."""
    texts = [bad if number == at else f"text {number}" for number in range(8)]
    outcome = stream(either.caller, *texts)
    assert outcome.code is grpc.StatusCode.OK
    wanted = ["item_error" if number == at else "embedding" for number in range(8)]
    assert kinds(outcome) == ["started", *wanted, "completed"]
    assert [message.id for message in outcome.messages[1:-1]] == [str(number) for number in range(8)]
    error = outcome.messages[1 + at].item_error
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    info = error_details_pb2.ErrorInfo()
    assert error.details[0].Unpack(info)
    assert (info.domain, info.reason) == ("hedgerow", f"ERROR_REASON_{reason}")
    assert len(error.details) == (1 if detail is None else 2)
    assert detail is None or error.details[1].Is(detail.DESCRIPTOR)
    completed = outcome.messages[-1].completed
    assert (completed.embedded_items_count, completed.failed_items_count) == (7, 1)
    good = [number for number in (1, 6) if number != at]
    assert [vectors(outcome)[str(number)] for number in good] == expected(either, *(texts[n] for n in good))


def test_only_bad_items_are_a_stream_too(door: Door) -> None:
    """It begins and ends like any other, and costs nothing."""
    outcome = stream(door.caller, "", "")
    assert kinds(outcome) == ["started", "item_error", "item_error", "completed"]
    assert outcome.messages[0].started.provider == "sim"
    completed = outcome.messages[-1].completed
    assert (completed.embedded_items_count, completed.failed_items_count, completed.attempts_count) == (0, 2, 0)


def test_no_items_at_all_are_a_stream_too(door: Door) -> None:
    outcome = stream(door.caller)
    assert outcome.code is grpc.StatusCode.OK
    assert kinds(outcome) == ["started", "completed"]
    completed = outcome.messages[-1].completed
    assert (completed.embedded_items_count, completed.failed_items_count, completed.attempts_count) == (0, 0, 0)
    assert completed.usage.final


@pytest.mark.parametrize(
    ("requests", "reason", "field"),
    [
        ([], "REQUEST_INVALID", "options"),
        ([item("1", "a")], "REQUEST_INVALID", "options"),
        ([b""], "REQUEST_INVALID", "options"),
        ([options("embed-small"), options("embed-small")], "REQUEST_INVALID", "options"),
        ([options("embed-small"), item("", "a")], "REQUEST_INVALID", "item.id"),
        ([options("embed-small"), b"\x0a\xff\xff"], "REQUEST_MALFORMED", None),
        ([options("embed-small", dimensions=0)], "REQUEST_INVALID", "options.dimensions"),
    ],
    ids=["nothing", "no options", "empty", "options twice", "no id", "malformed", "bad options"],
)
def test_a_stream_against_the_contract_is_refused(
    door: Door, requests: Iterable[Any], reason: str, field: str | None
) -> None:
    outcome = door.caller.stream_embed(requests)
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
    if field is not None:
        assert outcome.info.metadata["field"] == field
    assert "completed" not in kinds(outcome)


def test_a_provider_that_fails_ends_the_stream(either: Door) -> None:
    route = RoutePolicy(first_token_timeout=Duration(nanos=300_000_000))
    outcome = stream(either.caller, "a", model="slow-embed", route=route)
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.UNAVAILABLE, "FIRST_TOKEN_TIMEOUT")
    assert outcome.messages == []


class Sender:
    """Sends a bulk of items and counts how many it has handed over."""

    def __init__(self, count: int) -> None:
        self.sent = 0
        self._count = count

    def requests(self) -> Iterator[pb.StreamEmbedRequest]:
        """The messages."""
        yield options("embed-tiny", dimensions=256)
        for number in range(self._count):
            self.sent += 1
            yield item(str(number), f"{TEXT}{number:06}")


def settled(sender: Sender) -> int:
    """How many were sent once no more are."""
    before = -1
    while before != sender.sent:
        before = sender.sent
        time.sleep(0.5)
    return before


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_slow_reader_holds_everything_back_and_memory_stays_flat(door: Door) -> None:
    """50,000 items and a reader that rests: the order is kept, neither the sender nor the calls of the provider run
    ahead, and the router's memory does not grow.
    """
    router = psutil.Process(door.stack.router.popen.pid)
    sender, trace = Sender(BULK), new_trace()
    sizes: list[int] = []
    read = 0
    with connected(door.stack.target, more=SMALL_WINDOW) as caller:
        for message in caller.open_embed(sender.requests(), timeout=200, metadata=[("traceparent", trace)]):
            if not message.HasField("embedding"):
                continue
            assert message.id == str(read)
            assert len(message.embedding.values) == 256
            read += 1
            if read % 10_000 == 0:
                sizes.append(router.memory_info().rss)
            if read in RESTS:
                sent_ahead = settled(sender) - read
                assert sent_ahead * len(TEXT) < MAX_AHEAD_BYTES, f"{sent_ahead} items sent ahead of the reader"
                asked = sum(one["input_tokens"] for one in booked(door.stack.sim_url, trace)) // TOKENS
                assert asked - read < MAX_ASKED_AHEAD, f"{asked - read} items embedded ahead of the reader"
    assert message.completed.embedded_items_count == read == BULK
    assert max(sizes) - sizes[0] < MAX_GROWTH_BYTES, sizes


def test_a_batch_keeps_its_order_over_the_providers_limit(either: Door) -> None:
    """5,000 inputs are three requests to a provider that takes 2,048; the vectors are those of smaller batches."""
    texts = [f"text {number}" for number in range(5000)]
    trace = new_trace()
    outcome = either.caller.embed(
        embed("embed-small", *texts, dimensions=DIMENSIONS), metadata=[("traceparent", trace)]
    )
    found = [list(one.values) for one in outcome.message.embeddings]
    assert len({tuple(one) for one in found}) == 5000
    assert found == list(vectors(stream(either.caller, *texts)).values())
    requests = booked(either.stack.sim_url, trace)
    assert len(requests) == 3
    assert outcome.message.usage.input_tokens == sum(one["input_tokens"] for one in requests)
    assert [attempt.number for attempt in outcome.message.attempts] == [1, 2, 3]


def test_one_bad_input_fails_the_batch(either: Door) -> None:
    outcome = either.caller.embed(embed("embed-small", "a", TOO_LONG, "b"))
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "CONTEXT_TOO_LONG")


def test_an_answer_that_clients_would_refuse_is_refused_before_anything_is_sent(door: Door) -> None:
    """Above 4 MiB, the default limit of gRPC clients. The provider is not asked."""
    trace = new_trace()
    request = embed("embed-small", *(f"text {number}" for number in range(682)))
    outcome = door.caller.embed(request, metadata=[("traceparent", trace)])
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "RESPONSE_TOO_LARGE")
    assert int(outcome.info.metadata["limitBytes"]) == 4 * MIB
    assert int(outcome.info.metadata["estimatedBytes"]) > 4 * MIB
    assert "StreamEmbed" in outcome.text
    assert booked(door.stack.sim_url, trace) == []


def test_the_largest_answer_that_is_given_fits_a_client_with_defaults(door: Door) -> None:
    request = embed("embed-small", *(f"text {number}" for number in range(681)))
    with grpc.insecure_channel(door.stack.target, OWN_CONNECTIONS) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(EMBED)
        answer = call(request.SerializeToString(), timeout=30)
    assert 4_000_000 < len(answer) <= 4 * MIB
    assert len(pb.EmbedResponse.FromString(answer).embeddings) == 681


def test_tokens_are_inputs_too(either: Door) -> None:
    """In batches, beside texts."""
    ids = pb.EmbedInput(token_ids=pb.TokenIds(ids=[9906, 1917]))
    spec = pb.EmbedSpec(model="embed-small", inputs=[ids, ids], dimensions=DIMENSIONS)
    answer = either.caller.embed(pb.EmbedRequest(embed=spec)).message
    assert len(answer.embeddings) == 2
    assert answer.embeddings[0] == answer.embeddings[1]


def test_a_stream_that_is_dropped_in_the_middle_is_no_success(door: Door) -> None:
    """The deadline ends it: what was embedded stands, nothing closes it. Both clocks run under load here, so the status
    may be the client's own, without our details.
    """
    sender = Sender(BULK)
    outcome = drained(door.caller.open_embed(sender.requests(), timeout=1))
    assert outcome.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert kinds(outcome)[0] == "started"
    assert "completed" not in kinds(outcome)
    eventually(lambda: door.caller.embed(embed("embed-small", "a")).message, "the next call is served")
