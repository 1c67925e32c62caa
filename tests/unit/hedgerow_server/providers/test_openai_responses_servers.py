"""The Responses API as servers other than OpenAI's speak it."""

import json
from typing import Any

import pytest
from hedgerow_server.core.error import (
    ContextTooLong,
    HedgerowError,
    ProviderModelUnavailable,
    ProviderThrottled,
    ProviderUnavailable,
    UpstreamProtocol,
)
from hedgerow_server.core.event import Event, Finished, FinishReason
from hedgerow_server.core.request import ProviderItem, Reasoning, Text, ToolCall
from providers.openai_run import folded
from providers.responses_run import read, stream


def frames(*events: Any) -> bytes:
    """A stream of these events."""
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()


def last(kind: str = "completed", **members: Any) -> dict[str, Any]:
    """The last event of a stream."""
    return {"type": f"response.{kind}", "response": {"id": "resp_1", **members}}


def contents(events: list[Event]) -> list[Any]:
    """What the parts hold."""
    return [part.content for part in folded(events).message.content]


def reason(events: list[Event]) -> FinishReason:
    """Why it stopped."""
    end = events[-1]
    assert isinstance(end, Finished)
    return end.reason


def text(delta: str) -> dict[str, Any]:
    """A fragment of text."""
    return {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": delta}


@pytest.mark.parametrize("named", [False, True])
def test_a_call_that_the_provider_runs_itself_is_no_call_of_the_caller(named: bool) -> None:
    """So xAI tells the steps of its search on X: as calls of custom tools."""
    item = {
        "type": "custom_tool_call",
        "id": "ctc_1",
        "call_id": "xs_call_1",
        "name": "x_keyword_search",
        "input": "{}",
    }
    message = {"type": "message", "content": [{"type": "output_text", "text": "a"}]}
    begun = {"type": "response.output_item.added", "output_index": 0, "item": {**item, "input": ""}}
    grown = {"type": "response.custom_tool_call_input.delta", "output_index": 0, "delta": "{}"}
    done = {"type": "response.output_item.done", "output_index": 0, "item": item}
    body = frames(*((begun, grown, done) if named else ()), last(status="completed", output=[item, message]))
    events = stream(body)
    first, second = contents(events)
    assert isinstance(first, ProviderItem)
    assert (first.type, json.loads(first.data)) == ("custom_tool_call", item)
    assert second == Text("a")
    assert reason(events) is FinishReason.STOP


def test_a_custom_tool_of_the_caller_may_have_any_name() -> None:
    item = {"type": "custom_tool_call", "call_id": "call_1", "name": "x_keyword_search", "input": "q"}
    events = stream(frames(last(status="completed", output=[item])))
    assert contents(events) == [ToolCall("call_1", "x_keyword_search", "q")]
    assert reason(events) is FinishReason.TOOL_CALLS


def test_the_last_event_may_be_response_done() -> None:
    """OpenRouter's first version."""
    events = stream(frames(text("a"), last("done", status="completed")) + b"data: [DONE]\n\n")
    assert (contents(events), reason(events)) == ([Text("a")], FinishReason.STOP)
    cut = stream(
        frames(text("a"), last("done", status="incomplete", incomplete_details={"reason": "max_output_tokens"}))
    )
    assert reason(cut) is FinishReason.LENGTH


@pytest.mark.parametrize("status", ["in_progress", "queued", None])
def test_the_last_event_says_more_than_a_status_that_nobody_updated(status: Any) -> None:
    assert reason(stream(frames(text("a"), last(status=status)))) is FinishReason.STOP
    with pytest.raises(ProviderUnavailable):
        stream(frames(text("a"), last("failed", status=status)))


@pytest.mark.parametrize("status", ["in_progress", "queued", "cancelled"])
def test_a_document_that_is_under_way_is_still_no_answer(status: str) -> None:
    with pytest.raises(UpstreamProtocol):
        read([json.dumps({"id": "resp_1", "status": status, "output": []}).encode()], "application/json")


@pytest.mark.parametrize("kind", ["reasoning", "reasoning_text"])
def test_thoughts_come_under_two_names(kind: str) -> None:
    """The first is Open Responses'."""
    thought = {"type": f"response.{kind}.delta", "output_index": 0, "content_index": 0, "delta": "hm"}
    assert contents(stream(frames(thought, last(status="completed")))) == [Reasoning("hm")]


def test_the_content_of_a_message_may_be_plain_text() -> None:
    message = {"type": "message", "role": "assistant", "content": "a"}
    assert contents(stream(frames(last(status="completed", output=[message])))) == [Text("a")]


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"type": "response.error", "error": {"code": "rate_limit_exceeded"}}, ProviderThrottled),
        ({"type": "error", "code": None, "message": "the prompt is too long"}, ContextTooLong),
        (
            {"type": "error", "error": {"type": "invalid_request_error", "code": "context_length_exceeded"}},
            ContextTooLong,
        ),
        ({"error": {"message": "x", "code": 503}}, ProviderUnavailable),
    ],
)
def test_an_error_in_a_stream_is_classified_whatever_its_event(event: Any, kind: type[HedgerowError]) -> None:
    with pytest.raises(HedgerowError) as caught:
        stream(frames(text("a"), event))
    assert type(caught.value) is kind


@pytest.mark.parametrize("indices", [(0, 2, 5), (1, 2, 3), (2, 1, 0)])
def test_items_that_stand_elsewhere_in_the_end_are_not_told_again(indices: tuple[int, ...]) -> None:
    """Where events count what the output leaves out, or from 1, only the ids are the same."""
    items: list[dict[str, Any]] = [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "a"}]},
        {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"},
    ]
    done = [
        {"type": "response.output_item.done", "output_index": index, "item": item}
        for index, item in zip(indices, items, strict=True)
    ]
    answer = contents(stream(frames(*done, last(status="completed", output=items))))
    assert answer == [Reasoning("hm"), Text("a"), ToolCall("call_1", "f", "{}")]


def test_an_item_that_only_the_end_has_is_told_though_another_had_its_index() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    message = {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "a"}]}
    done = {"type": "response.output_item.done", "output_index": 0, "item": message}
    first, second = contents(stream(frames(done, last(status="completed", output=[search, message]))))
    assert (first, type(second)) == (Text("a"), ProviderItem)


def test_ids_that_differ_from_event_to_event_are_no_further_items() -> None:
    """Some hide the ids of what they do not store."""
    message = {"type": "message", "content": [{"type": "output_text", "text": "a"}]}
    done = {"type": "response.output_item.done", "output_index": 0, "item": {**message, "id": "one"}}
    assert contents(stream(frames(done, last(status="completed", output=[{**message, "id": "two"}])))) == [Text("a")]


def test_two_items_of_one_id_are_two() -> None:
    messages = [{"type": "message", "id": "msg", "content": [{"type": "output_text", "text": text}]} for text in "ab"]
    done = [
        {"type": "response.output_item.done", "output_index": index, "item": item}
        for index, item in enumerate(messages)
    ]
    assert contents(stream(frames(*done, last(status="completed", output=messages)))) == [Text("a"), Text("b")]
    assert contents(stream(frames(last(status="completed", output=messages)))) == [Text("a"), Text("b")]


@pytest.mark.parametrize("indexed", [(), ("output_item",), ("output_text", "reasoning_text")])
def test_events_may_lack_their_indices_if_they_name_their_item(indexed: tuple[str, ...]) -> None:
    """Lemonade; also if only some of them do."""
    thought = {"type": "reasoning", "id": "rs_1", "content": [{"type": "reasoning_text", "text": "hm, so"}]}
    message = {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "ab"}]}
    events: list[dict[str, Any]] = []
    for index, (item, kind, deltas) in enumerate(
        [(thought, "reasoning_text", ("hm", ", so")), (message, "output_text", "ab")]
    ):
        events.append({"type": "response.output_item.added", "output_index": index, "item": {**item, "content": []}})
        events += [
            {"type": f"response.{kind}.delta", "output_index": index, "item_id": item["id"], "delta": one}
            for one in deltas
        ]
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    for event in events:
        if event["type"].split(".")[1] not in indexed:
            del event["output_index"]
    answer = contents(stream(frames(*events, last(status="completed", output=[thought, message]))))
    assert answer == [Reasoning("hm, so"), Text("ab")]


def test_a_whole_response_under_the_name_of_a_stream_is_one() -> None:
    message = {"type": "message", "content": [{"type": "output_text", "text": "a"}]}
    response = {"id": "resp_1", "object": "response", "status": "completed", "output": [message]}
    assert contents(stream(json.dumps(response, indent=2).encode())) == [Text("a")]
    assert contents(stream(frames(response))) == [Text("a")]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": "no", "code": "model_not_found"}, ProviderModelUnavailable),
        ({"error": {"code": 429, "message": "x"}}, ProviderThrottled),
        ({"code": "Throttling.RateQuota", "message": "x"}, ProviderThrottled),
        ({"object": "error", "message": "x", "code": 404}, ProviderModelUnavailable),
    ],
)
def test_an_error_in_the_place_of_a_response_is_classified(body: Any, kind: type[HedgerowError]) -> None:
    with pytest.raises(HedgerowError) as in_document:
        read([json.dumps(body).encode()], "application/json")
    with pytest.raises(HedgerowError) as in_stream:
        stream(json.dumps(body).encode())
    assert (type(in_document.value), type(in_stream.value)) == (kind, kind)
