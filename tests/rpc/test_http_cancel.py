"""A caller that leaves the HTTP door: the provider's connection is closed within 250 ms, in every phase of a call."""

import time
from collections.abc import Iterator

import httpx
import pytest
from rpc.caller import Door, booked, eventually, new_trace
from rpc.http_raw import Raw, chat, head, raw
from rpc.test_cancel import check_closed, connections, line_of, upstream

JSON = b"content-type: application/json"
WAVES, WAVE = 4, 25


@pytest.fixture(name="caller")
def caller_fixture(either: Door) -> Iterator[Raw]:
    """A connection to the HTTP door of a router, once for each upstream transport."""
    with raw(either.stack.router.addresses["http"]) as connection:
        yield connection


def start(caller: Raw, body: bytes, trace: str, path: str = "/v1/chat/completions") -> None:
    """Sends a request."""
    caller.send(head(JSON, b"traceparent: " + trace.encode(), b"content-length: %d" % len(body), path=path), body)


def embed(model: str) -> bytes:
    """The body of a request for embeddings."""
    return b'{"model": "%b", "input": "a"}' % model.encode()


CHAT, EMBED = "/v1/chat/completions", "/v1/embeddings"
PHASES = {
    "unary, before headers": (CHAT, chat("silent"), False),
    "unary, in the body": (CHAT, chat("stall"), True),
    "stream, before headers": (CHAT, chat("silent", stream=True), False),
    "stream, before the first token": (CHAT, chat("late", stream=True), True),
    "embed, before headers": (EMBED, embed("slow-embed"), False),
    "embed, in the body": (EMBED, embed("stall-embed"), True),
}


@pytest.mark.parametrize(("path", "body", "answering"), PHASES.values(), ids=PHASES)
def test_a_caller_that_leaves_ends_the_upstream_request(
    either: Door, caller: Raw, path: str, body: bytes, answering: bool
) -> None:
    trace = new_trace()
    start(caller, body, trace, path)
    eventually(lambda: upstream(either, trace, answering=answering), "the provider has the request")
    left_unix = time.time()
    caller.socket.close()
    check_closed(either, trace, left_unix)


@pytest.mark.parametrize("how", ["close", "reset", "half"])
def test_a_caller_that_leaves_mid_stream_ends_the_upstream_request(either: Door, caller: Raw, how: str) -> None:
    """Also one that only says that it sends no more: that is how a client that has gone looks."""
    trace = new_trace()
    start(caller, chat("slow", stream=True), trace)
    caller.until(b"\r\n\r\n")
    for _ in range(3):
        caller.chunk()
    left_unix = time.time()
    if how == "half":
        caller.socket.shutdown(1)
    else:
        if how == "reset":
            caller.socket.setsockopt(1, 13, b"\x01\0\0\0\0\0\0\0")  # SO_LINGER without a time
        caller.socket.close()
    check_closed(either, trace, left_unix)


def test_a_client_that_stops_reading_a_stream_ends_the_upstream_request(either: Door) -> None:
    """As an SDK's `close` does it."""
    trace = new_trace()
    with httpx.Client(base_url=f"http://{either.stack.router.addresses['http']}", trust_env=False) as client:
        headers = {"traceparent": trace, "content-type": "application/json"}
        with client.stream("POST", CHAT, content=chat("slow", stream=True), headers=headers) as answer:
            lines = answer.iter_lines()
            next(lines)
            left_unix = time.time()
        check_closed(either, trace, left_unix)


def test_what_waits_behind_a_call_is_not_served_for_a_caller_that_has_left(either: Door, caller: Raw) -> None:
    first, second = new_trace(), new_trace()
    start(caller, chat("slow", stream=True), first)
    start(caller, chat("fast"), second)
    caller.until(b"\r\n\r\n")
    left_unix = time.time()
    caller.socket.close()
    check_closed(either, first, left_unix)
    assert booked(either.stack.sim_url, second) == []


def test_the_log_says_that_the_caller_left(either: Door, caller: Raw) -> None:
    trace = new_trace()
    start(caller, chat("slow", stream=True), trace)
    caller.until(b"\r\n\r\n")
    caller.socket.close()
    line = eventually(lambda: line_of(either, trace), "the line of the call")
    assert '"code":"CANCELLED","door":"openai","reason":"CANCELLED"' in line


def test_cancelled_calls_leave_nothing_behind(either: Door) -> None:
    """A hundred of them: no socket stays open, and the next call is served."""
    router, simulator = either.stack.router, either.stack.simulator
    address = router.addresses["http"]
    before = connections(router, simulator)
    for _ in range(WAVES):
        opened = []
        for _ in range(WAVE):
            context = raw(address)
            opened.append((context, context.__enter__()))
            start(opened[-1][1], chat("slow", stream=True), new_trace())
        for context, caller in opened:
            caller.until(b"\r\n\r\n")
            context.__exit__(None, None, None)
    eventually(lambda: connections(router, simulator) <= before, "the sockets are closed")
    with raw(address) as caller:
        assert caller.ask(chat(), JSON).status == 200
