"""The reader of responses: what no recording shows, or not alone."""

import base64
import json
from typing import Any

import pytest
from hedgerow_server.core.error import (
    ContentRefused,
    HedgerowError,
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
    ProviderStateAttached,
    Started,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallEnded,
    ToolCallStarted,
)
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import (
    ChatSpec,
    Citation,
    Image,
    Message,
    Part,
    ProviderItem,
    Reasoning,
    Role,
    Text,
    ToolCall,
)
from providers.openai_run import folded
from providers.responses_run import read, responses, stream

CREATED = {"type": "response.created", "response": {"id": "resp_1", "model": "m1", "status": "in_progress"}}
PNG = base64.b64encode(b"\x89PNG").decode()


def frames(*events: Any) -> bytes:
    """A stream of these events."""
    return "".join(f"data: {json.dumps(event)}\n\n" for event in (CREATED, *events)).encode()


def last(kind: str = "completed", **members: Any) -> dict[str, Any]:
    """The last event of a stream."""
    return {"type": f"response.{kind}", "response": {"id": "resp_1", "model": "m1", "status": kind, **members}}


def added(index: int, **item: Any) -> dict[str, Any]:
    """An item begins."""
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def done(index: int, **item: Any) -> dict[str, Any]:
    """An item is done."""
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def delta(kind: str, index: int, text: Any, **more: Any) -> dict[str, Any]:
    """A fragment."""
    return {"type": f"response.{kind}.delta", "output_index": index, "delta": text, **more}


def document(**members: Any) -> list[Event]:
    """The events of a whole response."""
    return read([json.dumps({"id": "resp_1", "model": "m1", **members}).encode()], "application/json")


def finished(events: list[Event]) -> Finished:
    """The last event."""
    end = events[-1]
    assert isinstance(end, Finished)
    return end


def contents(events: list[Event]) -> list[Any]:
    """What the parts hold."""
    return [part.content for part in folded(events).message.content]


def test_an_answer_without_any_content_is_started_and_finished() -> None:
    started, end = stream(frames(last()))
    assert started == Started(model="m1", response_id="resp_1")
    assert end == Finished(FinishReason.STOP, "completed", None)


def test_the_event_line_tells_the_type_where_the_data_does_not() -> None:
    body = b'event: response.output_text.delta\ndata: {"output_index":0,"content_index":0,"delta":"a"}\n\n'
    assert TextDelta(0, "a") in stream(body + frames(last()))


def test_fragments_of_two_items_may_alternate() -> None:
    """Each goes to its own part; none is lost, and both calls end once."""
    events = stream(
        frames(
            added(0, type="function_call", call_id="c0", name="f"),
            added(1, type="function_call", call_id="c1", name="g"),
            delta("function_call_arguments", 0, '{"a"'),
            delta("function_call_arguments", 1, "{"),
            delta("function_call_arguments", 0, ":1}"),
            delta("function_call_arguments", 1, "}"),
            done(1, type="function_call", call_id="c1", name="g", arguments="{}"),
            done(0, type="function_call", call_id="c0", name="f", arguments='{"a":1}'),
            last(),
        )
    )
    assert contents(events) == [ToolCall("c0", "f", '{"a":1}'), ToolCall("c1", "g", "{}")]
    assert [event.part_index for event in events if isinstance(event, ToolCallEnded)] == [1, 0]
    assert finished(events).reason is FinishReason.TOOL_CALLS


def test_a_call_without_arguments_has_an_empty_object() -> None:
    events = stream(frames(added(0, type="function_call", call_id="c", name="f", arguments=""), last()))
    assert ToolCallArgumentsDelta(0, "{}") in events


def test_a_call_that_is_named_only_when_it_is_done_comes_whole() -> None:
    events = stream(
        frames(
            added(0, type="function_call", call_id="c"),
            delta("function_call_arguments", 0, "{}"),
            done(0, type="function_call", call_id="c", name="f", arguments="{}"),
            last(),
        )
    )
    assert contents(events) == [ToolCall("c", "f", "{}")]


def test_a_call_that_is_never_named_is_of_no_protocol() -> None:
    with pytest.raises(UpstreamProtocol):
        stream(frames(done(0, type="function_call", call_id="c", arguments="{}"), last()))


def test_a_call_without_an_id_gets_one_that_is_the_same_each_time() -> None:
    body = frames(added(0, type="function_call", name="f"), last())
    one = [event for event in stream(body) if isinstance(event, ToolCallStarted)]
    assert one == [event for event in stream(body) if isinstance(event, ToolCallStarted)]
    assert one[0].id.startswith("call_")


def test_a_custom_tool_call_keeps_its_kind_for_the_way_back() -> None:
    events = stream(
        frames(
            added(0, type="custom_tool_call", call_id="c", name="grep"),
            delta("custom_tool_call_input", 0, "a.*"),
            delta("custom_tool_call_input", 0, "b"),
            done(0, type="custom_tool_call", call_id="c", name="grep", input="a.*b"),
            last(),
        )
    )
    answer = folded(events).message
    assert answer.content[0].content == ToolCall("c", "grep", "a.*b")
    sent = responses().build(ChatSpec(model="m", messages=(answer,)), stream=False, model="m", secret=None)
    assert json.loads(sent.request.body)["input"] == [
        {"type": "custom_tool_call", "call_id": "c", "name": "grep", "input": "a.*b"}
    ]


def test_several_summaries_are_parts_of_their_own_and_one_item_again() -> None:
    item = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "one"}, {"type": "summary_text", "text": "two"}],
        "encrypted_content": "e",
    }
    events = stream(
        frames(
            delta("reasoning_summary_text", 0, "on", summary_index=0),
            delta("reasoning_summary_text", 0, "e", summary_index=0),
            delta("reasoning_summary_text", 0, "two", summary_index=1),
            done(0, **item),
            last(),
        )
    )
    assert contents(events) == [Reasoning("one"), Reasoning("two")]
    sent = responses().build(
        ChatSpec(model="m", messages=(folded(events).message,)), stream=False, model="m", secret=None
    )
    assert json.loads(sent.request.body)["input"] == [item]


def test_thoughts_that_are_told_twice_are_shown_once() -> None:
    """Raw reasoning and its summary: whichever comes first."""
    events = stream(
        frames(
            delta("reasoning_text", 0, "raw", content_index=0),
            delta("reasoning_summary_text", 0, "sum", summary_index=0),
            done(0, type="reasoning", summary=[{"text": "sum"}], content=[{"text": "raw"}]),
            last(),
        )
    )
    assert contents(events) == [Reasoning("raw")]


def test_images_are_media_and_previews_parts_of_their_own() -> None:
    partial = {"type": "response.image_generation_call.partial_image", "output_index": 0, "partial_image_b64": PNG}
    item = {
        "type": "image_generation_call",
        "id": "ig_1",
        "result": PNG,
        "output_format": "webp",
        "status": "completed",
    }
    events = stream(frames(partial, done(0, **item), last()))
    media = [event for event in events if isinstance(event, MediaDelta)]
    assert media == [MediaDelta(0, "image/png", b"\x89PNG"), MediaDelta(1, "image/webp", b"\x89PNG")]
    message = folded(events).message
    assert all(isinstance(part.content, Image) for part in message.content)
    sent = responses().build(ChatSpec(model="m", messages=(message,)), stream=False, model="m", secret=None)
    assert json.loads(sent.request.body)["input"] == [item]


def test_an_image_that_failed_is_an_item() -> None:
    events = stream(frames(done(0, type="image_generation_call", id="ig_1", result=None, status="failed"), last()))
    assert [one.type for one in contents(events)] == ["image_generation_call"]


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"type": "web_search_call"}, FinishReason.STOP),
        ({"type": "some_new_call"}, FinishReason.STOP),
        ({"type": "computer_call"}, FinishReason.TOOL_CALLS),
        ({"type": "mcp_approval_request"}, FinishReason.TOOL_CALLS),
        ({"type": "tool_search_call", "execution": "client"}, FinishReason.TOOL_CALLS),
        ({"type": "tool_search_call", "execution": "server"}, FinishReason.STOP),
        ({"type": "shell_call", "environment": {"type": "local"}}, FinishReason.TOOL_CALLS),
        ({"type": "shell_call", "environment": {"type": "container_reference"}}, FinishReason.STOP),
    ],
)
def test_an_item_that_asks_the_caller_to_act_finishes_as_a_call_does(
    item: dict[str, Any], reason: FinishReason
) -> None:
    events = document(status="completed", output=[item])
    assert [(one.type, json.loads(one.data)) for one in contents(events)] == [(item["type"], item)]
    assert finished(events).reason is reason


def test_citations_come_once_whether_added_or_only_in_the_end() -> None:
    notes = [
        {"type": "url_citation", "url": "https://a.test", "title": "A", "start_index": 0, "end_index": 2},
        {"type": "file_citation", "file_id": "file-1", "filename": "b.pdf", "index": 2},
        {"type": "some_new_note"},
    ]
    events = stream(
        frames(
            delta("output_text", 0, "hi", content_index=0),
            {
                "type": "response.output_text.annotation.added",
                "output_index": 0,
                "content_index": 0,
                "annotation": notes[0],
            },
            done(0, type="message", content=[{"type": "output_text", "text": "hi", "annotations": notes}]),
            last(),
        )
    )
    assert [event for event in events if isinstance(event, CitationAdded)] == [
        CitationAdded(0, Citation("https://a.test", "A", "", 0, 2)),
        CitationAdded(0, Citation("", "b.pdf", "", 2, 2, "file-1")),
    ]


def test_what_a_server_streamed_is_not_told_again_when_it_marks_no_item_as_done() -> None:
    output = [
        {"type": "message", "content": [{"type": "output_text", "text": "hi"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    ]
    events = stream(frames(delta("output_text", 7, "hi", content_index=0), last(output=output)))
    assert contents(events) == [Text("hi"), ToolCall("c", "f", "{}")]


@pytest.mark.parametrize(
    ("details", "reason", "word"),
    [
        ({"reason": "max_output_tokens"}, FinishReason.LENGTH, "max_output_tokens"),
        ({"reason": "content_filter"}, FinishReason.CONTENT_FILTER, "content_filter"),
        ({"reason": "some_new_reason"}, FinishReason.OTHER, "some_new_reason"),
        (None, FinishReason.OTHER, "incomplete"),
    ],
)
def test_an_incomplete_response_says_why(details: Any, reason: FinishReason, word: str) -> None:
    for events in (
        stream(frames(last("incomplete", incomplete_details=details))),
        document(status="incomplete", incomplete_details=details, output=[]),
    ):
        assert (finished(events).reason, finished(events).native_reason) == (reason, word)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": "server_error", "message": "x"}, ProviderUnavailable),
        ({"code": "rate_limit_exceeded", "message": "x"}, ProviderThrottled),
        ({"code": "invalid_prompt", "message": "x"}, ContentRefused),
        ({"code": "invalid_image_url", "message": "x"}, ProviderRejectedRequest),
        (None, ProviderUnavailable),
    ],
)
def test_a_failed_response_is_a_failure(error: Any, kind: type[HedgerowError]) -> None:
    with pytest.raises(kind):
        stream(frames(last("failed", error=error)))
    with pytest.raises(kind):
        document(status="failed", error=error)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "rate_limit_exceeded", "message": "secret", "param": None},
        {"type": "error", "error": {"type": "rate_limit_error", "code": "rate_limit_exceeded", "message": "secret"}},
        {"error": {"code": 429, "message": "secret"}},
    ],
)
def test_an_error_event_is_a_failure_after_what_came_before(event: dict[str, Any]) -> None:
    reader = responses().reader(Operation.CHAT, stream=True, content_type="text/event-stream")
    events = reader.feed(frames(delta("output_text", 0, "a", content_index=0), event))
    assert events[-1] == TextDelta(0, "a")
    with pytest.raises(ProviderThrottled) as caught:
        reader.finish()
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("status", ["queued", "in_progress", "cancelled"])
def test_a_document_that_is_not_complete_is_of_no_protocol(status: str) -> None:
    with pytest.raises(UpstreamProtocol):
        document(status=status, output=[])


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"nothing"])
def test_a_document_without_a_response_is_of_no_protocol(body: bytes) -> None:
    with pytest.raises(UpstreamProtocol):
        read([body], "application/json")


@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n", b'data: {"type":"response.completed","resp'])
def test_an_end_without_a_last_event_is_a_cut(end: bytes) -> None:
    with pytest.raises(StreamCut):
        stream(frames(delta("output_text", 0, "a", content_index=0)) + end)


def test_usage_in_disjoint_classes() -> None:
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {
            "cached_tokens": 30,
            "cache_write_tokens": 50,
            "cache_write_tokens_details": {"ttl_30m_tokens": 40, "ttl_12h_tokens": 10},
        },
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 15},
        "server_side_tool_usage_details": {"web_search_calls": 2, "mcp_calls": 0},
    }
    tool_usage = {"web_search": {"num_requests": 3}, "image_gen": {"input_tokens": 0, "output_tokens": 7}}
    read_ = finished(document(status="completed", output=[], usage=usage, tool_usage=tool_usage)).usage
    assert read_ is not None
    assert (read_.input_tokens, read_.input_uncached_tokens, read_.input_cache_read_tokens) == (100, 20, 30)
    assert read_.input_cache_writes == ((1800.0, 40), (43_200.0, 10))
    assert (read_.output_tokens, read_.output_reasoning_tokens, read_.output_visible_tokens) == (20, 15, 5)
    assert read_.other_units == {"web_search.num_requests": 3, "image_gen.output_tokens": 7, "web_search_calls": 2}


CALLS = [
    {"type": "web_search_call", "id": "ws1", "status": "completed", "action": {"type": "search", "query": "a"}},
    {
        "type": "web_search_call",
        "id": "ws2",
        "status": "completed",
        "action": {"type": "open_page", "url": "https://b"},
    },
    {"type": "web_search_call", "id": "ws3", "status": "completed"},
    {"type": "file_search_call", "id": "fs1", "status": "completed", "queries": ["c"]},
]
COUNTS = {"input_tokens": 1, "output_tokens": 1}


def test_calls_that_are_charged_by_number_are_counted_where_the_usage_does_not_tell() -> None:
    read_ = finished(document(status="completed", output=CALLS, usage=COUNTS)).usage
    assert read_ is not None
    assert read_.other_units == {"web_search.num_requests": 2, "file_search.num_requests": 1}


def test_the_providers_own_number_of_searches_comes_first() -> None:
    told = {"web_search": {"num_requests": 1}}
    read_ = finished(document(status="completed", output=CALLS, usage=COUNTS, tool_usage=told)).usage
    assert read_ is not None
    assert read_.other_units == {"web_search.num_requests": 1}


@pytest.mark.parametrize("nonsense", [None, -1, 1.5, "7", True, [7], {}])
def test_nonsense_is_no_usage(nonsense: Any) -> None:
    usage = {"input_tokens": nonsense, "output_tokens": 1}
    assert finished(document(status="completed", output=[], usage=usage)).usage is None


def test_reasoning_beyond_the_output_takes_no_more_than_there_is() -> None:
    usage = {"input_tokens": 1, "output_tokens": 10, "output_tokens_details": {"reasoning_tokens": 11}}
    read_ = finished(document(status="completed", output=[], usage=usage)).usage
    assert read_ is not None
    assert (read_.output_tokens, read_.output_reasoning_tokens) == (10, 10)


def test_the_state_of_another_address_has_another_name() -> None:
    """What one vendor encrypted another cannot read."""
    dialect = responses(base_url="https://api.x.ai/v1")
    reader = dialect.reader(Operation.CHAT, stream=True, content_type="text/event-stream")
    events = reader.feed(frames(done(0, type="reasoning", summary=[], encrypted_content="e"), last())) + reader.finish()
    states = [event.state.provider for event in events if isinstance(event, ProviderStateAttached)]
    assert states == ["openai_responses@api.x.ai"]
    message = Message(Role.ASSISTANT, folded(events).message.content)
    for one, sent in ((dialect, True), (responses(), False)):
        spec = ChatSpec(model="m", messages=(message, Message(Role.USER, (Part(Text("x")),))))
        built = one.build(spec, stream=False, model="m", secret=None)
        assert (b'encrypted_content":"e' in built.request.body) is sent
        assert bool(built.warnings) is not sent


def test_a_provider_item_belongs_to_its_vendor() -> None:
    events = document(status="completed", output=[{"type": "web_search_call", "id": "ws"}])
    assert [one.provider for one in contents(events) if isinstance(one, ProviderItem)] == ["openai_responses"]


@pytest.mark.parametrize("content_type", ["text/html", "application/x-ndjson"])
def test_another_content_type_is_of_no_protocol(content_type: str) -> None:
    with pytest.raises(UpstreamProtocol):
        responses().reader(Operation.CHAT, stream=True, content_type=content_type)
