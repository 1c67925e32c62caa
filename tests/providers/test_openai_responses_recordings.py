"""Recorded traffic of the Responses API, of all vendors: the adapter against what the recordings hold."""

import copy
import json
import random
from collections.abc import Container
from typing import Any

import pytest
from hedgerow_server.core.error import HedgerowError, ProviderAuth, ProviderModelUnavailable, ProviderRejectedRequest
from hedgerow_server.core.event import Event, Finished, FinishReason, Started, Usage
from hedgerow_server.core.fold import Answer
from hedgerow_server.core.request import ChatSpec, Message, Part, ProviderItem, Reasoning, Refusal, Role, Text, ToolCall
from hypothesis import given
from hypothesis import strategies as st
from providers.openai_expected import body_bytes
from providers.openai_run import cut, folded
from providers.responses_expected import expected, frames
from providers.responses_run import read, responses, stream
from providers.responses_spec import canonical, chat_spec
from stack import RECORDINGS

Json = dict[str, Any]

SHORT_BYTES = 8192
ROUND_EDGES = 8
ERRORS: dict[int, type[HedgerowError]] = {400: ProviderRejectedRequest, 401: ProviderAuth}
MODEL_UNKNOWN = "openai-error-65afec1716a5"
# Recorded to see them refused: the contract lets nobody say them.
NOT_SAYABLE = {"openai-error-4bb9d678153b": "a temperature below zero"}
RECORDED: list[Json] = [
    record
    for path in sorted(RECORDINGS.glob("*.jsonl"))
    for record in map(json.loads, path.read_text(encoding="utf-8").splitlines())
    if record["api"] == "openai_responses"
]
if not RECORDED:
    pytest.skip("the recordings of provider traffic are not beside the checkout", allow_module_level=True)


def about(*kinds: str, but: Container[str] = ()) -> pytest.MarkDecorator:
    """Runs a test once for each recording of these kinds, as `recorded`; `but` holds ids to leave out."""
    found = [one for one in RECORDED if one["kind"] in kinds and one["id"] not in but]
    return pytest.mark.parametrize("recorded", found, ids=[str(one["id"]) for one in found])


def answer_of(recording: Json) -> list[Event]:
    """The events of a recorded answer."""
    media_type = "text/event-stream" if recording["response"].get("stream_format") else "application/json"
    return read([body_bytes(recording)], media_type)


def texts(answer: Answer, kind: type[Text] | type[Reasoning] | type[Refusal]) -> str:
    """All text of one kind, joined."""
    contents = [part.content for part in answer.message.content]
    return "".join(content.text for content in contents if isinstance(content, kind))


def check_usage(usage: Usage | None, reported: Json) -> None:
    """The usage equals what was reported, class by class."""
    assert usage is not None
    read_, made = reported["input_tokens_details"], reported["output_tokens_details"]
    assert usage.final
    assert not usage.estimated
    assert usage.input_tokens == reported["input_tokens"]
    assert usage.output_tokens == reported["output_tokens"]
    assert usage.input_cache_read_tokens == read_["cached_tokens"]
    assert sum(tokens for _, tokens in usage.input_cache_writes) == read_.get("cache_write_tokens", 0)
    assert usage.output_reasoning_tokens == made["reasoning_tokens"]


@about("chat", "chat_stream")
def test_a_response_is_read_as_recorded(recorded: Json) -> None:
    """Text, thoughts, refusal, calls, citations, provider-run items, model, finish reason and usage."""
    wanted = expected(recorded)
    events = answer_of(recorded)
    answer, last = folded(events), events[-1]
    assert isinstance(last, Finished)
    assert texts(answer, Text) == wanted.text
    assert texts(answer, Reasoning) == wanted.reasoning
    assert texts(answer, Refusal) == wanted.refusal
    contents = [part.content for part in answer.message.content]
    calls = [(one.id, one.name, one.arguments) for one in contents if isinstance(one, ToolCall)]
    assert calls == wanted.calls
    cited = [(c.url, c.title, c.start_index, c.end_index) for part in answer.message.content for c in part.citations]
    assert cited == wanted.citations
    items = [one for one in contents if isinstance(one, ProviderItem)]
    assert [json.loads(item.data) for item in items] == wanted.items
    assert [item.type for item in items] == [item["type"] for item in wanted.items]
    assert (answer.started.model, answer.started.response_id) == (wanted.response["model"], wanted.response["id"])
    check_usage(last.usage, wanted.response["usage"])


@about("chat", "chat_stream")
def test_the_finish_reason_says_what_the_status_means(recorded: Json) -> None:
    wanted = expected(recorded)
    last = answer_of(recorded)[-1]
    assert isinstance(last, Finished)
    if wanted.response["status"] == "incomplete":
        assert last.reason is FinishReason.LENGTH
        assert last.native_reason == wanted.response["incomplete_details"]["reason"] == "max_output_tokens"
        return
    assert last.native_reason == wanted.response["status"] == "completed"
    acts = FinishReason.REFUSAL if wanted.refusal else FinishReason.STOP
    assert last.reason is (FinishReason.TOOL_CALLS if wanted.calls else acts)


@about("chat", "chat_stream")
def test_parts_come_in_the_order_of_the_items(recorded: Json) -> None:
    """Each item makes one part, one with several summaries as many."""
    kinds = {Text: "message", Refusal: "message", Reasoning: "reasoning", ToolCall: "function_call"}
    parts = folded(answer_of(recorded)).message.content
    found = [one.content.type if isinstance(one.content, ProviderItem) else kinds[type(one.content)] for one in parts]
    wanted = expected(recorded)
    assert found == [
        item["type"] for item in wanted.response["output"] for _ in range(max(1, len(item.get("summary") or ())))
    ]


@about("chat", "chat_stream")
def test_started_comes_once_and_first_and_finished_once_and_last(recorded: Json) -> None:
    events = answer_of(recorded)
    assert [isinstance(event, Started) for event in events] == [True] + [False] * (len(events) - 1)
    assert [isinstance(event, Finished) for event in events] == [False] * (len(events) - 1) + [True]


@about("chat_stream")
def test_a_stream_folds_to_the_response_that_its_last_event_holds(recorded: Json) -> None:
    """The fragments make the same parts, with the same state, as the document."""
    whole = json.dumps(frames(recorded["response"]["body"])[-1]["response"]).encode()
    streamed, document = folded(answer_of(recorded)), folded(read([whole], "application/json"))
    assert strip(streamed) == strip(document)
    assert streamed.completed == document.completed


def strip(answer: Answer) -> list[Any]:
    """The parts of an answer with their JSON parsed, but for what is encrypted: OpenAI does it anew each time."""
    parts = []
    for part in answer.message.content:
        state = json.loads(part.state.data) if part.state else {}
        state.pop("encrypted_content", None)
        content = part.content
        item = json.loads(content.data) if isinstance(content, ProviderItem) else content
        parts.append((item, part.citations, state))
    return parts


@about("error")
def test_an_error_is_classified_and_says_nothing_of_its_text(recorded: Json) -> None:
    response = recorded["response"]
    said = response["body"]["error"]
    error = responses().classify(response["status"], response["headers"], body_bytes(recorded))
    assert type(error) is (ProviderModelUnavailable if recorded["id"] == MODEL_UNKNOWN else ERRORS[response["status"]])
    assert error.metadata["upstreamStatus"] == str(response["status"])
    assert error.metadata["upstreamCode"] == (said["code"] or said["type"])
    assert said["message"] not in f"{error.message} {error.metadata} {error.violations}"


def frame_edges(body: bytes) -> list[int]:
    """Where events end."""
    return [at + 2 for at in range(len(body)) if body[at : at + 2] == b"\n\n"]


def cuts(body: bytes, *, every: bool) -> list[int]:
    """Where to cut: everywhere, or round the edges of events."""
    if every or len(body) <= SHORT_BYTES:
        return list(range(1, len(body)))
    near = {edge + step for edge in frame_edges(body) for step in range(-ROUND_EDGES, ROUND_EDGES + 1)}
    return sorted(near & set(range(1, len(body))))


@about("chat_stream")
def test_every_cut_in_two_gives_the_same_events(recorded: Json, request: pytest.FixtureRequest) -> None:
    """Every byte of short streams, the edges of longer ones, every byte of all with --long."""
    body = body_bytes(recorded)
    whole = stream(body)
    every = request.config.getoption("--long", default=False)
    for place in cuts(body, every=bool(every)):
        assert read(cut(body, place), "text/event-stream") == whole, f"cut at byte {place}"


@about("chat_stream")
def test_byte_by_byte_gives_the_same_events(recorded: Json) -> None:
    body = body_bytes(recorded)
    assert read((body[at : at + 1] for at in range(len(body))), "text/event-stream") == stream(body)


@about("chat_stream")
def test_streams_without_event_names_and_with_done_read_the_same(recorded: Json) -> None:
    """As OpenRouter sends them: the type in the data is enough, `[DONE]` comes after the last event."""
    bare = "".join(f"data: {json.dumps(event)}\n\n" for event in frames(recorded["response"]["body"]))
    wanted, found = folded(answer_of(recorded)), folded(stream((bare + "data: [DONE]\n\n").encode()))
    assert strip(found) == strip(wanted)
    assert found.completed == wanted.completed


@about("chat_stream")
def test_a_stream_whose_items_only_show_in_the_end_reads_the_same(recorded: Json) -> None:
    """Without any fragment, and without anything but the last event. The service tier is told as it stands: "auto" only
    in the first.
    """
    wanted = folded(answer_of(recorded))
    events = frames(recorded["response"]["body"])
    for keep in (("response.created", "response.output_item.done", "response.completed"), ("response.completed",)):
        kept = "".join(f"data: {json.dumps(event)}\n\n" for event in events if event["type"] in keep)
        found = folded(stream(kept.encode()))
        assert strip(found) == strip(wanted)
        assert (found.started.model, found.started.response_id) == (wanted.started.model, wanted.started.response_id)


UNKNOWN = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda values: st.lists(values, max_size=2) | st.dictionaries(st.text(max_size=3), values, max_size=2),
    max_leaves=3,
)


def strew(value: Any, draw: random.Random, more: Any, *, into: bool = True) -> Any:
    """The value with unknown members in its objects; opaque items are left as they are, since they come back whole."""
    if isinstance(value, list):
        return [strew(item, draw, more) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") in ("reasoning", "web_search_call", "function_call", "message") and "id" in value:
        return value
    strewn = {name: strew(item, draw, more) for name, item in value.items()}
    return {f"x-{draw.randint(0, 99)}": more, **strewn} if into and draw.random() < 0.5 else strewn


@given(st.data(), st.randoms(use_true_random=False), UNKNOWN)
def test_unknown_members_and_events_change_nothing(data: st.DataObject, draw: random.Random, more: Any) -> None:
    recorded = data.draw(st.sampled_from([one for one in RECORDED if one["kind"] == "chat_stream"]))
    events = [strew(event, draw, more) for event in frames(recorded["response"]["body"])]
    for _ in range(3):
        unknown = {"type": f"response.x{draw.randint(0, 9)}.delta", "delta": more, "output_index": draw.randint(0, 3)}
        events.insert(draw.randint(0, len(events) - 1), unknown)
    sent = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    found, wanted = folded(stream(sent.encode())), folded(answer_of(recorded))
    assert strip(found) == strip(wanted)
    assert found.completed == wanted.completed


@about("chat", "chat_stream")
def test_the_answer_appended_to_the_conversation_sends_the_items_back(recorded: Json) -> None:
    """Each item as it had come, but for statuses, annotations and logprobs; empty reasoning is left out."""
    wanted = expected(recorded)
    message = folded(answer_of(recorded)).message
    spec = ChatSpec(model="m", messages=(message, Message(Role.USER, (Part(Text("And?")),))))
    prepared = responses().build(spec, stream=True, model="m", secret=None)
    sent = json.loads(prepared.request.body)["input"][:-1]
    assert prepared.warnings == ()
    items = [item for item in wanted.response["output"] if holds_something(item)]
    whole = len(items) == len(wanted.response["output"])
    assert [comparable(item) for item in sent] == [comparable(item, ids=whole) for item in items]


def holds_something(item: Json) -> bool:
    return item["type"] != "reasoning" or bool(item.get("encrypted_content") or item.get("content"))


def comparable(item: Json, *, ids: bool = True) -> Json:
    """An item without what need not go back. Whether it is encrypted counts, how does not: it differs each time."""
    item = copy.deepcopy(item)
    item["encrypted_content"] = bool(item.get("encrypted_content")) or None
    if item.get("role") == "assistant" and "type" not in item:
        content = item["content"]
        texts_ = [{"type": "output_text", "text": content}] if isinstance(content, str) else content
        item = {"type": "message", **item, "content": texts_}
    if item["type"] in ("message", "function_call"):
        item.pop("status", None)
        if not ids:
            item.pop("id", None)
    for piece in item.get("content") or []:
        piece.pop("annotations", None)
        piece.pop("logprobs", None)
    return {name: value for name, value in item.items() if value is not None}


@about("chat", "chat_stream", "error", but=NOT_SAYABLE)
def test_the_recorded_request_is_built_again(recorded: Json) -> None:
    """The same conversation as a spec gives the recorded body, apart from what `canonical` names."""
    body = recorded["request"]["body"]
    encrypted = "include" in body
    spec = chat_spec(body)
    built = responses(encrypted_reasoning=encrypted).build(spec, stream=False, model=body["model"], secret=None)
    assert canonical(json.loads(built.request.body)) == canonical(body)
    assert built.warnings == ()
