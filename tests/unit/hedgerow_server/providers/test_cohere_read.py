"""Answers of Cohere that no recording shows: failures, odd shapes, usage, embeddings."""

import base64
import json
import struct
from typing import Any

import pytest
from hedgerow_server.core.error import (
    ContentRefused,
    ContextTooLong,
    HedgerowError,
    ProviderAuth,
    ProviderUnavailable,
    StreamCut,
    UpstreamProtocol,
)
from hedgerow_server.core.event import (
    CitationAdded,
    EmbeddingsAdded,
    Event,
    Finished,
    FinishReason,
    ProviderStateAttached,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
)
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import Citation
from hedgerow_server.providers.cohere.state import THINKING, TOOL_PLAN
from hedgerow_server.providers.cohere.usage import read_usage
from providers.cohere_run import STREAM, cohere, read, sse, stream

Json = dict[str, Any]

BEGIN = sse({"type": "message-start", "id": "r1", "delta": {"message": {"role": "assistant"}}})
END = sse({"type": "message-end", "delta": {"finish_reason": "COMPLETE"}}) + b"data: [DONE]\n\n"


def event(kind: str, index: int = 0, **message: Any) -> bytes:
    """An event with a piece of a message."""
    return sse({"type": kind, "index": index, "delta": {"message": message}})


def text(words: str, index: int = 0) -> bytes:
    """More text."""
    return event("content-delta", index, content={"text": words})


def content(body: bytes) -> list[Event]:
    """The events between Started and Finished."""
    first, *between, last = stream(BEGIN + body + END)
    assert first == Started(response_id="r1")
    assert isinstance(last, Finished)
    return between


def document(**message: Any) -> list[Event]:
    """The events between Started and Finished of a document with this message."""
    body = {"id": "r1", "message": {"role": "assistant", **message}, "finish_reason": "COMPLETE"}
    return read([json.dumps(body).encode()], "application/json")[1:-1]


def failure(body: bytes) -> tuple[list[Event], HedgerowError]:
    """What comes before the failure, and the failure, which the next call raises, too."""
    reader = cohere().reader(Operation.CHAT, stream=True, content_type=STREAM)
    events = []
    try:
        events = reader.feed(body)
        reader.finish()
    except HedgerowError as error:
        with pytest.raises(type(error)):
            reader.finish()
        return events, error
    pytest.fail("no failure")


@pytest.mark.parametrize("word", ["ERROR", "TIMEOUT", "error"])
def test_a_finish_reason_that_is_a_failure_is_one(word: str) -> None:
    """What came before it goes out first."""
    end = sse({"type": "message-end", "delta": {"finish_reason": word}})
    events, error = failure(text("Hel") + end)
    assert events == [Started(), TextDelta(0, "Hel")]
    assert type(error) is ProviderUnavailable
    assert error.metadata["upstreamCode"] == word
    with pytest.raises(ProviderUnavailable):
        read([json.dumps({"message": {}, "finish_reason": word}).encode()], "application/json")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "too many tokens: x"}}, ContextTooLong),
        ({"type": "message-end", "delta": {"error": "secret words"}}, ProviderUnavailable),
        ({"type": "error", "message": "secret words"}, ProviderUnavailable),
        ({"type": None, "message": "invalid api token", "id": "x"}, ProviderAuth),
        ({"type": None, "message": "no", "error_type": "BLOCKED_OUTPUT"}, ContentRefused),
    ],
)
def test_an_error_in_a_stream_is_classified_like_one_before_it(said: Json, kind: type[HedgerowError]) -> None:
    data = f"data: {json.dumps(said)}\n\n".encode()
    _, error = failure(text("Hel") + data)
    assert type(error) is kind
    assert error.metadata["upstreamStatus"] == "200"
    assert "secret" not in error.message


def test_an_error_may_stand_bare_behind_the_events() -> None:
    with pytest.raises(ContextTooLong):
        stream(BEGIN + text("x") + b'{"message": "too many tokens: x"}')


@pytest.mark.parametrize("body", [b"", BEGIN, text("x"), text("x") + b"data: [DONE]\n\n"])
def test_an_end_without_a_finish_reason_is_a_cut(body: bytes) -> None:
    with pytest.raises(StreamCut):
        stream(body)


def test_a_last_event_without_its_blank_line_counts() -> None:
    assert isinstance(stream(text("x") + END.partition(b"\n\n")[0])[-1], Finished)


@pytest.mark.parametrize(
    "body",
    [
        b"data: {\n\n",
        b'data: {"type": "content-delta", "delta": 7}\n\n',
        event("tool-call-start", tool_calls={"id": "c"}),
        event("tool-call-delta", tool_calls={"function": {"arguments": "{}"}}),
    ],
)
def test_what_cannot_be_of_an_answer_is_a_failure(body: bytes) -> None:
    assert type(failure(body + END)[1]) is UpstreamProtocol


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"message": 7}', b'{"message": {}}'])
def test_a_document_that_is_no_answer_is_a_failure(body: bytes) -> None:
    with pytest.raises(UpstreamProtocol):
        read([body], "application/json")


def test_a_content_type_of_another_dialect_is_a_failure() -> None:
    with pytest.raises(UpstreamProtocol):
        cohere().reader(Operation.CHAT, stream=True, content_type="application/stream+json")


def test_blocks_of_one_kind_are_parts_of_their_own() -> None:
    body = event("content-start", 0, content={"type": "text", "text": "a"}) + text("b")
    body += event("content-start", 1, content={"type": "text", "text": ""}) + text("c", 1)
    assert content(body) == [TextDelta(0, "ab"), TextDelta(1, "c")]
    blocks = [{"type": "text", "text": "ab"}, {"type": "text", "text": "c"}]
    assert document(content=blocks) == content(body)


def test_a_plan_and_thoughts_are_told_apart() -> None:
    body = event("tool-plan-delta", tool_plan="p") + event("content-start", 0, content={"thinking": ""})
    body += event("content-delta", 0, content={"thinking": "t"})
    assert content(body) == [
        ReasoningDelta(0, "p"),
        ProviderStateAttached(0, TOOL_PLAN),
        ReasoningDelta(1, "t"),
        ProviderStateAttached(1, THINKING),
    ]
    assert document(tool_plan="p", content=[{"type": "thinking", "thinking": "t"}]) == content(body)


def test_the_content_of_a_document_may_be_plain_text() -> None:
    assert document(content="a") == [TextDelta(0, "a")]


def test_calls_without_arguments_have_an_empty_object() -> None:
    body = event("tool-call-start", tool_calls={"id": "c", "function": {"name": "f"}}) + event("tool-call-end")
    assert content(body) == [ToolCallStarted(0, "c", "f"), ToolCallArgumentsDelta(0, "{}"), ToolCallEnded(0)]


def test_a_call_may_come_without_its_index() -> None:
    call = {"id": "c", "function": {"name": "f"}}
    start = {"type": "tool-call-start", "delta": {"message": {"tool_calls": call}}}
    more = {"type": "tool-call-delta", "delta": {"message": {"tool_calls": {"function": {"arguments": "{ }"}}}}}
    assert ToolCallArgumentsDelta(0, "{ }") in content(sse(start, more))
    with pytest.raises(UpstreamProtocol):
        content(sse(start, {"type": "tool-call-end"}, more))


def test_a_call_without_an_id_gets_one_of_its_answer() -> None:
    call = {"function": {"name": "f", "arguments": "{}"}}
    (started, *_), (other, *_) = content(event("tool-call-start", tool_calls=call)), document(tool_calls=[call])
    assert isinstance(started, ToolCallStarted)
    assert started.id.startswith("call_")
    assert started == other


def citation(**members: Any) -> bytes:
    """A citation of the first word."""
    sources = [{"type": "document", "id": "d", "document": {"title": "T", "url": "https://e.com"}}, {"id": "e"}]
    return event("citation-start", citations={"start": 0, "end": 1, "text": "a", "sources": sources, **members})


def cited(part: int) -> list[Event]:
    """What the citation becomes."""
    first = Citation("https://e.com", "T", start_index=0, end_index=1, source_id="d")
    return [CitationAdded(part, first), CitationAdded(part, Citation(start_index=0, end_index=1, source_id="e"))]


def test_a_citation_is_for_the_block_that_it_names() -> None:
    body = text("a") + event("content-start", 1, content={"type": "text", "text": "b"}) + citation(content_index=0)
    assert content(body) == [TextDelta(0, "a"), TextDelta(1, "b"), *cited(0)]


@pytest.mark.parametrize("index", [None, 9, [], "0"])
def test_a_citation_that_names_none_is_for_the_latest_text(index: Any) -> None:
    body = text("a") + event("tool-plan-delta", tool_plan="p") + citation(content_index=index)
    assert content(body)[-2:] == cited(0)


def test_a_citation_of_the_plan_is_for_the_plan() -> None:
    body = text("a") + event("tool-plan-delta", tool_plan="p") + citation(type="PLAN")
    assert content(body)[-2:] == cited(1)


def test_citations_without_any_text_get_an_empty_one() -> None:
    assert content(citation()) == [TextDelta(0, ""), *cited(0)]


def test_a_citation_without_sources_still_says_where() -> None:
    body = text("a") + citation(sources=None, start="x", end=-1)
    assert content(body) == [TextDelta(0, "a"), CitationAdded(0, Citation())]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("COMPLETE", FinishReason.STOP),
        ("STOP_SEQUENCE", FinishReason.STOP),
        ("MAX_TOKENS", FinishReason.LENGTH),
        ("TOOL_CALL", FinishReason.TOOL_CALLS),
        ("ERROR_TOXIC", FinishReason.CONTENT_FILTER),
        ("ERROR_LIMIT", FinishReason.CONTEXT_LENGTH),
        ("SUNSET", FinishReason.OTHER),
    ],
)
def test_every_finish_reason_has_its_meaning_and_keeps_its_word(word: str, reason: FinishReason) -> None:
    last = stream(text("x") + sse({"type": "message-end", "delta": {"finish_reason": word}}))[-1]
    assert isinstance(last, Finished)
    assert (last.reason, last.native_reason) == (reason, word)


def test_a_call_is_to_be_answered_whatever_the_word() -> None:
    body = event("tool-call-start", tool_calls={"id": "c", "function": {"name": "f", "arguments": "{}"}})
    last = stream(body + END)[-1]
    assert isinstance(last, Finished)
    assert last.reason is FinishReason.TOOL_CALLS


@pytest.mark.parametrize("usage", [None, 7, {}, {"tokens": {"input_tokens": -1}}, {"tokens": {"output_tokens": 1.5}}])
def test_usage_that_cannot_be_true_is_none(usage: Any) -> None:
    assert read_usage(usage) is None


def test_usage_is_in_disjoint_classes_with_what_is_billed_beside() -> None:
    usage = read_usage(
        {
            "tokens": {"input_tokens": 10.0, "output_tokens": 5, "reasoning_tokens": 2, "image_tokens": 7},
            "billed_units": {"input_tokens": 3.0, "output_tokens": 4, "search_units": 1, "classifications": 0},
            "cached_tokens": 6,
        }
    )
    assert usage == Usage(
        input_uncached_tokens=4,
        input_cache_read_tokens=6,
        input_image_tokens=7,
        output_visible_tokens=3,
        output_reasoning_tokens=2,
        other_units={"billed_input_tokens": 3, "billed_output_tokens": 4, "search_units": 1},
        final=True,
    )


def test_a_part_is_never_more_than_its_whole() -> None:
    usage = read_usage({"tokens": {"input_tokens": 1, "output_tokens": 1, "reasoning_tokens": 9}, "cached_tokens": 9})
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (1, 1)


def test_what_is_billed_counts_where_nothing_else_is_said() -> None:
    usage = read_usage({"billed_units": {"input_tokens": 3, "images": 2}})
    assert usage == Usage(input_uncached_tokens=3, other_units={"billed_input_tokens": 3, "images": 2}, final=True)


@pytest.mark.parametrize("tokens", [None, {}, {"input_tokens": None, "output_tokens": None}])
def test_tokens_that_say_nothing_are_not_counted_as_none_spent(tokens: Any) -> None:
    usage = read_usage({"tokens": tokens, "billed_units": {"input_tokens": 3, "output_tokens": 1}})
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (3, 1)


def test_a_count_of_null_does_not_hide_the_other() -> None:
    usage = read_usage({"tokens": {"input_tokens": None, "output_tokens": 3}})
    assert usage == Usage(output_visible_tokens=3, final=True)


def embedded(embeddings: Any) -> list[tuple[float, ...]]:
    """The vectors of an answer."""
    added = read([json.dumps({"embeddings": embeddings}).encode()], "application/json", Operation.EMBED)[1]
    assert isinstance(added, EmbeddingsAdded)
    return [struct.unpack(f"<{len(one) // 4}f", one) for one in added.vectors]


@pytest.mark.parametrize(
    "embeddings",
    [
        {"float": [[1.5, -2]]},
        {"int8": [[1, 2]], "base64": [base64.b64encode(struct.pack("<2f", 1.5, -2)).decode()]},
        [[1.5, -2]],
    ],
)
def test_every_shape_of_vectors_is_read(embeddings: Any) -> None:
    assert embedded(embeddings) == [(1.5, -2.0)]


@pytest.mark.parametrize("embeddings", [None, {}, {"int8": [[1]]}, {"float": 7}, [], [[]], [[1], [1, 2]]])
def test_what_are_no_vectors_is_a_failure(embeddings: Any) -> None:
    with pytest.raises(UpstreamProtocol):
        embedded(embeddings)
