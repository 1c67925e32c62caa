"""Callers and providers that go to extremes: the status always arrives, whole, small and with nothing in it of what a
provider says. C-core and Java drop a status whose trailers exceed 8 KiB; 4 KiB is what the contract promises.
"""

import base64
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from rpc.caller import COMPLETE, STREAM_COMPLETE, Caller, Door, Outcome, chat, connected, hello
from rpc.conftest import StartRouter
from rpc.upstream import answer, canned
from stack import configuration

LIMIT_BYTES = 4096
# What HTTP/2 counts for an entry beside its name and value (RFC 7541, 4.1).
ENTRY_BYTES = 32
CANARY = "CANARY-7f3a"
LONG = 10_000
BOTH = pytest.mark.parametrize("rpc", [COMPLETE, STREAM_COMPLETE], ids=["unary", "stream"])


def size(outcome: Outcome[Any]) -> int:
    """What the trailers take on the wire, with the status; binary values travel as base64."""
    total = 0
    entries = [*outcome.trailers, ("grpc-status", str(outcome.code.value[0])), ("grpc-message", outcome.text)]
    for name, value in entries:
        total += len(name) + len(base64.b64encode(value) if isinstance(value, bytes) else value) + ENTRY_BYTES
    return total


def check(outcome: Outcome[Any], *, failed: bool = True) -> None:
    """There is a reason, an id and a report, and all of it is small."""
    assert (outcome.code is not grpc.StatusCode.OK) == failed
    assert size(outcome) <= LIMIT_BYTES
    assert outcome.request_id == outcome.report.request_id != ""
    if failed:
        assert outcome.reason not in ("", "INTERNAL")
        assert outcome.text.isascii()


def labelled(labels: dict[str, str]) -> Any:
    """A request with labels."""
    request = chat("fast")
    request.labels.update(labels)
    return request


def worded(text: str) -> Any:
    """A request with a text, for a model that does not exist."""
    return chat("no-such-model", messages=[hello(text)])


REQUESTS: dict[str, Any] = {
    "a label with a huge name": labelled({"n" * LONG: "v"}),
    "a label with a huge unicode name": labelled({"漢" * LONG: "v"}),
    "300 bad labels": labelled({f"NO {number} ü" * 5: "v" * 300 for number in range(300)}),
    "options with a huge name": chat("fast", provider_options={"ü" * LONG: "no JSON"}),
    "a model of 256 wide characters": chat("😀" * 256),
    "a model of control characters": chat("\x00\n\r\t%00" * 40),
    "a model name that is too long": chat("m" * LONG),
    "a very long message": worded("wörd " * 200_000),
    "many bad messages": chat("fast", messages=[hello() for _ in range(4096)], temperature=9, top_p=9, top_k=0),
    "a thousand bad parts": chat("fast", messages=[type(hello())()] * 1000),
    "many tools of one name": chat("fast", tools=[{"function": {"name": "n" * 128}}] * 500),
    "a choice of tools that are not there": chat(
        "fast", tool_choice={"mode": "TOOL_CHOICE_MODE_REQUIRED", "function_names": ["ü" * LONG] * 10}
    ),
}


@BOTH
@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_a_hostile_request_gets_a_small_status(door: Door, rpc: str, request_: Any) -> None:
    """With the longest request id that is accepted."""
    call = door.caller.complete if rpc == COMPLETE else door.caller.stream_complete
    check(call(request_, metadata=[("x-request-id", "r" * 128)]))


def error(status: int, *headers: bytes, **members: Any) -> bytes:
    """An error as OpenAI writes them."""
    return answer(status, {"error": {"message": CANARY, **members}}, *headers)


def completion(**members: Any) -> bytes:
    """A whole answer, with members replaced."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    return answer(200, {"id": "1", "model": "m", "choices": [choice], **members})


def counts(**members: Any) -> bytes:
    """A whole answer with a usage."""
    return completion(usage={"prompt_tokens": 1, "completion_tokens": 1, **members})


def event_stream(*events: bytes) -> bytes:
    """A stream of server-sent events."""
    body = b"".join(b"data: " + event + b"\n\n" for event in events)
    return answer(200, body, content_type=b"text/event-stream")


SECRET = CANARY.encode()
FAILURES: dict[str, bytes] = {
    "no-http": b"\x00\x01" + SECRET + b"\r\n\r\n",
    "nothing": b"",
    "half-head": b"HTTP/1.1 200 OK\r\ncontent-type: te",
    "endless-header": answer(200, b"{}", b"x-endless: " + SECRET * LONG),
    "bad-chunks": b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"
    + SECRET,
    "short-body": answer(200, b"{}").replace(b"content-length: 2", b"content-length: 999"),
    "redirect": answer(302, b"", b"location: http://127.0.0.1:9/" + SECRET),
    "strange-status": answer(999, SECRET),
    "content-type": answer(200, SECRET, content_type=b"text/" + SECRET * 20),
    "content-type-bytes": answer(200, SECRET, content_type=b"text/\xff\xfe"),
    "not-json": answer(200, b"<" + SECRET + b">"),
    "null": answer(200, None),
    "deep-json": answer(200, b"[" * 100_000),
    "error-in-200": answer(200, {"error": {"message": CANARY, "code": CANARY * 1000}}),
    "error-text": answer(500, SECRET * LONG),
    "error-bytes": answer(503, b"\xff\xfe" * LONG),
    "error-deep": answer(400, b"[" * 100_000),
    "error-code": error(400, code="c" * LONG, type="t" * LONG, param="p" * LONG),
    "error-code-spaced": error(400, code=f"{CANARY} with spaces", type=f"{CANARY}\n", param=CANARY),
    "error-kinds": error(400, code={"a": CANARY}, type=[CANARY], param=7),
    "error-id": error(500, b"x-request-id: " + b"i" * 5000),
    "error-id-bytes": error(500, b"x-request-id: \xff\xfe\x80"),
    "retry-after-huge": error(429, b"retry-after: 99999999999999999999"),
    "retry-after-nonsense": error(429, b"retry-after: " + SECRET),
    "retry-after-negative": error(503, b"retry-after: -5"),
    "stream-garbage": event_stream(b"{", SECRET),
    "stream-bytes": event_stream(b"\xff\xfe"),
    "stream-error": event_stream(b'{"error": {"message": "%b", "code": "%b"}}' % (SECRET, b"c" * LONG)),
}
ODDITIES: dict[str, bytes] = {
    "huge-names": completion(id="i" * LONG, model="m" * LONG),
    "huge-counts": counts(prompt_tokens=10**30, completion_tokens=2**63),
    "negative-counts": counts(prompt_tokens=-1, completion_tokens=-(2**40)),
    "strange-counts": counts(prompt_tokens="1", completion_tokens=1.5, prompt_tokens_details=7),
    "cached-more-than-read": counts(prompt_tokens=1, prompt_tokens_details={"cached_tokens": 50}),
    "huge-id": answer(
        200,
        {"choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "w" * LONG}]},
        b"x-request-id: \xff" + b"i" * 5000,
    ),
}


@pytest.fixture(scope="module", params=["thin", "httpx", pytest.param("aiohttp", marks=pytest.mark.long)])
def hostile(start_router: StartRouter, request: pytest.FixtureRequest) -> Iterator[Caller]:
    """A caller of a router whose provider goes to extremes; models are named by what is wrong with the answer."""
    answers = FAILURES | ODDITIES
    with canned(answers) as url:
        config: dict[str, Any] = configuration(url, url, transport=request.param)
        routes = {name: {"kind": "chat", "candidates": [{"provider": "sim", "model": name}]} for name in answers}
        with (
            start_router(providers=config["providers"], extra_routes=routes) as running,
            connected(running.addresses["grpc"]) as caller,
        ):
            yield caller
            assert CANARY not in running.log.read_text()


@BOTH
@pytest.mark.parametrize("model", FAILURES)
def test_a_hostile_answer_is_a_failure_that_says_nothing_of_it(hostile: Caller, rpc: str, model: str) -> None:
    outcome = hostile.chat(rpc, model)
    check(outcome)
    assert outcome.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INVALID_ARGUMENT)
    assert CANARY.encode() not in outcome.everything
    retry_ms = outcome.pushback_ms
    assert retry_ms is None or -1 <= retry_ms <= 300_000


@BOTH
@pytest.mark.parametrize("model", ODDITIES)
def test_an_odd_answer_is_an_answer(hostile: Caller, rpc: str, model: str) -> None:
    """Counts that cannot be true and names without end do not cost the caller the text that it pays for."""
    outcome = hostile.chat(rpc, model)
    check(outcome, failed=False)
    if rpc == COMPLETE:
        message, usage = outcome.messages[0].message, outcome.messages[0].usage
        assert "".join(part.text for part in message.content) == "hi"
    else:
        assert "".join(event.text_delta.text for event in outcome.messages) == "hi"
        usage = outcome.messages[-1].completed.usage
    classes = (usage.input_uncached_tokens, usage.input_cache_read_tokens, usage.output_visible_tokens)
    assert min(classes) >= 0
    assert usage.input_tokens == usage.input_uncached_tokens + usage.input_cache_read_tokens
