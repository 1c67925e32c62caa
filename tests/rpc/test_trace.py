"""The caller's trace goes on to the provider, with and without OpenTelemetry in the gateway."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from hedgerow.chat.v1.chat_service_pb2 import StreamCompleteResponse
from rpc.caller import (
    COMPLETE,
    STREAM_COMPLETE,
    Caller,
    Door,
    Outcome,
    book,
    booked,
    chat,
    connected,
    drained,
    embed,
    eventually,
    item,
    new_trace,
    options,
)
from rpc.conftest import StartRouter
from stack import Stack

STATE = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
WITHIN_S = 0.25
Metadata = list[tuple[str, str]]


def complete(caller: Caller, metadata: Metadata) -> Outcome[Any]:
    """A Complete."""
    return caller.chat(COMPLETE, "fast", metadata=metadata)


def stream_complete(caller: Caller, metadata: Metadata) -> Outcome[Any]:
    """A StreamComplete."""
    return caller.chat(STREAM_COMPLETE, "fast", metadata=metadata)


def embed_batch(caller: Caller, metadata: Metadata) -> Outcome[Any]:
    """An Embed."""
    return caller.embed(embed("embed-small", "a"), metadata=metadata)


def stream_embed(caller: Caller, metadata: Metadata) -> Outcome[Any]:
    """A StreamEmbed."""
    return drained(caller.open_embed([options("embed-small"), item("1", "a")], metadata=metadata))


CALLS = pytest.mark.parametrize("make", [complete, stream_complete, embed_batch, stream_embed])
Make = Callable[[Caller, Metadata], Outcome[Any]]


@CALLS
def test_the_callers_trace_reaches_the_provider_unchanged(either: Door, make: Make) -> None:
    trace = new_trace()
    assert make(either.caller, [("traceparent", trace), ("tracestate", STATE)]).code is grpc.StatusCode.OK
    (request,) = booked(either.stack.sim_url, trace)
    assert request["headers"]["tracestate"] == STATE


def test_the_log_names_the_trace(door: Door) -> None:
    trace = new_trace()
    complete(door.caller, [("traceparent", trace)])
    eventually(lambda: f'"trace":"{trace}"' in door.stack.router.log.read_text(), "the trace in the line of the call")


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "nonsense",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01 x-evil: 1",
    ],
)
def test_a_malformed_trace_is_dropped(either: Door, parent: str) -> None:
    """With its state, as W3C Trace Context asks; the call itself is served."""
    outcome = complete(either.caller, [("traceparent", parent), ("tracestate", STATE)])
    assert outcome.code is grpc.StatusCode.OK
    headers = book(either.stack.sim_url)[-1]["headers"]
    assert "traceparent" not in headers
    assert "tracestate" not in headers


def test_a_state_that_is_too_long_is_dropped_alone(door: Door) -> None:
    """The standard lets it be cut above 512 characters; whole entries or nothing."""
    trace = new_trace()
    complete(door.caller, [("traceparent", trace), ("tracestate", "a=" + "b" * 600)])
    (request,) = booked(door.stack.sim_url, trace)
    assert "tracestate" not in request["headers"]


@pytest.fixture(scope="module")
def traced(start_router: StartRouter) -> Iterator[Caller]:
    """A caller of a router that OpenTelemetry instruments, with a tracer that records."""
    environment = {"OTEL_PYTHON_TRACER_PROVIDER": "sdk_tracer_provider"}
    with (
        start_router(server={"opentelemetry": True}, environment=environment) as running,
        connected(running.addresses["grpc"]) as caller,
    ):
        yield caller


@CALLS
def test_the_gateways_span_stands_between_caller_and_provider(traced: Caller, stack: Stack, make: Make) -> None:
    """Same trace, another parent."""
    _, trace_id, span_id, _ = (trace := new_trace()).split("-")
    assert make(traced, [("traceparent", trace), ("tracestate", STATE)]).code is grpc.StatusCode.OK
    headers = book(stack.sim_url)[-1]["headers"]
    _, sent_trace_id, sent_span_id, _ = headers["traceparent"].split("-")
    assert sent_trace_id == trace_id
    assert sent_span_id != span_id
    assert headers["tracestate"] == STATE


def test_an_instrumented_gateway_begins_a_trace_where_there_is_none(traced: Caller, stack: Stack) -> None:
    assert complete(traced, []).code is grpc.StatusCode.OK
    assert book(stack.sim_url)[-1]["headers"]["traceparent"].startswith("00-")


def test_an_instrumented_gateway_streams_the_same(traced: Caller, door: Door) -> None:
    """The same events as without, one Completed, last."""
    plain, instrumented = (stream_complete(caller, []).messages for caller in (door.caller, traced))
    texts = ["".join(event.text_delta.text for event in events) for events in (plain, instrumented)]
    assert texts[0] == texts[1] != ""
    assert [event.HasField("completed") for event in instrumented] == [False] * (len(instrumented) - 1) + [True]


@pytest.mark.parametrize("make", [complete, stream_complete, embed_batch, stream_embed])
def test_an_instrumented_gateway_sends_its_trailers(traced: Caller, make: Make) -> None:
    outcome = make(traced, [])
    assert outcome.request_id == outcome.report.request_id != ""


@pytest.mark.parametrize("rpc", [COMPLETE, STREAM_COMPLETE], ids=["unary", "stream"])
@pytest.mark.parametrize(
    ("model", "reason"), [("fault-429", "PROVIDER_THROTTLED"), ("no-such-model", "MODEL_NOT_FOUND")]
)
def test_an_instrumented_gateway_tells_errors_with_their_details(
    traced: Caller, rpc: str, model: str, reason: str
) -> None:
    outcome = traced.chat(rpc, model)
    assert outcome.reason == reason
    assert outcome.request_id == outcome.report.request_id != ""


def test_an_instrumented_gateway_knows_which_rpcs_there_are(traced: Caller) -> None:
    outcome = traced.unary("/no.such.v1.Service/Call", b"", bytes)
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.UNIMPLEMENTED, "RPC_UNKNOWN")


def test_an_instrumented_gateway_ends_the_upstream_request_of_a_caller_that_leaves(
    traced: Caller, stack: Stack
) -> None:
    trace_id = (trace := new_trace()).split("-")[1]

    def request() -> dict[str, Any]:
        return next(one for one in book(stack.sim_url) if trace_id in one["headers"].get("traceparent", ""))

    metadata = [("traceparent", trace)]
    call = traced.open(STREAM_COMPLETE, chat("slow"), StreamCompleteResponse.FromString, metadata=metadata)
    next(call)
    left_unix = time.time()
    call.cancel()
    eventually(lambda: request()["outcome"] == "cancelled", "the upstream request has ended")
    assert request()["ended_unix"] - left_unix < WITHIN_S
