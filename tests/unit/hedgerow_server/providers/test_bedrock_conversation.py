"""Conversations in Bedrock's words, and what is refused."""

import json
from typing import Any

import pytest
from hedgerow_server.core.error import RequestInvalid
from hedgerow_server.core.event import WarningCode
from hedgerow_server.core.request import (
    Audio,
    CacheHint,
    ChatSpec,
    Content,
    File,
    FunctionTool,
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
from providers.bedrock_run import bedrock

CLAUDE = "anthropic.claude-sonnet-4-6"
TOOLS = (FunctionTool("add"),)


def said(role: Role, *contents: Content) -> Message:
    """A message of these contents."""
    return Message(role, tuple(Part(content) for content in contents))


def built(*messages: Message, model: str = CLAUDE) -> dict[str, Any]:
    """The body for these messages."""
    spec = ChatSpec(model="fast", messages=messages, tools=TOOLS)
    return dict(json.loads(bedrock().build(spec, stream=False, model=model, secret=None).request.body))


def blocks(*contents: Content, role: Role = Role.USER) -> list[dict[str, Any]]:
    """The blocks of one message."""
    (turn,) = built(said(role, *contents))["messages"]
    return list(turn["content"])


def warnings(*messages: Message) -> list[tuple[WarningCode, str]]:
    """The warnings for these messages."""
    spec = ChatSpec(model="fast", messages=messages, tools=TOOLS)
    prepared = bedrock().build(spec, stream=False, model=CLAUDE, secret=None)
    return [(warning.code, warning.field) for warning in prepared.warnings]


def refused(*messages: Message) -> str:
    """The field that these messages are refused for."""
    with pytest.raises(RequestInvalid) as caught:
        built(*messages)
    return caught.value.metadata["field"]


USER = said(Role.USER, Text("hi"))


def test_system_and_developer_messages_are_the_system_prompt() -> None:
    body = built(said(Role.SYSTEM, Text("a"), Text("b")), said(Role.DEVELOPER, Text("c")), USER)
    assert body["system"] == [{"text": "a"}, {"text": "b"}, {"text": "c"}]
    assert body["messages"] == [{"role": "user", "content": [{"text": "hi"}]}]


def test_a_later_system_message_is_moved_to_the_head_with_a_warning() -> None:
    messages = (USER, said(Role.SYSTEM, Text("a")))
    assert built(*messages)["system"] == [{"text": "a"}]
    assert warnings(*messages) == [(WarningCode.PARAMETER_CHANGED, "chat.messages[1]")]


def test_neighbouring_turns_of_one_role_are_one() -> None:
    """Results of tools are the user's."""
    call = said(Role.ASSISTANT, ToolCall("c1", "add", "{}"), ToolCall("c2", "add", ""))
    results = [said(Role.TOOL, ToolResult(name, (Part(Text(name)),))) for name in ("c1", "c2")]
    turns = built(USER, USER, call, *results, USER)["messages"]
    assert [(turn["role"], len(turn["content"])) for turn in turns] == [("user", 2), ("assistant", 2), ("user", 3)]
    assert turns[2]["content"][0] == {"toolResult": {"toolUseId": "c1", "content": [{"text": "c1"}]}}
    assert turns[1]["content"][1] == {"toolUse": {"toolUseId": "c2", "name": "add", "input": {}}}


def test_a_failed_result_says_so() -> None:
    (block,) = blocks(ToolResult("c1", (Part(Text("no")),), is_error=True), role=Role.TOOL)
    assert block == {"toolResult": {"toolUseId": "c1", "content": [{"text": "no"}], "status": "error"}}


def test_an_id_that_bedrock_does_not_take_is_replaced_alike_in_call_and_result() -> None:
    given = "call/1 of |" + "x" * 80
    call, result = ToolCall(given, "add", "{}"), ToolResult(given)
    one, other = built(USER, said(Role.ASSISTANT, call), said(Role.TOOL, result))["messages"][1:]
    made = one["content"][0]["toolUse"]["toolUseId"]
    assert other["content"][0]["toolResult"]["toolUseId"] == made
    assert len(made) <= 64
    assert made.startswith("call_")


def test_arguments_keep_their_numbers() -> None:
    spec = ChatSpec(
        model="m", messages=(said(Role.ASSISTANT, ToolCall("c", "add", '{"a": 1.0, "b": 12345678901234567890}')),)
    )
    body = bedrock().build(spec, stream=False, model=CLAUDE, secret=None).request.body
    assert b'{"a": 1.0, "b": 12345678901234567890}' in body


@pytest.mark.parametrize("arguments", ['{"a":', "[]", '"x"', "7"])
def test_arguments_that_are_no_object_go_within_one_with_a_warning(arguments: str) -> None:
    """The output limit may have cut them, or another provider's model have written them."""
    message = said(Role.ASSISTANT, ToolCall("c", "add", arguments))
    [block] = built(message)["messages"][0]["content"]
    assert block["toolUse"]["input"] == {"INVALID_JSON": arguments}
    field = "chat.messages[0].content[0].tool_call.arguments"
    assert (WarningCode.PARAMETER_CHANGED, field) in warnings(message)


def test_media_are_sent_as_base64_with_their_format() -> None:
    assert blocks(
        Image(data=b"\x01", media_type="image/JPG"),
        Audio(data=b"\x02", media_type="audio/mpeg"),
        File(data=b"\x03", media_type="video/mp4", name="film.mp4"),
        File(data=b"\x04", media_type="application/pdf; x=y", name="my  report_v2.pdf"),
        File(data=b"\x05", media_type="text/plain"),
    ) == [
        {"image": {"format": "jpeg", "source": {"bytes": "AQ=="}}},
        {"audio": {"format": "mp3", "source": {"bytes": "Ag=="}}},
        {"video": {"format": "mp4", "source": {"bytes": "Aw=="}}},
        {"document": {"format": "pdf", "source": {"bytes": "BA=="}, "name": "my report-v2"}},
        {"document": {"format": "txt", "source": {"bytes": "BQ=="}, "name": "Document"}},
    ]


def test_documents_have_different_names() -> None:
    file = File(data=b"x", media_type="text/csv", name="a.csv")
    assert [block["document"]["name"] for block in blocks(file, file, file)] == ["a", "a (2)", "a (3)"]


def test_a_file_in_s3_is_named_by_its_address() -> None:
    (block,) = blocks(File(provider_file_id="s3://bucket/film.mp4", media_type="video/mp4"))
    assert block == {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://bucket/film.mp4"}}}}


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (Image(url="https://example.com/a.png", media_type="image/png"), "image"),
        (Image(data=b"x", media_type="image/tiff"), "image.media_type"),
        (Audio(data=b"x", media_type="audio/midi"), "audio.media_type"),
        (File(data=b"x", media_type="application/zip"), "file.media_type"),
        (File(provider_file_id="file-1", media_type="application/pdf"), "file"),
    ],
)
def test_media_that_bedrock_does_not_take_are_refused(content: Content, field: str) -> None:
    assert refused(said(Role.USER, content)) == f"chat.messages[0].content[0].{field}"


def test_the_detail_of_an_image_is_ignored_with_a_warning() -> None:
    image = Image(data=b"x", media_type="image/png", detail=ImageDetail.HIGH)
    assert warnings(said(Role.USER, image)) == [
        (WarningCode.PARAMETER_IGNORED, "chat.messages[0].content[0].image.detail")
    ]


def test_media_may_be_results_but_audio_may_not() -> None:
    image = Part(Image(data=b"\x01", media_type="image/png"))
    (block,) = blocks(ToolResult("c", (image,)), role=Role.TOOL)
    assert block["toolResult"]["content"] == [{"image": {"format": "png", "source": {"bytes": "AQ=="}}}]
    sound = ToolResult("c", (Part(Audio(data=b"x", media_type="audio/wav")),))
    assert refused(said(Role.TOOL, sound)) == "chat.messages[0].content[0].tool_result.content[0]"


def test_thoughts_go_back_with_their_signature_and_only_so() -> None:
    def own(data: bytes) -> ProviderState:
        return ProviderState("bedrock_converse", data)

    parts = (
        Part(Reasoning("a"), own(b'{"signature":"s"}')),
        Part(Reasoning(""), own(b'{"redacted":"AQ=="}')),
        Part(Reasoning("unsigned")),
        Part(Text("b")),
    )
    assert built(USER, Message(Role.ASSISTANT, parts))["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "a", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": "AQ=="}},
        {"text": "b"},
    ]
    broken = Message(Role.ASSISTANT, (Part(Reasoning("a"), own(b"{")),))
    assert refused(USER, broken) == "chat.messages[1].content[0].provider_state.data"


def test_state_and_items_of_others_are_dropped_with_one_warning() -> None:
    foreign = Message(
        Role.ASSISTANT,
        (
            Part(Reasoning("a"), ProviderState("anthropic", b"{}")),
            Part(ProviderItem("openai_responses", "web_search_call", b"{}")),
            Part(Text("b")),
        ),
    )
    assert built(USER, foreign)["messages"][1]["content"] == [{"text": "b"}]
    assert [code for code, _ in warnings(USER, foreign)] == [WarningCode.PROVIDER_STATE_DROPPED]


def test_own_items_are_sent_back_byte_by_byte() -> None:
    item = ProviderItem("bedrock_converse", "server_tool_use", b'{"toolUse": {"input": {"n": 1.0}}}')
    spec = ChatSpec(model="m", messages=(USER, said(Role.ASSISTANT, item)))
    assert item.data in bedrock().build(spec, stream=False, model=CLAUDE, secret=None).request.body


def test_what_an_assistant_left_blank_is_not_sent() -> None:
    turns = built(USER, said(Role.ASSISTANT, Text(" \n")), USER, said(Role.ASSISTANT, Refusal("no")))["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant"]
    assert turns[1]["content"] == [{"text": "no"}]


def test_an_empty_message_of_the_user_is_refused() -> None:
    assert refused(said(Role.USER, Text(""))) == "chat.messages[0].content"


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (said(Role.SYSTEM, Image(data=b"x", media_type="image/png")), "chat.messages[0].content[0]"),
        (said(Role.TOOL, Text("x")), "chat.messages[0].content[0]"),
        (said(Role.USER, ToolResult("c")), "chat.messages[0].content[0]"),
        (said(Role.USER, ToolCall("c", "add", "{}")), "chat.messages[0].content[0]"),
        (said(Role.ASSISTANT, ToolResult("c")), "chat.messages[0].content[0]"),
    ],
)
def test_content_in_the_wrong_place_is_refused(message: Message, field: str) -> None:
    assert refused(message) == field


def test_a_name_is_ignored_with_a_warning() -> None:
    named = Message(Role.USER, (Part(Text("hi")),), "ann")
    assert warnings(named) == [(WarningCode.PARAMETER_IGNORED, "chat.messages[0].name")]


def hinted(role: Role, text: str, ttl_s: float | None = None) -> Message:
    """A message with a cache hint."""
    return Message(role, (Part(Text(text), cache_hint=CacheHint(ttl_s)),))


@pytest.mark.parametrize(
    ("ttl_s", "point"),
    [
        (None, {"type": "default"}),
        (1, {"type": "default", "ttl": "5m"}),
        (1900, {"type": "default", "ttl": "5m"}),
        (2000, {"type": "default", "ttl": "1h"}),
        (86400, {"type": "default", "ttl": "1h"}),
    ],
)
def test_a_hint_is_a_cache_point_of_the_nearest_time(ttl_s: float | None, point: dict[str, str]) -> None:
    body = built(hinted(Role.SYSTEM, "a", ttl_s), hinted(Role.USER, "b", ttl_s))
    assert body["system"] == [{"text": "a"}, {"cachePoint": point}]
    assert body["messages"][0]["content"] == [{"text": "b"}, {"cachePoint": point}]


def test_of_more_than_four_hints_the_last_four_count() -> None:
    turns = [hinted(role, f"{n}") for n, role in enumerate([Role.USER, Role.ASSISTANT] * 3)]
    sent = built(hinted(Role.SYSTEM, "s"), *turns)
    assert sent["system"] == [{"text": "s"}]
    assert [len(turn["content"]) for turn in sent["messages"]] == [1, 1, 2, 2, 2, 2]


def test_a_model_without_a_cache_gets_no_cache_point() -> None:
    body = built(hinted(Role.SYSTEM, "a"), hinted(Role.USER, "b"), model="mistral.mistral-large-2407-v1:0")
    assert "cachePoint" not in json.dumps(body)
