"""Conversations in Claude's words."""

import base64
import json
from typing import Any

import pytest
from hedgerow_server.core.error import RequestInvalid
from hedgerow_server.core.event import WarningCode
from hedgerow_server.core.request import (
    VERBATIM,
    Audio,
    CacheHint,
    ChatSpec,
    Content,
    File,
    FunctionTool,
    Image,
    ImageDetail,
    JsonSchemaFormat,
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
from providers.anthropic_run import anthropic

HI = Message(Role.USER, (Part(Text("hi")),))
IGNORED, CHANGED = WarningCode.PARAMETER_IGNORED, WarningCode.PARAMETER_CHANGED
DROPPED = WarningCode.PROVIDER_STATE_DROPPED
PIXEL = b"\x89PNG"
PIXEL_64 = base64.b64encode(PIXEL).decode()
Warned = list[tuple[WarningCode, str]]


def message(role: Role, *contents: Content | Part) -> Message:
    """A message with these parts."""
    return Message(role, tuple(one if isinstance(one, Part) else Part(one) for one in contents))


def user(*contents: Content | Part) -> Message:
    """A message of the user's."""
    return message(Role.USER, *contents)


def assistant(*contents: Content | Part) -> Message:
    """A message of the model's."""
    return message(Role.ASSISTANT, *contents)


def result(call_id: str, *contents: Content, **facts: Any) -> Part:
    """The result of a tool."""
    return Part(ToolResult(call_id, tuple(Part(one) for one in contents)), **facts)


def state(provider: str = "anthropic_messages", **facts: Any) -> ProviderState:
    """State as the dialect attaches it."""
    return ProviderState(provider, json.dumps(facts).encode())


def sent(*messages: Message, settings: dict[str, Any] | None = None, **fields: Any) -> tuple[dict[str, Any], Warned]:
    """The body for these messages, and the warnings."""
    spec = ChatSpec(model="fast", messages=messages, **fields)
    prepared = anthropic(**(settings or {})).build(spec, stream=False, model="claude-sonnet-4-5", secret=None)
    return json.loads(prepared.request.body), [(one.code, one.field) for one in prepared.warnings]


def turns(*messages: Message, warnings: Warned | None = None, **facts: Any) -> list[tuple[str, list[dict[str, Any]]]]:
    """What is said, turn by turn."""
    body, warned = sent(*messages, **facts)
    assert warned == (warnings or [])
    return [(turn["role"], turn["content"]) for turn in body["messages"]]


def blocks(*contents: Content | Part, warnings: Warned | None = None, **facts: Any) -> list[dict[str, Any]]:
    """The blocks of one message of the user's."""
    [(role, said)] = turns(user(*contents), warnings=warnings, **facts)
    assert role == "user"
    return said


def spoken(*contents: Content | Part, warnings: Warned | None = None) -> list[dict[str, Any]]:
    """The blocks of one message of the model's."""
    said = turns(HI, assistant(*contents), HI, warnings=warnings)
    return next((content for role, content in said if role == "assistant"), [])


def refused(*messages: Message) -> str:
    """The field that the messages are refused for."""
    with pytest.raises(RequestInvalid) as caught:
        sent(*messages)
    return caught.value.metadata["field"]


def text(said: str) -> dict[str, str]:
    """A block of text."""
    return {"type": "text", "text": said}


def test_instructions_become_the_system_prompt_wherever_they_stand() -> None:
    body, warnings = sent(
        message(Role.SYSTEM, Text("one"), Part(Text("two"), cache_hint=CacheHint(300.0))),
        HI,
        message(Role.DEVELOPER, Text("three")),
    )
    assert warnings == []
    assert body["system"] == [
        text("one"),
        {**text("two"), "cache_control": {"type": "ephemeral", "ttl": "5m"}},
        text("three"),
    ]
    assert [turn["role"] for turn in body["messages"]] == ["user"]


def test_later_instructions_stay_in_their_place_where_the_model_takes_them() -> None:
    """After a turn of the user; elsewhere they are instructions from the start."""
    rules = message(Role.SYSTEM, Text("rules"))
    spec = ChatSpec(model="fast", messages=(rules, HI, rules, HI, assistant(Text("ok")), rules, HI))
    prepared = anthropic().build(spec, stream=False, model="claude-opus-5", secret=None)
    body = json.loads(prepared.request.body)
    assert [turn["role"] for turn in body["messages"]] == ["user", "system", "user", "assistant", "user"]
    assert body["system"] == [{"type": "text", "text": "rules"}] * 2


VERBATIM_STATE = ProviderState("anthropic_messages", VERBATIM)


@pytest.mark.parametrize("role", [Role.USER, Role.SYSTEM])
def test_a_text_that_holds_a_block_is_sent_as_the_block(role: Role) -> None:
    block = {"type": "search_result", "source": "s", "title": "t", "content": []}
    body, warned = sent(HI, message(role, Part(Text(json.dumps(block)), VERBATIM_STATE)))
    assert block in (body["messages"][-1]["content"] if role is Role.USER else body["system"])
    assert warned == []


def test_a_result_may_hold_a_block_that_is_sent_as_it_is() -> None:
    block = {"type": "tool_reference", "tool_name": "f"}
    ran = Part(ToolResult("t1", (Part(Text(json.dumps(block)), VERBATIM_STATE),)), state(toolset_name="browser"))
    body, _ = sent(HI, message(Role.TOOL, ran))
    results = [one for one in body["messages"][0]["content"] if one["type"] == "tool_result"]
    assert results == [{"type": "tool_result", "tool_use_id": "t1", "content": [block], "toolset_name": "browser"}]


def test_a_text_that_holds_no_block_any_more_is_refused() -> None:
    with pytest.raises(RequestInvalid):
        sent(user(Part(Text("redacted"), VERBATIM_STATE)))


def test_further_members_of_a_document_are_sent_with_it() -> None:
    file = Part(File(url="https://a/b.pdf"), state(members={"citations": {"enabled": True}, "context": "c"}))
    ((_, (block,)),) = turns(user(file))
    assert block == {
        "type": "document",
        "source": {"type": "url", "url": "https://a/b.pdf"},
        "citations": {"enabled": True},
        "context": "c",
    }


def test_instructions_alone_are_refused() -> None:
    assert refused(message(Role.SYSTEM, Text("one"))) == "chat.messages"


def test_instructions_hold_text_only() -> None:
    assert refused(message(Role.SYSTEM, Image(data=PIXEL)), HI) == "chat.messages[0].content[0]"


def test_neighbours_of_one_role_are_one_turn() -> None:
    assert turns(user(Text("a")), user(Text("b")), assistant(Text("c")), assistant(Text("d")), user(Text("e"))) == [
        ("user", [text("a"), text("b")]),
        ("assistant", [text("c"), text("d")]),
        ("user", [text("e")]),
    ]


def test_nothing_empty_is_sent() -> None:
    """Claude refuses empty texts and empty turns."""
    assert turns(user(Text("a"), Text("")), assistant(), assistant(Text("")), user(Text("b"))) == [
        ("user", [text("a"), text("b")])
    ]


def test_results_of_parallel_calls_are_one_turn_and_come_first() -> None:
    calls = assistant(ToolCall("c1", "add", '{"a": 1}'), ToolCall("c2", "add", "{}"))
    first, second = message(Role.TOOL, result("c1", Text("1"))), message(Role.TOOL, result("c2"))
    wanted = [
        {"type": "tool_result", "tool_use_id": "c1", "content": [text("1")]},
        {"type": "tool_result", "tool_use_id": "c2"},
        text("hi"),
    ]
    for order in ((first, second, HI), (first, HI, second)):
        assert turns(HI, calls, *order)[2] == ("user", wanted)


def test_a_result_tells_that_it_is_an_error_and_holds_media() -> None:
    failed = ToolResult("c1", (Part(Text("no")), Part(Image(data=PIXEL, media_type="image/png"))), is_error=True)
    calls = assistant(ToolCall("c1", "add", "{}"))
    said = turns(HI, calls, message(Role.TOOL, Part(failed, cache_hint=CacheHint())))
    assert said[2][1] == [
        {
            "type": "tool_result",
            "tool_use_id": "c1",
            "content": [
                text("no"),
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL_64}},
            ],
            "is_error": True,
            "cache_control": {"type": "ephemeral"},
        }
    ]


def test_messages_of_tools_hold_results_only() -> None:
    assert refused(HI, message(Role.TOOL, Text("a"))) == "chat.messages[1].content[0]"


def test_ids_of_calls_that_claude_refuses_are_replaced_alike_in_call_and_result() -> None:
    said = turns(
        HI,
        assistant(ToolCall("functions.add:0", "add", "{}"), ToolCall("functions.add:1", "add", "{}")),
        message(Role.TOOL, result("functions.add:0"), result("functions.add:1")),
    )
    made = [call["id"] for call in said[1][1]]
    assert [answer["tool_use_id"] for answer in said[2][1]] == made
    assert len(set(made)) == 2
    assert all(one.replace("_", "").isalnum() for one in made)


@pytest.mark.parametrize(("arguments", "sent_as"), [('{"a": 1.0}', {"a": 1.0}), ("", {})])
def test_arguments_are_an_object(arguments: str, sent_as: dict[str, Any]) -> None:
    assert spoken(ToolCall("c", "add", arguments)) == [{"type": "tool_use", "id": "c", "name": "add", "input": sent_as}]


@pytest.mark.parametrize("arguments", ['{"a": ', "[1]", "null"])
def test_arguments_that_are_no_object_are_sent_within_one(arguments: str) -> None:
    warned = [(CHANGED, "chat.messages[1].content[0].tool_call.arguments")]
    [call] = spoken(ToolCall("c", "add", arguments), warnings=warned)
    assert call["input"] == {"INVALID_JSON": arguments}


def test_images_go_as_bytes_or_by_url() -> None:
    assert blocks(Image(data=PIXEL, media_type="image/png"), Image(url="https://example.com/a.png")) == [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL_64}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
    ]


def test_the_detail_of_an_image_is_ignored_with_a_warning() -> None:
    warned = [(IGNORED, "chat.messages[0].content[0].image.detail")]
    blocks(Image(url="https://example.com/a", detail=ImageDetail.HIGH), warnings=warned)


def test_documents_go_as_bytes_by_url_by_id_or_as_text_with_their_titles() -> None:
    sources = [
        block["source"]
        for block in blocks(
            File(data=b"%PDF", media_type="application/pdf", name="a.pdf"),
            File(url="https://example.com/a.pdf", name="a.pdf"),
            File(provider_file_id="file_1", name="a.pdf"),
            File(data="é".encode(), media_type="text/csv; charset=utf-8", name="a.pdf"),
        )
        if block["type"] == "document" and block["title"] == "a.pdf"
    ]
    assert sources == [
        {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
        {"type": "url", "url": "https://example.com/a.pdf"},
        {"type": "file", "file_id": "file_1"},
        {"type": "text", "media_type": "text/plain", "data": "é"},
    ]


def test_a_file_that_is_an_image_is_sent_as_one() -> None:
    assert blocks(File(provider_file_id="file_1", media_type="image/png", name="a.png")) == [
        {"type": "image", "source": {"type": "file", "file_id": "file_1"}}
    ]


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (Audio(data=b"a", media_type="audio/wav"), "audio"),
        (File(data=b"a", media_type="video/mp4"), "file.media_type"),
        (File(data=b"\xff", media_type="text/plain"), "file.data"),
        (File(url="gs://bucket/a.pdf", media_type="application/pdf"), "file.url"),
        (File(url="https://example.com/a.txt", media_type="text/plain"), "file.media_type"),
    ],
)
def test_media_that_claude_does_not_take_are_refused(content: Content, field: str) -> None:
    assert refused(user(content)) == f"chat.messages[0].content[0].{field}"


def test_documents_are_cited_where_the_section_says_so() -> None:
    pdf = File(data=b"%PDF", media_type="application/pdf")
    settings = {"cite_documents": True}
    assert blocks(pdf, settings=settings)[0]["citations"] == {"enabled": True}
    assert "citations" not in blocks(pdf)[0]


def test_documents_are_not_cited_in_an_answer_by_a_schema() -> None:
    """Claude refuses both at once."""
    pdf = File(data=b"%PDF", media_type="application/pdf")
    form = JsonSchemaFormat("n", "{}")
    assert "citations" not in blocks(pdf, settings={"cite_documents": True}, response_format=form)[0]


@pytest.mark.parametrize(
    ("ttl_s", "control"),
    [(None, {}), (1.0, {"ttl": "5m"}), (1950.0, {"ttl": "5m"}), (1951.0, {"ttl": "1h"}), (86_400.0, {"ttl": "1h"})],
)
def test_a_cache_hint_becomes_the_nearer_of_the_two_times(ttl_s: float | None, control: dict[str, str]) -> None:
    [block] = blocks(Part(Text("a"), cache_hint=CacheHint(ttl_s)))
    assert block["cache_control"] == {"type": "ephemeral", **control}


def test_of_more_than_four_cache_hints_the_last_four_are_sent() -> None:
    hint = CacheHint()
    body, _ = sent(
        message(Role.SYSTEM, Part(Text("s"), cache_hint=hint)),
        user(*(Part(Text(str(number)), cache_hint=hint) for number in range(4))),
        tools=(FunctionTool("add", cache_hint=hint),),
    )
    assert "cache_control" not in body["tools"][0]
    assert "cache_control" not in body["system"][0]
    assert all("cache_control" in block for block in body["messages"][0]["content"])


def test_names_are_ignored_with_a_warning() -> None:
    _, warnings = sent(Message(Role.USER, (Part(Text("a")),), name="ann"))
    assert warnings == [(IGNORED, "chat.messages[0].name")]


def test_thoughts_go_back_with_their_signatures() -> None:
    assert spoken(
        Part(Reasoning("hm"), state(signature="sig")),
        Part(Reasoning(""), state(redacted="enc")),
        Part(Reasoning(""), state(signature="sig2")),
        Text("a"),
    ) == [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "enc"},
        {"type": "thinking", "thinking": "", "signature": "sig2"},
        text("a"),
    ]


def test_thoughts_without_a_signature_stay_behind() -> None:
    assert spoken(Reasoning("hm"), Text("a")) == [text("a")]


def test_state_and_items_of_other_providers_are_dropped_with_one_warning() -> None:
    said = spoken(
        Part(Reasoning("hm"), state("openai_responses", signature="sig")),
        ProviderItem("openai_responses", "web_search_call", b"{}"),
        Part(ToolCall("c", "add", "{}"), state("gemini", signature="x")),
        warnings=[(DROPPED, "chat.messages[1].content[0].provider_state")],
    )
    assert said == [{"type": "tool_use", "id": "c", "name": "add", "input": {}}]


def test_citations_and_callers_go_back_as_they_came() -> None:
    cited = [{"type": "web_search_result_location", "encrypted_index": "E"}]
    caller = {"type": "code_execution_20250825", "tool_id": "srvtoolu_1"}
    assert spoken(
        Part(Text("a"), state(citations=cited)),
        Part(ToolCall("c", "add", "{}"), state(caller=caller, toolset_name="browser")),
    ) == [
        {**text("a"), "citations": cited},
        {"type": "tool_use", "id": "c", "name": "add", "input": {}, "caller": caller, "toolset_name": "browser"},
    ]


@pytest.mark.parametrize("provider", ["anthropic_messages", "anthropic", "vendor"])
def test_items_of_the_providers_own_go_back_in_their_place(provider: str) -> None:
    item = b'{"type":"server_tool_use","id":"s","name":"web_search","input":{"q":1.0}}'
    part = Part(ProviderItem(provider, "server_tool_use", item), cache_hint=CacheHint())
    assert spoken(Text("a"), part, Text("b")) == [
        text("a"),
        {**json.loads(item), "cache_control": {"type": "ephemeral"}},
        text("b"),
    ]


def test_state_that_is_not_ours_in_truth_is_refused() -> None:
    bad = Part(Reasoning("hm"), ProviderState("anthropic_messages", b"\xff"))
    assert refused(HI, assistant(bad)) == "chat.messages[1].content[0].provider_state.data"
    broken = ProviderItem("anthropic", "x", b"[")
    assert refused(HI, assistant(broken)) == "chat.messages[1].content[0].provider_item.data"


def test_refusals_and_spoken_audio_are_sent_as_text() -> None:
    warned = [(CHANGED, "chat.messages[1].content[1].audio")]
    assert spoken(Refusal("no"), Audio(data=b"a", media_type="audio/wav", transcript="well"), warnings=warned) == [
        text("no"),
        text("well"),
    ]


@pytest.mark.parametrize("content", [Image(data=PIXEL), Audio(data=b"a"), File(data=b"a")])
def test_media_of_the_models_are_refused(content: Content) -> None:
    assert refused(HI, assistant(content)) == "chat.messages[1].content[0]"
