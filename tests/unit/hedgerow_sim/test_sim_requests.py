"""What each provider refuses, in its words; and what it has accepted, the simulator accepts."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hedgerow_sim.dialects.port import Incoming, Refusal, Wish
from hedgerow_sim.dialects.registry import dialects
from unit.hedgerow_sim.harness import Answer, Sim
from unit.hedgerow_sim.wires import HELLO, SCHEMA

_RECORDINGS = os.environ.get("HEDGEROW_TEST_RECORDINGS")
_FOREIGN_SEALS = ("signature", "encrypted content", "`data` in `redacted_thinking`", "Previous response with id")
"""Only who made a signature, or kept a response, can know it again."""
_REFUSED_ANYWAY = {
    "anthropic-chat_stream-4ca391149a94": "a tool result for a call that is not there: the recording was edited",
    "bedrock-chat-caf8e18379e3": "Claude's text completions, which no model speaks any more",
    "bedrock-chat_stream-d2f9ef23560c": "as above",
    "huggingface-chat-e0887d939d63": "an empty list of tools, which OpenAI refuses",
    "openrouter-chat-806eb1dca155": "a kind of tool that only OpenRouter knows",
    "openrouter-chat-d06cc0317add": "as above",
}
_SPOKEN = {
    "anthropic_messages", "vertex_anthropic", "gemini_generate", "gemini_embed", "vertex_predict", "bedrock_converse",
    "bedrock_invoke", "cohere_v2_chat", "cohere_v2_embed", "openai_chat", "openai_embed", "openai_responses",
    "ollama_chat", "ollama_embed", "azure_ai_chat",
}  # fmt: skip
_USER: dict[str, Any] = {"role": "user", "content": HELLO}
_ANTHROPIC = {"anthropic-version": "2023-06-01"}


def _accepted() -> Iterator[dict[str, Any]]:
    for file in sorted(Path(_RECORDINGS or "/nowhere").glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if record["api"] in _SPOKEN and record["kind"] != "error" and record["id"] not in _REFUSED_ANYWAY:
                yield record


@pytest.mark.skipif(_RECORDINGS is None, reason="the recordings of provider traffic are not beside the checkout")
def test_what_a_provider_accepted_is_accepted() -> None:
    """Every recorded request with a good answer, but for signatures, is read and answered."""
    all_dialects = dialects(0)
    refused, read = [], 0
    for record in _accepted():
        path, body = record["path"], json.dumps(record["request"]["body"]).encode()
        dialect = next(one for one in all_dialects if one.serves(path))
        incoming = Incoming(path, record.get("query") or "", _ANTHROPIC, body)
        try:
            assert b"".join(frame.data for frame in dialect.read(incoming).reply(1, Wish()).frames)
            read += 1
        except Refusal as refusal:
            if not any(words in str(refusal) for words in _FOREIGN_SEALS):
                refused.append((record["id"], str(refusal)))
    assert refused == []
    assert read > 400


def _error(answer: Answer) -> str:
    """The words of an error, wherever they stand."""
    body = answer.json
    error = body.get("error", body) if isinstance(body, dict) else body[0]["error"]
    message: str = error if isinstance(error, str) else error["message"]
    return message


_TOOL_USE = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
_RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "Sunny"}
_NO_RESULT = [_USER, {"role": "assistant", "content": [_TOOL_USE]}, _USER]
_NO_CALL = [_USER, {"role": "user", "content": [_RESULT]}]
_NO_THOUGHT = [_USER, {"role": "assistant", "content": [_TOOL_USE]}, {"role": "user", "content": [_RESULT]}]
_THINK = {"type": "enabled", "budget_tokens": 1024}
_CACHED = {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"colour": "green"}, "colour: Extra inputs are not permitted"),
        ({"max_tokens": "many"}, "max_tokens: Input should be a valid integer"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, 'first message must use the "user" role'),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages.0.content.0.text.text: Field required",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "poem"}]}]},
            "messages.0.content.0: Input tag 'poem' found",
        ),
        ({"messages": [_USER, {"role": "assistant", "content": "x "}]}, "cannot end with trailing whitespace"),
        ({"messages": _NO_RESULT}, "messages.1: `tool_use` ids were found without `tool_result` blocks"),
        (
            {"messages": _NO_CALL},
            "messages.1.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1",
        ),
        (
            {"messages": _NO_THOUGHT, "thinking": _THINK},
            "Expected `thinking` or `redacted_thinking`, but found `tool_use`",
        ),
        ({"thinking": {"type": "enabled", "budget_tokens": 10}}, "greater than or equal to 1024"),
        ({"thinking": {"type": "enabled", "budget_tokens": 5000}}, "`max_tokens` must be greater than `thinking."),
        ({"thinking": _THINK, "temperature": 0.5}, "`temperature` may only be set to 1 when thinking is enabled"),
        ({"temperature": 1.5}, "temperature: Input should be less than or equal to 1"),
        ({"tools": [{"name": "a b", "input_schema": SCHEMA}]}, "tools.0.custom.name: String should match pattern"),
        ({"tools": [{"name": "a", "input_schema": SCHEMA}] * 2}, "Tool names must be unique"),
        ({"system": [_CACHED] * 5}, "A maximum of 4 blocks with cache_control may be provided. Found 5."),
    ],
)
async def test_anthropic_refuses(sim: Sim, fields: dict[str, Any], words: str) -> None:
    body = {"model": "claude", "max_tokens": 4000, "messages": [_USER]} | fields
    body = {name: value for name, value in body.items() if value is not None}
    answer = await sim.post("/v1/messages", body, **_ANTHROPIC)
    assert answer.status == 400
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert words in _error(answer)


async def test_anthropic_wants_its_version_header(sim: Sim) -> None:
    answer = await sim.post("/v1/messages", {"model": "claude", "max_tokens": 9, "messages": [_USER]})
    assert _error(answer) == "anthropic-version: header is required"


_ASK: dict[str, Any] = {"role": "user", "parts": [{"text": HELLO}]}
_GCALL = {"functionCall": {"name": "weather", "args": {}}}
# Google's stand-in for calls that its models did not make.
_GSIGNED = _GCALL | {"thoughtSignature": "skip_thought_signature_validator"}
_GRESULT = {"functionResponse": {"name": "weather", "response": {"result": "Sunny"}}}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"contents": []}, "* GenerateContentRequest.contents: contents is not specified"),
        ({"colour": 1}, 'Invalid JSON payload received. Unknown name "colour": Cannot find field.'),
        (
            {"contents": [{"parts": [{"txt": "x"}]}]},
            "Unknown name \"txt\" at 'contents[0].parts[0]': Cannot find field.",
        ),
        ({"contents": [{"parts": [{"text": 5}]}]}, "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING)"),
        ({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, "Please use a valid role: user, model."),
        ({"contents": [{"parts": []}]}, "contents[0].parts: contents.parts must not be empty"),
        ({"contents": [{"parts": [{}]}]}, "required oneof field 'data' must have one initialized field"),
        (
            {"contents": [_ASK, {"role": "model", "parts": [_GSIGNED, _GCALL]}, {"parts": [_GRESULT]}]},
            "is equal to the number",
        ),
        ({"contents": [_ASK, {"parts": [_GRESULT]}]}, "comes immediately after a function call turn"),
        (
            {"contents": [_ASK, {"role": "model", "parts": [_GCALL]}, {"parts": [_GRESULT]}]},
            "missing a thought_signature",
        ),
        ({"contents": [{"parts": [{"text": "x", "thoughtSignature": "AAAA"}]}]}, "Thought signature is not valid."),
        (
            {"tools": [{"functionDeclarations": [{"name": "a", "parameters": {"$schema": "x"}}]}]},
            'Unknown name "$schema"',
        ),
        ({"generationConfig": {"responseSchema": SCHEMA}}, "only application/json is supported with response_schema"),
    ],
)
async def test_gemini_refuses(sim: Sim, fields: dict[str, Any], words: str) -> None:
    answer = await sim.post("/v1beta/models/gemini-3-pro:generateContent", {"contents": [_ASK]} | fields)
    assert answer.status == 400
    assert answer.json["error"]["status"] == "INVALID_ARGUMENT"
    assert words in _error(answer)


async def test_gemini_takes_the_protos_own_names_too(sim: Sim) -> None:
    body = {"contents": [_ASK], "system_instruction": {"parts": [{"text": "x"}]}, "generation_config": {"top_p": 0.5}}
    assert (await sim.post("/v1beta/models/gemini-3-pro:generateContent", body)).status == 200


_CONVERSE: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": HELLO}]}]}
_BCALL = {"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {}}}
_BTOOLS = {"tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": SCHEMA}}}]}
_UNANSWERED = [*_CONVERSE["messages"], {"role": "assistant", "content": [_BCALL]}, *_CONVERSE["messages"]]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"messages": []}, "A conversation must start with a user message."),
        ({"messages": [{"role": "user", "content": [{"text": " "}]}]}, "messages.0.content.0 is blank"),
        ({"messages": [{"role": "user", "content": [{"poem": "x"}]}]}, "must set one of the following keys"),
        ({"messages": _UNANSWERED, "toolConfig": _BTOOLS}, "Expected toolResult blocks at messages.2.content"),
        ({"messages": _UNANSWERED}, "The toolConfig field must be defined"),
        ({"inferenceConfig": {"maxTokens": 0}}, "Member must have value greater than or equal to 1"),
        (
            {"toolConfig": {"tools": [{"toolSpec": {"name": "a", "inputSchema": {"json": {}}}}]}},
            "must be one of the following",
        ),
    ],
)
async def test_bedrock_refuses(sim: Sim, fields: dict[str, Any], words: str) -> None:
    answer = await sim.post("/model/m/converse", _CONVERSE | fields)
    assert answer.status == 400
    assert answer.headers["x-amzn-errortype"].startswith("ValidationException:")
    assert words in _error(answer)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"messages": []}, "messages must not be empty"),
        ({"colour": 1}, "unknown field: parameter 'colour' is not a valid field"),
        ({"messages": [{"role": "tool", "tool_call_id": "x", "content": "y"}]}, "cannot find tool call id 'x'"),
        (
            {"messages": [_USER, {"role": "assistant", "content": "x"}]},
            "the last message must be from the user or a tool",
        ),
        ({"tool_choice": "REQUIRED"}, "tool_choice can only be specified with tools"),
    ],
)
async def test_cohere_refuses(sim: Sim, fields: dict[str, Any], words: str) -> None:
    answer = await sim.post("/v2/chat", {"model": "command", "messages": [_USER]} | fields)
    assert answer.status == 400
    assert words in _error(answer)
    assert answer.json["id"]


_FUNCTION_CALL = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": "{}"}
_REASONING: dict[str, Any] = {"type": "reasoning", "id": "rs_1", "summary": []}


@pytest.mark.parametrize(
    ("fields", "words", "code"),
    [
        ({"input": None}, "Missing required parameter: 'input'.", "missing_required_parameter"),
        ({"messages": []}, "Unknown parameter: 'messages'.", "unknown_parameter"),
        ({"max_output_tokens": 5}, "Expected a value >= 16, but got 5", "integer_below_min_value"),
        ({"input": [_USER, _FUNCTION_CALL]}, "No tool output found for function call call_1.", None),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "No tool call found", None),
        ({"input": [_USER, _REASONING]}, "was provided without its required following item", None),
        (
            {"input": [_USER, {**_REASONING, "encrypted_content": "x"}]},
            "could not be verified",
            "invalid_encrypted_content",
        ),
        ({"previous_response_id": "resp_1"}, "not found", "previous_response_not_found"),
        (
            {"input": [{"role": "user", "content": [{"type": "output_text", "text": "x"}]}]},
            "Invalid value",
            "invalid_value",
        ),
        ({"reasoning": {"effort": "lots"}}, "Invalid value: 'lots'", "invalid_value"),
    ],
)
async def test_responses_refuses(sim: Sim, fields: dict[str, Any], words: str, code: str | None) -> None:
    answer = await sim.post("/v1/responses", {"model": "gpt-5", "input": HELLO} | fields)
    assert answer.status == 400
    assert words in _error(answer)
    assert answer.json["error"]["code"] == code
