"""Chat Completions: the answers, their accounting and what is refused."""

import json
from typing import Any

import jsonschema
import pytest
from hedgerow_sim import tokens
from unit.hedgerow_sim.harness import CHAT, HELLO, Sim, running

_TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string", "enum": ["Oslo", "Lima"]},
                    "days": {"type": "integer", "minimum": 1, "maximum": 7},
                    "note": {"type": "string"},
                },
                "required": ["city", "days"],
                "additionalProperties": False,
            },
        },
    }
    for name in ("get_weather", "get_tides")
]


async def test_the_same_question_gets_the_same_answer_from_every_process_with_that_seed() -> None:
    async with running(seed=7) as one, running(seed=7) as other:
        first, second = await one.chat(), await other.chat()
    assert first.json["choices"] == second.json["choices"]


@pytest.mark.parametrize("change", [{"model": "other"}, {"messages": [{"role": "user", "content": "Other"}]}])
async def test_model_and_message_change_the_answer(sim: Sim, change: dict[str, Any]) -> None:
    assert (await sim.chat()).json["choices"] != (await sim.chat(**change)).json["choices"]


async def test_the_seed_changes_the_answer(sim: Sim) -> None:
    async with running(seed=1) as other:
        assert (await sim.chat()).json["choices"] != (await other.chat()).json["choices"]


async def test_the_answer_quotes_the_question(sim: Sim) -> None:
    assert HELLO[0]["content"] in (await sim.chat()).json["choices"][0]["message"]["content"]


async def test_a_stream_says_the_same_as_the_unary_answer(sim: Sim) -> None:
    unary, stream = await sim.chat(), await sim.chat(stream=True)
    assert stream.text() == unary.json["choices"][0]["message"]["content"]
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert stream.events[-2]["choices"][0]["finish_reason"] == "stop"
    assert stream.events[-1] == "[DONE]"


async def test_usage_comes_in_a_stream_only_when_asked_for(sim: Sim) -> None:
    """include_usage: null in each chunk, then a last chunk without choices that holds it."""
    plain = await sim.chat(stream=True)
    asked = await sim.chat(stream=True, stream_options={"include_usage": True})
    assert all("usage" not in event for event in plain.events[:-1])
    *chunks, last, _ = asked.events
    assert all(chunk["usage"] is None for chunk in chunks)
    assert last["choices"] == []
    assert last["usage"] == (await sim.chat()).json["usage"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"n": 3},
        {"max_tokens": 4},
        {"reasoning_effort": "low"},
        {"tools": _TOOLS, "tool_choice": "required"},
        {"response_format": {"type": "json_object"}},
    ],
)
async def test_usage_equals_the_book(sim: Sim, fields: dict[str, Any], stream: bool) -> None:
    options: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    answer = await sim.chat(**fields, **options)
    usage = answer.events[-2]["usage"] if stream else answer.json["usage"]
    entry = await sim.last()
    assert (entry["input_tokens"], entry["output_tokens"]) == (usage["prompt_tokens"], usage["completion_tokens"])
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["completion_tokens"] > 0


async def test_usage_counts_the_documented_tokens(sim: Sim) -> None:
    answer = (await sim.chat()).json
    assert answer["usage"]["completion_tokens"] == tokens.count(answer["choices"][0]["message"]["content"])
    # Tell me about hedges , please: 6, and 4 for the message and 3 for the answer's frame.
    assert answer["usage"]["prompt_tokens"] == 6 + 4 + 3


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
async def test_a_limit_cuts_the_text_and_says_so(sim: Sim, limit: str) -> None:
    fields: dict[str, Any] = {limit: 5}
    choice = (await sim.chat(**fields)).json["choices"][0]
    assert tokens.count(choice["message"]["content"]) == 5
    assert choice["finish_reason"] == "length"


async def test_text_ends_before_the_first_stop_sequence(sim: Sim) -> None:
    whole = (await sim.chat()).json["choices"][0]["message"]["content"]
    choice = (await sim.chat(stop=["no such words", whole[30:36], whole[20:26]])).json["choices"][0]
    assert choice["message"]["content"] == whole[:20]
    assert choice["finish_reason"] == "stop"


async def test_several_choices_differ_and_stream_interleaved(sim: Sim) -> None:
    unary, stream = await sim.chat(n=2), await sim.chat(n=2, stream=True)
    texts = [choice["message"]["content"] for choice in unary.json["choices"]]
    assert texts[0] != texts[1]
    assert [stream.text(0), stream.text(1)] == texts
    assert [event["choices"][0]["index"] for event in stream.events[:4]] == [0, 1, 0, 1]


async def test_reasoning_is_counted_and_limited(sim: Sim) -> None:
    usage = (await sim.chat(reasoning_effort="low")).json["usage"]
    assert 0 < usage["completion_tokens_details"]["reasoning_tokens"] < usage["completion_tokens"]
    spent = (await sim.chat(reasoning_effort="high", max_completion_tokens=10)).json
    assert spent["choices"][0] | {"index": 0, "logprobs": None} == spent["choices"][0]
    assert spent["choices"][0]["message"]["content"] == ""
    assert spent["choices"][0]["finish_reason"] == "length"
    assert spent["usage"]["completion_tokens_details"]["reasoning_tokens"] == 10


def _called(message: dict[str, Any]) -> list[str]:
    return [call["function"]["name"] for call in message["tool_calls"]]


async def test_a_required_call_has_arguments_that_fit_the_schema(sim: Sim) -> None:
    choice = (await sim.chat(tools=_TOOLS, tool_choice="required")).json["choices"][0]
    (call,) = choice["message"]["tool_calls"]
    jsonschema.validate(json.loads(call["function"]["arguments"]), _TOOLS[0]["function"]["parameters"])
    assert call["type"] == "function"
    assert call["id"].startswith("call_")
    assert choice["message"]["content"] is None
    assert choice["finish_reason"] == "tool_calls"


async def test_a_named_call_ends_with_stop_as_openai_does(sim: Sim) -> None:
    named = {"type": "function", "function": {"name": "get_tides"}}
    choice = (await sim.chat(tools=_TOOLS, tool_choice=named)).json["choices"][0]
    assert _called(choice["message"]) == ["get_tides"]
    assert choice["finish_reason"] == "stop"


async def test_the_user_can_ask_for_calls(sim: Sim) -> None:
    messages = [{"role": "user", "content": "Please call get_tides and get_weather."}]
    both = (await sim.chat(messages=messages, tools=_TOOLS)).json["choices"][0]["message"]
    one = (await sim.chat(messages=messages, tools=_TOOLS, parallel_tool_calls=False)).json["choices"][0]["message"]
    assert _called(both) == ["get_tides", "get_weather"]
    assert _called(one) == ["get_tides"]


async def test_tools_alone_do_not_make_a_call(sim: Sim) -> None:
    forbidden: dict[str, Any] = {"tool_choice": "none", "messages": [{"role": "user", "content": "call get_tides"}]}
    for fields in ({}, forbidden):
        message = (await sim.chat(tools=_TOOLS, **fields)).json["choices"][0]["message"]
        assert "tool_calls" not in message
        assert message["content"]


async def test_streamed_calls_equal_the_unary_ones(sim: Sim) -> None:
    fields: dict[str, Any] = {"messages": [{"role": "user", "content": "call get_tides, get_weather"}], "tools": _TOOLS}
    unary, stream = await sim.chat(**fields), await sim.chat(**fields, stream=True)
    calls: list[dict[str, Any]] = []
    for event in stream.events[:-1]:
        for delta in event["choices"][0]["delta"].get("tool_calls", []):
            if "id" in delta:
                calls.append({"id": delta["id"], "type": delta["type"], "function": dict(delta["function"])})
            else:
                calls[delta["index"]]["function"]["arguments"] += delta["function"]["arguments"]
    assert calls == unary.json["choices"][0]["message"]["tool_calls"]


async def test_after_a_tool_result_comes_text_that_quotes_it(sim: Sim) -> None:
    """The answer's message, appended unchanged, is accepted as part of the next request."""
    first = (await sim.chat(tools=_TOOLS, tool_choice="required")).json["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": first["tool_calls"][0]["id"], "content": "Rain until noon"}
    answer = await sim.chat(messages=[*HELLO, first, result], tools=_TOOLS, tool_choice="required")
    assert "Rain until noon" in answer.json["choices"][0]["message"]["content"]


async def test_a_structured_answer_fits_its_schema(sim: Sim) -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 20},
            "score": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
            "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "minItems": 2},
            "owner": {"anyOf": [{"type": "null"}, {"type": "string"}]},
        },
        "required": ["name", "score", "tags", "owner"],
        "additionalProperties": False,
        "$defs": {"tag": {"type": "string", "enum": ["a", "b"]}},
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    content = (await sim.chat(response_format=wanted)).json["choices"][0]["message"]["content"]
    jsonschema.validate(json.loads(content), schema)


async def test_json_mode_answers_with_an_object(sim: Sim) -> None:
    content = (await sim.chat(response_format={"type": "json_object"})).json["choices"][0]["message"]["content"]
    assert isinstance(json.loads(content), dict)


async def test_ids_are_unique_even_after_the_book_was_emptied(sim: Sim) -> None:
    first = await sim.chat()
    await sim.http.delete(sim.url + "/_sim/book")
    second = await sim.chat()
    assert first.json["id"] != second.json["id"]
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


async def test_answers_carry_the_headers_of_the_provider(sim: Sim) -> None:
    headers = (await sim.chat()).headers
    assert headers["x-request-id"].startswith("req_")
    assert {"openai-processing-ms", "openai-version", "x-ratelimit-remaining-tokens"} <= {
        name.lower() for name in headers
    }


_USER = {"role": "user", "content": "hi"}
_CALLING = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"model": None}, None, None),
        ({"model": 3}, "model", "invalid_type"),
        ({"messages": None}, "messages", "missing_required_parameter"),
        ({"messages": []}, "messages", "empty_array"),
        ({"messages": "hi"}, "messages", "invalid_type"),
        ({"messages": [{"role": "robot", "content": "hi"}]}, "messages[0].role", "invalid_value"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content", "invalid_type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "smell"}]}]},
            "messages[0].content[0].type",
            "invalid_value",
        ),
        ({"messages": [_USER, {"role": "tool", "content": "x", "tool_call_id": "c"}]}, "messages.[1].role", None),
        ({"messages": [_USER, _CALLING]}, "messages", None),
        ({"messages": [_USER, _CALLING, _USER]}, "messages.[2].role", None),
        ({"temperature": 2.5}, "temperature", "decimal_above_max_value"),
        ({"temperature": "warm"}, "temperature", "invalid_type"),
        ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
        ({"max_tokens": 1.5}, "max_tokens", "invalid_type"),
        ({"n": True}, "n", "invalid_type"),
        ({"stream": "yes"}, "stream", "invalid_type"),
        ({"stream_options": {"include_usage": True}}, "stream_options", None),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "array_above_max_length"),
        ({"tool_choice": "required"}, "tool_choice", None),
        ({"tools": _TOOLS, "tool_choice": {"type": "function", "function": {"name": "g"}}}, "tool_choice", None),
        ({"tools": [{"type": "function"}]}, "tools[0].function", "missing_required_parameter"),
        ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
        ({"reasoning_effort": "heroic"}, "reasoning_effort", "invalid_value"),
    ],
)
async def test_a_bad_request_gets_the_providers_error(
    sim: Sim, change: dict[str, Any], param: str | None, code: str | None
) -> None:
    answer = await sim.chat(**change)
    error = answer.json["error"]
    assert (answer.status, error["type"], error["param"], error["code"]) == (400, "invalid_request_error", param, code)
    assert error["message"]
    assert (await sim.last())["outcome"] == "error"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"model": "x", "messages": [1]}'])
async def test_a_body_that_is_no_request_is_refused(sim: Sim, body: bytes) -> None:
    answer = await sim.post(CHAT, body)
    assert answer.status == 400
    assert answer.json["error"]["type"] == "invalid_request_error"


async def test_other_paths_and_methods_are_refused(sim: Sim) -> None:
    assert (await sim.post("/v1/nothing", {})).status == 404
    async with sim.http.get(sim.url + CHAT) as answer:
        assert answer.status == 405
        assert "error" in await answer.json()


async def test_a_key_is_checked_when_one_is_set_and_never_kept() -> None:
    async with running(key="sk-right") as sim:
        right = await sim.post(CHAT, {"model": "m", "messages": HELLO}, authorization="Bearer sk-right")
        wrong = await sim.post(CHAT, {"model": "m", "messages": HELLO}, authorization="Bearer sk-very-wrong-key")
        none = await sim.chat()
        book = json.dumps(await sim.book())
    assert [right.status, wrong.status, none.status] == [200, 401, 401]
    assert wrong.json["error"]["code"] == "invalid_api_key"
    assert "sk-very-wrong-key" not in wrong.body.decode()
    assert "sk-" not in book
