"""Recorded traffic of Bedrock: the adapter against what the recordings hold, however they arrive."""

import json
import struct
from collections.abc import Container
from typing import Any
from urllib.parse import unquote

import pytest
from hedgerow_server.core.error import (
    HedgerowError,
    ProviderAuth,
    ProviderModelUnavailable,
    ProviderRejectedRequest,
    StreamCut,
)
from hedgerow_server.core.event import EmbeddingsAdded, Finished, FinishReason, Started
from hedgerow_server.core.port import Operation
from hedgerow_server.core.request import ChatSpec, Message, Part, ProviderItem, Reasoning, Role, Text, ToolCall
from providers.bedrock_expected import expected, expected_vectors, frames, is_server
from providers.bedrock_run import STREAM, bedrock, body_bytes, read, stream
from providers.bedrock_spec import canonical_chat, canonical_embed, chat_spec, embed_spec
from providers.pieces import cut, folded, near
from stack import RECORDINGS

Json = dict[str, Any]

SHORT_BYTES = 8192
ROUND_EDGES = 8
WORDS = {
    "end_turn": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "guardrail_intervened": FinishReason.CONTENT_FILTER,
}
ERRORS: dict[str, type[HedgerowError]] = {
    "bedrock-error-c82d3f2d6480": ProviderModelUnavailable,
    "bedrock-error-cd0cf14bad6e": ProviderAuth,
    "bedrock-error-f563bd815ef8": ProviderAuth,
}
NOT_SAYABLE = {
    "bedrock-chat-8342bbfd4bc2": "text marked for a guardrail",
    "bedrock-chat_stream-11157cc1ea27": "text marked for a guardrail",
    "bedrock-chat_stream-84a9bbc9ccac": "text marked for a guardrail",
    "bedrock-error-03ed67ccb686": "chat by InvokeModel, in the words of the model's maker",
    "bedrock-error-cd0cf14bad6e": "chat by InvokeModel, in the words of the model's maker",
    "bedrock-error-f563bd815ef8": "chat by InvokeModel, in the words of the model's maker",
}


def _recordings() -> list[Json]:
    path = RECORDINGS / "bedrock.jsonl"
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    # InvokeModel is spoken for embeddings, for which Converse has no operation; its refusals are Converse's.
    return [one for one in records if one["api"] == "bedrock_converse" or _invoked(one)]


def _invoked(recording: Json) -> bool:
    return recording["api"] == "bedrock_invoke" and recording["kind"] in ("embed", "error")


RECORDED = _recordings()
if not RECORDED:
    pytest.skip("the recordings of provider traffic are not beside the checkout", allow_module_level=True)


def about(*kinds: str, but: Container[str] = ()) -> pytest.MarkDecorator:
    """Runs a test once for each recording of these kinds, as `recorded`; `but` holds ids to leave out."""
    found = [one for one in RECORDED if one["kind"] in kinds and one["id"] not in but]
    return pytest.mark.parametrize("recorded", found, ids=[str(one["id"]) for one in found])


def media_type(recording: Json) -> str:
    """The content type that goes with the recording, which may lack it."""
    return STREAM if recording["response"]["stream_format"] else "application/json"


def model_of(recording: Json) -> str:
    """The model in the path, which may be quoted."""
    return unquote(recording["path"]).split("/")[2]


@about("chat", "chat_stream")
def test_the_parts_of_an_answer_are_read_as_recorded(recorded: Json) -> None:
    """Text, reasoning, calls and items of the provider's own tools, in its order."""
    wanted = expected(recorded)
    parts = folded(read([body_bytes(recorded)], media_type(recorded))).message.content
    assert len(parts) == len(wanted.blocks)
    for part, block in zip(parts, wanted.blocks, strict=True):
        match part.content:
            case Text(text):
                assert block == {"text": text}
            case ToolCall(call_id, name, arguments):
                use = {name: value for name, value in block["toolUse"].items() if name != "type"}
                assert use == {"toolUseId": call_id, "name": name, "input": json.loads(arguments)}
                assert not is_server(block["toolUse"])
            case Reasoning(text):
                assert part.state is not None
                said = {"text": text, "signature": json.loads(part.state.data)["signature"]}
                assert block == {"reasoningContent": {"reasoningText": said}}
            case ProviderItem(provider, kind, data):
                assert provider == "bedrock_converse"
                assert json.loads(data) == block
                assert kind == next(iter(block.values()))["type"]
            case _:
                pytest.fail(f"an unexpected part {part}")


@about("chat", "chat_stream")
def test_the_end_of_an_answer_is_read_as_recorded(recorded: Json) -> None:
    """Citations, finish reason and usage, class by class."""
    wanted = expected(recorded)
    events = read([body_bytes(recorded)], media_type(recorded))
    last = events[-1]
    assert isinstance(last, Finished)
    assert [c.url for part in folded(events).message.content for c in part.citations] == wanted.cited
    assert last.native_reason == wanted.word
    assert last.reason is WORDS[wanted.word]
    usage, said = last.usage, wanted.usage
    assert usage is not None
    assert usage.final
    assert usage.input_uncached_tokens == said.get("inputTokens", 0)
    assert usage.input_cache_read_tokens == said.get("cacheReadInputTokens", 0)
    assert sum(tokens for _, tokens in usage.input_cache_writes) == said.get("cacheWriteInputTokens", 0)
    assert usage.output_visible_tokens == usage.output_tokens == said["outputTokens"]
    assert usage.input_tokens + usage.output_tokens == said.get("totalTokens", said["outputTokens"])
    assert usage.other_units == wanted.units


@about("chat", "chat_stream", "embed")
def test_started_comes_once_and_first_and_finished_once_and_last(recorded: Json) -> None:
    operation = Operation.EMBED if recorded["kind"] == "embed" else Operation.CHAT
    events = read([body_bytes(recorded)], media_type(recorded), operation)
    assert [isinstance(event, Started) for event in events] == [True] + [False] * (len(events) - 1)
    assert [isinstance(event, Finished) for event in events] == [False] * (len(events) - 1) + [True]


@about("embed")
def test_embeddings_are_read_as_recorded(recorded: Json) -> None:
    """Vectors to the last bit, in order, and the tokens where the body has them."""
    events = read([body_bytes(recorded)], "application/json", Operation.EMBED)
    added = [event for event in events if isinstance(event, EmbeddingsAdded)]
    assert len(added) == 1
    vectors = [list(struct.unpack(f"<{len(vector) // 4}f", vector)) for vector in added[0].vectors]
    assert vectors == expected_vectors(recorded)
    last = events[-1]
    assert isinstance(last, Finished)
    tokens = recorded["response"]["body"].get("inputTextTokenCount")
    assert (last.usage.input_tokens if last.usage is not None else None) == tokens


@about("error")
def test_an_error_is_classified_and_says_nothing_of_its_text(recorded: Json) -> None:
    response = recorded["response"]
    error = bedrock().classify(response["status"], response["headers"], body_bytes(recorded))
    assert type(error) is ERRORS.get(recorded["id"], ProviderRejectedRequest)
    assert error.metadata["provider"] == "vendor"
    assert error.metadata["upstreamStatus"] == str(response["status"])
    kind = response["headers"].get("x-amzn-errortype", "").partition(":")[0]
    assert error.metadata.get("upstreamCode", "") == kind
    assert response["body"]["message"] not in f"{error.message} {error.metadata} {error.violations}"


def frame_edges(body: bytes) -> list[int]:
    """Where frames end."""
    edges, at = [], 0
    while at < len(body):
        at += int.from_bytes(body[at : at + 4], "big")
        edges.append(at)
    return edges


def cuts(body: bytes, *, every: bool) -> list[int]:
    """Where to cut: everywhere, or round the edges of frames."""
    if every or len(body) <= SHORT_BYTES:
        return list(range(1, len(body)))
    return near(frame_edges(body), len(body), ROUND_EDGES)


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
def test_an_answer_that_ends_before_its_stop_reason_is_cut(recorded: Json) -> None:
    """Wherever it ends: between two frames or in the middle of one."""
    body = body_bytes(recorded)
    names = [name for name, _ in frames(body)]
    edges = [0, *frame_edges(body)]
    stop = edges[names.index("messageStop") + 1]
    for end in {*edges, *(edge - 1 for edge in edges), stop - 1}:
        if 0 <= end < stop:
            with pytest.raises(StreamCut):
                stream(body[:end])
    without_usage = stream(body[:stop])[-1]
    assert isinstance(without_usage, Finished)
    assert without_usage.usage is None


@about("chat", "chat_stream")
def test_the_answer_appended_to_the_conversation_is_the_next_request(recorded: Json) -> None:
    """What is sent back is the message that Bedrock had sent, block by block."""
    wanted = expected(recorded)
    message = folded(read([body_bytes(recorded)], media_type(recorded))).message
    asked = Message(Role.USER, (Part(Text("And?")),))
    spec = ChatSpec(model="m", messages=(asked, message, asked))
    prepared = bedrock().build(spec, stream=True, model="anthropic.claude-sonnet-4-6", secret=None)
    sent = json.loads(prepared.request.body)["messages"][1]
    for block in wanted.of("toolUse"):
        if not is_server(block["toolUse"]):
            block["toolUse"].pop("type", None)
    assert sent == {"role": "assistant", "content": wanted.blocks}
    # Bedrock wants the tools of a conversation with calls; the dialect says that it has offered some.
    assert [warning.field for warning in prepared.warnings] == (["chat.tools"] if wanted.calls else [])


@about("chat", "chat_stream", "embed", "error", but=NOT_SAYABLE)
def test_the_recorded_request_is_built_again(recorded: Json) -> None:
    """The same conversation as a spec gives the recorded body, apart from what `canonical_chat` names."""
    body, model = recorded["request"]["body"], model_of(recorded)
    if recorded["kind"] == "embed":
        prepared = bedrock().build(embed_spec(body), stream=False, model=model, secret=None)
        assert json.loads(prepared.request.body) == canonical_embed(body)
    else:
        streamed = recorded["path"].endswith("-stream")
        prepared = bedrock().build(chat_spec(body), stream=streamed, model=model, secret=None)
        assert json.loads(prepared.request.body) == canonical_chat(body)
    assert prepared.warnings == ()
    assert prepared.request.url == f"https://bedrock-runtime.us-east-1.amazonaws.com{unquote(recorded['path'])}"
