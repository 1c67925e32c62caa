"""One API at the door and another one upstream: tools, thoughts and pictures arrive as they are meant, both ways."""

import base64
import json
from typing import Any

import pytest
from anthropic_door import accumulated, answer, asked, streamed
from door_events import ended
from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.event import Event
from hedgerow_server.core.port import Prepared
from hedgerow_server.core.request import ChatSpec
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.openai.chat_answer import ChatAnswer
from hedgerow_server.wire.openai.chat_request import ChatDecoder
from providers import anthropic_run, openai_run
from unit.hedgerow_server.calls import method

Json = dict[str, Any]
PIXEL = base64.b64encode(b"\x89PNG").decode()
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
USAGE = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}


def to_openai(body: Json, **settings: Any) -> tuple[Json, Prepared]:
    """What an OpenAI upstream is sent of a request at the Anthropic door."""
    spec = asked({"model": "m", "max_tokens": 100} | body).spec
    return _built(openai_run.openai(**settings).build(spec, stream=False, model="gpt-5", secret=None))


def openai_call(body: Json) -> tuple[Call, ChatSpec]:
    """A request at the OpenAI door, and what it asks."""
    unary = method(Kind.UNARY)
    call = Call(Method(unary.name, unary.kind, unary.decode, unary.rpc, unary), {}, json.dumps(body).encode())
    call.request_id = "r1"
    return call, ChatDecoder(Checker(1 << 20)).decode(call).spec


def to_claude(body: Json, model: str = "claude-sonnet-4-5") -> tuple[Json, Prepared]:
    """What Claude is sent of a request at the OpenAI door."""
    _, spec = openai_call(body)
    return _built(anthropic_run.anthropic().build(spec, stream=False, model=model, secret=None))


def _built(prepared: Prepared) -> tuple[Json, Prepared]:
    return dict(json.loads(prepared.request.body)), prepared


def from_openai(message: Json, finish: str = "stop") -> Json:
    """What the Anthropic door tells of an answer of OpenAI's, whole and streamed alike."""
    body = {
        "id": "chatcmpl-1",
        "model": "gpt-5",
        "choices": [{"index": 0, "message": {"role": "assistant"} | message, "finish_reason": finish}],
        "usage": USAGE,
    }
    events = ended(openai_run.read([json.dumps(body).encode()], "application/json"))
    told = answer(events)
    assert accumulated(streamed(events)) == told
    return told


def openai_told(events: list[Event]) -> Json:
    """What the OpenAI door tells of an answer."""
    call, _ = openai_call({"model": "m", "messages": [{"role": "user", "content": "hi"}]})
    writer = ChatAnswer(call)
    for event in events:
        writer.add(event)
    return dict(json.loads(writer.encode()))


def test_a_conversation_with_a_tool_goes_from_the_anthropic_door_to_openai() -> None:
    sent, prepared = to_openai(
        {
            "system": "Be brief.",
            "messages": [
                {"role": "user", "content": "Weather?"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "text": "Let me see."},
                        {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Rome"}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "Sun"}]},
                        {"type": "text", "text": "Well?"},
                    ],
                },
            ],
            "tools": [{"name": "weather", "description": "d", "input_schema": SCHEMA}],
            "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
            "stop_sequences": ["END"],
        }
    )
    assert [message["role"] for message in sent["messages"]] == ["system", "user", "assistant", "tool", "user"]
    (called,) = sent["messages"][2]["tool_calls"]
    assert (called["id"], called["function"]["name"]) == ("t1", "weather")
    assert json.loads(called["function"]["arguments"]) == {"city": "Rome"}
    assert sent["messages"][3]["tool_call_id"] == "t1"
    assert sent["tools"][0]["function"]["parameters"] == SCHEMA
    assert (sent["tool_choice"], sent["parallel_tool_calls"], sent["stop"]) == ("required", False, ["END"])
    assert prepared.warnings == ()


def test_a_picture_goes_from_the_anthropic_door_to_openai() -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    sent, _ = to_openai({"messages": [{"role": "user", "content": [picture, {"type": "text", "text": "What?"}]}]})
    shown, words = sent["messages"][0]["content"]
    assert shown["image_url"]["url"] == f"data:image/png;base64,{PIXEL}"
    assert words == {"type": "text", "text": "What?"}


def test_effort_and_a_schema_go_from_the_anthropic_door_to_openai() -> None:
    form = {"type": "json_schema", "schema": SCHEMA}
    sent, prepared = to_openai(
        {
            "messages": [{"role": "user", "content": "hi"}],
            "thinking": {"type": "adaptive"},
            "output_config": {"effort": "low", "format": form},
        }
    )
    assert sent["reasoning_effort"] == "low"
    assert sent["response_format"]["json_schema"]["schema"] == SCHEMA
    assert prepared.warnings == ()


def test_what_openai_does_not_have_is_a_warning() -> None:
    members = {"metadata": {"user_id": "u"}, "container": "c"}
    sent, prepared = to_openai({"messages": [{"role": "user", "content": "hi"}]} | members)
    assert not sent.keys() & members.keys()
    told = [warning.field for warning in prepared.warnings]
    assert sorted(told) == [f"chat.provider_options['anthropic_messages'].{name}" for name in sorted(members)]


def test_a_block_of_anthropics_own_goes_to_openai_as_its_words() -> None:
    block = {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "found it"}]}
    sent, prepared = to_openai({"messages": [{"role": "user", "content": [block]}]})
    assert "found it" in json.dumps(sent["messages"])
    assert [warning.code.name for warning in prepared.warnings] == ["PROVIDER_STATE_DROPPED"]


def test_calls_and_thoughts_come_from_openai_to_the_anthropic_door() -> None:
    calls = [
        {"id": f"call_{n}", "type": "function", "function": {"name": "weather", "arguments": f'{{"n": {n}}}'}}
        for n in (1, 2)
    ]
    told = from_openai({"reasoning_content": "Hm.", "content": "So.", "tool_calls": calls}, "tool_calls")
    assert [block["type"] for block in told["content"]] == ["thinking", "text", "tool_use", "tool_use"]
    assert told["content"][0]["thinking"] == "Hm."
    assert [block["input"] for block in told["content"][2:]] == [{"n": 1}, {"n": 2}]
    assert told["stop_reason"] == "tool_use"
    assert told["usage"]["input_tokens"] == 9
    assert told["id"] == "msg_r1"


def test_an_answer_of_openai_goes_back_to_it() -> None:
    calls = [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]
    told = from_openai({"reasoning_content": "Hm.", "content": "So.", "tool_calls": calls}, "tool_calls")
    hi: Json = {"role": "user", "content": "hi"}
    result = {"type": "tool_result", "tool_use_id": "call_1", "content": "Sun"}
    turns = [hi, {"role": "assistant", "content": told["content"]}, {"role": "user", "content": [result]}]
    sent, prepared = to_openai({"messages": turns})
    _, said, ran = sent["messages"]
    assert (said["content"], said["tool_calls"][0]["id"], ran["tool_call_id"]) == ("So.", "call_1", "call_1")
    assert prepared.warnings == ()


def test_an_answer_of_openai_goes_on_with_claude() -> None:
    """A thought that Claude has not signed is not sent to it; all else is."""
    told = from_openai({"reasoning_content": "Hm.", "content": "So."})
    hi: Json = {"role": "user", "content": "hi"}
    body = {"model": "m", "max_tokens": 9, "messages": [hi, {"role": "assistant", "content": told["content"]}, hi]}
    sent, _ = _built(
        anthropic_run.anthropic().build(asked(body).spec, stream=False, model="claude-sonnet-4-5", secret=None)
    )
    assert sent["messages"][1] == {"role": "assistant", "content": [{"type": "text", "text": "So."}]}


def test_a_conversation_with_a_tool_and_a_picture_goes_from_the_openai_door_to_claude() -> None:
    called = {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    sent, prepared = to_claude(
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [picture, {"type": "text", "text": "Weather here?"}]},
                {"role": "assistant", "content": None, "tool_calls": [called]},
                {"role": "tool", "tool_call_id": "t1", "content": "Sun"},
            ],
            "tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}],
            "tool_choice": {"type": "function", "function": {"name": "weather"}},
            "max_completion_tokens": 50,
        }
    )
    assert sent["system"] == [{"type": "text", "text": "Be brief."}]
    assert [turn["role"] for turn in sent["messages"]] == ["user", "assistant", "user"]
    shown = sent["messages"][0]["content"][0]["source"]
    assert shown == {"type": "base64", "media_type": "image/png", "data": PIXEL}
    assert sent["messages"][1]["content"][0]["input"] == {"city": "Rome"}
    assert sent["messages"][2]["content"][0]["tool_use_id"] == "t1"
    assert sent["tools"][0]["input_schema"] == SCHEMA
    assert sent["tool_choice"] == {"type": "tool", "name": "weather"}
    assert prepared.warnings == ()


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        ("claude-opus-5", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
        ("claude-sonnet-4-5", {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
    ],
)
def test_effort_goes_from_the_openai_door_to_claude(model: str, wanted: Json) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "reasoning_effort": "low"}
    sent, _ = to_claude(body, model)
    assert {name: sent.get(name) for name in wanted} == wanted


def test_thoughts_and_calls_come_from_claude_to_the_openai_door_and_go_back_signed() -> None:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
            {"type": "text", "text": "So."},
            {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Rome"}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 9, "output_tokens": 5},
    }
    told = openai_told(ended(anthropic_run.read([json.dumps(message).encode()], "application/json")))
    (choice,) = told["choices"]
    said = choice["message"]
    assert (choice["finish_reason"], said["content"], said["reasoning_content"]) == ("tool_calls", "So.", "Hm.")
    assert json.loads(said["tool_calls"][0]["function"]["arguments"]) == {"city": "Rome"}
    ran = {"role": "tool", "tool_call_id": "t1", "content": "Sun"}
    sent, _ = to_claude({"model": "m", "messages": [{"role": "user", "content": "hi"}, said, ran]})
    assert sent["messages"][1]["content"] == message["content"]
