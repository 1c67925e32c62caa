"""Recorded traffic of Cohere: the adapter against what the recordings hold, however they arrive."""

import json
import struct
from typing import Any

import pytest
from hedgerow_server.core.error import ContextTooLong, HedgerowError, ProviderAuth, StreamCut
from hedgerow_server.core.event import EmbeddingsAdded, Finished, FinishReason, Started
from hedgerow_server.core.fold import Answer
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import ChatSpec, Message, Part, Reasoning, Role, Text, ToolCall
from providers.cohere_expected import expected, expected_vectors
from providers.cohere_run import STREAM, body_bytes, cohere, read, stream
from providers.cohere_spec import canonical_chat, canonical_embed, chat_spec, embed_spec
from providers.pieces import cut, folded, near
from stack import RECORDINGS

Json = dict[str, Any]

DIALECTS = ("cohere_v2_chat", "cohere_v2_embed")
SHORT_BYTES = 8192
ROUND_EDGES = 8
WORDS = {
    "COMPLETE": FinishReason.STOP,
    "STOP_SEQUENCE": FinishReason.STOP,
    "TOOL_CALL": FinishReason.TOOL_CALLS,
}
ERRORS: dict[str, type[HedgerowError]] = {
    "cohere-error-27fa61dc21fb": ProviderAuth,
    "cohere-error-a0313d9f4fe5": ContextTooLong,
}


def _recordings() -> list[Json]:
    path = RECORDINGS / "cohere.jsonl"
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    return [one for one in records if one["api"] in DIALECTS]


RECORDED = _recordings()
if not RECORDED:
    pytest.skip("the recordings of provider traffic are not beside the checkout", allow_module_level=True)


def about(*kinds: str) -> pytest.MarkDecorator:
    """Runs a test once for each recording of these kinds, as `recorded`."""
    found = [one for one in RECORDED if one["kind"] in kinds]
    return pytest.mark.parametrize("recorded", found, ids=[str(one["id"]) for one in found])


def media_type(recording: Json) -> str:
    """The content type that goes with the recording, which may lack it."""
    return STREAM if recording["response"]["stream_format"] else "application/json"


def reasoning(answer: Answer, kind: str) -> str:
    """All thoughts whose state names this kind, joined."""
    parts = [(part.content, part.state) for part in answer.message.content]
    return "".join(
        content.text
        for content, state in parts
        if isinstance(content, Reasoning) and state is not None and json.loads(state.data) == {"kind": kind}
    )


@about("chat", "chat_stream")
def test_the_parts_of_an_answer_are_read_as_recorded(recorded: Json) -> None:
    """Text, thoughts, plan, calls and citations."""
    wanted = expected(recorded)
    answer = folded(read([body_bytes(recorded)], media_type(recorded)))
    contents = [part.content for part in answer.message.content]
    assert "".join(content.text for content in contents if isinstance(content, Text)) == wanted.of("text")
    assert reasoning(answer, "thinking") == wanted.of("thinking")
    assert reasoning(answer, "tool_plan") == wanted.message.get("tool_plan", "")
    thoughts = "".join(content.text for content in contents if isinstance(content, Reasoning))
    assert len(thoughts) == len(wanted.of("thinking") + wanted.message.get("tool_plan", ""))
    calls = [content for content in contents if isinstance(content, ToolCall)]
    assert [(call.id, call.name, json.loads(call.arguments)) for call in calls] == wanted.calls
    assert answer.started.response_id == wanted.id


@about("chat", "chat_stream")
def test_citations_point_at_the_words_that_they_are_for(recorded: Json) -> None:
    wanted = expected(recorded)
    parts = folded(read([body_bytes(recorded)], media_type(recorded))).message.content
    cited = [(part.content, citation) for part in parts for citation in part.citations]
    assert [(one.start_index, one.end_index, one.source_id) for _, one in cited] == wanted.cited
    words = [one["text"] for one in wanted.message.get("citations", []) for _ in one["sources"]]
    assert [
        content.text[citation.start_index : citation.end_index]
        for content, citation in cited
        if isinstance(content, Text)
    ] == words


@about("chat", "chat_stream")
def test_the_end_of_an_answer_is_read_as_recorded(recorded: Json) -> None:
    """Finish reason and usage, class by class."""
    wanted = expected(recorded)
    last = read([body_bytes(recorded)], media_type(recorded))[-1]
    assert isinstance(last, Finished)
    assert last.native_reason == wanted.word
    assert last.reason is WORDS[wanted.word]
    usage, tokens = last.usage, wanted.usage["tokens"]
    assert usage is not None
    assert usage.final
    assert usage.input_tokens == tokens["input_tokens"] + tokens.get("image_tokens", 0)
    assert usage.input_image_tokens == tokens.get("image_tokens", 0)
    assert usage.input_cache_read_tokens == wanted.usage.get("cached_tokens", 0)
    assert usage.output_tokens == tokens["output_tokens"]
    assert usage.output_reasoning_tokens == tokens.get("reasoning_tokens", 0)
    billed = wanted.usage["billed_units"]
    assert usage.other_units == {f"billed_{unit}": count for unit, count in billed.items()}


@about("chat", "chat_stream", "embed")
def test_started_comes_once_and_first_and_finished_once_and_last(recorded: Json) -> None:
    operation = Operation.EMBED if recorded["kind"] == "embed" else Operation.CHAT
    events = read([body_bytes(recorded)], media_type(recorded), operation)
    assert [isinstance(event, Started) for event in events] == [True] + [False] * (len(events) - 1)
    assert [isinstance(event, Finished) for event in events] == [False] * (len(events) - 1) + [True]


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
    assert last.usage.input_tokens == recorded["response"]["body"]["meta"]["billed_units"]["input_tokens"]
    assert last.usage.output_tokens == 0


@about("error")
def test_an_error_is_classified_and_says_nothing_of_its_text(recorded: Json) -> None:
    response = recorded["response"]
    error = cohere().classify(response["status"], response["headers"], body_bytes(recorded))
    assert type(error) is ERRORS[recorded["id"]]
    assert error.metadata["provider"] == "vendor"
    assert error.metadata["upstreamStatus"] == str(response["status"])
    assert error.metadata.get("upstreamCode") == response["body"].get("error_type")
    assert response["body"]["message"] not in f"{error.message} {error.metadata} {error.violations}"


def cuts(body: bytes, *, every: bool) -> list[int]:
    """Where to cut: everywhere, or round the edges of events."""
    if every or len(body) <= SHORT_BYTES:
        return list(range(1, len(body)))
    edges = [at + 2 for at in range(len(body)) if body[at : at + 2] == b"\n\n"]
    return near(edges, len(body), ROUND_EDGES)


@about("chat_stream")
def test_every_cut_in_two_gives_the_same_events(recorded: Json, request: pytest.FixtureRequest) -> None:
    """Every byte of short streams, the edges of longer ones, every byte of all with --long."""
    body = body_bytes(recorded)
    whole = stream(body)
    every = request.config.getoption("--long", default=False)
    for place in cuts(body, every=bool(every)):
        assert read(cut(body, place), STREAM) == whole, f"cut at byte {place}"


@about("chat_stream")
def test_byte_by_byte_gives_the_same_events(recorded: Json) -> None:
    body = body_bytes(recorded)
    assert read((body[at : at + 1] for at in range(len(body))), STREAM) == stream(body)


@about("chat_stream")
def test_an_answer_that_ends_before_its_finish_reason_is_cut(recorded: Json) -> None:
    body = body_bytes(recorded)
    end = body.index(b"event: message-end")
    for place in (end, end // 2, 1, 0):
        with pytest.raises(StreamCut):
            stream(body[:place])


@about("chat", "chat_stream")
def test_the_answer_appended_to_the_conversation_is_the_next_request(recorded: Json) -> None:
    """What is sent back is the message that Cohere had sent, apart from the citations."""
    wanted = expected(recorded).message
    message = folded(read([body_bytes(recorded)], media_type(recorded))).message
    asked = Message(Role.USER, (Part(Text("And?")),))
    prepared = cohere().build(ChatSpec(model="m", messages=(message, asked)), stream=True, model="m", secret=None)
    assert prepared.warnings == ()
    sent = json.loads(prepared.request.body)["messages"][0]
    wanted = {name: value for name, value in wanted.items() if value and name != "citations"}
    assert canonical_chat({"messages": [sent]}) == canonical_chat({"messages": [{**wanted, "role": "assistant"}]})


@about("chat", "chat_stream", "embed", "error")
def test_the_recorded_request_is_built_again(recorded: Json) -> None:
    """The same conversation as a spec gives the recorded body, apart from what `canonical_chat` names."""
    body = recorded["request"]["body"]
    if recorded["kind"] == "embed":
        prepared = cohere().build(embed_spec(body), stream=False, model=body["model"], secret=None)
        assert json.loads(prepared.request.body) == canonical_embed(body)
    else:
        prepared = cohere().build(chat_spec(body), stream=body["stream"], model=body["model"], secret=None)
        assert json.loads(prepared.request.body) == canonical_chat(body)
    assert prepared.warnings == ()
    assert prepared.request.url == f"https://api.cohere.com{recorded['path']}"
