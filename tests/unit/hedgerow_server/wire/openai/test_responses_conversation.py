"""What the items of a request to the Responses API become."""

import base64
import json
from typing import Any

import pytest
from hedgerow_server.core.error import RequestInvalid
from hedgerow_server.core.request import (
    Audio,
    CacheHint,
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
from hedgerow_server.wire.token import Token, word
from responses_door import decoded

PIXEL = base64.b64encode(b"pixel").decode()


def messages(*items: Any) -> tuple[Message, ...]:
    """The messages that items make."""
    return decoded({"model": "m", "input": list(items)})[0].spec.messages


def piece(**given: Any) -> Part:
    """What a piece of a user's message makes."""
    return messages({"role": "user", "content": [given]})[0].content[0]


def state(members: dict[str, Any]) -> ProviderState:
    """State of OpenAI's own."""
    return ProviderState("openai_responses", json.dumps(members, separators=(",", ":")).encode())


def call(name: str, **more: Any) -> dict[str, Any]:
    """A call of a function."""
    return {"type": "function_call", "call_id": f"call_{name}", "name": name, "arguments": "{}", **more}


@pytest.mark.parametrize("role", ["user", "system", "developer", "assistant"])
def test_who_speaks(role: str) -> None:
    (short,) = messages({"role": role, "content": "hi"})
    assert short == Message(Role(role), (Part(Text("hi")),))
    kind = "output_text" if role == "assistant" else "input_text"
    long = {"type": "message", "role": role, "status": "completed", "content": [{"type": kind, "text": "hi"}]}
    assert messages(long) == (short,)


@pytest.mark.parametrize(
    ("given", "content"),
    [
        ({"type": "input_image", "image_url": "https://a/b.png"}, Image(url="https://a/b.png")),
        (
            {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "high", "file_id": None},
            Image(data=b"pixel", media_type="image/png", detail=ImageDetail.HIGH),
        ),
        ({"type": "input_image", "file_id": "file-1"}, File(provider_file_id="file-1", media_type="image/*")),
        ({"type": "input_file", "file_id": "file-1"}, File(provider_file_id="file-1")),
        ({"type": "input_file", "file_url": "https://a/b.pdf"}, File(url="https://a/b.pdf")),
        (
            {"type": "input_file", "filename": "b.pdf", "file_data": PIXEL},
            File(data=b"pixel", media_type="application/pdf", name="b.pdf"),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": PIXEL, "format": "mp3"}},
            Audio(data=b"pixel", media_type="audio/mpeg"),
        ),
    ],
)
def test_what_a_user_shows(given: dict[str, Any], content: Any) -> None:
    assert piece(**given).content == content


def test_a_breakpoint_is_a_cache_hint() -> None:
    mark = {"mode": "explicit"}
    assert piece(type="input_text", text="a", prompt_cache_breakpoint=mark).cache_hint == CacheHint()
    longer = piece(type="input_text", text="a", prompt_cache_breakpoint={**mark, "ttl": "12h"})
    assert longer.cache_hint == CacheHint(43_200.0)


def test_the_items_of_one_answer_are_one_message_and_so_are_the_results_of_its_calls() -> None:
    asked = {"role": "user", "content": "hi"}
    outputs = [{"type": "function_call_output", "call_id": f"call_{name}", "output": name} for name in "ab"]
    said = {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}
    user, answer, results, again = messages(asked, said, call("a"), call("b"), *outputs, asked)
    assert (user, again) == (Message(Role.USER, (Part(Text("hi")),)),) * 2
    assert answer == Message(
        Role.ASSISTANT,
        (Part(Refusal("no")), Part(ToolCall("call_a", "a", "{}")), Part(ToolCall("call_b", "b", "{}"))),
    )
    assert results == Message(Role.TOOL, tuple(Part(ToolResult(f"call_{name}", (Part(Text(name)),))) for name in "ab"))


def test_a_function_may_return_pieces() -> None:
    output = [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": "https://a/b.png"}]
    _, results = messages(call("a"), {"type": "function_call_output", "call_id": "call_a", "output": output})
    result = results.content[0].content
    assert isinstance(result, ToolResult)
    assert [part.content for part in result.content] == [Text("a"), Image(url="https://a/b.png")]


def test_what_openai_has_attached_to_a_message_or_a_call_goes_back_to_it() -> None:
    said = {"role": "assistant", "type": "message", "id": "msg_1", "phase": "commentary", "status": "completed"}
    content: list[Any] = [{"type": "output_text", "text": text, "annotations": [], "logprobs": None} for text in "ab"]
    (answer,) = messages({**said, "content": content}, call("f", id="fc_1", namespace="n", parsed_arguments={}))
    kept = state({"type": "message", "id": "msg_1", "phase": "commentary"})
    assert [part.state for part in answer.content] == [
        kept,
        kept,
        state({"type": "function_call", "id": "fc_1", "namespace": "n"}),
    ]


def test_an_id_of_ours_is_no_providers() -> None:
    (answer,) = messages(call("f", id="fc_hg_0123_1"), call("g", id="fc_hg_0123_2", hedgerow={"id": "fc_2"}))
    assert [part.state for part in answer.content] == [None, state({"type": "function_call", "id": "fc_2"})]


def test_what_another_provider_has_attached_goes_back_to_that() -> None:
    token = word(Token("gemini", b"signature"))
    (answer,) = messages(call("f", id="fc_hg_0123_1", hedgerow={"state": token}))
    assert answer.content[0].state == ProviderState("gemini", b"signature")


def test_reasoning_of_openai_is_the_item() -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "status": None}
    (answer,) = messages({**item, "encrypted_content": "gAAA"})
    (part,) = answer.content
    assert part.content == Reasoning("hm")
    assert part.state is not None
    assert json.loads(part.state.data) == {
        **{name: value for name, value in item.items() if value is not None},
        "encrypted_content": "gAAA",
    }


def test_reasoning_of_another_provider_has_its_state() -> None:
    item = {"type": "reasoning", "id": "rs_hg_0_0", "encrypted_content": word(Token("anthropic_messages", b"sig"))}
    shown, hidden = messages(
        {**item, "summary": [{"type": "summary_text", "text": text} for text in "ab"]}, {**item, "summary": []}
    )[0].content[1:]
    assert (shown.content, hidden.content) == (Reasoning("b"), Reasoning(""))
    assert shown.state == hidden.state == ProviderState("anthropic_messages", b"sig")


def test_reasoning_that_is_nothing_but_text_has_no_state() -> None:
    (answer,) = messages({"type": "reasoning", "id": "rs_hg_0_0", "summary": [{"type": "summary_text", "text": "a"}]})
    assert answer.content == (Part(Reasoning("a")),)


def test_items_of_providers_are_passed_on() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    theirs = {"type": "x_search_call", "id": "xs_1", "hedgerow": {"provider": "openai_responses@api.x.ai"}}
    answer = {"type": "mcp_approval_response", "approval_request_id": "a", "approve": True}
    hidden = Token("anthropic_messages", b"{}", "item", "server_tool_use")
    (found,) = messages(search, theirs, answer, {"type": "reasoning", "summary": [], "encrypted_content": word(hidden)})
    items = [part.content for part in found.content]
    assert [(one.provider, one.type) for one in items if isinstance(one, ProviderItem)] == [
        ("openai_responses", "web_search_call"),
        ("openai_responses@api.x.ai", "x_search_call"),
        # What the caller answers is for whom the question was from.
        ("openai_responses@api.x.ai", "mcp_approval_response"),
        ("anthropic_messages", "server_tool_use"),
    ]
    assert [json.loads(one.data) for one in items if isinstance(one, ProviderItem)] == [
        search,
        {"type": "x_search_call", "id": "xs_1"},
        answer,
        {},
    ]


def test_custom_tools_are_calls_that_say_so() -> None:
    custom = {"type": "custom_tool_call", "call_id": "c", "name": "sql", "input": "SELECT 1"}
    answer, results = messages(custom, {"type": "custom_tool_call_output", "call_id": "c", "output": "1"})
    (part,) = answer.content
    assert part.content == ToolCall("c", "sql", "SELECT 1")
    assert part.state == state({"type": "custom_tool_call"})
    assert results.content[0].content == ToolResult("c", (Part(Text("1")),))


@pytest.mark.parametrize("broken", ["hg1.", "hg1.x", "hg1.AAAA", "hg1.lN"])
def test_a_broken_word_of_ours_is_refused(broken: str) -> None:
    with pytest.raises(RequestInvalid) as error:
        messages({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": broken})
    assert error.value.violations[0].field == "input[0].encrypted_content"
