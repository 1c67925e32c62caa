"""Wrong requests at the Anthropic door: what is wrong is told by the name that the caller has for it."""

import json
from typing import Any

import pytest
from anthropic_door import DECODER, asked, call_with
from hedgerow_server.core.error import RequestInvalid, RequestMalformed
from hedgerow_server.doors.anthropic import AnthropicForm
from hedgerow_server.wire.anthropic.names import Origins
from hedgerow_server.wire.words import in_words

Json = dict[str, Any]
HI = {"role": "user", "content": "hi"}
RESULT = {"type": "tool_result", "tool_use_id": "t", "content": "4"}


def refused(body: Json) -> str:
    """The field that a body is refused for."""
    call = call_with({"model": "m", "messages": [HI]} | body)
    with pytest.raises(RequestInvalid) as caught:
        DECODER.create(call)
    error = in_words(caught.value, call.form)
    (violation,) = error.violations
    assert error.message.startswith(violation.field)
    assert error.metadata["field"] == violation.field
    return violation.field


def said(*blocks: Any, role: str = "user") -> Json:
    """A body whose second message holds these blocks."""
    return {"messages": [HI, {"role": role, "content": list(blocks)}]}


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b'{"model": "\xff"}', b"[" * 5000, b"null"])
def test_what_is_no_json_object_is_malformed_or_invalid(text: bytes) -> None:
    with pytest.raises((RequestMalformed, RequestInvalid)):
        asked(text)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"model": 1}, "model"),
        ({"model": ""}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": []}]}, "messages[0].content"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1 << 40}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"top_k": -5}, "top_k"),
        ({"stop_sequences": [""]}, "stop_sequences[0]"),
        ({"system": [{"type": "text"}]}, "system[0].text"),
        ({"system": [{"type": "image", "source": {"type": "url", "url": "x"}}]}, "system[0].source.url"),
        (said({"text": "hi"}), "messages[1].content[0].type"),
        (said("hi"), "messages[1].content[0]"),
        (said({"type": "text", "text": 1}), "messages[1].content[0].text"),
        (said({"type": "image"}), "messages[1].content[0].source"),
        (said({"type": "image", "source": {"type": "ftp"}}), "messages[1].content[0].source.type"),
        (
            said({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "%%"}}),
            "messages[1].content[0].source.data",
        ),
        (
            said({"type": "image", "source": {"type": "url", "url": "ftp://a"}}),
            "messages[1].content[0].source.url",
        ),
        (
            said({"type": "text", "text": "hi", "cache_control": {"type": "ephemeral", "ttl": "2h"}}),
            "messages[1].content[0].cache_control.ttl",
        ),
        (said({"type": "thinking", "thinking": "Hm."}), "messages[1].content[0]"),
        (said(RESULT, role="assistant"), "messages[1].content[0]"),
        (said(RESULT, RESULT | {"tool_use_id": ""}), "messages[1].content[1].tool_use_id"),
        (said({"type": "text", "text": "hi"}, RESULT | {"other": 1}), "messages[1].content[1].other"),
        (
            said(RESULT | {"content": [{"type": "image", "source": {"type": "url", "url": "x"}}]}),
            "messages[1].content[0].content[0].source.url",
        ),
        (said({"type": "tool_use", "id": "t", "name": "f"}, role="assistant"), "messages[1].content[0].input"),
        (
            said({"type": "tool_use", "id": "", "name": "f", "input": {}}, role="assistant"),
            "messages[1].content[0].id",
        ),
        (
            said({"type": "thinking", "thinking": "", "signature": "hg1.!"}, role="assistant"),
            "messages[1].content[0].signature",
        ),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tools": [{"name": "a b", "input_schema": {}}]}, "tools[0].name"),
        ({"tools": [{"name": "f", "input_schema": {}}, {"name": "f", "input_schema": {}}]}, "tools[1].name"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tool_choice": {"type": "tool", "name": "g"}}, "tool_choice.name"),
        ({"tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": -1}}, "thinking.budget_tokens"),
        ({"output_config": {"effort": "huge"}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type"),
        ({"output_config": {"format": {"type": "json_schema", "schema": 1}}}, "output_config.format"),
        ({"hedgerow": {"labels": {"A": "b"}}}, "hedgerow.labels"),
        ({"hedgerow": {"route": {"max_attempts": -1}}}, "hedgerow.route"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_field_is_told_by_its_own_name(body: Json, field: str) -> None:
    assert refused(body) == field


def test_what_a_provider_does_not_do_is_told_by_the_callers_names_as_well() -> None:
    """Warnings come when the request is long decoded."""
    body = said({"type": "text", "text": "a"}, RESULT, {"type": "text", "text": "b"}) | {"model": "m", "system": "s"}
    call = call_with(body)
    DECODER.create(call)
    names = call.form
    assert isinstance(names, Origins)
    for field, wanted in {
        "chat.messages[0]": "system",
        "chat.messages[2].content[0].text": "messages[1].content[0].text",
        "chat.messages[3].content[0].tool_result": "messages[1].content[1]",
        "chat.messages[4]": "messages[1]",
        "chat.messages[9].content": "messages",
        "chat.max_output_tokens": "max_tokens",
        "chat.reasoning.max_tokens": "thinking.budget_tokens",
        "chat.provider_options['anthropic_messages'].metadata": "metadata",
        "chat.provider_options['anthropic_messages'].betas": "anthropic-beta",
        "chat.provider_options['anthropic_messages']": "body",
        "chat.tools[3].provider_tool": "tools[3]",
        "model": "model",
    }.items():
        assert names.named(field) == wanted, field


def test_a_conversation_that_the_provider_keeps_is_refused_with_the_code_that_makes_sdks_send_it_whole() -> None:
    with pytest.raises(RequestInvalid) as caught:
        asked({"model": "m", "messages": [HI], "thread": {"type": "create"}})
    told = json.loads(AnthropicForm().body(caught.value, "r1"))["error"]
    assert told["type"] == "invalid_request_error"
    assert told["details"] == {"error_code": "thread_unsupported_request"}
    assert asked({"model": "m", "messages": [HI], "thread": None}).spec.provider_options == {}


def test_no_word_of_a_body_stands_in_an_error() -> None:
    with pytest.raises(RequestInvalid) as caught:
        asked({"model": "m", "messages": [{"role": "user", "content": {"secret": "s3cr3t"}}]})
    assert "s3cr3t" not in json.dumps([caught.value.message, caught.value.metadata])
