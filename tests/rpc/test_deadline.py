"""The caller's deadline, or the gateway's default: it bounds the upstream request, and the caller is told."""

import time
from collections.abc import Iterator
from typing import Any, NoReturn

import grpc
import pytest
from hedgerow.common.v1 import attempt_pb2
from hedgerow.common.v1.warning_pb2 import WARNING_CODE_DEADLINE_CLAMPED
from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.interceptors.deadline import Deadline
from rpc.caller import (
    COMPLETE,
    STREAM_COMPLETE,
    WAYS,
    Caller,
    Door,
    Outcome,
    Way,
    booked,
    connected,
    drained,
    embed,
    eventually,
    new_trace,
)
from rpc.conftest import StartRouter
from stack import Stack

DEADLINE_S = 0.5
DEFAULT_S, MAX_S = 1.0, 2.0
WITHIN_S = 0.25
BOTH = pytest.mark.parametrize("rpc", WAYS)


def check_told(outcome: Outcome[Any], seconds: float) -> None:
    """The caller has our details, and the report says how long it was."""
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    assert float(outcome.info.metadata["deadlineSeconds"]) == pytest.approx(seconds, abs=0.05)
    report = outcome.report
    assert report.request_id == outcome.request_id != ""
    if report.HasField("deadline_duration"):  # which the HTTP doors do not tell
        assert report.deadline_duration.ToTimedelta().total_seconds() == pytest.approx(seconds, abs=0.05)
    assert [one.outcome for one in report.attempts] == [attempt_pb2.ATTEMPT_OUTCOME_CANCELLED]


def check_closed(stack: Stack, trace: str, started_unix: float, seconds: float) -> None:
    """The upstream request ended with the deadline."""
    ended = eventually(
        lambda: next((call for call in booked(stack.sim_url, trace) if call["outcome"] != "open"), None),
        "the upstream request has ended",
    )
    assert ended["outcome"] == "cancelled"
    assert ended["ended_unix"] - started_unix < seconds + WITHIN_S


@BOTH
@pytest.mark.parametrize("model", ["silent", "slow", "late"])
def test_the_callers_deadline_bounds_the_upstream_request(either: Door, rpc: Way, model: str) -> None:
    trace, started_unix = new_trace(), time.time()
    outcome = either.caller.chat(rpc, model, timeout=DEADLINE_S, metadata=[("traceparent", trace)])
    assert time.time() - started_unix <= DEADLINE_S + 0.1
    check_told(outcome, DEADLINE_S)
    check_closed(either.stack, trace, started_unix, DEADLINE_S)


def test_what_came_before_the_deadline_stands(door: Door) -> None:
    """The events, and in the report the usage so far."""
    outcome = door.caller.chat(STREAM_COMPLETE, "slow", timeout=DEADLINE_S)
    kinds = [event.WhichOneof("event") for event in outcome.messages]
    assert kinds[0] == "started"
    assert set(kinds[1:]) == {"text_delta"}
    assert outcome.report.usage.estimated
    assert outcome.report.usage.output_tokens > 0


def test_the_deadline_bounds_embeddings(either: Door) -> None:
    trace, started_unix = new_trace(), time.time()
    request = embed("slow-embed", "a")
    check_told(either.caller.embed(request, timeout=DEADLINE_S, metadata=[("traceparent", trace)]), DEADLINE_S)
    check_closed(either.stack, trace, started_unix, DEADLINE_S)


def unused(call: Call) -> NoReturn:
    """Neither decodes nor answers."""
    raise AssertionError(call.method.name)


@pytest.mark.parametrize(
    ("asked_s", "sent_s"), [(0.05, 0.05), (0.999, 0.999), (1.001, 1.01), (10.001, 10.1), (99.91, 100.0), (100.1, 101.0)]
)
async def test_the_gateway_ends_a_call_before_the_caller_does(asked_s: float, sent_s: float) -> None:
    """C-core rounds what it sends up, as listed; the caller's own clock must not be first all the same."""
    call = Call(Method("test", Kind.UNARY, unused, unused), {}, b"", timeout_s=sent_s)
    await Deadline(600, 3600).admit(call)
    assert call.deadline_s is not None
    assert asked_s * 0.85 < call.deadline_s - call.started_s < asked_s


@pytest.fixture(scope="module")
def hasty(start_router: StartRouter) -> Iterator[Caller]:
    """A caller of a router with short deadlines."""
    section = {"default_seconds": DEFAULT_S, "max_seconds": MAX_S}
    with start_router(deadline=section) as running, connected(running.addresses) as caller:
        yield caller


@BOTH
def test_without_a_deadline_the_default_holds(hasty: Caller, stack: Stack, rpc: Way) -> None:
    trace, started_unix = new_trace(), time.time()
    outcome = hasty.chat(rpc, "silent", timeout=None, metadata=[("traceparent", trace)])
    assert DEFAULT_S <= time.time() - started_unix < DEFAULT_S + 0.5
    check_told(outcome, DEFAULT_S)
    check_closed(stack, trace, started_unix, DEFAULT_S)


def test_a_stream_of_requests_that_never_begins_ends_by_the_default(hasty: Caller) -> None:
    """Its caller says nothing and has set no deadline: nothing else would end the call."""

    def silence() -> Iterator[bytes]:
        time.sleep(DEFAULT_S + 1)
        yield b""

    started_s = time.monotonic()
    outcome = drained(hasty.open_embed(silence(), timeout=None))
    assert (outcome.code, outcome.reason) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED")
    assert time.monotonic() - started_s < DEFAULT_S + 0.5


@BOTH
def test_more_than_the_maximum_is_cut_to_it_with_a_warning(hasty: Caller, rpc: Way) -> None:
    """In the answer and in the report."""
    outcome = hasty.chat(rpc, "fast", timeout=30)
    assert outcome.code is grpc.StatusCode.OK
    told = outcome.message.warnings if not rpc.stream else outcome.messages[0].started.warnings
    for warnings in (told, outcome.report.warnings):
        (warning,) = warnings
        assert warning.code == WARNING_CODE_DEADLINE_CLAMPED
        assert f"{MAX_S:g} s" in warning.message
    if rpc.door == "grpc":
        assert outcome.report.deadline_duration.ToTimedelta().total_seconds() == MAX_S


def test_the_maximum_ends_the_call(hasty: Caller) -> None:
    started_s = time.monotonic()
    outcome = hasty.chat(COMPLETE, "silent", timeout=30)
    assert MAX_S <= time.monotonic() - started_s < MAX_S + 0.5
    check_told(outcome, MAX_S)
    assert [warning.code for warning in outcome.report.warnings] == [WARNING_CODE_DEADLINE_CLAMPED]


def test_a_deadline_within_the_maximum_is_no_warning(hasty: Caller) -> None:
    outcome = hasty.chat(COMPLETE, "fast", timeout=1.5)
    assert not outcome.message.warnings
    assert not outcome.report.warnings
