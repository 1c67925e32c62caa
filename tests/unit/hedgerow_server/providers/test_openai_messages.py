"""Conversations in OpenAI's words."""

import json
from typing import Any

import pytest
from hedgerow_server.core.error import RequestInvalid
from hedgerow_server.core.event import Warning, WarningCode
from hedgerow_server.core.request import (
    Audio,
    CacheHint,
    ChatSpec,
    Content,
    File,
    Image,
    ImageDetail,
    Message,
    Part,
    ProviderItem,
    ProviderState,
    Reasoning,
    Refusal,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from providers.openai_run import openai

FOREIGN = ProviderState("anthropic_messages", b"signature")


def sent(*messages: Message) -> tuple[list[dict[str, Any]], tuple[Warning, ...]]:
    """The messages of the body, and the warnings."""
    prepared = openai().build(ChatSpec(model="m", messages=messages), stream=False, model="m", secret=None)
    return json.loads(prepared.request.body)["messages"], prepared.warnings


def one(role: Role, *contents: Content, name: str = "") -> dict[str, Any]:
    """The one message that a message with these contents becomes, without a warning."""
    messages, warnings = sent(Message(role, tuple(Part(content) for content in contents), name))
    assert warnings == ()
    assert len(messages) == 1
    return messages[0]


def refused(role: Role, *parts: Part) -> str:
    """The field that a message is refused for."""
    with pytest.raises(RequestInvalid) as caught:
        sent(Message(Role.USER, (Part(Text("hi")),)), Message(role, parts))
    return caught.value.metadata["field"]


@pytest.mark.parametrize("role", [Role.SYSTEM, Role.DEVELOPER, Role.USER, Role.ASSISTANT])
def test_one_text_is_a_plain_string(role: Role) -> None:
    assert one(role, Text("hi")) == {"role": role.value, "content": "hi"}


@pytest.mark.parametrize("role", [Role.SYSTEM, Role.DEVELOPER, Role.USER, Role.ASSISTANT])
def test_several_texts_are_a_list(role: Role) -> None:
    content = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert one(role, Text("a"), Text("b")) == {"role": role.value, "content": content}


@pytest.mark.parametrize("role", [Role.SYSTEM, Role.USER, Role.ASSISTANT])
def test_a_name_is_sent(role: Role) -> None:
    assert one(role, Text("hi"), name="ann")["name"] == "ann"


def test_an_image_is_sent_as_a_data_url_or_by_its_url() -> None:
    message = one(
        Role.USER,
        Text("What is this?"),
        Image(data=b"\x00\x01", media_type="image/png", detail=ImageDetail.LOW),
        Image(url="https://example.com/a.png"),
    )
    assert message["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAE=", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]


@pytest.mark.parametrize(
    ("media_type", "name"),
    [("audio/wav", "wav"), ("audio/x-wav", "wav"), ("audio/mpeg", "mp3"), ("Audio/MP3; rate=8000", "mp3")],
)
def test_audio_is_sent_with_its_format(media_type: str, name: str) -> None:
    content = one(Role.USER, Audio(data=b"\x00\x01", media_type=media_type))["content"]
    assert content == [{"type": "input_audio", "input_audio": {"data": "AAE=", "format": name}}]


def test_audio_in_other_formats_or_by_url_is_refused() -> None:
    flac = Part(Audio(data=b"x", media_type="audio/flac"))
    assert refused(Role.USER, flac) == "chat.messages[1].content[0].audio.media_type"
    by_url = Part(Audio(url="https://example.com/a.wav"))
    assert refused(Role.USER, by_url) == "chat.messages[1].content[0].audio.url"


def test_a_file_is_sent_by_id_or_as_a_named_data_url() -> None:
    pdf = File(data=b"\x00\x01", media_type="application/pdf", name="a.pdf")
    unnamed = File(data=b"\x00\x01", media_type="application/pdf")
    content = one(Role.USER, File(provider_file_id="file-1"), pdf, unnamed)["content"]
    data = "data:application/pdf;base64,AAE="
    assert content == [
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": data}},
        {"type": "file", "file": {"filename": "file.pdf", "file_data": data}},
    ]


def test_a_file_by_url_is_refused() -> None:
    assert refused(Role.USER, Part(File(url="gs://b/a"))) == "chat.messages[1].content[0].file.url"


@pytest.mark.parametrize("role", [Role.SYSTEM, Role.DEVELOPER, Role.ASSISTANT])
def test_only_users_send_images(role: Role) -> None:
    image = Part(Image(data=b"x", media_type="image/png"))
    assert refused(role, Part(Text("a")), image) == "chat.messages[1].content[1]"


def test_an_empty_assistant_message_has_empty_content() -> None:
    assert one(Role.ASSISTANT) == {"role": "assistant", "content": ""}
    assert one(Role.ASSISTANT, Reasoning("hm")) == {"role": "assistant", "content": ""}


def test_calls_go_beside_the_text_and_thoughts_nowhere() -> None:
    """A chat completion has no place for thoughts without state: dropping them is no news."""
    message = one(Role.ASSISTANT, Reasoning("hm"), Text("Adding."), ToolCall("c1", "add", '{"a": 1}'))
    call = {"type": "function", "id": "c1", "function": {"name": "add", "arguments": '{"a": 1}'}}
    assert message == {"role": "assistant", "content": "Adding.", "tool_calls": [call]}


def test_calls_alone_have_no_content() -> None:
    message = one(Role.ASSISTANT, ToolCall("c1", "add", "{}"), ToolCall("c2", "sub", "malformed"))
    assert "content" not in message
    assert [call["function"]["arguments"] for call in message["tool_calls"]] == ["{}", "malformed"]


def test_a_refusal_has_its_own_member() -> None:
    assert one(Role.ASSISTANT, Refusal("No.")) == {"role": "assistant", "refusal": "No."}


def test_each_tool_result_is_a_message() -> None:
    parts = (
        Part(ToolResult("c1", (Part(Text("3")),))),
        Part(ToolResult("c2", (Part(Text("a")), Part(Text("b"))), is_error=True)),
        Part(ToolResult("c3")),
    )
    messages, warnings = sent(Message(Role.TOOL, parts))
    assert warnings == ()
    assert messages == [
        {"role": "tool", "content": "3", "tool_call_id": "c1"},
        {"role": "tool", "content": [{"type": "text", "text": t} for t in "ab"], "tool_call_id": "c2"},
        {"role": "tool", "content": "", "tool_call_id": "c3"},
    ]


def test_media_in_a_tool_result_is_refused_by_its_path() -> None:
    part = Part(ToolResult("c1", (Part(Text("a")), Part(Image(url="https://example.com/a.png")))))
    assert refused(Role.TOOL, part) == "chat.messages[1].content[0].tool_result.content[1]"


def test_a_name_of_a_tool_message_is_ignored_with_a_warning() -> None:
    _, warnings = sent(Message(Role.TOOL, (Part(ToolResult("c1")),), "calculator"))
    assert [(w.code, w.field) for w in warnings] == [(WarningCode.PARAMETER_IGNORED, "chat.messages[0].name")]


def test_foreign_state_and_items_are_dropped_with_one_warning() -> None:
    messages, warnings = sent(
        Message(
            Role.ASSISTANT,
            (
                Part(Reasoning("hm"), state=FOREIGN),
                Part(ProviderItem("anthropic_messages", "web_search", b"{}")),
                Part(Text("Found."), state=FOREIGN),
            ),
        ),
    )
    assert messages == [{"role": "assistant", "content": "Found."}]
    assert [(w.code, w.field) for w in warnings] == [
        (WarningCode.PROVIDER_STATE_DROPPED, "chat.messages[0].content[0].provider_state")
    ]


def test_an_item_of_the_provider_goes_back_unchanged() -> None:
    item = ProviderItem("openai_chat", "new_tool", b'{"type": "new_tool", "id": "c9"}')
    assert one(Role.ASSISTANT, item)["tool_calls"] == [{"type": "new_tool", "id": "c9"}]
    broken = Part(ProviderItem("openai_chat", "new_tool", b"{"))
    assert refused(Role.ASSISTANT, broken) == "chat.messages[1].content[0].provider_item.data"


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b'{"audio_id": 7}', b'{"audio_id": "\xff"}'])
def test_state_that_the_provider_did_not_write_is_refused(data: bytes) -> None:
    part = Part(ToolCall("c1", "x", "{}"), state=ProviderState("openai_chat", data))
    assert refused(Role.ASSISTANT, part) == "chat.messages[1].content[0].provider_state.data"


def test_generated_audio_without_its_id_goes_back_as_its_transcript() -> None:
    spoken = Audio(data=b"x", media_type="audio/wav", transcript="Hello.")
    messages, warnings = sent(Message(Role.ASSISTANT, (Part(spoken),)))
    assert messages == [{"role": "assistant", "content": "Hello."}]
    assert [(w.code, w.field) for w in warnings] == [
        (WarningCode.PARAMETER_CHANGED, "chat.messages[0].content[0].audio")
    ]
    silent = Part(Audio(data=b"x", media_type="audio/wav"))
    assert refused(Role.ASSISTANT, silent) == "chat.messages[1].content[0].audio"


def test_cache_hints_are_ignored_silently() -> None:
    messages, warnings = sent(Message(Role.USER, (Part(Text("hi"), cache_hint=CacheHint(60)),)))
    assert (messages, warnings) == ([{"role": "user", "content": "hi"}], ())
