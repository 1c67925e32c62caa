"""Conversations in Google's words."""

import base64
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
from providers.google_run import gemini, vertex

Json = dict[str, Any]

TAG = "gemini_generate"
STAND_IN = "skip_thought_signature_validator"
MADE_ID = "call_0123456789abcdef01234567"


def said(role: Role, *contents: Content | Part) -> Message:
    """A message of these contents."""
    return Message(role, tuple(one if isinstance(one, Part) else Part(one) for one in contents))


def signed(content: Content, signature: str = "c2ln") -> Part:
    """A part with a thought signature."""
    return Part(content, ProviderState(TAG, json.dumps({"thoughtSignature": signature}).encode()))


def result(call_id: str, *contents: Content, is_error: bool = False) -> ToolResult:
    """A tool result of these contents."""
    return ToolResult(call_id, tuple(Part(one) for one in contents), is_error)


def body(*messages: Message, model: str = "gemini-2.5-flash") -> Json:
    """The body for these messages; there must be no warning."""
    built, warnings = with_warnings(*messages, model=model)
    assert warnings == []
    return built


def contents(*messages: Message, model: str = "gemini-2.5-flash") -> list[Json]:
    """The contents for these messages; there must be no warning."""
    found: list[Json] = body(*messages, model=model)["contents"]
    return found


def with_warnings(*messages: Message, model: str = "gemini-2.5-flash") -> tuple[Json, list[tuple[WarningCode, str]]]:
    """The body, and the code and field of each warning."""
    spec = ChatSpec(model="m", messages=messages)
    prepared = gemini().build(spec, stream=False, model=model, secret=None)
    built: Json = json.loads(prepared.request.body)
    return built, [(warning.code, warning.field) for warning in prepared.warnings]


HI = said(Role.USER, Text("hi"))


def test_instructions_stand_apart() -> None:
    built = body(said(Role.SYSTEM, Text("a"), Text("b")), said(Role.DEVELOPER, Text("c")), HI)
    assert built["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "b"}, {"text": "c"}]}
    assert built["contents"] == [{"parts": [{"text": "hi"}], "role": "user"}]


def test_a_late_instruction_is_moved_with_a_warning() -> None:
    built, warnings = with_warnings(HI, said(Role.SYSTEM, Text("late")))
    assert built["systemInstruction"] == {"parts": [{"text": "late"}]}
    assert warnings == [(WarningCode.PARAMETER_CHANGED, "chat.messages[1]")]


def test_instructions_alone_are_invalid() -> None:
    with pytest.raises(RequestInvalid):
        body(said(Role.SYSTEM, Text("a")))


def test_media_are_inline_or_by_address() -> None:
    parts = contents(
        said(
            Role.USER,
            Image(data=b"i", media_type="image/png"),
            Image(url="https://x.test/a.jpg?w=1"),
            Audio(data=b"a", media_type="audio/wav"),
            File(url="gs://bucket/film.mp4", media_type="video/mp4"),
            File(provider_file_id="https://generativelanguage.googleapis.com/v1beta/files/abc"),
        )
    )[0]["parts"]
    assert parts == [
        {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(b"i").decode()}},
        {"fileData": {"fileUri": "https://x.test/a.jpg?w=1", "mimeType": "image/jpeg"}},
        {"inlineData": {"mimeType": "audio/wav", "data": base64.b64encode(b"a").decode()}},
        {"fileData": {"fileUri": "gs://bucket/film.mp4", "mimeType": "video/mp4"}},
        {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc"}},
    ]


def test_detail_is_known_to_gemini_3_only() -> None:
    seen = said(Role.USER, Image(url="https://x.test/a", detail=ImageDetail.LOW))
    parts = contents(seen, model="gemini-3-pro-preview")[0]["parts"]
    assert parts[0]["mediaResolution"] == {"level": "MEDIA_RESOLUTION_LOW"}
    assert with_warnings(seen)[1] == [(WarningCode.PARAMETER_IGNORED, "chat.messages[0].content[0].image.detail")]


def test_signatures_go_back_on_their_parts() -> None:
    model = said(
        Role.ASSISTANT,
        signed(Reasoning("hm"), "c2lnMQ=="),
        Text("a"),
        signed(Text("b"), "c2lnMg=="),
        signed(Text(""), "c2lnMw=="),
        signed(Image(data=b"i", media_type="image/png"), "c2lnNA=="),
    )
    assert contents(HI, model)[1]["parts"] == [
        {"text": "hm", "thought": True, "thoughtSignature": "c2lnMQ=="},
        {"text": "a"},
        {"text": "b", "thoughtSignature": "c2lnMg=="},
        {"text": "", "thoughtSignature": "c2lnMw=="},
        {"inlineData": {"mimeType": "image/png", "data": "aQ=="}, "thoughtSignature": "c2lnNA=="},
    ]


def test_thoughts_without_signature_and_empty_texts_are_not_sent() -> None:
    assert contents(HI, said(Role.ASSISTANT, Reasoning("hm"), Text(""), Refusal("no")))[1]["parts"] == [{"text": "no"}]


def test_an_answer_without_content_is_no_turn() -> None:
    assert len(contents(HI, said(Role.ASSISTANT, Reasoning("hm")), HI)) == 2


def test_state_and_items_of_another_provider_are_dropped_with_one_warning() -> None:
    foreign = ProviderState("openai_chat", b"{}")
    built, warnings = with_warnings(
        HI, said(Role.ASSISTANT, Part(Text("a"), foreign), ProviderItem("openai_responses", "x", b"{}"))
    )
    assert built["contents"][1]["parts"] == [{"text": "a"}]
    assert warnings == [(WarningCode.PROVIDER_STATE_DROPPED, "chat.messages[1].content[0].provider_state")]


def test_state_that_was_changed_is_invalid() -> None:
    with pytest.raises(RequestInvalid):
        body(HI, said(Role.ASSISTANT, Part(Text("a"), ProviderState(TAG, b"\xff"))))


def test_an_item_goes_back_byte_for_byte() -> None:
    raw = b'{"executableCode": {"code": "1  +\\u0031"}, "thoughtSignature":"c2ln"}'
    message = said(Role.ASSISTANT, ProviderItem(TAG, "executableCode", raw))
    spec = ChatSpec(model="m", messages=(HI, message))
    prepared = gemini().build(spec, stream=False, model="gemini-2.5-flash", secret=None)
    assert raw in prepared.request.body


def test_vertex_takes_no_calls_of_its_own_tools_back() -> None:
    items = said(Role.ASSISTANT, ProviderItem(TAG, "toolCall", b'{"toolCall":{}}'), Text("a"))
    prepared = vertex().build(ChatSpec(model="m", messages=(HI, items)), stream=False, model="m", secret=None)
    assert json.loads(prepared.request.body)["contents"][1]["parts"] == [{"text": "a"}]
    assert [warning.code for warning in prepared.warnings] == [WarningCode.PROVIDER_STATE_DROPPED]


def test_results_follow_their_calls_in_the_order_of_the_calls() -> None:
    """Without ids the order is all that tells whose they are."""
    calls = said(Role.ASSISTANT, ToolCall(MADE_ID, "f", '{"n": 1}'), ToolCall(MADE_ID[:-1] + "8", "f", ""))
    late, early = result(MADE_ID[:-1] + "8", Text("two")), result(MADE_ID, Text("one"))
    built = contents(HI, calls, said(Role.TOOL, late), said(Role.TOOL, early), HI)
    assert built[1]["parts"] == [
        {"functionCall": {"name": "f", "args": {"n": 1}}},
        {"functionCall": {"name": "f", "args": {}}},
    ]
    assert built[2] == {
        "role": "user",
        "parts": [
            {"functionResponse": {"name": "f", "response": {"output": "one"}}},
            {"functionResponse": {"name": "f", "response": {"output": "two"}}},
        ],
    }
    assert [content["role"] for content in built] == ["user", "model", "user", "user"]


def test_ids_that_the_gateway_did_not_make_are_sent() -> None:
    built = contents(
        HI, said(Role.ASSISTANT, ToolCall("call_883098", "f", "{}")), said(Role.TOOL, result("call_883098"))
    )
    assert built[1]["parts"][0]["functionCall"]["id"] == "call_883098"
    assert built[2]["parts"][0]["functionResponse"] == {"id": "call_883098", "name": "f", "response": {}}


def test_version_1_of_vertex_has_no_ids() -> None:
    messages = (HI, said(Role.ASSISTANT, ToolCall("x", "f", "{}")), said(Role.TOOL, result("x")))
    prepared = vertex(api_version="v1").build(
        ChatSpec(model="m", messages=messages), stream=False, model="gemini-2.5-flash", secret=None
    )
    assert b'"id"' not in prepared.request.body


@pytest.mark.parametrize(
    ("given", "response"),
    [
        (result("x", Text("18 °C")), {"output": "18 °C"}),
        (result("x", Text('{"c": 18}')), {"c": 18}),
        (result("x", Text("[18]")), {"output": "[18]"}),
        (result("x", Text("a"), Text("b")), {"output": ["a", "b"]}),
        (result("x", Text('{"c": 18}'), is_error=True), {"error": '{"c": 18}'}),
        (result("x"), {}),
    ],
)
def test_a_result_is_an_object(given: ToolResult, response: Json) -> None:
    built = contents(HI, said(Role.ASSISTANT, ToolCall("x", "f", "{}")), said(Role.TOOL, given))
    assert built[2]["parts"][0]["functionResponse"]["response"] == response


def test_media_of_a_result_stand_in_it_since_gemini_3_and_after_it_before() -> None:
    messages = (
        HI,
        said(Role.ASSISTANT, signed(ToolCall("x", "f", "{}"))),
        said(Role.TOOL, result("x", Text("see"), Image(data=b"i", media_type="image/png"))),
    )
    medium = {"inlineData": {"mimeType": "image/png", "data": "aQ=="}}
    response = {"id": "x", "name": "f", "response": {"output": "see"}}
    modern = contents(*messages, model="gemini-3-pro-preview")
    assert modern[2]["parts"] == [{"functionResponse": {**response, "parts": [medium]}}]
    older, warnings = with_warnings(*messages)
    assert older["contents"][2:] == [
        {"role": "user", "parts": [{"functionResponse": response}]},
        {"role": "user", "parts": [medium]},
    ]
    assert warnings == [(WarningCode.PARAMETER_CHANGED, "chat.messages[2].content[0].tool_result.content")]


def test_a_result_without_its_call_is_invalid() -> None:
    with pytest.raises(RequestInvalid) as caught:
        body(HI, said(Role.TOOL, result("x", Text("a"))))
    assert caught.value.violations[0].field == "chat.messages[1].content[0].tool_result.tool_call_id"


def test_arguments_that_are_no_object_are_wrapped_with_a_warning() -> None:
    built, warnings = with_warnings(HI, said(Role.ASSISTANT, ToolCall("x", "f", '{"a":')))
    assert built["contents"][1]["parts"][0]["functionCall"]["args"] == {"arguments": '{"a":'}
    assert warnings == [(WarningCode.PARAMETER_CHANGED, "chat.messages[1].content[0].tool_call.arguments")]


def test_calls_of_another_model_are_signed_for_gemini_3() -> None:
    """Of each step of the running turn the first call; those of turns before need none."""
    call = ToolCall("x", "f", "{}")
    step = (said(Role.ASSISTANT, call, ToolCall("y", "f", "{}")), said(Role.TOOL, result("x"), result("y")))
    built = contents(HI, *step, HI, *step, model="gemini-3-flash-preview")
    signatures = [[part.get("thoughtSignature") for part in content["parts"]] for content in built]
    assert signatures == [[None], [None, None], [None, None], [None], [STAND_IN, None], [None, None]]


def test_calls_with_a_signature_keep_it() -> None:
    step = (said(Role.ASSISTANT, signed(ToolCall("x", "f", "{}"), "b3du")), said(Role.TOOL, result("x")))
    assert contents(HI, *step, model="gemini-3-flash-preview")[1]["parts"][0]["thoughtSignature"] == "b3du"


def test_names_are_a_warning() -> None:
    message = Message(Role.USER, (Part(Text("hi")),), name="Ann")
    assert with_warnings(message)[1] == [(WarningCode.PARAMETER_IGNORED, "chat.messages[0].name")]


@pytest.mark.parametrize(
    "message",
    [
        said(Role.USER, ToolCall("x", "f", "{}")),
        said(Role.SYSTEM, Image(url="https://x.test/a")),
        said(Role.TOOL, Text("a")),
        said(Role.ASSISTANT, result("x")),
    ],
)
def test_content_in_the_wrong_place_is_invalid(message: Message) -> None:
    with pytest.raises(RequestInvalid):
        body(HI, message)
