"""Ollama's answers: what the recordings do not show."""

import contextlib
from typing import Any

import pytest
from hedgerow_server.core.error import (
    ContextTooLong,
    HedgerowError,
    ProviderAuth,
    ProviderModelUnavailable,
    ProviderQuotaSpent,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
    StreamCut,
    UpstreamProtocol,
)
from hedgerow_server.core.event import Event, Finished, FinishReason, LogprobsDelta, TextDelta, ToolCallStarted, Usage
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import Text, TokenAlternative, TokenLogprob, ToolCall
from hedgerow_server.providers.ndjson import LineReader
from providers.ollama_run import LINES, lines, ollama, read, stream
from providers.pieces import folded

Json = dict[str, Any]
END: Json = {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}


def piece(**message: Any) -> Json:
    """A line of a stream."""
    return {"model": "m", "created_at": "2026-01-05T10:00:00Z", "message": message, "done": False}


def call(name: str, arguments: Any, **more: Any) -> Json:
    """A tool call."""
    return {**more, "function": {"name": name, "arguments": arguments}}


def last(events: list[Event]) -> Finished:
    """The last event."""
    assert isinstance(events[-1], Finished)
    return events[-1]


def test_calls_without_ids_get_ids_that_are_stable_and_of_this_answer() -> None:
    """Older servers send none."""
    body = lines(piece(tool_calls=[call("f", {}), call("f", {"a": 1})]), END)
    first, second = (part.content for part in folded(stream(body)).message.content)
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert (first.arguments, second.arguments) == ("{}", '{"a":1}')
    assert first.id != second.id
    assert folded(stream(body)).message.content[0].content == first
    other = stream(lines({**piece(tool_calls=[call("f", {})]), "created_at": "2026-01-05T10:00:01Z"}, END))
    assert [event.id for event in other if isinstance(event, ToolCallStarted)] != [first.id]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [({"n": 12345678901234567890123}, '{"n":12345678901234567890123}'), ('{"a": 1}', '{"a": 1}'), (None, "{}")],
)
def test_arguments_are_the_text_of_the_object(arguments: Any, text: str) -> None:
    """Large numbers survive; a proxy may write the object within a string."""
    (part,) = folded(stream(lines(piece(tool_calls=[call("f", arguments, id="c")]), END))).message.content
    assert part.content == ToolCall("c", "f", text)


@pytest.mark.parametrize("arguments", [b'{"a":"\\ud83d"}', b'{"a":"\xff"}'])
def test_broken_unicode_in_arguments_is_no_failure(arguments: bytes) -> None:
    head = b'{"message":{"content":"","tool_calls":[{"id":"c","function":{"name":"f","arguments":'
    (part,) = folded(stream(head + arguments + b"}}]}}\n" + lines(END))).message.content
    assert isinstance(part.content, ToolCall)
    part.content.arguments.encode()


@pytest.mark.parametrize(
    ("word", "called", "reason"),
    [
        ("stop", False, FinishReason.STOP),
        ("stop", True, FinishReason.TOOL_CALLS),
        ("length", True, FinishReason.LENGTH),
        ("load", False, FinishReason.OTHER),
        (None, False, FinishReason.OTHER),
        (None, True, FinishReason.TOOL_CALLS),
    ],
)
def test_finish_reasons(word: str | None, called: bool, reason: FinishReason) -> None:
    pieces = [piece(tool_calls=[call("f", {})])] if called else []
    end = last(stream(lines(*pieces, {**END, "done_reason": word})))
    assert (end.reason, end.native_reason) == (reason, word or "")


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ({"prompt_eval_count": 5, "eval_count": 2}, (5, 2)),
        ({"eval_count": 2}, (0, 2)),
        ({}, None),
        ({"prompt_eval_count": -1, "eval_count": 2}, None),
        ({"prompt_eval_count": 5, "eval_count": "2"}, None),
    ],
)
def test_counts_that_cannot_be_true_are_no_usage(counts: Json, usage: tuple[int, int] | None) -> None:
    """A count of zero is left out."""
    found = last(stream(lines({**END, **counts}))).usage
    wanted = usage and Usage(input_uncached_tokens=usage[0], output_visible_tokens=usage[1], final=True)
    assert found == wanted


@pytest.mark.parametrize(("cached", "kept"), [(3, 3), (0, 0), (9, 5), (-1, 0), ("3", 0), (None, 0)])
def test_what_was_cached_is_part_of_the_prompt(cached: Any, kept: int) -> None:
    counts = {"prompt_eval_count": 5, "prompt_eval_cached_count": cached, "eval_count": 2}
    assert last(stream(lines({**END, **counts}))).usage == Usage(
        input_uncached_tokens=5 - kept, input_cache_read_tokens=kept, output_visible_tokens=2, final=True
    )


def test_log_probabilities_go_with_their_text() -> None:
    entry = {"token": "Hé", "logprob": -0.5, "bytes": [72, 195, 169], "top_logprobs": [{"token": "A", "logprob": -2}]}
    events = stream(lines({**piece(content="Hé"), "logprobs": [entry, {"token": "?", "logprob": None}]}, END))
    token = TokenLogprob("Hé", -0.5, "Hé".encode(), None, (TokenAlternative("A", -2.0),))
    assert events[1:3] == [TextDelta(0, "Hé"), LogprobsDelta(0, (token,))]
    (part,) = folded(events).message.content
    assert (part.content, part.logprobs) == (Text("Hé"), (token,))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("an error was encountered while running the model: CUDA error", ProviderUnavailable),
        ("prompt too long; exceeded max context length by 12 tokens", ContextTooLong),
        ("model 'm' not found", ProviderModelUnavailable),
        ("you have reached your session usage limit, upgrade for higher limits", ProviderQuotaSpent),
    ],
)
def test_an_error_within_a_stream_comes_after_what_was_said(text: str, kind: type[HedgerowError]) -> None:
    reader = ollama().reader(Operation.CHAT, stream=True, content_type=LINES)
    events = reader.feed(lines(piece(content="Hi"), {"error": text}, piece(content="!")))
    assert events[1:] == [TextDelta(0, "Hi")]
    with pytest.raises(kind) as caught:
        reader.finish()
    assert text not in f"{caught.value.message}{caught.value.metadata}"


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (400, "the input length exceeds the context length", ContextTooLong),
        (400, '"llama2" does not support tools', ProviderRejectedRequest),
        (404, 'model "m" not found, try pulling it first', ProviderModelUnavailable),
        (404, "404 page not found", ProviderModelUnavailable),
        (401, "unauthorized", ProviderAuth),
        (410, "model 'm' was retired", ProviderModelUnavailable),
        (429, "too many concurrent requests", ProviderThrottled),
        (429, "you've reached your usage limit, please upgrade to continue", ProviderQuotaSpent),
        (500, "model runner has unexpectedly stopped", ProviderUnavailable),
        (500, "the prompt exceeds the available context size", ContextTooLong),
        (503, "server busy, please try again. maximum pending requests exceeded", ProviderUnavailable),
    ],
)
def test_refusals_by_status_and_words(status: int, text: str, kind: type[HedgerowError]) -> None:
    for document in ({"error": text}, {"error": {"message": text}}):
        error = ollama().classify(status, {"retry-after": "7"}, lines(document))
        assert type(error) is kind
        assert error.retry_delay_s == (7 if kind in (ProviderThrottled, ProviderUnavailable) else None)


@pytest.mark.parametrize(
    "body", [b"not JSON\n", b"[]\n", lines(piece(tool_calls=[{"function": {}}])), lines(piece(tool_calls=[{}]))]
)
def test_what_is_no_chat_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(UpstreamProtocol):
        stream(body + lines(END))


def test_a_document_without_its_end_is_no_answer() -> None:
    with pytest.raises(UpstreamProtocol):
        read([lines(piece(content="Hi"))], "application/json")


def test_a_last_line_without_its_newline_counts_if_it_is_whole() -> None:
    body = lines(piece(content="Hi"), END)
    assert stream(body[:-1]) == stream(body)
    with pytest.raises(StreamCut):
        stream(body[:-2])


def test_a_content_type_of_another_kind_is_a_protocol_error() -> None:
    for operation in Operation:
        with pytest.raises(UpstreamProtocol):
            ollama().reader(operation, stream=True, content_type="text/event-stream")


@pytest.mark.parametrize("body", [b"{}", b'{"embeddings":[]}', b'{"embedding":[]}', b"[]"])
def test_embeddings_without_vectors_are_a_protocol_error(body: bytes) -> None:
    with pytest.raises(UpstreamProtocol):
        read([body], "application/json", Operation.EMBED)


def test_what_is_not_known_is_counted() -> None:
    adapter = ollama()
    odd = {**piece(content="Hi", aroma=1), "queue": {"position": 3}}
    for body in (lines(odd, {**END, "done_reason": "tea_time"}), b"{}\nx\n"):
        reader = adapter.reader(Operation.CHAT, stream=True, content_type=LINES)
        with contextlib.suppress(UpstreamProtocol):
            reader.feed(body)
            reader.finish()
    assert adapter.drift.counts() == {
        "field": {"message.aroma": 1, "queue": 1},
        "finish_reason": {"tea_time": 1},
        "malformed": {"a line that is not the JSON of a chat": 1},
    }


def test_lines_have_any_end_and_a_limit() -> None:
    reader = LineReader("vendor", 8)
    assert [line.strip() for line in reader.feed(b'{}\r\n\n \n{"a":1}\n')] == [b"{}", b'{"a":1}']
    found = iter(reader.feed(b"{}\n" + b"x" * 9))
    assert next(found) == b"{}"
    with pytest.raises(UpstreamProtocol):
        next(found)
