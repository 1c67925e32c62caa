"""A caller that goes away: the provider's connection is closed within 250 ms, in every phase of a call."""

import time
from collections.abc import Callable
from typing import Any

import grpc
import psutil
import pytest
from hedgerow.chat.v1.chat_service_pb2 import StreamCompleteResponse
from rpc.caller import (
    COMPLETE,
    EMBED,
    STREAM_COMPLETE,
    Caller,
    Door,
    Outcome,
    booked,
    chat,
    connected,
    embed,
    eventually,
    item,
    new_trace,
    options,
)
from stack import Process

WITHIN_S = 0.25
WAVES, WAVE = 4, 50
# The reader's window stays at 64 KiB, where it would grow with the speed of the loopback device.
SMALL_WINDOW = (("grpc.http2.bdp_probe", 0),)


def unary(caller: Caller, method: str, request: Any, trace: str) -> Any:
    """A unary call under way."""
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = caller.channel.unary_unary(method)
    return call.future(request.SerializeToString(), timeout=30, metadata=(("traceparent", trace),))


def open_complete(caller: Caller, model: str, trace: str) -> Any:
    """A Complete under way."""
    return unary(caller, COMPLETE, chat(model), trace)


def open_stream(caller: Caller, model: str, trace: str) -> Any:
    """A StreamComplete under way."""
    metadata = [("traceparent", trace)]
    return caller.open(STREAM_COMPLETE, chat(model), StreamCompleteResponse.FromString, metadata=metadata)


def open_embed(caller: Caller, model: str, trace: str) -> Any:
    """An Embed under way."""
    return unary(caller, EMBED, embed(model, "a"), trace)


def open_stream_embed(caller: Caller, model: str, trace: str) -> Any:
    """A StreamEmbed under way, whose sender has not finished."""

    def requests() -> Any:
        yield options(model)
        yield item("1", "a")
        time.sleep(0.5)

    return caller.open_embed(requests(), metadata=[("traceparent", trace)])


def upstream(door: Door, trace: str, *, answering: bool) -> dict[str, Any] | None:
    """The one upstream request of a call, once it has got so far."""
    calls = booked(door.stack.sim_url, trace)
    if not calls or (answering and calls[0]["first_byte_unix"] is None):
        return None
    (only,) = calls
    return only


def line_of(door: Door, trace: str) -> str | None:
    """The line of a call in the router's log, once it is there."""
    return next((line for line in door.stack.router.log.read_text().splitlines() if trace in line), None)


def still(count: Callable[[], int]) -> bool:
    """Whether a count is above zero and stays what it is for a moment."""
    before = count()
    time.sleep(0.2)
    return 0 < before == count()


def check_closed(door: Door, trace: str, left_unix: float) -> None:
    """The upstream request was still open when the caller left, and ended soon after."""
    ended = eventually(
        lambda: next((call for call in booked(door.stack.sim_url, trace) if call["outcome"] != "open"), None),
        "the upstream request has ended",
    )
    assert ended["outcome"] == "cancelled"
    assert 0 <= ended["ended_unix"] - left_unix < WITHIN_S


PHASES = {
    "unary, before headers": (open_complete, "silent", False),
    "unary, in the body": (open_complete, "stall", True),
    "stream, before headers": (open_stream, "silent", False),
    "stream, before the first token": (open_stream, "late", True),
    "embed, before headers": (open_embed, "slow-embed", False),
    "embed, in the body": (open_embed, "stall-embed", True),
    "stream of embeddings": (open_stream_embed, "slow-embed", False),
}


@pytest.mark.parametrize(("start", "model", "answering"), PHASES.values(), ids=PHASES)
def test_a_caller_that_leaves_ends_the_upstream_request(
    either: Door, start: Callable[[Caller, str, str], Any], model: str, answering: bool
) -> None:
    trace = new_trace()
    call = start(either.caller, model, trace)
    eventually(lambda: upstream(either, trace, answering=answering), "the provider has the request")
    left_unix = time.time()
    call.cancel()
    check_closed(either, trace, left_unix)


def test_a_caller_that_leaves_mid_stream_ends_the_upstream_request(either: Door) -> None:
    trace = new_trace()
    call = open_stream(either.caller, "slow", trace)
    for _ in range(3):
        next(call)
    left_unix = time.time()
    call.cancel()
    check_closed(either, trace, left_unix)


def test_a_connection_that_breaks_ends_its_calls(either: Door) -> None:
    """As when the caller's process dies."""
    trace = new_trace()
    with connected(either.stack.target) as caller:
        next(open_stream(caller, "slow", trace))
        left_unix = time.time()
    check_closed(either, trace, left_unix)


@pytest.mark.parametrize("leave", ["cancel", "close"])
def test_a_caller_that_leaves_in_the_middle_of_a_write_is_no_fault(door: Door, leave: str) -> None:
    """It has read nothing for a while, so that the gateway waits for room; the log takes it as what it is."""
    trace = new_trace()
    requests = [options("embed-tiny"), *(item(str(number), "text") for number in range(5000))]
    with connected(door.stack.target, more=SMALL_WINDOW) as caller:
        call = caller.open_embed(requests, metadata=[("traceparent", trace)])
        next(call)
        eventually(lambda: still(lambda: len(booked(door.stack.sim_url, trace))), "the gateway waits for the reader")
        if leave == "cancel":
            call.cancel()
    line = eventually(lambda: line_of(door, trace), "the line of the call")
    assert '"code":"CANCELLED","reason":"CANCELLED"' in line


def test_the_log_says_that_the_caller_left(door: Door) -> None:
    trace = new_trace()
    call = open_stream(door.caller, "slow", trace)
    next(call)
    call.cancel()
    line = eventually(lambda: line_of(door, trace), "the line of the call")
    assert '"code":"CANCELLED","reason":"CANCELLED"' in line
    assert '"output_tokens"' in line


def connections(router: Process, simulator: Process) -> int:
    """How many sockets the router has that lead to the simulator."""
    port = int(simulator.addresses["http"].rpartition(":")[2])
    found = psutil.Process(router.popen.pid).net_connections("tcp")
    return sum(1 for one in found if one.raddr and one.raddr.port == port)


def test_cancelled_calls_leave_nothing_behind(either: Door) -> None:
    """200 of them: no socket stays open, and the next call is served."""
    router, simulator = either.stack.router, either.stack.simulator
    before = connections(router, simulator)
    for _ in range(WAVES):
        calls = [open_stream(either.caller, "slow", new_trace()) for _ in range(WAVE)]
        for call in calls:
            next(call)
            call.cancel()
    eventually(lambda: connections(router, simulator) <= before, "the sockets are closed")
    outcome: Outcome[Any] = either.caller.chat(COMPLETE, "fast")
    assert outcome.code is grpc.StatusCode.OK
    assert connections(router, simulator) <= before + 1
