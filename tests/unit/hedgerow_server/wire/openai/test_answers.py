"""Answers of Chat Completions, whole and streamed: what the events say, in OpenAI's words."""

import base64
import json
from typing import Any

import pytest
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
from hedgerow_server.core.request import (
    ChatRequest,
    Citation,
    Part,
    ProviderItem,
    ProviderState,
    Reasoning,
    Text,
    TokenAlternative,
    TokenLogprob,
    ToolCall,
)
from openai_door import Json, asked_by, chat_call, chunks, folded, streamed, whole

STARTED = Started(provider="p", model="gpt-x", response_id="chatcmpl-1")
USAGE = Usage(
    input_uncached_tokens=5,
    input_cache_read_tokens=3,
    input_cache_writes=((300, 2),),
    output_visible_tokens=4,
    output_reasoning_tokens=6,
    other_units={"web_search_requests": 1},
    estimated=True,
)
CALLS: list[Event] = [
    ToolCallStarted(0, "c1", "f"),
    ToolCallArgumentsDelta(0, '{"a":'),
    ToolCallArgumentsDelta(0, "1}"),
    ToolCallEnded(0),
    ToolCallStarted(1, "c2", "g"),
    ToolCallArgumentsDelta(1, "{}"),
    ToolCallEnded(1),
]
SIGNED = ProviderState("anthropic_messages", b"sig")


def completed(reason: FinishReason = FinishReason.STOP, usage: Usage = USAGE) -> Completed:
    """The last event."""
    return Completed(reason, "native", usage, stop_sequence="###")


def both(*events: Event, reason: FinishReason = FinishReason.STOP, **asked: Any) -> list[Json]:
    """The answer whole, and what its stream adds up to."""
    told = [STARTED, *events, completed(reason)]
    stream = streamed(asked_by(stream=True, usage=True, **asked), told)
    return [whole(asked_by(**asked), told), folded(chunks(stream))]


def messages(*events: Event, **more: Any) -> list[Json]:
    """The message of both."""
    return [answer["choices"][0]["message"] for answer in both(*events, **more)]


def test_text_of_several_parts_is_one_text() -> None:
    """As models write it, with nothing between."""
    for message in messages(TextDelta(0, "One"), TextDelta(1, " and "), TextDelta(1, "two.")):
        assert message == {"role": "assistant", "content": "One and two.", "refusal": None}


def test_an_answer_without_words_is_empty_text() -> None:
    """Callers add it to strings."""
    assert whole(asked_by(), [STARTED, completed()])["choices"][0]["message"]["content"] == ""


def test_tool_calls_are_told_by_index() -> None:
    """Ids and names once, arguments in pieces; no text stands beside them."""
    for message in messages(*CALLS, reason=FinishReason.TOOL_CALLS):
        assert message["content"] is None
        calls = [(one["id"], one["type"], one["function"]) for one in message["tool_calls"]]
        assert calls == [
            ("c1", "function", {"name": "f", "arguments": '{"a":1}'}),
            ("c2", "function", {"name": "g", "arguments": "{}"}),
        ]


def test_calls_of_custom_tools_have_an_input() -> None:
    """Of the tools that the request calls so."""
    for message in messages(*CALLS, custom=frozenset({"g"})):
        assert message["tool_calls"][0]["function"]["name"] == "f"
        assert message["tool_calls"][1]["type"] == "custom"
        assert message["tool_calls"][1]["custom"] == {"name": "g", "input": "{}"}


def test_the_chunks_are_those_that_sdks_expect() -> None:
    """The role first and alone, the finish reason once, then the usage without a choice, then the end."""
    stream = streamed(asked_by(stream=True, usage=True), [STARTED, TextDelta(0, "a"), *CALLS[:3], completed()])
    assert stream.endswith(b"data: [DONE]\n\n")
    pieces = chunks(stream)
    assert {(one["id"], one["object"], one["model"]) for one in pieces} == {
        ("chatcmpl-1", "chat.completion.chunk", "gpt-x")
    }
    deltas = [choice["delta"] for one in pieces for choice in one["choices"]]
    assert deltas[0] == {"role": "assistant", "content": "", "refusal": None}
    assert deltas[1] == {"content": "a"}
    assert deltas[2] == {
        "tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]
    }
    assert deltas[3] == {"tool_calls": [{"index": 0, "function": {"arguments": '{"a":'}}]}
    assert deltas[5] == {}
    reasons = [choice["finish_reason"] for one in pieces for choice in one["choices"]]
    assert reasons == [None] * 5 + ["stop"]
    assert pieces[-1]["choices"] == []
    assert [one["usage"] is None for one in pieces] == [True] * 6 + [False]


def test_no_usage_is_told_that_was_not_asked_for() -> None:
    """No chunk without a choice, which callers that do not ask for it do not expect."""
    pieces = chunks(streamed(asked_by(stream=True), [STARTED, TextDelta(0, "a"), completed()]))
    assert all(one["choices"] and "usage" not in one for one in pieces)


def test_every_text_survives() -> None:
    """Quotes, controls, line separators and what lies beyond the basic plane."""
    text = 'a"b\\c\n\r\u2028\x00\u00e9😀</script>'
    stream = streamed(asked_by(stream=True), [STARTED, TextDelta(0, text), ReasoningDelta(1, text), completed()])
    message = folded(chunks(stream))["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == (text, text)
    assert len(stream.split(b"\n\n")) == 6  # four chunks, the end, and what is behind it


@pytest.mark.parametrize("shown", [True, False])
def test_thoughts_are_told_unless_they_are_not_wanted(*, shown: bool) -> None:
    """OpenRouter's `exclude`."""
    for message in messages(ReasoningDelta(0, "hm"), TextDelta(1, "x"), thoughts=shown):
        assert message.get("reasoning_content") == ("hm" if shown else None)


def test_a_refusal_has_its_own_words() -> None:
    """And ends as OpenAI's do; without words it must not look like an answer."""
    for answer in both(RefusalDelta(0, "No."), reason=FinishReason.REFUSAL):
        assert answer["choices"][0]["message"]["refusal"] == "No."
        assert answer["choices"][0]["finish_reason"] == "stop"
    for answer in both(TextDelta(0, "I"), reason=FinishReason.REFUSAL):
        assert answer["choices"][0]["finish_reason"] == "content_filter"


@pytest.mark.parametrize("reason", [one for one in FinishReason if one is not FinishReason.REFUSAL])
def test_finish_reasons_are_the_apis(reason: FinishReason) -> None:
    """The gateway's own stands beside; what cannot be used does not look whole."""
    for answer in both(TextDelta(0, "x"), reason=reason):
        word = answer["choices"][0]["finish_reason"]
        assert word in ("stop", "length", "tool_calls", "content_filter")
        assert (word == "stop") == (reason in (FinishReason.STOP, FinishReason.OTHER))
        assert answer["hedgerow"]["finish_reason"] == reason.name.lower()
        assert answer["hedgerow"]["native_finish_reason"] == "native"


def test_usage_has_the_details_within_the_sums() -> None:
    """As OpenAI counts; what it has no place for is told beside."""
    for answer in both(TextDelta(0, "x")):
        assert answer["usage"] == {
            "prompt_tokens": 10,
            "completion_tokens": 10,
            "total_tokens": 20,
            "prompt_tokens_details": {"cached_tokens": 3, "audio_tokens": 0, "cache_write_tokens": 2},
            "completion_tokens_details": {"reasoning_tokens": 6, "audio_tokens": 0},
        }
        assert answer["hedgerow"]["other_units"] == {"web_search_requests": 1}
        assert answer["hedgerow"]["usage_estimated"]
        assert answer["hedgerow"]["stop_sequence"] == "###"


def test_citations_count_within_the_whole_text() -> None:
    """Those of a later part begin where it does; a source without an address is no url_citation."""
    events: list[Event] = [
        TextDelta(0, "Olé. "),
        TextDelta(1, "Second."),
        CitationAdded(1, Citation(url="https://x", title="X", start_index=0, end_index=6, cited_text="c")),
        CitationAdded(1, Citation(source_id="doc-1")),
    ]
    for message in messages(*events):
        assert message["annotations"] == [
            {
                "type": "url_citation",
                "url_citation": {"url": "https://x", "title": "X", "start_index": 5, "end_index": 11, "content": "c"},
            },
            {"type": "citation", "citation": {"source_id": "doc-1"}},
        ]


def test_log_probabilities_are_those_of_text_or_refusal() -> None:
    """With the bytes as numbers."""
    token = TokenLogprob("é", -0.5, "é".encode(), top=(TokenAlternative("e", -1.0),))
    told = {
        "token": "é",
        "logprob": -0.5,
        "bytes": [195, 169],
        "top_logprobs": [{"token": "e", "logprob": -1.0, "bytes": None}],
    }
    for answer in both(TextDelta(0, "é"), LogprobsDelta(0, (token,)), LogprobsDelta(0, (token,))):
        assert answer["choices"][0]["logprobs"] == {"content": [told, told], "refusal": None}
    for answer in both(RefusalDelta(0, "é"), LogprobsDelta(0, (token,)), reason=FinishReason.REFUSAL):
        assert answer["choices"][0]["logprobs"] == {"content": None, "refusal": [told]}


def test_audio_is_told_by_openais_own_id() -> None:
    """Which says enough for it to come back."""
    state = ProviderState("openai_chat", b'{"audio_id":"audio_7"}')
    events = [MediaDelta(0, "audio/wav", b"abc", transcript="hi "), MediaDelta(0, data=b"def", transcript="you")]
    for message in messages(*events, ProviderStateAttached(0, state)):
        audio = message["audio"]
        assert (audio["id"], audio["transcript"]) == ("audio_7", "hi you")
        assert base64.b64decode(audio["data"]) == b"abcdef"
        assert "hedgerow" not in message


def test_audio_of_others_has_an_id_of_ours() -> None:
    """SDKs want one; it comes back with the parts."""
    for message in messages(MediaDelta(0, "audio/wav", b"abc", transcript="hi")):
        assert message["audio"]["id"].startswith("audio_0000")
        assert contents_of(message) == ["Audio"]


def test_pictures_and_files_are_data_urls() -> None:
    """However many pieces they come in."""
    events = [MediaDelta(0, "image/png", b"ab"), MediaDelta(0, data=b"cd"), MediaDelta(1, "video/mp4", b"ef")]
    for message in messages(*events):
        assert message["images"] == [{"type": "image_url", "image_url": {"url": "data:image/png;base64,YWJjZA=="}}]
        assert message["files"][0]["file"]["file_data"] == "data:video/mp4;base64,ZWY="


def test_verdicts_are_told() -> None:
    """In a stream when they are made."""
    verdict = GuardVerdict("pii", Action.REDACTED, Side.OUTPUT, "pii.email", 0.5)
    for answer in both(TextDelta(0, "x"), verdict):
        assert answer["hedgerow"]["guardrail_verdicts"] == [
            {"guardrail": "pii", "action": "redacted", "side": "output", "category": "pii.email", "score": 0.5}
        ]


def test_warnings_name_the_callers_fields() -> None:
    """Not the contract's."""
    warnings = tuple(
        Warning(WarningCode.PARAMETER_IGNORED, field, "No.")
        for field in ("chat.max_output_tokens", "chat.provider_options['openai_chat'].logit_bias")
    )
    told: list[Event] = [Started(provider="p", model="m", warnings=warnings), TextDelta(0, "x"), completed()]
    for answer in (whole(asked_by(), told), folded(chunks(streamed(asked_by(stream=True), told)))):
        fields = [one["field"] for one in answer["hedgerow"]["warnings"]]
        assert fields == ["max_completion_tokens", "logit_bias"]


def test_ids_that_are_not_openais_become_our_own() -> None:
    """From the id of the call."""
    answer = whole(asked_by(), [Started(provider="p", model="m", response_id="msg_1"), completed()])
    assert answer["id"] == "chatcmpl-00000000000000000000000000000001"


def contents_of(message: Json) -> list[str]:
    """The kinds of the parts of a message that was sent back."""
    return [type(part.content).__name__ for part in returned(message)]


def returned(message: Json) -> tuple[Part, ...]:
    """The parts of a message that was sent back."""
    call = chat_call({"model": "m", "messages": [message]})
    assert not call.warnings
    assert isinstance(call.request, ChatRequest)
    return call.request.spec.messages[0].content


STATEFUL: list[Event] = [
    ReasoningDelta(0, "hm"),
    ProviderStateAttached(0, SIGNED),
    TextDelta(1, "Let me "),
    TextDelta(1, "search."),
    ProviderItemAdded(2, ProviderItem("anthropic_messages", "search", b"{}")),
    ToolCallStarted(3, "c1", "f"),
    ToolCallArgumentsDelta(3, "{}"),
    ToolCallEnded(3),
]


def test_state_comes_back_with_the_message() -> None:
    """Every part in its order, with what its provider hung on it."""
    for message in messages(*STATEFUL, reason=FinishReason.TOOL_CALLS):
        assert returned(message) == (
            Part(Reasoning("hm"), SIGNED),
            Part(Text("Let me search.")),
            Part(ProviderItem("anthropic_messages", "search", b"{}")),
            Part(ToolCall("c1", "f", "{}")),
        )


@pytest.mark.parametrize(
    "change",
    [
        {"content": "Let me lie."},
        {"tool_calls": None},
        {"refusal": "No."},
        {"hedgerow": {"parts": "###"}},
        {"hedgerow": {"parts": base64.b64encode(b"\xff\xff").decode()}},
    ],
)
def test_state_of_a_message_that_was_changed_is_not_used(change: Json) -> None:
    """What the message says now counts, and a warning says so."""
    message = {**messages(*STATEFUL)[0], **change}
    call = chat_call({"model": "m", "messages": [message]})
    assert isinstance(call.request, ChatRequest)
    assert all(part.state is None for part in call.request.spec.messages[0].content)
    assert [(one.code, one.field) for one in call.warnings] == [
        (WarningCode.PROVIDER_STATE_DROPPED, "messages[0].hedgerow")
    ]


def test_a_message_without_state_is_plain() -> None:
    """Nothing is hung on it that nobody needs."""
    for message in messages(ReasoningDelta(0, "hm"), TextDelta(1, "x"), *CALLS[:0]):
        assert "hedgerow" not in message
    assert json.dumps(messages(*CALLS)[1]).count("hedgerow") == 0
