"""Answers of Google that it breaks off: the error stands bare behind the events, as JSON over several lines and without
`data:`, even behind the finish reason. Google's own clients look for it there (google.genai, `HttpResponse`).
"""

import json
from typing import Any

import pytest
from hedgerow_server.core.error import HedgerowError, ProviderThrottled, StreamCut
from hedgerow_server.core.event import Event, Finished, Started, TextDelta, coalesce
from hedgerow_server.core.port import Operation
from hedgerow_server.providers.google import Gemini, Vertex
from providers.google_run import gemini, read, vertex

Json = dict[str, Any]

BUSY: Json = {"error": {"code": 503, "message": "secret words", "status": "UNAVAILABLE"}}
THROTTLED: Json = {
    "error": {
        "code": 429,
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}],
    }
}


def chunk(text: str, **more: Any) -> bytes:
    """A chunk as an event."""
    answer = {"candidates": [{"content": {"parts": [{"text": text}]}, **more}], "responseId": "r", "modelVersion": "m"}
    return f"data: {json.dumps(answer)}\r\n\r\n".encode()


def claude(kind: str, **members: Any) -> bytes:
    """An event of Claude's."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()


def pretty(error: Any) -> bytes:
    """JSON over several lines."""
    return json.dumps(error, indent=2).encode() + b"\n"


def failure(dialect: Gemini | Vertex, *pieces: bytes) -> tuple[list[Event], HedgerowError]:
    """What a stream in these pieces gives before it fails, and how it does."""
    reader = dialect.reader(Operation.CHAT, stream=True, content_type="text/event-stream")
    events: list[Event] = []
    try:
        for piece in pieces:
            events += reader.feed(piece)
        reader.finish()
    except HedgerowError as error:
        return coalesce(events), error
    pytest.fail("no failure")


@pytest.mark.parametrize("error", [THROTTLED, [THROTTLED]])
@pytest.mark.parametrize("end", [{}, {"finishReason": "STOP"}])
@pytest.mark.parametrize("dialect", [gemini(), vertex(), vertex(publisher="google")])
def test_an_error_behind_the_events_is_a_failure_even_after_the_finish_reason(
    error: Any, end: Json, dialect: Gemini | Vertex
) -> None:
    events, told = failure(dialect, chunk("Okay"), chunk("", **end) + pretty(error))
    assert events == [Started(model="m", response_id="r"), TextDelta(0, "Okay")]
    assert type(told) is ProviderThrottled
    assert told.retry_delay_s == 34.0


def test_nothing_of_the_providers_text_is_told() -> None:
    assert "secret" not in f"{failure(gemini(), chunk('a') + pretty(BUSY))[1]}"


def test_every_way_of_cutting_finds_the_error() -> None:
    body = chunk("Okay", finishReason="STOP") + pretty(BUSY)
    whole, told = failure(gemini(), body)
    for place in range(1, len(body)):
        events, again = failure(gemini(), body[:place], body[place:])
        assert (events, type(again)) == (whole, type(told))


def test_an_error_that_is_cut_is_no_more_than_a_cut() -> None:
    assert type(failure(gemini(), chunk("a") + pretty(BUSY)[:-5])[1]) is StreamCut


@pytest.mark.parametrize(
    "noise", [b'{"beat": 1}\n', b"[]\n", b"{ no JSON\n", b'{"error": null}\n', b'{"error": {"code": 429}}\n']
)
def test_bare_lines_before_an_event_are_no_error(noise: bytes) -> None:
    before, after = chunk("a"), b"\n" + chunk("b", finishReason="STOP")
    plain = read(gemini(), [before + after], "text/event-stream")
    assert isinstance(plain[-1], Finished)
    for pieces in ([before + noise + after], [before, noise, after], [before + noise, after]):
        assert read(gemini(), pieces, "text/event-stream") == plain


@pytest.mark.parametrize("settings", [{}, {"publisher": "anthropic"}])
@pytest.mark.parametrize(
    "error", [THROTTLED, [THROTTLED], {"type": "error", "error": {"type": "rate_limit_error", "message": "x"}}]
)
@pytest.mark.parametrize("before", [b"", claude("message_start", message={"id": "r", "model": "m", "content": []})])
@pytest.mark.parametrize("field", [b"", b"data: "])
def test_claude_on_vertex_is_broken_off_in_googles_words_or_its_own(
    settings: Json, error: Any, before: bytes, field: bytes
) -> None:
    end = field + json.dumps(error, indent=None if field else 2).encode() + b"\n\n"
    assert type(failure(vertex(**settings), before + end)[1]) is ProviderThrottled


def test_what_follows_the_last_word_of_claude_is_not_read() -> None:
    body = claude("message_delta", delta={"stop_reason": "end_turn"}) + claude("message_stop") + pretty(BUSY)
    assert isinstance(read(vertex(publisher="anthropic"), [body], "text/event-stream")[-1], Finished)
