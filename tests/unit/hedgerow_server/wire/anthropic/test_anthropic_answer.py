"""Answers at the Anthropic door, whole and streamed: the same message either way."""

import json
from typing import Any

import pytest
from anthropic_door import DECODER, accumulated, answer, call_with, streamed
from hedgerow_server.core.error import Internal
from hedgerow_server.core.event import (
    CitationAdded,
    Completed,
    Event,
    FinishReason,
    GuardVerdict,
    LogprobsDelta,
    MediaDelta,
    ProviderItemAdded,
    ProviderStateAttached,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
    Warning,
    WarningCode,
)
from hedgerow_server.core.guard import Action, Side
from hedgerow_server.core.request import Citation, ProviderItem, ProviderState, TokenLogprob

Json = dict[str, Any]
START = Started("vendor", "model-1")
DIALECT = "anthropic_messages"


def end(reason: FinishReason = FinishReason.STOP, native: str = "stop", **more: Any) -> Completed:
    """The end of an answer."""
    return Completed(reason, native, more.pop("usage", Usage()), **more)


def own(**facts: Any) -> ProviderState:
    """State of the dialect."""
    return ProviderState(DIALECT, json.dumps(facts).encode())


def both(*events: Event, last: Completed | None = None) -> Json:
    """The message that these events make, which must be the same whole and streamed."""
    events = (START, *events, last or end())
    whole, put_together = answer(events), accumulated(streamed(events))
    # A stream tells null where it tells nothing yet.
    assert put_together == whole
    return whole


def content(*events: Event) -> list[Json]:
    """The blocks that these events make."""
    return list(both(*events)["content"])


def call(part: int = 0, call_id: str = "t1", arguments: str = "{}") -> list[Event]:
    """The events of a call of a tool."""
    return [ToolCallStarted(part, call_id, "f"), ToolCallArgumentsDelta(part, arguments), ToolCallEnded(part)]


def test_a_text_is_a_text_block() -> None:
    assert content(TextDelta(0, "Hello"), TextDelta(0, ' "you"\n')) == [{"type": "text", "text": 'Hello "you"\n'}]


def test_an_answer_may_say_nothing() -> None:
    assert content() == []


def test_parts_are_blocks_in_their_order() -> None:
    found = content(
        ReasoningDelta(0, "Hm."), TextDelta(1, "So."), *call(2), *call(3, "t2", '{"a": 1}'), TextDelta(4, "!")
    )
    assert [block["type"] for block in found] == ["thinking", "text", "tool_use", "tool_use", "text"]
    assert [block["input"] for block in found[2:4]] == [{}, {"a": 1}]


def test_a_refusal_is_a_text_beside_its_stop_reason() -> None:
    message = both(RefusalDelta(0, "No."), last=end(FinishReason.REFUSAL, "refusal"))
    assert message["content"] == [{"type": "text", "text": "No."}]
    assert message["stop_reason"] == "refusal"


def test_a_thought_has_the_signature_of_the_dialect() -> None:
    assert content(ReasoningDelta(0, "Hm"), ReasoningDelta(0, "."), ProviderStateAttached(0, own(signature="sig"))) == [
        {"type": "thinking", "thinking": "Hm.", "signature": "sig"}
    ]


def test_a_thought_that_is_kept_back_has_a_signature_alone() -> None:
    assert content(ReasoningDelta(0, ""), ProviderStateAttached(0, own(signature="sig"))) == [
        {"type": "thinking", "thinking": "", "signature": "sig"}
    ]


def test_an_encrypted_thought_is_a_block_of_its_own_kind() -> None:
    assert content(ReasoningDelta(0, ""), ProviderStateAttached(0, own(redacted="enc")), TextDelta(1, "a")) == [
        {"type": "redacted_thinking", "data": "enc"},
        {"type": "text", "text": "a"},
    ]


def test_citations_come_as_the_provider_gave_them() -> None:
    cited = {"type": "char_location", "cited_text": "c", "document_index": 0, "start_char_index": 0}
    assert content(
        TextDelta(0, "So."),
        CitationAdded(0, Citation(cited_text="c")),
        ProviderStateAttached(0, own(citations=[cited])),
    ) == [{"type": "text", "text": "So.", "citations": [cited]}]


def test_citations_of_another_dialect_are_results_of_a_search() -> None:
    (block,) = content(TextDelta(0, "So."), CitationAdded(0, Citation("https://a", "A", "words", source_id="1")))
    (cited,) = block["citations"]
    told = {"type": "web_search_result_location", "url": "https://a", "title": "A", "cited_text": "words"}
    assert {name: cited[name] for name in told} == told


def test_who_called_a_tool_stands_in_its_block() -> None:
    caller = {"type": "code_execution_20260120", "tool_id": "s1"}
    events: list[Event] = [
        ToolCallStarted(0, "t1", "f"),
        ProviderStateAttached(0, own(caller=caller, toolset_name="browser")),
    ]
    assert content(*events, ToolCallArgumentsDelta(0, "{}"), ToolCallEnded(0)) == [
        {"type": "tool_use", "id": "t1", "name": "f", "input": {}, "caller": caller, "toolset_name": "browser"}
    ]


@pytest.mark.parametrize("arguments", ['{"a": ', "[1]", "null", "words"])
def test_arguments_that_are_no_object_are_wrapped_in_one(arguments: str) -> None:
    """A stream tells them as the model wrote them."""
    events = [START, *call(arguments=arguments), end(FinishReason.TOOL_CALLS)]
    assert answer(events)["content"][0]["input"] == {"INVALID_JSON": arguments}
    said = [one["delta"]["partial_json"] for one in streamed(events) if one["type"] == "content_block_delta"]
    assert "".join(said) == arguments


def test_an_item_of_the_dialect_is_the_block_that_it_was() -> None:
    use = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}}
    result = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"url": "https://a"}]}
    items = [ProviderItem(DIALECT, one["type"], json.dumps(one).encode()) for one in (use, result)]  # type: ignore[arg-type]
    assert content(*(ProviderItemAdded(part, one) for part, one in enumerate(items))) == [use, result]


@pytest.mark.parametrize(
    ("delta", "wanted"),
    [
        (
            MediaDelta(0, "image/png", b"\x89PNG"),
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="}},
        ),
        (MediaDelta(0, "image/png", url="https://a"), {"type": "image", "source": {"type": "url", "url": "https://a"}}),
        (
            MediaDelta(0, "audio/wav", b"RIFF", transcript="hi"),
            {
                "type": "audio",
                "source": {"type": "base64", "media_type": "audio/wav", "data": "UklGRg=="},
                "transcript": "hi",
            },
        ),
        (
            MediaDelta(0, "video/mp4", b"mp4"),
            {"type": "document", "source": {"type": "base64", "media_type": "video/mp4", "data": "bXA0"}},
        ),
    ],
)
def test_what_a_model_draws_or_speaks_is_told_as_in_requests(delta: MediaDelta, wanted: Json) -> None:
    assert content(delta) == [wanted]


def test_log_probabilities_have_no_place() -> None:
    assert content(TextDelta(0, "a"), LogprobsDelta(0, (TokenLogprob("a", -0.1),))) == [{"type": "text", "text": "a"}]


@pytest.mark.parametrize(
    ("completed", "word"),
    [
        (end(FinishReason.STOP), "end_turn"),
        (end(FinishReason.STOP, "stop_sequence"), "stop_sequence"),
        (end(FinishReason.STOP, stop_sequence="END"), "stop_sequence"),
        (end(FinishReason.LENGTH), "max_tokens"),
        (end(FinishReason.CONTEXT_LENGTH), "model_context_window_exceeded"),
        (end(FinishReason.TOOL_CALLS), "tool_use"),
        (end(FinishReason.CONTENT_FILTER), "refusal"),
        (end(FinishReason.RECITATION), "refusal"),
        (end(FinishReason.GUARDRAIL), "refusal"),
        (end(FinishReason.PAUSE, "pause_turn"), "pause_turn"),
        (end(FinishReason.PAUSE, "compaction"), "compaction"),
        (end(FinishReason.BUDGET), "max_tokens"),
        (end(FinishReason.MALFORMED_TOOL_CALL), "max_tokens"),
        (end(FinishReason.MALFORMED_OUTPUT), "max_tokens"),
        (end(FinishReason.OTHER), "max_tokens"),
    ],
)
def test_why_an_answer_ended_is_one_of_the_apis_words(completed: Completed, word: str) -> None:
    message = both(TextDelta(0, "a"), last=completed)
    assert message["stop_reason"] == word
    assert message["stop_sequence"] == (completed.stop_sequence or None)
    assert message["hedgerow"]["finish_reason"] == completed.reason.name.lower()
    assert message["hedgerow"]["native_finish_reason"] == completed.native_reason


def test_every_reason_has_its_word() -> None:
    for reason in FinishReason:
        assert both(last=end(reason))["stop_reason"]


def test_input_is_counted_apart_from_the_cache() -> None:
    usage = Usage(
        input_uncached_tokens=10,
        input_image_tokens=2,
        input_cache_read_tokens=3,
        input_cache_writes=((300.0, 4), (3600.0, 5), (None, 6)),
        output_visible_tokens=7,
        output_reasoning_tokens=8,
        other_units={"web_search_requests": 1, "advisor_message_input_tokens": 9},
        estimated=True,
    )
    message = both(last=end(usage=usage))
    assert message["usage"] == {
        "input_tokens": 12,
        "cache_read_input_tokens": 3,
        "cache_creation_input_tokens": 15,
        "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 5},
        "output_tokens": 15,
        "output_tokens_details": {"thinking_tokens": 8},
        "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0},
    }
    assert message["hedgerow"]["usage_estimated"] is True
    assert message["hedgerow"]["other_units"] == usage.other_units


@pytest.mark.parametrize(("given", "wanted"), [("msg_1", "msg_1"), ("chatcmpl-1", "msg_r1"), ("", "msg_r1")])
def test_the_id_is_the_providers_where_it_is_one_of_the_api(given: str, wanted: str) -> None:
    assert answer([Started("vendor", "m", response_id=given), end()])["id"] == wanted


def test_what_was_not_done_as_asked_is_told_by_the_callers_names() -> None:
    made = call_with({"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]})
    DECODER.create(made)
    warning = Warning(WarningCode.PARAMETER_CHANGED, "chat.max_output_tokens", "less")
    events: list[Event] = [Started("vendor", "m", (warning,)), end()]
    told = [{"code": "parameter_changed", "field": "max_tokens", "message": "less"}]
    assert answer(events, made)["hedgerow"]["warnings"] == told
    assert streamed(events, made)[0]["message"]["hedgerow"]["warnings"] == told


def test_what_guards_have_decided_is_told_at_the_end() -> None:
    verdict = GuardVerdict("g", Action.FLAGGED, Side.OUTPUT, "pii.email", score=0.5)
    message = both(verdict, TextDelta(0, "a"))
    told = {"guardrail": "g", "action": "flagged", "side": "output", "category": "pii.email", "score": 0.5}
    assert message["hedgerow"]["guardrail_verdicts"] == [told]


def kinds(events: list[Json]) -> list[str]:
    """What a stream is made of."""
    return [one["type"] for one in events]


def test_a_stream_begins_and_ends_as_the_apis_does() -> None:
    found = streamed([START, TextDelta(0, "a"), TextDelta(0, "b"), end()])
    assert kinds(found) == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * 2,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert found[0]["message"]["stop_reason"] is None
    assert found[0]["message"]["usage"]["output_tokens"] == 0


def test_a_delta_goes_out_with_the_event_that_brings_it() -> None:
    """Nothing is held back but what comes after a tool call that has not ended."""
    partial = streamed([START, TextDelta(0, "a"), TextDelta(0, "b")])
    assert [one["delta"]["text"] for one in partial if one["type"] == "content_block_delta"] == ["a", "b"]


def test_empty_deltas_say_nothing() -> None:
    assert kinds(streamed([START, TextDelta(0, ""), TextDelta(0, ""), end()])).count("content_block_delta") == 0


def test_calls_that_are_written_side_by_side_are_told_one_after_the_other() -> None:
    events: list[Event] = [
        START,
        ToolCallStarted(0, "t1", "f"),
        ToolCallArgumentsDelta(0, '{"a"'),
        ToolCallStarted(1, "t2", "f"),
        ToolCallArgumentsDelta(1, '{"b"'),
        ToolCallArgumentsDelta(0, ":1}"),
        ToolCallArgumentsDelta(1, ":2}"),
        ToolCallEnded(1),
        TextDelta(2, "!"),
        ToolCallEnded(0),
        end(FinishReason.TOOL_CALLS),
    ]
    message = accumulated(streamed(events))
    assert [block.get("input", block.get("text")) for block in message["content"]] == [{"a": 1}, {"b": 2}, "!"]


def test_a_call_that_never_ends_ends_with_the_answer() -> None:
    events: list[Event] = [
        START,
        ToolCallStarted(0, "t1", "f"),
        ToolCallStarted(1, "t2", "f"),
        TextDelta(2, "a"),
        end(),
    ]
    message = accumulated(streamed(events))
    assert [block["type"] for block in message["content"]] == ["tool_use", "tool_use", "text"]


def test_text_that_comes_later_for_a_part_is_a_block_of_its_own() -> None:
    message = accumulated(streamed([START, TextDelta(0, "a"), TextDelta(1, "b"), TextDelta(0, "c"), end()]))
    assert [block["text"] for block in message["content"]] == ["a", "b", "c"]


def test_arguments_of_a_call_that_never_began_are_a_fault() -> None:
    with pytest.raises(Internal):
        streamed([START, ToolCallArgumentsDelta(0, "{}")])
