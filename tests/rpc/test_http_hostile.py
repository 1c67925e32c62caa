"""Callers that go to extremes at the HTTP door: each gets the right status or a closed connection, nothing of a request
that hides in another is served, and nothing of what they sent is in the log.
"""

import gzip
import json
import select
import time
from collections.abc import Iterator
from typing import Any

import pytest
from rpc.caller import booked, eventually, new_trace
from rpc.conftest import StartRouter
from rpc.http_raw import PATH, Raw, chat, head, raw
from stack import Process

CANARY = "CANARY-5b1e"
SECRET = CANARY.encode()
MAX_BYTES, MAX_HEADER_BYTES, MAX_CONNECTIONS = 64 * 1024, 8 * 1024, 12
PATIENCE_S = 1.2
SECTION = {
    "listen": "127.0.0.1:0",
    "max_request_bytes": MAX_BYTES,
    "max_header_bytes": MAX_HEADER_BYTES,
    "max_headers": 30,
    "max_connections": MAX_CONNECTIONS,
    "header_seconds": PATIENCE_S,
    "body_seconds": PATIENCE_S,
    "keep_alive_seconds": PATIENCE_S,
}
JSON = b"content-type: application/json"
KEY = b"authorization: Bearer " + SECRET
HIDDEN = head(b"content-length: %d" % len(chat()), b"x-hidden: 1") + chat()


@pytest.fixture(scope="module", name="router")
def router_fixture(start_router: StartRouter) -> Iterator[Process]:
    """A router with small limits and little patience. Its log shows nothing of what it was sent."""
    with start_router(server={"http": SECTION}) as running:
        yield running
        assert CANARY not in running.log.read_text()


@pytest.fixture(name="door")
def door_fixture(router: Process) -> Iterator[Raw]:
    """A connection to it."""
    with raw(router.addresses["http"]) as connection:
        yield connection


def is_alive(router: Process) -> bool:
    """Whether others are served."""
    with raw(router.addresses["http"]) as other:
        return other.ask(chat(), JSON).status == 200


WRONG_BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": SECRET,
    "cut JSON": chat(text=CANARY)[:-1],
    "two documents": chat() + chat(),
    "a list": b"[]",
    "null": b"null",
    "deep JSON": b"[" * 60_000,
    "deep messages": b'{"model": "fast", "messages": ' + b"[" * 60_000,
    "no UTF-8": b'{"model": "fast", "messages": [{"role": "user", "content": "\xff\xfe"}]}',
    "a lone surrogate": b'{"model": "fast", "messages": [{"role": "user", "content": "\\ud800"}]}',
    "no model": b'{"messages": []}',
    "a model of another type": b'{"model": 7, "messages": [{"role": "user", "content": "hi"}]}',
    "messages of another type": b'{"model": "fast", "messages": {"%b": 1}}' % SECRET,
    "a role of another type": b'{"model": "fast", "messages": [{"role": ["%b"], "content": "hi"}]}' % SECRET,
    "an unknown role": b'{"model": "fast", "messages": [{"role": "%b", "content": "hi"}]}' % SECRET,
    "stream of another type": chat(stream=False)[:-1] + b', "stream": "yes"}',
    "a temperature of another type": chat(temperature=CANARY),
    "a huge number": chat(max_completion_tokens=10**30),
    "no number": chat()[:-1] + b', "temperature": NaN}',
}


@pytest.mark.parametrize("body", WRONG_BODIES.values(), ids=WRONG_BODIES)
def test_a_wrong_body_is_a_400_in_the_apis_own_words(door: Raw, body: bytes) -> None:
    """The connection goes on."""
    answer = door.ask(body, JSON, KEY)
    assert answer.status == 400
    assert answer.error["type"] == "invalid_request_error"
    assert answer.error["hedgerow"]["reason"] in ("REQUEST_MALFORMED", "REQUEST_INVALID")
    assert answer.headers["x-request-id"] == answer.error["hedgerow"]["request_id"]
    assert door.ask(chat(), JSON).status == 200


def test_the_anthropic_form_has_its_own_words(door: Raw) -> None:
    answer = door.ask(b"no JSON", JSON, path="/v1/messages")
    assert (answer.status, json.loads(answer.body)["type"]) == (400, "error")
    assert answer.error["type"] == "invalid_request_error"
    assert answer.headers["request-id"] == json.loads(answer.body)["request_id"]


REFUSED: dict[str, tuple[bytes, int]] = {
    "an unknown path": (head(path="/v1/nothing", verb=b"GET"), 404),
    "an unknown path in the Anthropic form": (head(b"anthropic-version: 1", path="/v1/nothing", verb=b"GET"), 404),
    "a path above the root": (head(path="/v1/../admin", verb=b"GET"), 404),
    "an encoded path": (head(path="/v1%2fchat%00/completions", verb=b"GET"), 404),
    "another verb": (head(verb=b"DELETE"), 405),
    "a verb of another protocol": (head(verb=b"PROPFIND"), 405),
    "text": (head(b"content-type: text/plain", b"content-length: 2") + b"{}", 415),
    "a form": (head(b"content-type: multipart/form-data; boundary=x", b"content-length: 2") + b"{}", 415),
    "a compressed body": (head(JSON, b"content-encoding: gzip", b"content-length: 2") + b"{}", 415),
    "a body compressed twice": (head(JSON, b"content-encoding: br, gzip", b"content-length: 2") + b"{}", 415),
    "a deadline that is no time": (head(JSON, b"x-hedgerow-timeout: soon", b"content-length: 2") + b"{}", 400),
    "a deadline before now": (head(JSON, b"x-hedgerow-timeout: -1", b"content-length: 2") + b"{}", 400),
    "a deadline without end": (head(JSON, b"x-hedgerow-timeout: inf", b"content-length: 2") + b"{}", 400),
    "a deadline of no number": (head(JSON, b"x-hedgerow-timeout: nan", b"content-length: 2") + b"{}", 400),
}


@pytest.mark.parametrize(("request_", "status"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_call_is_refused_with_its_status_and_an_id(door: Raw, request_: bytes, status: int) -> None:
    """And the connection goes on: the request was read to its end."""
    door.send(request_)
    answer = door.answer()
    assert answer.status == status
    assert answer.error["hedgerow"]["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["content-type"] == "application/json"
    assert ("allow" in answer.headers) == (status == 405)
    assert door.ask(chat(), JSON).status == 200


def test_a_bad_deadline_names_its_header(door: Raw) -> None:
    assert door.ask(chat(), JSON, b"x-hedgerow-timeout: 1m").error["param"] == "x-hedgerow-timeout"


def test_a_body_without_a_content_type_is_json(door: Raw) -> None:
    assert door.ask(chat()).status == 200
    assert door.ask(chat(), b"content-type: application/json; charset=utf-8").status == 200


def test_no_body_is_decompressed(door: Raw) -> None:
    """A bomb costs what its own bytes cost."""
    answer = door.ask(gzip.compress(b"0" * 10_000_000), JSON, b"content-encoding: gzip")
    assert answer.status == 415


BROKEN: dict[str, tuple[bytes, int]] = {
    "lengths in two ways": (head(b"content-length: 4", b"transfer-encoding: chunked") + b"0\r\n\r\n", 400),
    "lengths in two ways, turned": (head(b"transfer-encoding: chunked", b"content-length: 4") + b"0\r\n\r\n", 400),
    "two lengths": (head(b"content-length: 0", b"content-length: 60"), 400),
    "two equal lengths": (head(b"content-length: 0", b"content-length: 0"), 400),
    "a list of lengths": (head(b"content-length: 0, 0"), 400),
    "a length with a sign": (head(b"content-length: +0"), 400),
    "a length below none": (head(b"content-length: -1"), 400),
    "a length in hexadecimals": (head(b"content-length: 0x0"), 400),
    "a length beyond all": (head(b"content-length: 99999999999999999999999999"), 400),
    "an empty length": (head(b"content-length:"), 400),
    "a folded header": (head(b"x-a: b\r\n c"), 400),
    "a folded coding": (head(b"transfer-encoding:\r\n chunked") + b"0\r\n\r\n", 400),
    "bare line feeds": (b"POST %b HTTP/1.1\nhost: x\ncontent-length: 0\n\n" % PATH.encode(), 400),
    "one bare line feed": (head(b"x-a: b\ncontent-length: 5"), 400),
    "a bare carriage return": (head(b"x-a: b\rcontent-length: 5"), 400),
    "a space before the colon": (head(b"transfer-encoding : chunked") + b"0\r\n\r\n", 400),
    "a header without a name": (head(b": chunked"), 400),
    "a header without a colon": (head(b"chunked"), 400),
    "a NUL in a header": (head(b"x-a: \x00"), 400),
    "a name that is no token": (head(b"transfer\xc3-encoding: chunked"), 400),
    "chunked, identity": (head(b"transfer-encoding: chunked, identity") + b"0\r\n\r\n", 400),
    "identity": (head(b"transfer-encoding: identity"), 501),
    "gzip, chunked": (head(b"transfer-encoding: gzip, chunked") + b"0\r\n\r\n", 501),
    "xchunked": (head(b"transfer-encoding: xchunked") + b"0\r\n\r\n", 501),
    "chunked twice": (head(b"transfer-encoding: chunked", b"transfer-encoding: chunked") + b"0\r\n\r\n", 400),
    "chunked in HTTP/1.0": (
        b"POST %b HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" % PATH.encode(),
        400,
    ),
    "no chunk size": (head(JSON, b"transfer-encoding: chunked") + b"\r\n\r\n", 400),
    "a chunk size in words": (head(JSON, b"transfer-encoding: chunked") + b"five\r\n", 400),
    "a chunk size with a prefix": (head(JSON, b"transfer-encoding: chunked") + b"0x5\r\n", 400),
    "a chunk size below none": (head(JSON, b"transfer-encoding: chunked") + b"-5\r\n", 400),
    "a chunk size beyond all": (head(JSON, b"transfer-encoding: chunked") + b"f" * 20 + b"\r\n", 400),
    "a chunk longer than its size": (head(JSON, b"transfer-encoding: chunked") + b"1\r\nabc\r\n0\r\n\r\n", 400),
    "a line feed in a chunk extension": (head(JSON, b"transfer-encoding: chunked") + b"1;a\nb\r\nx\r\n", 400),
    "no host": (b"POST %b HTTP/1.1\r\ncontent-length: 0\r\n\r\n" % PATH.encode(), 400),
    "two hosts": (head(b"host: other"), 400),
    "a target that is no path": (b"POST v1 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    "a fragment": (head(path=f"{PATH}#x"), 400),
    "another scheme": (head(path="ftp://x/v1"), 400),
    "an authority": (b"CONNECT other:443 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    "a verb that nobody knows": (head(verb=b"SMUGGLE"), 400),
    "a verb in lower case": (head(verb=b"post"), 400),
    "HTTP/0.9": (b"GET /healthz\r\n\r\n", 505),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/2 in the line": (b"GET /healthz HTTP/2.0\r\nhost: x\r\n\r\n", 505),
    "HTTP/1.2": (b"GET /healthz HTTP/1.2\r\nhost: x\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), 400),
    "a proxy's preface": (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + HIDDEN, 400),
    "noise": (SECRET * 20, 400),
    "an expectation of something else": (head(b"expect: " + SECRET, b"content-length: 0"), 417),
    "too many headers": (head(*(b"x-%d: %b" % (number, SECRET) for number in range(40))), 431),
    "a long header": (head(b"x-a: " + SECRET * MAX_HEADER_BYTES), 431),
    "a header without an end": (head(b"x-a: ")[:-4] + SECRET * 400_000, 431),
    "a long target": (head(path="/" + CANARY * MAX_HEADER_BYTES, verb=b"GET"), 431),
}


@pytest.mark.parametrize(("request_", "status"), BROKEN.values(), ids=BROKEN)
def test_what_can_be_read_in_two_ways_is_refused_and_the_connection_closed(
    stack: Any, router: Process, request_: bytes, status: int
) -> None:
    """With one answer, whatever comes behind it, which no provider hears of."""
    trace = new_trace()
    hidden = head(JSON, b"traceparent: " + trace.encode(), b"content-length: %d" % len(chat())) + chat()
    with raw(router.addresses["http"]) as door:
        door.send(request_, hidden)
        answer = door.answer()
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert CANARY not in answer.body.decode()
        assert door.closed() == b""
    assert booked(stack.sim_url, trace) == []


@pytest.mark.parametrize("stream", [False, True])
def test_what_follows_the_last_request_is_not_served(stack: Any, door: Raw, *, stream: bool) -> None:
    trace, body = new_trace(), chat(stream=stream)
    hidden = head(JSON, b"traceparent: " + trace.encode(), b"content-length: %d" % len(chat())) + chat()
    door.send(head(JSON, b"connection: close", b"content-length: %d" % len(body)), body, hidden)
    answer = door.answer()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert door.closed() == b""
    assert booked(stack.sim_url, trace) == []


def test_a_body_too_large_by_its_length_is_refused_at_once(router: Process) -> None:
    """Nothing of its hundred megabytes is waited for."""
    with raw(router.addresses["http"]) as door:
        door.send(head(JSON, b"content-length: 100000000"))
        answer = door.answer()
        assert (answer.status, answer.error["code"]) == (413, "message_too_large")
        assert answer.error["hedgerow"]["metadata"] == {"limitBytes": str(MAX_BYTES)}
        assert answer.headers["connection"] == "close"
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            flood(door)
    assert is_alive(router)


def flood(door: Raw) -> None:
    """Sends a hundred megabytes."""
    for _ in range(100):
        door.send(SECRET * 100_000)


def test_a_body_too_large_in_chunks_is_refused_when_it_is(router: Process) -> None:
    with raw(router.addresses["http"]) as door:
        door.send(head(JSON, b"transfer-encoding: chunked"))
        for _ in range(MAX_BYTES // 4096 + 1):
            door.send(b"1000\r\n", b" " * 4096, b"\r\n")
        answer = door.answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert door.closed() == b""


def test_chunks_with_more_around_them_than_in_them_are_counted(router: Process) -> None:
    with raw(router.addresses["http"]) as door:
        door.send(head(JSON, b"transfer-encoding: chunked"))
        door.send(b"1;" + SECRET * 40_000 + b"\r\n \r\n")
        assert door.answer().status == 413
        assert door.closed() == b""


def test_the_largest_body_is_taken(door: Raw) -> None:
    body = chat()
    assert door.ask(body + b" " * (MAX_BYTES - len(body)), JSON).status == 200


def test_a_body_in_chunks_with_extensions_and_trailers_is_taken(door: Raw) -> None:
    """Neither says anything: a trailer is no header."""
    body = chat("no-such-model")
    door.send(head(JSON, b"transfer-encoding: chunked"))
    for number, byte in enumerate(body):
        door.send(b"1;ext=%d\r\n%c\r\n" % (number, byte))
    door.send(b"0\r\nx-request-id: trailed\r\n\r\n")
    answer = door.answer()
    assert (answer.status, answer.error["code"]) == (404, "model_not_found")
    assert answer.headers["x-request-id"] != "trailed"
    assert door.ask(chat(), JSON).status == 200


def test_a_head_that_comes_too_slowly_is_a_408(door: Raw) -> None:
    door.send(head(KEY)[:-2])
    answer = door.answer()
    assert (answer.status, answer.headers["connection"]) == (408, "close")
    assert door.closed() == b""


def test_a_head_that_trickles_is_a_408(door: Raw) -> None:
    """Each byte is a sign of life, and none a reason to wait longer."""

    def trickled() -> bool:
        door.send(b"a")
        return bool(select.select([door.socket], [], [], 0.02)[0])

    door.send(b"GET /")
    eventually(trickled, "there is an answer")
    assert door.answer().status == 408


def test_a_body_that_comes_too_slowly_is_a_408(door: Raw) -> None:
    body = chat()
    door.send(head(JSON, b"content-length: %d" % len(body)), body[:-1])
    answer = door.answer()
    assert (answer.status, answer.error["code"]) == (408, "request_timeout")
    assert answer.headers["connection"] == "close"
    assert door.closed() == b""


def test_the_deadline_holds_for_a_body_that_does_not_come(door: Raw) -> None:
    door.send(head(JSON, b"x-hedgerow-timeout: 0.2", b"content-length: 10"), b"{")
    answer = door.answer()
    assert (answer.status, answer.error["code"]) == (504, "deadline_exceeded")
    assert door.closed() == b""


@pytest.mark.parametrize("first", [b"", b"\r\n\r\n"], ids=["nothing", "line ends"])
def test_a_connection_that_says_nothing_is_closed(door: Raw, first: bytes) -> None:
    door.send(first)
    assert door.closed() == b""


def test_an_idle_connection_is_closed(door: Raw) -> None:
    assert door.ask(chat(), JSON).status == 200
    assert door.closed() == b""


def test_further_connections_are_told_so(router: Process) -> None:
    opened = []
    try:
        for _ in range(MAX_CONNECTIONS + 1):
            context = raw(router.addresses["http"])
            opened.append((context, context.__enter__()))
        answer = opened[-1][1].answer()
        assert (answer.status, answer.error["code"], answer.headers["connection"]) == (503, "overloaded", "close")
        assert answer.headers["retry-after"] == "1"
        assert opened[-1][1].closed() == b""
    finally:
        for context, _ in opened:
            context.__exit__(None, None, None)
    eventually(lambda: is_alive(router), "there is room again")


def test_requests_in_one_piece_are_answered_in_order(door: Raw) -> None:
    """Though the first takes longest."""
    slow, quick = chat("paced", stream=True), chat("no-such-model")
    door.send(head(JSON, b"content-length: %d" % len(slow)), slow)
    door.send(
        *(head(JSON, b"content-length: %d" % len(quick)) + quick for _ in range(3)), head(verb=b"GET", path="/healthz")
    )
    first = door.answer()
    assert (first.status, first.body[-14:]) == (200, b"data: [DONE]\n\n")
    assert [door.answer().status for _ in range(4)] == [404, 404, 404, 200]


def test_many_requests_in_one_piece_are_all_answered(door: Raw) -> None:
    """More than may wait: the rest waits in the socket."""
    door.send(head(verb=b"GET", path="/healthz") * 2000)
    assert [door.answer().body for _ in range(2000)] == [b"ok\n"] * 2000


def test_a_request_cut_anywhere_is_the_same_request(door: Raw) -> None:
    body = chat("no-such-model")
    whole = head(JSON, b"content-length: %d" % len(body)) + body
    for end in range(1, len(whole), 7):
        door.send(whole[:end])
        time.sleep(0.0005)
        door.send(whole[end:])
        assert door.answer().status == 404


def test_expect_continue_is_answered_once_the_caller_is_known(door: Raw) -> None:
    body = chat()
    door.send(head(JSON, b"expect: 100-continue", b"content-length: %d" % len(body)))
    assert door.answer().status == 100
    door.send(body)
    assert door.answer().status == 200


def test_expect_continue_is_not_answered_where_the_request_is_refused(door: Raw) -> None:
    door.send(head(JSON, b"expect: 100-continue", b"content-length: 100000000"))
    answer = door.answer()
    assert (answer.status, answer.headers["connection"]) == (413, "close")


@pytest.mark.parametrize("chunked", [False, True])
def test_an_offer_of_http2_is_not_taken_up_and_the_request_served(door: Raw, *, chunked: bool) -> None:
    """As Java's client makes it with every request to a server that it does not know."""
    offer = (JSON, b"connection: Upgrade, HTTP2-Settings", b"upgrade: h2c", b"http2-settings: AAEAAEAAAAIAAAAB")
    body = chat()
    length = b"transfer-encoding: chunked" if chunked else b"content-length: %d" % len(body)
    told = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body
    door.send(head(*offer, length), told[:20])
    door.send(told[20:], head(*offer, verb=b"GET", path="/healthz"))
    assert (door.answer().status, door.answer().body) == (200, b"ok\n")
    assert door.ask(chat(), JSON).status == 200


def test_many_offers_in_one_piece_are_all_passed_over(door: Raw) -> None:
    """And what is broken behind one is the caller's fault."""
    offer = head(b"connection: upgrade", b"upgrade: h2c", verb=b"GET", path="/healthz")
    door.send(offer * 2000, b"noise")
    assert [door.answer().body for _ in range(2000)] == [b"ok\n"] * 2000
    assert door.answer().status == 400


def test_head_tells_what_get_would_without_the_body(door: Raw) -> None:
    door.send(head(verb=b"HEAD", path="/healthz"))
    answer = door.answer(bodiless=True)
    assert (answer.status, answer.headers["content-length"]) == (200, "3")
    door.send(head(verb=b"HEAD", path="/v1/models"))
    answer = door.answer(bodiless=True)
    assert (answer.status, int(answer.headers["content-length"]) > 100) == (200, True)
    door.send(head(verb=b"HEAD"))
    assert door.answer(bodiless=True).status == 405
    assert door.ask(chat(), JSON).status == 200


def test_options_names_the_verbs(door: Raw) -> None:
    door.send(head(verb=b"OPTIONS"))
    answer = door.answer()
    assert (answer.status, answer.headers["allow"]) == (200, "OPTIONS, POST")
    door.send(head(verb=b"OPTIONS", path="/v1/models"))
    assert door.answer().headers["allow"] == "GET, HEAD, OPTIONS"


def test_a_target_in_absolute_form_is_served(door: Raw) -> None:
    """As RFC 9112, section 3.2.2, has it."""
    assert door.ask(chat(), JSON, path=f"http://gateway{PATH}").status == 200


def test_http_1_0_is_answered_to_the_end_of_the_connection(router: Process) -> None:
    """As nginx asks by default; it knows no chunks."""
    for stream in (False, True):
        body = chat(stream=stream)
        with raw(router.addresses["http"]) as door:
            door.send(b"POST %b HTTP/1.0\r\ncontent-length: %d\r\n\r\n" % (PATH.encode(), len(body)), body)
            answer = door.answer()
            assert (answer.status, answer.headers["connection"]) == (200, "close")
            assert "transfer-encoding" not in answer.headers
            rest = door.closed()
            assert rest.endswith(b"data: [DONE]\n\n") == stream


def test_the_callers_own_request_id_is_his(door: Raw) -> None:
    assert door.ask(chat(), JSON, b"x-request-id: mine").headers["x-request-id"] == "mine"
    assert door.ask(chat(), JSON, b"x-request-id: not mine").headers["x-request-id"] != "not mine"


def test_health_is_told_without_a_reason(router: Process, door: Raw) -> None:
    for path, text in (("/healthz", b"ok\n"), ("/readyz", b"ready\n")):
        door.send(head(verb=b"GET", path=path))
        answer = door.answer()
        assert (answer.status, answer.body, answer.headers["content-type"]) == (200, text, "text/plain; charset=utf-8")


def test_the_line_of_a_call_names_its_door(router: Process, door: Raw) -> None:
    door.ask(chat(), JSON, b"x-request-id: of-the-openai-door")
    door.ask(b"no JSON", JSON, b"x-request-id: of-the-anthropic-door", path="/v1/messages")
    for name in ("openai", "anthropic"):
        line = eventually(lambda name=name: line_of(router, f"of-the-{name}-door"), "the line")  # type: ignore[misc]
        assert line["door"] == name


def line_of(router: Process, request_id: str) -> dict[str, Any] | None:
    """The line of a call in the log, once it is there."""
    lines = router.log.read_text().splitlines()
    return next((json.loads(line) for line in lines if line.startswith("{") and request_id in line), None)
