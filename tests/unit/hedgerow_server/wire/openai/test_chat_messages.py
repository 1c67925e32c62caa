"""Messages of Chat Completions: every role and part reaches the core."""

import base64
from typing import Any

import pytest
from hedgerow_server.core.error import RequestInvalid
from hedgerow_server.core.event import WarningCode
from hedgerow_server.core.request import (
    Audio,
    CacheHint,
    ChatRequest,
    File,
    Image,
    ImageDetail,
    Message,
    Part,
    ProviderState,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from openai_door import Json, chat_call

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
DATA = base64.b64encode(b"bytes").decode()


def message(given: Json) -> Message:
    """The message as the core has it."""
    request = chat_call({"model": "m", "messages": [given]}).request
    assert isinstance(request, ChatRequest)
    return request.spec.messages[0]


def contents(given: Json) -> list[Any]:
    """The contents of its parts."""
    return [part.content for part in message(given).content]


def user(*parts: Json) -> Json:
    """A message of a user."""
    return {"role": "user", "content": list(parts)}


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant"])
def test_text_is_one_part(role: str) -> None:
    """Whether it stands alone or in a list."""
    for content in ("hi", [{"type": "text", "text": "hi"}]):
        assert message({"role": role, "content": content, "name": "Ann"}) == Message(
            Role(role), (Part(Text("hi")),), "Ann"
        )


@pytest.mark.parametrize(
    ("part", "content"),
    [
        (
            {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
            Image(url="https://x/y.png", detail=ImageDetail.LOW),
        ),
        (
            {"type": "image_url", "image_url": {"url": f"data:image/PNG;base64,{DATA}"}},
            Image(data=b"bytes", media_type="image/png"),
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:image/svg+xml,%3Csvg%3E"}},
            Image(b"<svg>", None, "image/svg+xml"),
        ),
        ({"type": "input_audio", "input_audio": {"data": DATA, "format": "mp3"}}, Audio(b"bytes", None, "audio/mpeg")),
        ({"type": "input_audio", "input_audio": {"data": DATA, "format": "flac"}}, Audio(b"bytes", None, "audio/flac")),
        (
            {"type": "input_audio", "input_audio": {"data": "https://x/a.wav"}},
            Audio(None, "https://x/a.wav", "audio/wav"),
        ),
        ({"type": "file", "file": {"file_id": "file-1"}}, File(provider_file_id="file-1")),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{DATA}"}},
            File(data=b"bytes", media_type="application/pdf", name="a.pdf"),
        ),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": DATA}},
            File(data=b"bytes", media_type="application/pdf", name="a.pdf"),
        ),
        ({"type": "video_url", "video_url": {"url": "https://x/v.mp4"}}, File(url="https://x/v.mp4")),
    ],
)
def test_media_are_bytes_or_addresses(part: Json, content: object) -> None:
    """Data URLs are unpacked; nothing is fetched."""
    assert contents(user(part)) == [content]


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,%%%"}}, "image_url.url"),
        ({"type": "image_url", "image_url": {"url": "data:image/png"}}, "image_url.url"),
        ({"type": "input_audio", "input_audio": {"data": "###"}}, "input_audio.data"),
        ({"type": "file", "file": {"filename": "x"}}, "file"),
        ({"type": "smell"}, "type"),
        ({"type": "text", "text": "x", "colour": "red"}, "colour"),
    ],
)
def test_a_part_that_is_wrong_is_named(part: Json, field: str) -> None:
    """By its place in the caller's body."""
    with pytest.raises(RequestInvalid) as caught:
        chat_call({"model": "m", "messages": [user({"type": "text", "text": "x"}, part)]})
    assert caught.value.violations[0].field == f"messages[0].content[1].{field}"


def test_marks_of_the_prompt_cache_become_hints() -> None:
    """On a part, or on a message for its last one."""
    marked = message(user({"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}}))
    assert marked.content[0].cache_hint == CacheHint(3600)
    system = message({"role": "system", "content": "x", "cache_control": {"type": "ephemeral"}})
    assert system.content[0].cache_hint == CacheHint(None)


def test_results_of_tools_are_text_or_parts() -> None:
    """For the call that they name."""
    parts = [{"type": "text", "text": "4 C"}]
    for content in ("4 C", parts):
        assert contents({"role": "tool", "tool_call_id": "c1", "content": content}) == [
            ToolResult("c1", (Part(Text("4 C")),))
        ]


def test_an_answer_comes_back_in_the_order_of_thought() -> None:
    """Thoughts before text, text before calls."""
    given = {
        "role": "assistant",
        "reasoning_content": "hm",
        "content": "Let me look.",
        "refusal": None,
        "annotations": [],
        "tool_calls": [CALL],
    }
    assert contents(given) == [Reasoning("hm"), Text("Let me look."), ToolCall("c1", "f", '{"a":1}')]


def test_an_answer_may_say_nothing() -> None:
    """The contract allows it to models alone."""
    assert contents({"role": "assistant", "content": None}) == []


def test_what_the_official_sdk_adds_is_taken() -> None:
    """The helpers that parse answers hang their results on the message."""
    function = {"name": "f", "arguments": '{"a":1}', "parsed_arguments": {"a": 1}}
    call = {**CALL, "function": function, "index": 0}
    given = {"role": "assistant", "content": "{}", "parsed": {"x": 1}, "tool_calls": [call], "function_call": None}
    assert contents(given) == [Text("{}"), ToolCall("c1", "f", '{"a":1}')]


def test_refusals_come_back() -> None:
    """As a member or as a part."""
    parts = [{"type": "refusal", "refusal": "No."}]
    assert contents({"role": "assistant", "content": None, "refusal": "No."}) == [Refusal("No.")]
    assert contents({"role": "assistant", "content": parts}) == [Refusal("No.")]


def test_audio_comes_back_by_its_id() -> None:
    """OpenAI has it; others are told its words."""
    (part,) = message({"role": "assistant", "content": None, "audio": {"id": "audio_1", "transcript": "hi"}}).content
    assert part.content == Audio(b"", None, "audio/wav", "hi")
    assert part.state == ProviderState("openai_chat", b'{"audio_id":"audio_1"}')


def test_calls_of_custom_tools_come_back() -> None:
    """With the mark that makes the dialect send them so."""
    call = {"id": "c1", "type": "custom", "custom": {"name": "grep", "input": "x.*"}}
    (part,) = message({"role": "assistant", "content": None, "tool_calls": [call]}).content
    assert part.content == ToolCall("c1", "grep", "x.*")
    assert part.state == ProviderState("openai_chat", b'{"call_type":"custom"}')


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"role": "function", "name": "f", "content": "x"}, "role"),
        ({"role": "robot", "content": "x"}, "role"),
        ({"role": "tool", "content": "x"}, "tool_call_id"),
        ({"role": "user", "content": "x", "tool_calls": [CALL]}, "tool_calls"),
        ({"role": "assistant", "function_call": {"name": "f", "arguments": ""}}, "function_call"),
        ({"role": "assistant", "tool_calls": [{"id": "c1"}]}, "tool_calls[0]"),
        ({"role": "user", "content": "x", "prefix": True}, "prefix"),
    ],
)
def test_what_does_not_go_with_a_role_is_named(given: Json, field: str) -> None:
    """Nothing is dropped on the way."""
    with pytest.raises(RequestInvalid) as caught:
        chat_call({"model": "m", "messages": [given]})
    assert caught.value.violations[0].field == f"messages[0].{field}"


@pytest.mark.parametrize("name", ["reasoning_details", "thinking_blocks", "extra_content", "provider_specific_fields"])
def test_state_in_the_words_of_others_is_warned_of(name: str) -> None:
    """It does not say whose it is."""
    call = chat_call({"model": "m", "messages": [{"role": "assistant", "content": "x", name: [{"type": "x"}]}]})
    assert [(one.code, one.field) for one in call.warnings] == [
        (WarningCode.PROVIDER_STATE_DROPPED, f"messages[0].{name}")
    ]
