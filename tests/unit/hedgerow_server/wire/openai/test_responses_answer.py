"""How an answer looks to callers of the Responses API, in one piece and as a stream."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hedgerow_server.core.error import HedgerowError, StreamCut
from hedgerow_server.core.event import (
    CitationAdded,
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
from hedgerow_server.core.request import Citation, ProviderItem, ProviderState, TokenAlternative, TokenLogprob
from hedgerow_server.doors.openai import OpenAiForm
from responses_door import REQUEST_ID, asked, end, folded, sent_back, streamed, whole

Json = dict[str, Any]

STARTED = Started("vendor", "gpt-5", response_id="resp_1")
LOGPROB = TokenLogprob("a", -0.5, b"a", top=(TokenAlternative("b", -1.5),))
SEARCH = ProviderItem("openai_responses", "web_search_call", b'{"type":"web_search_call","id":"ws_1"}')
BLOCK = ProviderItem("anthropic_messages", "server_tool_use", b'{"type":"server_tool_use"}')


def own(data: Json, tag: str = "openai_responses") -> ProviderState:
    """State of a Responses API."""
    return ProviderState(tag, json.dumps(data).encode())


def call(part: int, name: str = "f", *, state: ProviderState | None = None) -> list[Event]:
    """The events of a call."""
    events: list[Event] = [ToolCallStarted(part, f"call_{part}", name), ToolCallArgumentsDelta(part, '{"a":')]
    events += [ToolCallArgumentsDelta(part, "1}"), ToolCallEnded(part)]
    return events if state is None else [*events, ProviderStateAttached(part, state)]


# What dialects say, by what is special of it.
ANSWERS: dict[str, list[Event]] = {
    "nothing": [],
    "text": [TextDelta(0, "Hel"), TextDelta(0, "lo")],
    "texts": [TextDelta(0, "a"), TextDelta(1, "b"), TextDelta(1, "c")],
    "text of openai": [
        TextDelta(0, "a"),
        TextDelta(1, "b"),
        ProviderStateAttached(0, own({"id": "msg_1", "type": "message", "role": "assistant", "phase": "commentary"})),
        ProviderStateAttached(1, own({"id": "msg_1", "type": "message", "role": "assistant", "phase": "commentary"})),
        TextDelta(2, "c"),
        ProviderStateAttached(2, own({"id": "msg_2", "type": "message", "role": "assistant"})),
    ],
    "signed texts": [
        TextDelta(0, "a"),
        ProviderStateAttached(0, ProviderState("gemini", b"1")),
        TextDelta(1, "b"),
        ProviderStateAttached(1, ProviderState("gemini", b"2")),
    ],
    "refusal": [TextDelta(0, "Well, "), RefusalDelta(1, "no"), RefusalDelta(1, ".")],
    "thoughts": [ReasoningDelta(0, "h"), ReasoningDelta(0, "m"), TextDelta(1, "a")],
    "signed thoughts": [
        ReasoningDelta(0, "hm"),
        ProviderStateAttached(0, ProviderState("anthropic_messages", b"signature")),
        ReasoningDelta(1, ""),
        ProviderStateAttached(1, ProviderState("anthropic_messages", b"redacted")),
        TextDelta(2, "a"),
    ],
    "thoughts of openai": [
        ReasoningDelta(0, "a"),
        ReasoningDelta(1, "b"),
        ProviderStateAttached(
            1, own({"id": "rs_1", "type": "reasoning", "summary": [{"text": "a"}], "encrypted_content": "gAAA"})
        ),
        ReasoningDelta(2, ""),
        ProviderStateAttached(2, own({"id": "rs_2", "type": "reasoning", "summary": [], "encrypted_content": "gBBB"})),
        *call(3, state=own({"id": "fc_1", "type": "function_call", "namespace": "n"})),
    ],
    "thoughts of another vendor": [
        ReasoningDelta(0, "a"),
        ProviderStateAttached(
            0, own({"id": "rs_1", "type": "reasoning", "encrypted_content": "x"}, "openai_responses@api.x.ai")
        ),
    ],
    "open thoughts": [
        ReasoningDelta(0, "a"),
        ProviderStateAttached(0, own({"id": "rs_1", "type": "reasoning", "content": [{"text": "a"}]})),
    ],
    "calls": [TextDelta(0, "a"), *call(1), *call(2, state=ProviderState("gemini", b"sig"))],
    "calls that alternate": [
        ToolCallStarted(0, "call_0", "f"),
        ToolCallStarted(1, "call_1", "g"),
        ToolCallArgumentsDelta(0, "{}"),
        ToolCallArgumentsDelta(1, "[]"),
        ToolCallEnded(0),
        ToolCallEnded(1),
    ],
    "a custom call": call(0, "sql", state=own({"id": "ctc_1", "type": "custom_tool_call"})),
    "items": [ProviderItemAdded(0, SEARCH), ProviderItemAdded(1, BLOCK), TextDelta(2, "a")],
    "an item of another vendor": [
        ProviderItemAdded(
            0, ProviderItem("openai_responses@api.x.ai", "x_search_call", b'{"type":"x_search_call","id":"xs_1"}')
        )
    ],
    "pictures": [
        MediaDelta(0, "image/png", b"draft"),
        ProviderStateAttached(0, own({"type": "partial_image"})),
        MediaDelta(1, "image/webp", b"pi"),
        MediaDelta(1, "", b"xel"),
        ProviderStateAttached(1, own({"id": "ig_1", "type": "image_generation_call", "size": "1x1"})),
        MediaDelta(2, "image/png", b"raw"),
    ],
    "media": [MediaDelta(0, "audio/wav", b"la", transcript="la"), MediaDelta(1, "application/pdf", b"%PDF")],
    "sources": [
        TextDelta(0, "a"),
        CitationAdded(0, Citation(url="https://a", title="A", start_index=0, end_index=1)),
        CitationAdded(0, Citation(source_id="file-1", title="b.pdf", cited_text="b", start_index=1, end_index=1)),
    ],
    "likelihoods": [TextDelta(0, "a"), LogprobsDelta(0, (LOGPROB,)), TextDelta(0, "b"), LogprobsDelta(0, (LOGPROB,))],
}
LOST_IN_REQUESTS = {"pictures", "sources", "likelihoods", "media"}
SAID = pytest.mark.parametrize("said", ANSWERS.values(), ids=ANSWERS.keys())
CUSTOM = [{"type": "custom", "name": "sql"}]


def told(said: Sequence[Event], last: Event | None = None, **members: Any) -> tuple[Json, list[Json]]:
    """An answer in one piece, and the events of the same one as a stream."""
    events = [STARTED, *said, last or end()]
    request = asked(tools=CUSTOM, **members)
    return whole(request, events), streamed(request, events)


def nameless(output: list[Json]) -> list[Json]:
    """Items without what is another in a stream: their ids, and where the provider's own are told."""
    return [
        {name: value for name, value in item.items() if name not in ("id", "hedgerow") or "state" in str(value)}
        for item in output
    ]


@SAID
def test_a_stream_ends_with_the_answer_in_one_piece(said: list[Event]) -> None:
    """But for the ids of items, which a stream has to give before it knows the provider's."""
    document, events = told(said)
    last = events[-1]["response"]
    assert nameless(last["output"]) == nameless(document["output"])
    same = last.keys() - {"output", "created_at", "completed_at"}
    assert {name: last[name] for name in same} == {name: document[name] for name in same}


@SAID
def test_the_events_of_a_stream_make_its_answer(said: list[Event]) -> None:
    """As an SDK puts them together: pieces from their deltas, items from their beginning and end."""
    _, events = told(said)
    assert [one["type"] for one in events[:2]] == ["response.created", "response.in_progress"]
    items: dict[int, Json] = {}
    words: dict[tuple[Any, ...], str] = {}
    for event in events[2:-1]:
        kind, place = event["type"], (event.get("item_id"), event.get("content_index"), event.get("summary_index"))
        if kind == "response.output_item.added":
            assert event["output_index"] not in items
            items[event["output_index"]] = event["item"]
        elif kind == "response.output_item.done":
            begun = items[event["output_index"]]
            assert (begun["id"], begun["type"]) == (event["item"]["id"], event["item"]["type"])
            items[event["output_index"]] = event["item"]
        elif kind.endswith(".delta"):
            assert items[event["output_index"]]["id"] == event["item_id"]
            words[place] = words.get(place, "") + event["delta"]
        elif kind.endswith(".done") and "part" not in event:
            member = next(name for name in ("text", "refusal", "arguments", "input") if name in event)
            assert event[member] == words.get(place, "")
    assert [items[index] for index in range(len(items))] == events[-1]["response"]["output"]
    assert len({item["id"] for item in items.values()}) == len(items)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("name", ANSWERS.keys() - LOST_IN_REQUESTS)
def test_what_is_sent_back_is_what_was_said(name: str, streaming: bool) -> None:
    """Every part with the state of whichever provider, from an answer that an SDK sends back as it is."""
    said = ANSWERS[name]
    if not said:
        return
    document, events = told(said)
    output = events[-1]["response"]["output"] if streaming else document["output"]
    came, went = sent_back(output), folded([STARTED, *said, end()])
    assert [part.content for part in came.content] == [part.content for part in went.content]
    for one, other in zip(came.content, went.content, strict=True):
        assert (one.state is None) == (other.state is None)
        if one.state is None or other.state is None:
            continue
        assert one.state.provider == other.state.provider
        if one.state.provider == "openai_responses":
            before, after = json.loads(other.state.data), json.loads(one.state.data)
            assert {**before, "role": 0, "summary": 0} == {**after, "role": 0, "summary": 0}
        else:
            assert one.state.data == other.state.data


def test_media_come_back_as_they_were() -> None:
    for name in ("media", "pictures"):
        document, _ = told(ANSWERS[name])
        went = [part.content for part in folded([STARTED, *ANSWERS[name], end()]).content]
        assert [part.content for part in sent_back(document["output"]).content] == went[-2:]


def test_the_items_of_openai_are_as_openai_has_them() -> None:
    document, _ = told(ANSWERS["thoughts of openai"])
    assert document["output"] == [
        {
            "id": "rs_1",
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
            "encrypted_content": "gAAA",
        },
        {"id": "rs_2", "type": "reasoning", "summary": [], "encrypted_content": "gBBB"},
        {
            "id": "fc_1",
            "type": "function_call",
            "status": "completed",
            "call_id": "call_3",
            "name": "f",
            "arguments": '{"a":1}',
            "namespace": "n",
        },
    ]


def test_words_that_a_guard_has_changed_do_not_come_back_in_the_item() -> None:
    """The item of a provider has its own copy of the summary; what is shown is the part."""
    item = {"id": "rs_1", "type": "reasoning", "summary": [{"text": "secret"}], "encrypted_content": "gAAA"}
    document, events = told([ReasoningDelta(0, "[redacted]"), ProviderStateAttached(0, own(item))])
    assert "secret" not in json.dumps([document, events])


def test_sources() -> None:
    document, _ = told(ANSWERS["sources"])
    assert document["output"][0]["content"][0]["annotations"] == [
        {"type": "url_citation", "url": "https://a", "title": "A", "start_index": 0, "end_index": 1},
        {
            "type": "file_citation",
            "file_id": "file-1",
            "filename": "b.pdf",
            "index": 1,
            "hedgerow": {"cited_text": "b"},
        },
    ]


def test_log_probabilities() -> None:
    document, events = told(ANSWERS["likelihoods"])
    one = {
        "token": "a",
        "logprob": -0.5,
        "bytes": [97],
        "top_logprobs": [{"token": "b", "logprob": -1.5, "bytes": []}],
    }
    assert document["output"][0]["content"][0]["logprobs"] == [one, one]
    deltas = [event for event in events if event["type"] == "response.output_text.delta"]
    assert [(event["delta"], event["logprobs"]) for event in deltas] == [("a", []), ("", [one]), ("b", []), ("", [one])]


@pytest.mark.parametrize(
    ("reason", "native", "wanted"),
    [
        (FinishReason.STOP, "stop", None),
        (FinishReason.TOOL_CALLS, "tool_calls", None),
        (FinishReason.LENGTH, "length", "max_output_tokens"),
        (FinishReason.CONTEXT_LENGTH, "", "max_output_tokens"),
        (FinishReason.PAUSE, "pause_turn", "max_output_tokens"),
        (FinishReason.BUDGET, "", "max_output_tokens"),
        (FinishReason.CONTENT_FILTER, "", "content_filter"),
        (FinishReason.RECITATION, "", "content_filter"),
        (FinishReason.GUARDRAIL, "", "content_filter"),
        (FinishReason.MALFORMED_TOOL_CALL, "", "content_filter"),
        (FinishReason.MALFORMED_OUTPUT, "", "content_filter"),
        (FinishReason.REFUSAL, "refusal", "content_filter"),
        (FinishReason.OTHER, "odd", "content_filter"),
        (FinishReason.OTHER, "max_messages", "max_messages"),
    ],
)
def test_why_an_answer_ended(reason: FinishReason, native: str, wanted: str | None) -> None:
    """In the API's words; in the contract's beside it. What is not whole never looks so."""
    for response in (told(ANSWERS["text"], end(reason, native))[0], told(ANSWERS["text"], end(reason, native))[1][-1]):
        last = response.get("response", response)
        assert last["status"] == ("incomplete" if wanted else "completed")
        assert last["incomplete_details"] == ({"reason": wanted} if wanted else None)
        assert last["output"][0]["status"] == last["status"]
        assert last["hedgerow"]["finish_reason"] == reason.name.lower()
        assert last["hedgerow"]["native_finish_reason"] == native
        assert response.get("type", "response.incomplete" if wanted else "response.completed") == (
            "response.incomplete" if wanted else "response.completed"
        )


def test_every_reason_has_a_status() -> None:
    whole_ones = {
        reason for reason in FinishReason if told([TextDelta(0, "a")], end(reason))[0]["status"] == "completed"
    }
    assert whole_ones == {FinishReason.STOP, FinishReason.TOOL_CALLS}


def test_a_refusal_in_words_is_complete() -> None:
    document, events = told(ANSWERS["refusal"], end(FinishReason.REFUSAL))
    assert document["status"] == events[-1]["response"]["status"] == "completed"


def test_usage_in_the_sums_and_classes_of_the_api() -> None:
    usage = Usage(
        input_uncached_tokens=5,
        input_cache_read_tokens=7,
        input_cache_writes=((1800.0, 2), (None, 1)),
        output_visible_tokens=11,
        output_reasoning_tokens=13,
        other_units={"web_search.num_requests": 2},
        estimated=True,
    )
    document, _ = told(ANSWERS["text"], end(usage=usage))
    assert document["usage"] == {
        "input_tokens": 15,
        "input_tokens_details": {
            "cached_tokens": 7,
            "cache_write_tokens": 3,
            "cache_write_tokens_details": {"ttl_30m_tokens": 2, "ttl_12h_tokens": 0},
        },
        "output_tokens": 24,
        "output_tokens_details": {"reasoning_tokens": 13},
        "total_tokens": 39,
    }
    assert document["hedgerow"]["other_units"] == {"web_search.num_requests": 2}
    assert document["hedgerow"]["usage_estimated"] is True


@pytest.mark.parametrize(
    ("response_id", "members", "wanted"),
    [
        ("resp_1", {}, "resp_1"),
        ("chatcmpl-1", {}, f"resp_{REQUEST_ID}"),
        ("", {}, f"resp_{REQUEST_ID}"),
        # Whoever keeps answers is asked for them by its own names.
        ("9f3a", {"store": True}, "9f3a"),
        ("9f3a", {"previous_response_id": "9f3b"}, "9f3a"),
    ],
)
def test_the_id_of_an_answer(response_id: str, members: Json, wanted: str) -> None:
    assert whole(asked(**members), [Started("v", "m", response_id=response_id), end()])["id"] == wanted


def test_warnings_speak_of_the_fields_of_the_caller() -> None:
    field = "chat.provider_options['openai_responses'].truncation"
    started = Started("v", "m", (Warning(WarningCode.PARAMETER_IGNORED, field, "Not here."),))
    document = whole(asked(), [started, end()])
    assert document["hedgerow"]["warnings"] == [
        {"code": "parameter_ignored", "field": "truncation", "message": "Not here."}
    ]


def test_what_guards_have_decided() -> None:
    verdict = GuardVerdict("pii", Action.REDACTED, Side.OUTPUT, "pii.email", 0.5)
    document, events = told([TextDelta(0, "a"), verdict, TextDelta(0, "b")])
    wanted = [
        {"guardrail": "pii", "action": "redacted", "side": "output", "category": "pii.email", "score": 0.5},
    ]
    assert document["hedgerow"]["guardrail_verdicts"] == wanted
    assert events[-1]["response"]["hedgerow"]["guardrail_verdicts"] == wanted


def test_words_that_come_after_their_item_was_closed_are_not_lost() -> None:
    """Fragments of two messages that alternate: the rest is a message of its own."""
    _, events = told([TextDelta(0, "a"), *call(1), TextDelta(0, "b"), TextDelta(0, "c")])
    output = events[-1]["response"]["output"]
    assert [item["type"] for item in output] == ["message", "function_call", "message"]
    assert [item["content"][0]["text"] for item in output if item["type"] == "message"] == ["a", "bc"]


def test_a_stream_that_fails_ends_with_an_error_that_sdks_raise() -> None:
    error: HedgerowError = StreamCut("The stream was cut.")
    text = OpenAiForm(named_events=True).event(error, REQUEST_ID).decode()
    name, data = text.removesuffix("\n\n").split("\n")
    event = json.loads(data.removeprefix("data: "))
    assert name == "event: error"
    assert event["type"] == "error"
    assert event["error"]["message"] == event["message"] == "The stream was cut."
