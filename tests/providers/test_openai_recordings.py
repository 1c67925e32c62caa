"""Recorded traffic of OpenAI: the adapter against what the recordings hold, however they arrive."""

import json
import struct
from collections.abc import Container
from typing import Any

import pytest
from hedgerow_server.core.error import (
    HedgerowError,
    ProviderAuth,
    ProviderModelUnavailable,
    ProviderRejectedRequest,
)
from hedgerow_server.core.event import EmbeddingsAdded, Finished, FinishReason, Started, Usage, WarningCode
from hedgerow_server.core.fold import Answer
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import Audio, ChatSpec, Message, Part, Reasoning, Refusal, Role, Text, ToolCall
from providers.openai_expected import Expected, body_bytes, expected, expected_vectors
from providers.openai_run import cut, folded, openai, read, stream
from providers.openai_spec import canonical_chat, canonical_embed, chat_spec, embed_spec
from stack import recordings

Json = dict[str, Any]

SHORT_BYTES = 8192
ROUND_EDGES = 8
WORDS = {
    "stop": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "tool_calls": FinishReason.TOOL_CALLS,
    "function_call": FinishReason.TOOL_CALLS,
}
ERRORS: dict[int, type[HedgerowError]] = {
    400: ProviderRejectedRequest,
    401: ProviderAuth,
    404: ProviderModelUnavailable,
}
# Recorded to see them refused: the contract lets nobody say them.
NOT_SAYABLE = {
    "openai-error-15b93f2f3ea3": "no messages",
    "openai-error-3d9f59cba674": "a user message without content",
    "openai-error-b68b22ba8bad": "an encoding that does not exist",
}
RECORDED: list[Json] = recordings()
if not RECORDED:
    pytest.skip("the recordings of provider traffic are not beside the checkout", allow_module_level=True)


def about(*kinds: str, but: Container[str] = ()) -> pytest.MarkDecorator:
    """Runs a test once for each recording of these kinds, as `recorded`; `but` holds ids to leave out."""
    found = [one for one in RECORDED if one["kind"] in kinds and one["id"] not in but]
    return pytest.mark.parametrize("recorded", found, ids=[str(one["id"]) for one in found])


def media_type(recording: Json) -> str:
    """The content type that goes with the recording, which may lack it."""
    return "text/event-stream" if recording["response"].get("stream_format") else "application/json"


def texts(answer: Answer, kind: type[Text] | type[Reasoning] | type[Refusal]) -> str:
    """All text of one kind, joined."""
    contents = [part.content for part in answer.message.content]
    return "".join(content.text for content in contents if isinstance(content, kind))


def check_usage(usage: Usage | None, reported: Json | None) -> None:
    """The usage equals what was reported, class by class."""
    if reported is None:
        assert usage is None
        return
    assert usage is not None
    read_, made = reported.get("prompt_tokens_details") or {}, reported.get("completion_tokens_details") or {}
    assert usage.final
    assert not usage.estimated
    assert usage.input_tokens == reported["prompt_tokens"]
    assert usage.output_tokens == reported["completion_tokens"]
    assert usage.input_cache_read_tokens == read_.get("cached_tokens", 0)
    assert sum(tokens for _, tokens in usage.input_cache_writes) == read_.get("cache_write_tokens", 0)
    assert usage.input_audio_tokens == read_.get("audio_tokens", 0)
    assert usage.output_reasoning_tokens == made.get("reasoning_tokens", 0)
    assert usage.output_audio_tokens == made.get("audio_tokens", 0)


def check_calls(answer: Answer, wanted: Expected) -> None:
    """The tool calls equal the recorded ones; those without an id got one of their own."""
    calls = [part.content for part in answer.message.content if isinstance(part.content, ToolCall)]
    assert [(call.name, call.arguments) for call in calls] == [(name, args) for _, name, args in wanted.calls]
    for call, (call_id, _, _) in zip(calls, wanted.calls, strict=True):
        assert call.id == call_id or (call_id is None and call.id)
    assert len({call.id for call in calls}) == len(calls)


@about("chat", "chat_stream")
def test_a_chat_is_read_as_recorded(recorded: Json) -> None:
    """Text, refusal, calls, citations, audio, model, finish reason and usage."""
    wanted = expected(recorded)
    events = read([body_bytes(recorded)], media_type(recorded))
    answer, last = folded(events), events[-1]
    assert isinstance(last, Finished)
    assert texts(answer, Text) == wanted.text
    assert texts(answer, Reasoning) == wanted.reasoning
    assert texts(answer, Refusal) == wanted.refusal
    check_calls(answer, wanted)
    assert [c.url for part in answer.message.content for c in part.citations] == wanted.citations
    audio = [part.content for part in answer.message.content if isinstance(part.content, Audio)]
    assert b"".join(one.data or b"" for one in audio) == wanted.audio
    assert "".join(one.transcript for one in audio) == wanted.transcript
    assert answer.started.model == wanted.model
    assert last.native_reason == wanted.word
    calls_forced = wanted.word == "stop" and wanted.calls
    assert last.reason is (FinishReason.TOOL_CALLS if calls_forced else WORDS[wanted.word])
    check_usage(last.usage, wanted.usage)


@about("chat", "chat_stream", "embed")
def test_started_comes_once_and_first_and_finished_once_and_last(recorded: Json) -> None:
    operation = Operation.EMBED if recorded["kind"] == "embed" else Operation.CHAT
    events = read([body_bytes(recorded)], media_type(recorded), operation)
    assert [isinstance(event, Started) for event in events] == [True] + [False] * (len(events) - 1)
    assert [isinstance(event, Finished) for event in events] == [False] * (len(events) - 1) + [True]


@about("chat", "chat_stream")
def test_a_second_choice_is_a_warning(recorded: Json) -> None:
    last = read([body_bytes(recorded)], media_type(recorded))[-1]
    assert isinstance(last, Finished)
    several = recorded["request"]["body"].get("n", 1) > 1
    assert [warning.code for warning in last.warnings] == ([WarningCode.CHOICES_DROPPED] if several else [])


@about("embed")
def test_embeddings_are_read_as_recorded(recorded: Json) -> None:
    """Vectors to the last bit, in order, and the usage."""
    events = read([body_bytes(recorded)], "application/json", Operation.EMBED)
    added = [event for event in events if isinstance(event, EmbeddingsAdded)]
    assert len(added) == 1
    vectors = [list(struct.unpack(f"<{len(vector) // 4}f", vector)) for vector in added[0].vectors]
    assert vectors == expected_vectors(recorded)
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.usage is not None
    assert last.usage.input_tokens == recorded["response"]["body"]["usage"]["prompt_tokens"]
    assert last.usage.output_tokens == 0


@about("error")
def test_an_error_is_classified_and_says_nothing_of_its_text(recorded: Json) -> None:
    response = recorded["response"]
    said = response["body"]["error"]
    error = openai().classify(response["status"], response["headers"], body_bytes(recorded))
    assert type(error) is ERRORS[response["status"]]
    assert error.metadata["provider"] == "vendor"
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


@about("chat", "chat_stream")
def test_the_answer_appended_to_the_conversation_is_the_next_request(recorded: Json) -> None:
    """What is sent back is the message that OpenAI had sent."""
    wanted = expected(recorded)
    message = folded(read([body_bytes(recorded)], media_type(recorded))).message
    asked = Message(Role.USER, (Part(Text("And?")),))
    prepared = openai().build(ChatSpec(model="m", messages=(message, asked)), stream=True, model="m", secret=None)
    sent = json.loads(prepared.request.body)["messages"][0]
    assert prepared.warnings == ()
    assert sent["role"] == "assistant"
    if wanted.text or not (wanted.calls or wanted.audio):
        assert sent["content"] == wanted.text
    else:
        assert "content" not in sent
    calls = [(c["type"], c["function"]["name"], c["function"]["arguments"]) for c in sent.get("tool_calls", [])]
    assert calls == [("function", name, arguments) for _, name, arguments in wanted.calls]
    if wanted.audio:
        assert sent["audio"] == {"id": recorded["response"]["body"]["choices"][0]["message"]["audio"]["id"]}


@about("chat", "chat_stream", "embed", "error", but=NOT_SAYABLE)
def test_the_recorded_request_is_built_again(recorded: Json) -> None:
    """The same conversation as a spec gives the recorded body, apart from what `canonical_chat` names."""
    body = recorded["request"]["body"]
    if recorded["api"] == "openai_embed":
        prepared = openai().build(embed_spec(body), stream=False, model=body["model"], secret=None)
        assert json.loads(prepared.request.body) == canonical_embed(body)
    else:
        prepared = openai().build(chat_spec(body), stream=False, model=body["model"], secret=None)
        assert json.loads(prepared.request.body) == canonical_chat(body)
    assert prepared.warnings == ()
