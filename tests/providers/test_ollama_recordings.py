"""Recorded traffic of Ollama's own API: the adapter against what the recordings hold, however they arrive."""

import json
import struct
from typing import Any

import pytest
from hedgerow_server.core.error import (
    ContextTooLong,
    HedgerowError,
    ProviderAuth,
    ProviderModelUnavailable,
    ProviderQuotaSpent,
    ProviderRejectedRequest,
    ProviderThrottled,
    ProviderUnavailable,
    StreamCut,
)
from hedgerow_server.core.event import EmbeddingsAdded, Finished, FinishReason, Started
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import ChatSpec, Message, Part, Reasoning, Role, Text, ToolCall
from hedgerow_server.core.secret import Secret
from providers.ollama_expected import expected, expected_vectors, pieces_of
from providers.ollama_run import LINES, lines, ollama, read, stream
from providers.ollama_spec import canonical, canonical_embed, chat_spec, embed_spec
from providers.pieces import cut, folded, near
from providers.replay import SHORT_BYTES, body_bytes, recordings_of

Json = dict[str, Any]

ROUND_EDGES = 8
RECORDED = recordings_of("ollama_chat", "ollama_embed")
if not RECORDED:
    pytest.skip("the recordings of provider traffic are not beside the checkout", allow_module_level=True)

# What each status may mean; the text decides between them.
CLASSES: dict[int, tuple[type[HedgerowError], ...]] = {
    400: (ProviderRejectedRequest, ContextTooLong),
    401: (ProviderAuth,),
    402: (ProviderQuotaSpent,),
    403: (ProviderAuth,),
    404: (ProviderModelUnavailable,),
    429: (ProviderThrottled, ProviderQuotaSpent),
    500: (ProviderUnavailable, ContextTooLong, ProviderRejectedRequest),
    502: (ProviderUnavailable,),
    503: (ProviderUnavailable,),
}
# Refusals that Ollama documents, as recordings: https://docs.ollama.com/api/errors.
DOCUMENTED: list[Json] = [
    {
        "id": f"documented-error-{number}",
        "kind": "error",
        "response": {"status": status, "headers": {}, "body_encoding": "json", "body": {"error": text}},
    }
    for number, (status, text) in enumerate(
        (
            (400, "invalid character '}' looking for beginning of value"),
            (404, "model 'llama9' not found"),
            (500, "the model failed to generate a response"),
            (502, "the cloud model cannot be reached"),
        )
    )
]


def about(*kinds: str) -> pytest.MarkDecorator:
    """Runs a test once for each recording of these kinds, as `recorded`."""
    found = [one for one in [*RECORDED, *DOCUMENTED] if one["kind"] in kinds]
    return pytest.mark.parametrize("recorded", found, ids=[str(one["id"]) for one in found])


def media_type(recording: Json) -> str:
    """The content type that goes with the recording, which may lack it."""
    return LINES if recording["response"]["stream_format"] else "application/json"


def as_stream(recording: Json) -> bytes:
    """The recorded stream; of a whole answer the stream that would have brought it."""
    return body_bytes(recording) if recording["response"]["stream_format"] else lines(*pieces_of(recording))


def reason_of(end: Json, *, calls: bool) -> FinishReason:
    """What the caller must make of Ollama's word."""
    word = end.get("done_reason", "")
    if word == "length":
        return FinishReason.LENGTH
    if calls and word in ("stop", ""):
        return FinishReason.TOOL_CALLS
    return FinishReason.STOP if word == "stop" else FinishReason.OTHER


@about("chat", "chat_stream")
def test_the_parts_of_an_answer_are_read_as_recorded(recorded: Json) -> None:
    """Text, thoughts and calls, with arguments as text."""
    wanted = expected(recorded)
    answer = folded(read([body_bytes(recorded)], media_type(recorded)))
    contents = [part.content for part in answer.message.content]
    assert "".join(content.text for content in contents if isinstance(content, Text)) == wanted.text
    assert "".join(content.text for content in contents if isinstance(content, Reasoning)) == wanted.thinking
    calls = [content for content in contents if isinstance(content, ToolCall)]
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [call[1:] for call in wanted.calls]
    assert all(call.id == (wanted_call[0] or call.id) for call, wanted_call in zip(calls, wanted.calls, strict=True))
    assert len({call.id for call in calls}) == len(calls)
    assert answer.started.model == wanted.end["model"]


@about("chat", "chat_stream")
def test_the_end_of_an_answer_is_read_as_recorded(recorded: Json) -> None:
    """Finish reason and usage."""
    wanted = expected(recorded)
    last = read([body_bytes(recorded)], media_type(recorded))[-1]
    assert isinstance(last, Finished)
    assert last.native_reason == wanted.end.get("done_reason", "")
    assert last.reason is reason_of(wanted.end, calls=bool(wanted.calls))
    usage = last.usage
    assert usage is not None
    assert usage.final
    assert not usage.estimated
    assert usage.input_uncached_tokens == usage.input_tokens == wanted.end.get("prompt_eval_count", 0)
    assert usage.output_visible_tokens == usage.output_tokens == wanted.end.get("eval_count", 0)


@about("chat", "chat_stream", "embed")
def test_started_comes_once_and_first_and_finished_once_and_last(recorded: Json) -> None:
    operation = Operation.EMBED if recorded["kind"] == "embed" else Operation.CHAT
    events = read([body_bytes(recorded)], media_type(recorded), operation)
    assert [isinstance(event, Started) for event in events] == [True] + [False] * (len(events) - 1)
    assert [isinstance(event, Finished) for event in events] == [False] * (len(events) - 1) + [True]


@about("chat", "chat_stream", "embed")
def test_nothing_in_a_recording_is_unknown(recorded: Json) -> None:
    adapter, media = ollama(), media_type(recorded)
    operation = Operation.EMBED if recorded["kind"] == "embed" else Operation.CHAT
    reader = adapter.reader(operation, stream=media == LINES, content_type=media)
    reader.feed(body_bytes(recorded))
    reader.finish()
    assert adapter.drift.counts() == {}


@about("embed")
def test_embeddings_are_read_as_recorded(recorded: Json) -> None:
    """Vectors to the last bit, in order, and the usage where there is one."""
    events = read([body_bytes(recorded)], "application/json", Operation.EMBED)
    added = [event for event in events if isinstance(event, EmbeddingsAdded)]
    assert len(added) == 1
    vectors = [list(struct.unpack(f"<{len(vector) // 4}f", vector)) for vector in added[0].vectors]
    assert vectors == expected_vectors(recorded)
    last, count = events[-1], recorded["response"]["body"].get("prompt_eval_count")
    assert isinstance(last, Finished)
    assert (last.usage.input_tokens if last.usage is not None else None) == count


@about("error")
def test_an_error_is_classified_and_says_nothing_of_its_text(recorded: Json) -> None:
    response = recorded["response"]
    error = ollama().classify(response["status"], response["headers"], body_bytes(recorded))
    assert type(error) in CLASSES[response["status"]]
    assert error.metadata["provider"] == "vendor"
    assert error.metadata["upstreamStatus"] == str(response["status"])
    text = response["body"].get("error") if isinstance(response["body"], dict) else None
    assert not text or str(text) not in f"{error.message} {error.metadata} {error.violations}"


@about("chat", "chat_stream")
def test_every_cut_in_two_gives_the_same_events(recorded: Json, request: pytest.FixtureRequest) -> None:
    """Every byte of short streams, the edges of longer ones, every byte of all with --long."""
    body = as_stream(recorded)
    whole = stream(body)
    places = list(range(1, len(body)))
    if len(body) > SHORT_BYTES and not request.config.getoption("--long", default=False):
        places = near([at + 1 for at in range(len(body)) if body[at : at + 1] == b"\n"], len(body), ROUND_EDGES)
    for place in places:
        assert read(cut(body, place), LINES) == whole, f"cut at byte {place}"


@about("chat", "chat_stream")
def test_byte_by_byte_gives_the_same_events(recorded: Json) -> None:
    body = as_stream(recorded)
    assert read((body[at : at + 1] for at in range(len(body))), LINES) == stream(body)


@about("chat", "chat_stream")
def test_an_answer_that_ends_before_its_last_line_is_cut(recorded: Json) -> None:
    body = as_stream(recorded)
    end = body.rstrip().rindex(b"\n") + 1
    for place in (end, end // 2, 1, 0):
        with pytest.raises(StreamCut):
            stream(body[:place])


@about("chat", "chat_stream")
def test_the_answer_appended_to_the_conversation_is_the_next_request(recorded: Json) -> None:
    """What is sent back is the message that Ollama had sent."""
    wanted = expected(recorded)
    message = folded(read([body_bytes(recorded)], media_type(recorded))).message
    asked = Message(Role.USER, (Part(Text("And?")),))
    prepared = ollama().build(ChatSpec(model="m", messages=(message, asked)), stream=True, model="m", secret=None)
    assert prepared.warnings == ()
    sent = json.loads(prepared.request.body)["messages"][0]
    assert sent["role"] == "assistant"
    assert sent["content"] == wanted.text
    assert sent.get("thinking", "") == wanted.thinking
    calls = [(call["function"]["name"], call["function"]["arguments"]) for call in sent.get("tool_calls", [])]
    assert calls == [call[1:] for call in wanted.calls]


@about("chat", "chat_stream")
def test_the_recorded_chat_is_built_again(recorded: Json) -> None:
    """The same conversation as a spec gives the recorded body, apart from what `canonical` names."""
    body = recorded["request"]["body"]
    stream_asked = body.get("stream", True)
    prepared = ollama().build(chat_spec(body), stream=stream_asked, model=body["model"], secret=Secret("k"))
    assert json.loads(prepared.request.body) == canonical(body)
    assert prepared.request.url == f"http://localhost:11434{recorded['path']}"


@about("embed")
def test_the_recorded_embeddings_are_built_again(recorded: Json) -> None:
    """By the operation that takes batches, whichever was recorded."""
    body = recorded["request"]["body"]
    prepared = ollama().build(embed_spec(body), stream=False, model=body["model"], secret=None)
    assert json.loads(prepared.request.body) == canonical_embed(body)
    assert prepared.request.url == "http://localhost:11434/api/embed"
    assert prepared.warnings == ()
