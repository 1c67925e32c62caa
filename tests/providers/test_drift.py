"""What is not known is counted under its name, and changes no answer; what was recorded is known."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hedgerow_server.core.drift import Counts
from hedgerow_server.core.error import HedgerowError, UpstreamProtocol
from hedgerow_server.core.event import Event, Finished, FinishReason
from hedgerow_server.core.port import Dialect, Operation
from hedgerow_server.providers.anthropic import Anthropic, AnthropicSection
from hedgerow_server.providers.bedrock import Bedrock, BedrockSection
from hedgerow_server.providers.cohere import Cohere, CohereSection
from hedgerow_server.providers.google import Gemini, GeminiSection, Vertex, VertexSection
from hedgerow_server.providers.openai import OpenAI, OpenAISection
from hedgerow_server.providers.openai_responses import OpenAIResponses, OpenAIResponsesSection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from providers.bedrock_run import body_bytes as bedrock_bytes
from providers.bedrock_run import frame
from providers.replay import body_bytes, recordings_of

Json = dict[str, Any]

MAKE: dict[str, Callable[[], Dialect]] = {
    "anthropic": lambda: Anthropic("claude", AnthropicSection(dialect="anthropic")),
    "bedrock": lambda: Bedrock("aws", BedrockSection.model_validate({"dialect": "bedrock", "region": "us-east-1"})),
    "cohere": lambda: Cohere("cohere", CohereSection(dialect="cohere")),
    "gemini": lambda: Gemini("google", GeminiSection(dialect="gemini")),
    "openai": lambda: OpenAI("openai", OpenAISection(dialect="openai")),
    "openai_responses": lambda: OpenAIResponses("openai", OpenAIResponsesSection(dialect="openai_responses")),
    "vertex": lambda: Vertex(
        "google", VertexSection.model_validate({"dialect": "vertex", "project": "p", "location": "us-central1"})
    ),
}
APIS = {
    "anthropic": ("anthropic_messages",),
    "bedrock": ("bedrock_converse",),
    "cohere": ("cohere_v2_chat",),
    "gemini": ("gemini_generate",),
    "openai": ("openai_chat", "mistral_chat", "azure_ai_chat"),
    "openai_responses": ("openai_responses",),
    "vertex": ("vertex_anthropic",),
}


RECORDED = {
    name: [one for one in recordings_of(*apis) if one["kind"].startswith("chat")] for name, apis in APIS.items()
}
STREAMS = {name: [one for one in records if one["kind"] == "chat_stream"] for name, records in RECORDED.items()}


def read(dialect: Dialect, chunks: list[bytes], *, stream: bool = True) -> list[Event]:
    """The events of one answer."""
    reader = dialect.reader(Operation.CHAT, stream=stream, content_type="")
    return [event for chunk in chunks for event in reader.feed(chunk)] + reader.finish()


def searching(name: str) -> Dialect:
    """A provider of a dialect, of which every answer is searched."""
    dialect = MAKE[name]()
    dialect.drift.sample_every = 1
    return dialect


def data(*chunks: Json | str, named: bool = False) -> list[bytes]:
    """Server-sent events; a text is data as it is."""
    made = []
    for one in chunks:
        text = one if isinstance(one, str) else json.dumps(one)
        name = f"event: {one['type']}\n" if named and isinstance(one, dict) else ""
        made.append(f"{name}data: {text}\n\n".encode())
    return made


def counted(name: str, chunks: list[bytes]) -> tuple[list[Event], Counts]:
    """What an answer makes, and what it counts."""
    dialect = searching(name)
    return read(dialect, chunks), dialect.drift.counts()


@pytest.mark.parametrize("name", MAKE)
def test_nothing_that_was_recorded_is_unknown(name: str) -> None:
    dialect, whole = searching(name), 0
    for recording in RECORDED[name]:
        body = bedrock_bytes(recording) if name == "bedrock" else body_bytes(recording)
        try:
            read(dialect, [body], stream=recording["kind"] == "chat_stream")
            whole += 1
        except HedgerowError:
            continue
    if not whole:
        pytest.skip("the recordings of provider traffic are not beside the checkout")
    assert dialect.drift.counts() == {}


_EVENT = b'event: aroma.event\ndata: {"type": "aroma.event"}\n\n'
_EVENT_OF_GOOGLE = b"event: aroma.event\ndata: {}\n\n"  # whose members have no type


def _blocks(recording: Json) -> list[bytes]:
    """The events of a recorded stream."""
    body = body_bytes(recording).replace(b"\r\n", b"\n")
    return [block + b"\n\n" for block in body.split(b"\n\n") if block]


def _with_aroma(block: bytes) -> bytes:
    """The event with one member more; the same if its data is no object."""
    head, found, text = block.partition(b"data: {")
    return head + found + b'"aroma": [{"hay": 1}], ' + text if found and text.strip() != b"}" else block


@pytest.mark.parametrize("name", [name for name in MAKE if name != "bedrock"])
@given(luck=st.randoms(use_true_random=False))
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_put_into_recorded_streams_is_counted_and_changes_nothing(name: str, luck: Random) -> None:
    if not STREAMS[name]:
        pytest.skip("the recordings of provider traffic are not beside the checkout")
    blocks = _blocks(luck.choice(STREAMS[name]))
    changed: list[bytes] = []
    events = fields = 0
    for number, block in enumerate(blocks):
        # An answer may end long before its stream does: what comes last is not looked at.
        inner = number < len(blocks) - 3
        if inner and luck.random() < 0.2:
            events += 1
            changed.append(_EVENT_OF_GOOGLE if name == "gemini" else _EVENT)
        put = _with_aroma(block) if inner and luck.random() < 0.3 else block
        fields += put != block
        changed.append(put)
    try:
        plain, nothing = counted(name, blocks)
    except HedgerowError:
        return
    told, counts = counted(name, changed)
    assert told == plain
    assert nothing == {}
    assert counts == {
        kind: {word: count}
        for kind, word, count in (("event", "aroma.event", events), ("field", "aroma", fields))
        if count
    }


def _openai(*, finish: str = "stop", **more: Any) -> list[Json | str]:
    def chunk(delta: Json, word: str | None = None) -> Json:
        return {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": word}], **more}

    return [chunk({"content": "a"}), chunk({"content": "b"}), chunk({}, finish), "[DONE]"]


def _anthropic(*, finish: str = "end_turn", **more: Any) -> list[Json]:
    return [
        {"type": "message_start", "message": {"id": "m", "model": "x", "content": []}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ab"}, **more},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": finish}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]


def test_openai_counts_an_unknown_field_and_says_the_same() -> None:
    plain, nothing = counted("openai", data(*_openai()))
    changed, counts = counted("openai", data(*_openai(aroma={"hay": 1})))
    assert nothing == {}
    assert counts == {"field": {"aroma": 3}}
    assert changed == plain


def test_only_a_sampled_answer_is_searched_for_fields() -> None:
    dialect = MAKE["openai"]()
    for _ in range(2 * dialect.drift.sample_every):
        read(dialect, data(*_openai(aroma=1)))
    assert dialect.drift.counts() == {"field": {"aroma": 2 * 3}}


def test_a_field_in_a_document_is_counted() -> None:
    dialect = searching("openai")
    choice = {"index": 0, "message": {"content": "a", "aroma": 1}, "finish_reason": "stop"}
    read(dialect, [json.dumps({"id": "c", "choices": [choice]}).encode()], stream=False)
    assert dialect.drift.counts() == {"field": {"choices.message.aroma": 1}}


def test_openai_counts_an_unknown_event_and_finish_reason() -> None:
    first, *rest = data(*_openai(finish="tea_time"))
    events, counts = counted("openai", [first, b"event: hint\ndata: hay\n\n", *rest])
    assert counts == {"event": {"hint": 1}, "finish_reason": {"tea_time": 1}}
    assert isinstance(events[-1], Finished)
    assert (events[-1].reason, events[-1].native_reason) == (FinishReason.OTHER, "tea_time")


def test_openai_counts_an_unknown_kind_of_content() -> None:
    chunk = {"choices": [{"delta": {"content": [{"type": "hologram", "text": "a"}, {"type": "text", "text": "b"}]}}]}
    events, counts = counted("openai", data(chunk, *_openai()))
    assert counts == {"content_type": {"hologram": 1}}
    assert isinstance(events[-1], Finished)


def test_anthropic_counts_an_unknown_event_delta_block_and_stop_reason() -> None:
    plain, nothing = counted("anthropic", data(*_anthropic(), named=True))
    steps = _anthropic(aroma=1, finish="tea_time")
    steps.insert(2, {"type": "message_audit", "index": 0})
    steps.insert(3, {"type": "content_block_delta", "index": 0, "delta": {"type": "aroma_delta"}})
    changed, counts = counted("anthropic", data(*steps, named=True))
    assert nothing == {}
    assert counts == {
        "content_type": {"aroma_delta": 1},
        "event": {"message_audit": 1},
        "field": {"aroma": 1},
        "finish_reason": {"tea_time": 1},
    }
    assert changed[:-1] == plain[:-1]
    block = {"type": "content_block_start", "index": 1, "content_block": {"type": "hologram"}}
    events, counts = counted("anthropic", data(*_anthropic()[:4], block, *_anthropic()[4:], named=True))
    assert counts == {"content_type": {"hologram": 1}}
    assert isinstance(events[-1], Finished)


def test_cohere_counts_an_unknown_event_content_and_finish_reason() -> None:
    def step(kind: str, **more: Any) -> Json:
        return {"type": kind, **more}

    steps: list[Json] = [
        step("message-start", id="m"),
        step("content-start", index=0, delta={"message": {"content": {"type": "hologram", "light": 1}}}),
        step("content-delta", index=0, delta={"message": {"content": {"text": "a"}}}),
        step("mood-change", delta={"message": {}}),
        step("mood-list", delta=[1]),
        step("message-end", delta={"finish_reason": "TEA_TIME"}),
    ]
    events, counts = counted("cohere", data(*steps, named=True))
    assert counts == {
        "content_type": {"hologram": 1},
        "event": {"mood-change": 1, "mood-list": 1},
        "field": {"delta.message.content.light": 1},
        "finish_reason": {"TEA_TIME": 1},
    }
    assert isinstance(events[-1], Finished)


def test_bedrock_counts_an_unknown_event_delta_and_stop_reason() -> None:
    chunks = [
        frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "a"}, "p": "ab"}),
        frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"hologram": {"light": 1}}}),
        frame("moodChange", {"mood": 1}),
        frame("messageStop", {"stopReason": "tea_time"}),
    ]
    events, counts = counted("bedrock", chunks)
    assert counts == {
        "content_type": {"hologram": 1},
        "event": {"moodChange": 1},
        "field": {"delta.hologram": 1, "mood": 1},
        "finish_reason": {"tea_time": 1},
    }
    assert isinstance(events[-1], Finished)


def test_gemini_counts_an_unknown_part_event_and_finish_reason() -> None:
    def chunk(part: Json, **more: Any) -> Json:
        return {"candidates": [{"content": {"parts": [part]}, **more}], "responseId": "r"}

    chunks = data(chunk({"text": "a"}), chunk({"hologram": {"light": 1}}), chunk({"text": "b"}, finishReason="TEA"))
    events, counts = counted("gemini", [*chunks[:1], b"event: hint\ndata: hay\n\n", *chunks[1:]])
    assert counts == {
        "content_type": {"hologram": 1},
        "event": {"hint": 1},
        "field": {"candidates.content.parts.hologram": 1},
        "finish_reason": {"TEA": 1},
    }
    assert isinstance(events[-1], Finished)
    known = data(chunk({"text": "a"}, finishReason="OTHER"))
    assert counted("gemini", known)[1] == {}


def test_responses_count_an_unknown_event_and_item() -> None:
    last = {"id": "r", "status": "completed", "output": [{"type": "hologram", "id": "h"}]}
    steps: list[Json] = [
        {"type": "response.created", "response": {"id": "r"}},
        {"type": "response.in_progress", "response": {"id": "r"}},
        {"type": "response.web_search_call.searching", "output_index": 0},
        {"type": "response.mood.changed", "aroma": 1},
        {"type": "response.completed", "response": last},
    ]
    events, counts = counted("openai_responses", data(*steps, named=True))
    assert counts == {
        "content_type": {"hologram": 1},
        "event": {"response.mood.changed": 1},
        "field": {"aroma": 1},
    }
    assert isinstance(events[-1], Finished)


def test_what_is_not_of_the_protocol_fails_the_call_and_is_counted() -> None:
    dialect = searching("openai")
    with pytest.raises(UpstreamProtocol):
        read(dialect, [*data(*_openai())[:2], b"data: {oops\n\n"])
    with pytest.raises(UpstreamProtocol):
        read(dialect, [b"<html>"], stream=False)
    assert dialect.drift.counts() == {
        "malformed": {
            "a body that is not the JSON of a chat completion": 1,
            "a chunk that is not one of a chat completion": 1,
        }
    }


def test_the_platform_and_claude_on_it_count_together() -> None:
    dialect = searching("vertex")
    read(dialect, data(*_anthropic(finish="tea_time"), named=True))
    read(dialect, data({"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "TEA"}]}))
    assert dialect.drift.counts() == {"finish_reason": {"TEA": 1, "tea_time": 1}}
