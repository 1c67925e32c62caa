"""Answers of Bedrock that no recording shows: exceptions, secret thoughts, citations, images, odd ends."""

import base64
import json
from typing import Any

import pytest
from hedgerow_server.core.error import (
    ContextTooLong,
    HedgerowError,
    ProviderAuth,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
    StreamCut,
    UpstreamProtocol,
)
from hedgerow_server.core.event import (
    CitationAdded,
    Event,
    Finished,
    FinishReason,
    MediaDelta,
    ProviderItemAdded,
    ProviderStateAttached,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallStarted,
    Usage,
)
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import Citation
from hedgerow_server.providers.bedrock.usage import read_usage
from providers.bedrock_run import STREAM, bedrock, exception, frame, raw_frame, read, stream

USAGE = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}
END = frame("messageStop", {"stopReason": "end_turn"}) + frame("metadata", {"usage": USAGE, "metrics": {}})


def start(index: int, **kind: Any) -> bytes:
    """The start of a block."""
    return frame("contentBlockStart", {"contentBlockIndex": index, "start": kind})


def delta(index: int, **kind: Any) -> bytes:
    """More of a block."""
    return frame("contentBlockDelta", {"contentBlockIndex": index, "delta": kind})


def stop(index: int) -> bytes:
    """The end of a block."""
    return frame("contentBlockStop", {"contentBlockIndex": index})


def content(body: bytes) -> list[Event]:
    """The events between Started and Finished."""
    first, *between, last = stream(body)
    assert isinstance(first, Started)
    assert isinstance(last, Finished)
    return between


def document(*blocks: Any, **members: Any) -> list[Event]:
    """The events of a document with these blocks."""
    body = {"output": {"message": {"role": "assistant", "content": blocks}}, "stopReason": "end_turn", **members}
    return read([json.dumps(body).encode()], "application/json")


def failure(body: bytes) -> tuple[list[Event], HedgerowError]:
    """What comes before the failure, and the failure, which the next call raises, too."""
    reader = bedrock().reader(Operation.CHAT, stream=True, content_type=STREAM)
    events = []
    try:
        events = reader.feed(body)
        reader.finish()
    except HedgerowError as error:
        with pytest.raises(type(error)):
            reader.finish()
        return events, error
    pytest.fail("no failure")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("throttlingException", ProviderThrottled),
        ("validationException", ProviderRejectedRequest),
        ("internalServerException", ProviderUnavailable),
        ("modelStreamErrorException", ProviderUnavailable),
        ("serviceUnavailableException", ProviderUnavailable),
        ("modelTimeoutException", ProviderUnavailable),
        ("accessDeniedException", ProviderAuth),
        ("somethingNewException", ProviderUnavailable),
    ],
)
def test_an_exception_in_a_stream_is_classified_like_one_before_it(name: str, kind: type[HedgerowError]) -> None:
    """What came before it goes out first."""
    events, error = failure(delta(0, text="Hel") + exception(name))
    assert events == [Started(), TextDelta(0, "Hel")]
    assert type(error) is kind
    assert error.metadata["upstreamCode"] == name[0].upper() + name[1:]
    assert "secret words" not in f"{error.message} {error.metadata}"


def test_an_error_of_the_stream_itself_is_a_failure() -> None:
    body = frame("", {}, message_type="error", error_code="InternalError", error_message="x")
    assert type(failure(body)[1]) is ProviderUnavailable


def test_a_context_that_is_too_long_is_told_by_the_words_of_the_exception() -> None:
    body = exception("validationException", "Input is too long for requested model.")
    assert type(failure(body)[1]) is ContextTooLong


def test_an_exception_after_the_stop_reason_is_a_failure_too() -> None:
    stopped = frame("messageStop", {"stopReason": "end_turn"})
    assert type(failure(delta(0, text="x") + stopped + exception("throttlingException"))[1]) is ProviderThrottled


def test_nothing_is_read_after_the_usage() -> None:
    reader = bedrock().reader(Operation.CHAT, stream=True, content_type=STREAM)
    events = reader.feed(delta(0, text="x") + END + exception("throttlingException"))
    assert reader.done
    assert reader.feed(b"garbage") == []
    assert isinstance((events + reader.finish())[-1], Finished)


@pytest.mark.parametrize("body", [b"", frame("messageStart", {"role": "assistant"}), delta(0, text="x")])
def test_an_end_without_a_stop_reason_is_a_cut(body: bytes) -> None:
    with pytest.raises(StreamCut):
        stream(body)


@pytest.mark.parametrize(
    "body",
    [
        frame("contentBlockDelta", {"delta": 7}),
        delta(0, toolUse={"input": "{}"}),
        start(0, toolUse={"toolUseId": "c"}),
        start(0, image={"format": "png"}) + delta(0, image={"source": {"bytes": "?"}}) + stop(0),
    ],
)
def test_what_cannot_be_of_an_answer_is_a_failure(body: bytes) -> None:
    assert type(failure(body + END)[1]) is UpstreamProtocol


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"output": {}}', b'{"output": {"message": {"content": []}}}'])
def test_a_document_that_is_no_answer_is_a_failure(body: bytes) -> None:
    with pytest.raises(UpstreamProtocol):
        read([body], "application/json")


def test_a_content_type_of_another_dialect_is_a_failure() -> None:
    with pytest.raises(UpstreamProtocol):
        bedrock().reader(Operation.CHAT, stream=True, content_type="text/html; charset=utf-8")


def test_the_content_type_says_what_came_not_what_was_asked_for() -> None:
    reader = bedrock().reader(Operation.CHAT, stream=True, content_type="application/json")
    reader.feed(b'{"output":{"message":{"content":[{"text":"x"}]}},"stopReason":"end_turn"}')
    assert reader.finish()[1] == TextDelta(0, "x")


def test_thoughts_get_their_signature_when_the_block_ends() -> None:
    body = delta(0, reasoningContent={"text": "a"}) + delta(0, reasoningContent={"text": "b"})
    body += delta(0, reasoningContent={"signature": "s1"}) + delta(0, reasoningContent={"signature": "s2"}) + stop(0)
    thought, state, text = content(body + delta(1, text="c") + stop(1) + END)
    assert thought == ReasoningDelta(0, "ab")
    assert isinstance(state, ProviderStateAttached)
    assert json.loads(state.state.data) == {"signature": "s1s2"}
    assert text == TextDelta(1, "c")


@pytest.mark.parametrize(
    ("piece", "state"), [({"signature": "s"}, {"signature": "s"}), ({"redactedContent": "AQI="}, {"redacted": "AQI="})]
)
def test_thoughts_that_are_kept_secret_are_an_empty_part_with_state(piece: Any, state: Any) -> None:
    thought, attached = content(delta(0, reasoningContent=piece) + stop(0) + END)
    assert thought == ReasoningDelta(0, "")
    assert isinstance(attached, ProviderStateAttached)
    assert json.loads(attached.state.data) == state


def test_a_document_says_of_thoughts_what_a_stream_says() -> None:
    body = delta(0, reasoningContent={"text": "a"}) + delta(0, reasoningContent={"signature": "s"}) + stop(0)
    body += delta(1, reasoningContent={"redactedContent": "AQI="}) + stop(1)
    signed = {"reasoningContent": {"reasoningText": {"text": "a", "signature": "s"}}}
    secret = {"reasoningContent": {"redactedContent": "AQI="}}
    assert document(signed, secret)[1:-1] == content(body + END)


def test_blocks_of_one_kind_are_parts_of_their_own() -> None:
    body = delta(0, text="a") + stop(0) + delta(1, text="b") + delta(2, text="c")
    assert content(body + END) == [TextDelta(0, "a"), TextDelta(1, "b"), TextDelta(2, "c")]


CITED = {
    "title": "T",
    "sourceContent": [{"text": "wo"}, {"text": "rds"}],
    "location": {"documentChar": {"documentIndex": 3, "start": 1, "end": 5}},
}
CITATION = Citation(title="T", cited_text="words", source_id="3")


def test_a_citation_before_the_text_of_its_block_is_for_that_text() -> None:
    body = delta(0, text="a") + stop(0) + delta(1, citation=CITED) + delta(1, text="b") + stop(1)
    assert content(body + END) == [TextDelta(0, "a"), TextDelta(1, "b"), CitationAdded(1, CITATION)]


def test_a_block_of_citations_alone_is_for_the_text_before_it() -> None:
    body = delta(0, text="a") + stop(0) + delta(1, citation=CITED) + stop(1) + delta(2, text="b")
    assert content(body + END) == [TextDelta(0, "a"), CitationAdded(0, CITATION), TextDelta(1, "b")]


def test_citations_without_any_text_get_an_empty_one() -> None:
    assert content(delta(0, citation=CITED) + stop(0) + END) == [TextDelta(0, ""), CitationAdded(0, CITATION)]


def test_a_document_says_of_citations_what_a_stream_says() -> None:
    block = {"citationsContent": {"content": [{"text": "a"}, {"text": "b"}], "citations": [CITED]}}
    assert document(block)[1:-1] == [TextDelta(0, "ab"), CitationAdded(0, CITATION)]


@pytest.mark.parametrize(
    ("location", "source_id"),
    [
        ({"searchResultLocation": {"searchResultIndex": 0}}, "0"),
        ({"documentPage": {"documentIndex": 2}}, "2"),
        ({"tomorrow": {"place": 1}}, ""),
        (7, ""),
    ],
)
def test_a_citation_is_known_by_its_place(location: Any, source_id: str) -> None:
    found = content(delta(0, text="a") + delta(0, citation={"location": location}) + END)
    assert found[1] == CitationAdded(0, Citation(source_id=source_id))


def test_the_pieces_of_a_result_of_bedrocks_own_tool_are_one_item() -> None:
    body = start(0, toolResult={"toolUseId": "c", "type": "grounding_result"})
    body += delta(0, toolResult=[{"text": "a"}]) + delta(0, toolResult=[{"text": "b"}, {"json": {"n": 1}}]) + stop(0)
    (item,) = content(body + END)
    assert isinstance(item, ProviderItemAdded)
    assert item.item.type == "grounding_result"
    assert json.loads(item.item.data) == {
        "toolResult": {
            "toolUseId": "c",
            "type": "grounding_result",
            "content": [{"text": "ab"}, {"json": {"n": 1}}],
        }
    }


def test_an_image_is_one_medium() -> None:
    half, rest = base64.b64encode(b"abc").decode(), base64.b64encode(b"def").decode()
    body = start(0, image={"format": "webp"}) + delta(0, image={"source": {"bytes": half}})
    body += delta(0, image={"source": {"bytes": rest}}) + stop(0)
    assert content(body + END) == [MediaDelta(0, "image/webp", b"abcdef")]
    whole = {"image": {"format": "webp", "source": {"bytes": base64.b64encode(b"abcdef").decode()}}}
    assert document(whole)[1:-1] == content(body + END)


def test_a_call_whose_input_is_null_has_an_empty_object() -> None:
    events = document({"toolUse": {"toolUseId": "c", "name": "f", "input": None}})
    assert ToolCallArgumentsDelta(0, "{}") in events


def test_a_call_without_input_has_an_empty_object() -> None:
    body = start(0, toolUse={"toolUseId": "c", "name": "f"}) + stop(0)
    assert ToolCallArgumentsDelta(0, "{}") in content(body + END)


def test_an_answer_that_says_nothing_is_an_answer() -> None:
    assert [type(event) for event in stream(END)] == [Started, Finished]


def test_half_a_surrogate_pair_is_replaced() -> None:
    payload = b'{"contentBlockIndex":0,"delta":{"text":"a\\ud83d"}}'
    empty = frame("contentBlockDelta", {})
    headers = empty[12 : 12 + int.from_bytes(empty[4:8], "big")]
    assert content(raw_frame(headers, payload) + END) == [TextDelta(0, "a\ufffd")]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", FinishReason.STOP),
        ("stop_sequence", FinishReason.STOP),
        ("max_tokens", FinishReason.LENGTH),
        ("model_context_window_exceeded", FinishReason.CONTEXT_LENGTH),
        ("tool_use", FinishReason.TOOL_CALLS),
        ("content_filtered", FinishReason.CONTENT_FILTER),
        ("guardrail_intervened", FinishReason.CONTENT_FILTER),
        ("malformed_tool_use", FinishReason.MALFORMED_TOOL_CALL),
        ("malformed_model_output", FinishReason.MALFORMED_OUTPUT),
        ("sunset", FinishReason.OTHER),
    ],
)
def test_every_stop_reason_has_its_meaning_and_keeps_its_word(word: str, reason: FinishReason) -> None:
    last = document({"text": "x"}, stopReason=word)[-1]
    assert isinstance(last, Finished)
    assert (last.reason, last.native_reason) == (reason, word)


@pytest.mark.parametrize(
    ("word", "reason"), [("end_turn", FinishReason.TOOL_CALLS), ("max_tokens", FinishReason.LENGTH)]
)
def test_a_call_is_to_be_answered_whatever_the_word_unless_more_may_be_missing(word: str, reason: FinishReason) -> None:
    events = document({"toolUse": {"toolUseId": "c", "name": "f", "input": {}}}, stopReason=word)
    last = events[-1]
    assert ToolCallStarted(0, "c", "f") in events
    assert isinstance(last, Finished)
    assert last.reason is reason


def test_the_stop_sequence_is_told_where_it_was_asked_for() -> None:
    last = document({"text": "x"}, additionalModelResponseFields={"stop_sequence": "END"})[-1]
    assert isinstance(last, Finished)
    assert last.stop_sequence == "END"


@pytest.mark.parametrize("usage", [None, 7, {}, {"inputTokens": -1, "outputTokens": 1}, {"inputTokens": "3"}])
def test_usage_that_cannot_be_true_is_none(usage: Any) -> None:
    assert read_usage(usage, None) is None


@pytest.mark.parametrize(
    ("details", "writes"),
    [
        (None, ((None, 30),)),
        ([{"ttl": "5m", "inputTokens": 10}, {"ttl": "1h", "inputTokens": 20}], ((300.0, 10), (3600.0, 20))),
        ([{"ttl": "1h", "inputTokens": 20}], ((3600.0, 20), (None, 10))),
        ([{"ttl": "1h", "inputTokens": 0}], ((None, 30),)),
        ([{"ttl": "1h", "inputTokens": 99}], ((3600.0, 30),)),
        ([7, {"ttl": 5}, {"ttl": "2w", "inputTokens": 30}], ((None, 30),)),
    ],
)
def test_cache_writes_are_told_by_time_to_live(details: Any, writes: Any) -> None:
    usage = read_usage({**USAGE, "cacheWriteInputTokens": 30, "cacheReadInputTokens": 4, "cacheDetails": details}, None)
    assert usage == Usage(
        input_uncached_tokens=3,
        input_cache_read_tokens=4,
        input_cache_writes=writes,
        output_visible_tokens=2,
        final=True,
    )


def test_cached_tokens_count_under_either_name() -> None:
    counts = {"cacheReadInputTokenCount": 4, "cacheWriteInputTokenCount": 6}
    both = {**counts, "cacheReadInputTokens": 4, "cacheWriteInputTokens": 6}
    wanted = Usage(
        input_uncached_tokens=3,
        input_cache_read_tokens=4,
        input_cache_writes=((None, 6),),
        output_visible_tokens=2,
        final=True,
    )
    assert [read_usage({**USAGE, **one}, None) for one in (counts, both)] == [wanted, wanted]


def test_a_count_of_null_is_one_that_is_not_told() -> None:
    assert read_usage({"inputTokens": None, "outputTokens": 2}, None) == Usage(output_visible_tokens=2, final=True)
    assert read_usage({"inputTokens": None, "outputTokens": None}, None) is None


def test_what_tools_and_guardrails_bill_is_counted_by_its_own_name() -> None:
    metrics = {"invocationMetrics": {"usage": {"topicPolicyUnits": 1, "wordPolicyUnits": 0}}}
    trace = {"guardrail": {"inputAssessment": {"g": metrics}, "outputAssessments": {"g": [metrics, 7]}}}
    usage = read_usage({**USAGE, "serverToolUsage": {"webSearchRequests": 2}}, trace)
    assert usage is not None
    assert usage.other_units == {"webSearchRequests": 2, "topicPolicyUnits": 2}


def test_the_last_usage_holds() -> None:
    body = frame("messageStop", {"stopReason": "end_turn", "usage": {"outputTokens": 1}}) + END
    last = stream(body)[-1]
    assert isinstance(last, Finished)
    assert last.usage == Usage(input_uncached_tokens=3, output_visible_tokens=2, final=True)
