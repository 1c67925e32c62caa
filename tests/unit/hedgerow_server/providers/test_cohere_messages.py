"""Conversations in Cohere's words, and what is refused."""

import json
from typing import Any

import pytest
from hedgerow_server.core.error import RequestInvalid
from hedgerow_server.core.event import WarningCode
from hedgerow_server.core.request import (
    Audio,
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
from providers.cohere_run import cohere


def said(role: Role, *contents: Content) -> Message:
    """A message of these contents."""
    return Message(role, tuple(Part(content) for content in contents))


def body(*messages: Message) -> dict[str, Any]:
    """The body for these messages."""
    spec = ChatSpec(model="fast", messages=messages)
    return dict(json.loads(cohere().build(spec, stream=False, model="m", secret=None).request.body))


def built(*messages: Message) -> list[dict[str, Any]]:
    """What is sent for these messages."""
    return list(body(*messages)["messages"])


def warnings(*messages: Message) -> list[tuple[WarningCode, str]]:
    """The warnings for these messages."""
    prepared = cohere().build(ChatSpec(model="fast", messages=messages), stream=False, model="m", secret=None)
    return [(warning.code, warning.field) for warning in prepared.warnings]


def refused(*messages: Message) -> str:
    """The field that these messages are refused for."""
    with pytest.raises(RequestInvalid) as caught:
        built(*messages)
    return caught.value.metadata["field"]


def own(kind: str) -> ProviderState:
    """The state of Cohere's own reasoning."""
    return ProviderState("cohere_v2", json.dumps({"kind": kind}).encode())


def test_roles_go_by_coheres_names() -> None:
    roles = (Role.SYSTEM, Role.DEVELOPER, Role.USER, Role.ASSISTANT)
    assert built(*(said(role, Text("x")) for role in roles)) == [
        {"role": role, "content": "x"} for role in ("system", "system", "user", "assistant")
    ]


def test_several_texts_stay_apart() -> None:
    blocks = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert built(said(Role.USER, Text("a"), Text("b"))) == [{"role": "user", "content": blocks}]


def test_images_go_by_url_or_as_data() -> None:
    url = Image(url="https://example.com/a.png", detail=ImageDetail.LOW)
    data = Image(data=b"\x01", media_type="image/png")
    assert built(said(Role.USER, url, data))[0]["content"] == [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AQ=="}},
    ]


def test_files_of_the_user_are_documents() -> None:
    """Text by its title, a JSON object by its members; a name is the id of the first that has it."""
    text = File(data=b"words", media_type="text/markdown; charset=utf-8", name="a.md")
    record = File(data=b'{"n": 1.0}', media_type="application/json")
    sent = body(said(Role.USER, Text("hi"), text, text, record))
    assert sent["messages"] == [{"role": "user", "content": "hi"}]
    assert sent["documents"] == [
        {"data": {"title": "a.md", "text": "words"}, "id": "a.md"},
        {"data": {"title": "a.md", "text": "words"}},
        {"data": {"n": 1.0}},
    ]


def test_each_result_is_a_message() -> None:
    one = ToolResult("c1", (Part(Text("a")),))
    other = ToolResult("c2", (Part(Text("b")), Part(File(data=b'{"n": 1}', media_type="application/json", name="d"))))
    document = {"data": {"n": 1}, "id": "d"}
    assert built(said(Role.TOOL, one, other, ToolResult("c3"))) == [
        {"role": "tool", "tool_call_id": "c1", "content": "a"},
        {
            "role": "tool",
            "tool_call_id": "c2",
            "content": [{"type": "text", "text": "b"}, {"type": "document", "document": document}],
        },
        {"role": "tool", "tool_call_id": "c3", "content": ""},
    ]


def test_calls_go_back_with_their_plan() -> None:
    message = Message(
        Role.ASSISTANT,
        (
            Part(Reasoning("I will add."), own("tool_plan")),
            Part(ToolCall("c1", "add", '{"a":1}')),
            Part(ToolCall("c2", "add", "")),
        ),
    )
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}},
        {"id": "c2", "type": "function", "function": {"name": "add", "arguments": "{}"}},
    ]
    assert built(message) == [{"role": "assistant", "tool_plan": "I will add.", "tool_calls": calls}]


def test_thoughts_go_back_as_blocks_and_only_coheres_own() -> None:
    message = Message(
        Role.ASSISTANT, (Part(Reasoning("hm"), own("thinking")), Part(Reasoning("foreign")), Part(Text("a")))
    )
    blocks = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}]
    assert built(message) == [{"role": "assistant", "content": blocks}]
    broken = Message(Role.ASSISTANT, (Part(Reasoning("a"), own("tea")),))
    assert refused(broken) == "chat.messages[0].content[0].provider_state.data"


def test_state_and_items_of_others_are_dropped_with_one_warning() -> None:
    foreign = Message(
        Role.ASSISTANT,
        (
            Part(Reasoning("a"), ProviderState("anthropic", b"{}")),
            Part(ProviderItem("openai_responses", "web_search_call", b"{}")),
            Part(Refusal("no")),
        ),
    )
    assert built(foreign) == [{"role": "assistant", "content": "no"}]
    assert [code for code, _ in warnings(foreign)] == [WarningCode.PROVIDER_STATE_DROPPED]


def test_an_assistant_that_said_nothing_says_nothing() -> None:
    assert built(Message(Role.ASSISTANT, ())) == [{"role": "assistant", "content": ""}]


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (said(Role.USER, Audio(data=b"x", media_type="audio/wav")), ""),
        (said(Role.USER, ToolResult("c")), ""),
        (said(Role.SYSTEM, Image(url="https://example.com/a.png")), ""),
        (said(Role.TOOL, Text("x")), ""),
        (said(Role.TOOL, ToolResult("c", (Part(Image(url="https://e.com/a.png")),))), ".tool_result.content[0]"),
        (said(Role.ASSISTANT, Image(url="https://example.com/a.png")), ""),
        (said(Role.USER, File(data=b"x", media_type="application/pdf")), ".file.media_type"),
        (said(Role.USER, File(url="https://example.com/a.txt", media_type="text/plain")), ".file"),
        (said(Role.USER, File(data=b"[]", media_type="application/json")), ".file.data"),
    ],
)
def test_what_cohere_does_not_take_is_refused(message: Message, field: str) -> None:
    assert refused(message) == f"chat.messages[0].content[0]{field}"


def test_a_name_is_ignored_with_a_warning() -> None:
    named = Message(Role.USER, (Part(Text("hi")),), "ann")
    assert warnings(named) == [(WarningCode.PARAMETER_IGNORED, "chat.messages[0].name")]
