"""Recorded traffic of Claude: the adapter against what the recordings hold, however they arrive."""

import json
from collections.abc import Container
from typing import Any

import pytest
from hedgerow_server.core.error import (
    ContextTooLong,
    HedgerowError,
    ProviderAuth,
    ProviderModelUnavailable,
    ProviderRejectedRequest,
)
from hedgerow_server.core.event import Finished, FinishReason, Started
from hedgerow_server.core.request import ChatSpec, Message, Part, ProviderItem, Reasoning, Role, Text, ToolCall
from hedgerow_server.providers.anthropic import VERTEX, Options, message_body
from hedgerow_server.providers.draft import Draft
from providers.anthropic_expected import Expected, expected
from providers.anthropic_run import anthropic, read, stream
from providers.anthropic_spec import canonical, chat_spec
from providers.replay import body_bytes, cut, cuts, folded, media_type, recordings_of

Json = dict[str, Any]

WORDS = {
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "max_tokens": FinishReason.LENGTH,
    "tool_use": FinishReason.TOOL_CALLS,
    "pause_turn": FinishReason.PAUSE,
    "refusal": FinishReason.REFUSAL,
}
ERRORS: dict[int, type[HedgerowError]] = {
    400: ProviderRejectedRequest,
    401: ProviderAuth,
    404: ProviderModelUnavailable,
}
TOO_LONG = "prompt is too long"
# The contract lets nobody say these.
NOT_SAYABLE = {
    "anthropic-chat-1de24bf43183": "tools added in the middle of a conversation",
    "anthropic-chat-376aa46fde82": "tools added in the middle of a conversation",
    "anthropic-chat-ba7b33b1a399": "tools added in the middle of a conversation",
    "anthropic-chat-5dd614f3d357": "a file put into a container",
    "anthropic-chat-c25bd3fc2366": "a file put into a container",
    "anthropic-chat-8be384c027da": "a reference to a tool as a tool's result",
    "anthropic-error-e2e0b26e1e27": "a message that is no object",
}


RECORDED = recordings_of("anthropic_messages", "vertex_anthropic")
if not RECORDED:
    pytest.skip("the recordings of provider traffic are not beside the checkout", allow_module_level=True)


def about(*kinds: str, but: Container[str] = ()) -> pytest.MarkDecorator:
    """Runs a test once for each recording of these kinds, as `recorded`; `but` holds ids to leave out."""
    found = [one for one in RECORDED if one["kind"] in kinds and one["id"] not in but]
    return pytest.mark.parametrize("recorded", found, ids=[str(one["id"]) for one in found])


def said(wanted: Expected) -> list[Json]:
    """The blocks that say something."""
    return [block for block in wanted.blocks if block["type"] != "text" or block["text"]]


def check_part(part: Part, block: Json) -> None:
    """The part is the block."""
    content = part.content
    match block["type"]:
        case "text":
            assert content == Text(block["text"])
            cited = [(one["cited_text"], one.get("url", "")) for one in block.get("citations") or []]
            assert [(one.cited_text, one.url) for one in part.citations] == cited
        case "thinking":
            assert content == Reasoning(block["thinking"])
        case "redacted_thinking":
            assert content == Reasoning("")
        case "tool_use":
            assert content == ToolCall(block["id"], block["name"], block["input"])
        case kind:
            assert isinstance(content, ProviderItem)
            assert content.provider == "anthropic_messages"
            assert content.type == kind
            assert json.loads(content.data) == whole(block)


def whole(block: Json) -> Json:
    """The block as it is sent back: with its input as an object."""
    return {**block, "input": json.loads(block["input"])} if "input" in block else block


@about("chat", "chat_stream")
def test_an_answer_is_read_as_recorded(recorded: Json) -> None:
    """Each block is one part, in order: text with citations, thoughts, calls, items of the provider's own."""
    blocks = said(expected(recorded))
    parts = folded(read([body_bytes(recorded)], media_type(recorded))).message.content
    assert len(parts) == len(blocks)
    for part, block in zip(parts, blocks, strict=True):
        check_part(part, block)


@about("chat", "chat_stream")
def test_the_finish_reason_and_its_word_are_read_as_recorded(recorded: Json) -> None:
    wanted = expected(recorded)
    last = read([body_bytes(recorded)], media_type(recorded))[-1]
    assert isinstance(last, Finished)
    assert last.native_reason == wanted.word
    assert last.reason is WORDS[wanted.word]
    assert last.stop_sequence == wanted.stop_sequence
    assert last.warnings == ()


@about("chat", "chat_stream")
def test_the_usage_is_read_as_recorded_class_by_class(recorded: Json) -> None:
    reported = expected(recorded).usage
    last = read([body_bytes(recorded)], media_type(recorded))[-1]
    assert isinstance(last, Finished)
    usage = last.usage
    assert usage is not None
    assert usage.final
    assert not usage.estimated
    assert usage.input_uncached_tokens == reported["input_tokens"]
    assert usage.input_cache_read_tokens == reported.get("cache_read_input_tokens", 0)
    assert usage.output_tokens == reported["output_tokens"]
    thought = reported.get("output_tokens_details", {}).get("thinking_tokens", 0)
    assert usage.output_reasoning_tokens == thought
    written = reported.get("cache_creation_input_tokens", 0)
    assert sum(tokens for _, tokens in usage.input_cache_writes) == written
    split = reported.get("cache_creation") or {}
    by_ttl = {300.0: split.get("ephemeral_5m_input_tokens", 0), 3600.0: split.get("ephemeral_1h_input_tokens", 0)}
    if written and sum(by_ttl.values()) == written:
        assert dict(usage.input_cache_writes) == {ttl_s: count for ttl_s, count in by_ttl.items() if count}
    elif written:
        assert usage.input_cache_writes == ((None, written),)
    advised = [one for one in reported.get("iterations", []) if one["type"] == "advisor_message"]
    units = {name: count for name, count in (reported.get("server_tool_use") or {}).items() if count}
    for name in ("input_tokens", "output_tokens"):
        if advised:
            units[f"advisor_message_{name}"] = sum(one[name] for one in advised)
    assert usage.other_units == units


@about("chat", "chat_stream")
def test_started_comes_once_and_first_and_finished_once_and_last(recorded: Json) -> None:
    wanted = expected(recorded)
    events = read([body_bytes(recorded)], media_type(recorded))
    assert [isinstance(event, Started) for event in events] == [True] + [False] * (len(events) - 1)
    assert [isinstance(event, Finished) for event in events] == [False] * (len(events) - 1) + [True]
    assert events[0] == Started(model=wanted.model, response_id=wanted.response_id)


@about("error")
def test_an_error_is_classified_and_says_nothing_of_its_text(recorded: Json) -> None:
    response = recorded["response"]
    told = response["body"]["error"]
    error = anthropic().classify(response["status"], response["headers"], body_bytes(recorded))
    kind = ContextTooLong if told["message"].startswith(TOO_LONG) else ERRORS[response["status"]]
    assert type(error) is kind
    assert error.metadata == {
        "provider": "vendor",
        "upstreamStatus": str(response["status"]),
        "upstreamCode": told["type"],
    }
    assert told["message"] not in f"{error.message} {error.violations}"


@about("chat_stream")
def test_every_cut_in_two_gives_the_same_events(recorded: Json, request: pytest.FixtureRequest) -> None:
    """Every byte of short streams, the edges of longer ones, every byte of all with --long."""
    body = body_bytes(recorded)
    at_once = stream(body)
    every = request.config.getoption("--long", default=False)
    for place in cuts(body, every=bool(every)):
        assert read(cut(body, place), "text/event-stream") == at_once, f"cut at byte {place}"


@about("chat_stream")
def test_byte_by_byte_gives_the_same_events(recorded: Json) -> None:
    body = body_bytes(recorded)
    assert read((body[at : at + 1] for at in range(len(body))), "text/event-stream") == stream(body)


@about("chat", "chat_stream")
def test_the_answer_appended_to_the_conversation_is_sent_as_it_came(recorded: Json) -> None:
    """Signatures, encrypted thoughts, citations and the provider's own items included."""
    message = folded(read([body_bytes(recorded)], media_type(recorded))).message
    asked = Message(Role.USER, (Part(Text("And?")),))
    spec = ChatSpec(model="m", messages=(asked, message, asked))
    prepared = anthropic().build(spec, stream=True, model="claude-sonnet-4-5", secret=None)
    assert prepared.warnings == ()
    turns = {turn["role"]: turn["content"] for turn in json.loads(prepared.request.body)["messages"]}
    wanted = []
    for block in map(whole, said(expected(recorded))):
        if block["type"] == "tool_use" and block.get("caller") == {"type": "direct"}:
            del block["caller"]  # the default
        if block["type"] == "text" and not block.get("citations"):
            block.pop("citations", None)
        wanted.append(block)
    assert turns.get("assistant", []) == wanted


@about("chat", "chat_stream", "error", but=NOT_SAYABLE)
def test_the_recorded_request_is_built_again(recorded: Json) -> None:
    """The same conversation as a spec gives the recorded body, apart from what `canonical` names."""
    body = canonical(recorded["request"]["body"])
    if recorded["api"] == "vertex_anthropic":
        model = recorded["model"]
        draft = Draft("vendor", "anthropic", "anthropic_messages")
        spec = chat_spec({**body, "model": model})
        built = message_body(spec, draft, model=model, stream=False, options=Options(), envelope=VERTEX)
        assert json.loads(built) == body
        assert draft.warnings == []
        return
    blocks = [block for turn in body["messages"] for block in turn["content"]]
    cited = any(block["type"] == "document" and "citations" in block for block in blocks)
    dialect = anthropic(cite_documents=cited)
    prepared = dialect.build(chat_spec(body), stream=False, model=body["model"], secret=None)
    assert json.loads(prepared.request.body) == body
    assert prepared.warnings == ()
