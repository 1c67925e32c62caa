"""Recorded requests to the vendors of the OpenAI dialect as specs, and bodies in one form."""

import json
from typing import Any

from hedgerow_server.core.request import (
    ChatSpec,
    Effort,
    EmbedPurpose,
    EmbedSpec,
    FunctionTool,
    Message,
    Part,
    ProviderState,
    ProviderTool,
    Reasoning,
    ReasoningSpec,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from providers.openai_spec import _choice, _format, _part, _tool

Json = dict[str, Any]

_SCALARS = ("temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "seed", "parallel_tool_calls")
# What the contract has a word for; the rest goes through the hatch, as a caller would send it.
_KNOWN = {
    *_SCALARS,
    "model",
    "messages",
    "tools",
    "tool_choice",
    "response_format",
    "stop",
    "reasoning_effort",
    "logprobs",
    "top_logprobs",
}
# Members of messages that the contract has no place for.
_UNSAYABLE = ("cache_control", "prefix")
_PURPOSES = {"query": EmbedPurpose.QUERY, "document": EmbedPurpose.DOCUMENT}


def chat_spec(body: Json, tag: str) -> ChatSpec:
    """What the recorded body of a chat asks; state is as the dialect makes it, under the vendor's tag."""
    body = canonical(body)
    hatch = {name: value for name, value in body.items() if name not in {*_KNOWN, "max_tokens"}}
    effort = body.get("reasoning_effort")
    if isinstance(hatch.get("reasoning"), dict) and hatch["reasoning"].keys() == {"effort"}:
        effort = hatch.pop("reasoning")["effort"]
    count = body.get("logprobs")  # a number at Together
    return ChatSpec(
        model=body["model"],
        top_logprobs=body.get("top_logprobs", count if type(count) is int else 0) if count else None,
        messages=tuple(_message(message, tag) for message in body["messages"]),
        tools=tuple(_any_tool(tool) for tool in body.get("tools", [])),
        tool_choice=_choice(body["tool_choice"]) if "tool_choice" in body else None,
        response_format=_format(body.get("response_format")),
        reasoning=ReasoningSpec(Effort(effort)) if effort else None,
        max_output_tokens=body.get("max_tokens"),
        stop_sequences=tuple(body.get("stop", ())),
        provider_options={"openai": json.dumps(hatch)} if hatch else {},
        **{name: body[name] for name in _SCALARS if name in body},
    )


def embed_spec(body: Json) -> EmbedSpec:
    """What the recorded body of embeddings asks."""
    inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
    hatch = {name: body[name] for name in ("user", "truncation") if name in body}
    return EmbedSpec(
        model=body["model"],
        inputs=tuple(inputs),
        dimensions=body.get("dimensions"),
        purpose=_PURPOSES.get(body.get("input_type", "")),
        provider_options={"openai": json.dumps(hatch)} if hatch else {},
    )


def canonical(body: Json) -> Json:
    """The body with what means the same written the same: one name for each parameter, the word required, lists for
    single stops, strings for single texts, no nulls, no defaults, no second copy of thoughts.
    """
    body = {name: value for name, value in body.items() if value not in (None, [])}
    for name in ("stream", "stream_options", "n"):
        body.pop(name, None)
    for name, other in (("max_completion_tokens", "max_tokens"), ("random_seed", "seed")):
        if name in body:
            body[other] = body.pop(name)
    if isinstance(body.get("stop"), str):
        body["stop"] = [body["stop"]]
    if body.get("tool_choice") == "any":
        body["tool_choice"] = "required"
    if body.get("response_format") == {"type": "text"}:
        del body["response_format"]
    body["messages"] = [_canonical_message(message) for message in body["messages"]]
    body["tools"] = [_canonical_tool(tool) for tool in body.get("tools", ())]
    if not body["tools"]:
        del body["tools"]
        body.pop("tool_choice", None)
    if schema := body.get("response_format", {}).get("json_schema"):
        body["response_format"] = {"type": "json_schema", "json_schema": {k: v for k, v in schema.items() if v != ""}}
    return body


def _canonical_message(message: Json) -> Json:
    message = {name: value for name, value in message.items() if value not in (None, []) and name not in _UNSAYABLE}
    content = message.get("content")
    if isinstance(content, list):
        content = [_canonical_piece(piece) for piece in content]
        message["content"] = content[0]["text"] if len(content) == 1 and content[0]["type"] == "text" else content
    if message["role"] == "assistant" and not message.get("content"):
        message.pop("content", None)
    thoughts = [message.pop(name, "") for name in ("reasoning_content", "reasoning")]
    calls = message.get("tool_calls", [])
    if calls:
        message["tool_calls"] = [{"type": "function", "id": one["id"], "function": one["function"]} for one in calls]
    if message["role"] == "tool":
        message.pop("name", None)
    if calls and any(thoughts):  # outside of tool loops thoughts need not go back
        message["reasoning"] = thoughts[0] or thoughts[1]
    return message


def _canonical_piece(piece: Json) -> Json:
    piece = {name: value for name, value in piece.items() if name not in _UNSAYABLE and value is not None}
    if piece["type"] == "thinking":
        piece["thinking"] = [{"type": "text", "text": "".join(one["text"] for one in piece["thinking"])}]
    if piece["type"] == "image_url":
        url = piece["image_url"] if isinstance(piece["image_url"], str) else piece["image_url"]["url"]
        piece["image_url"] = {"url": url}
    return piece


def _canonical_tool(tool: Json) -> Json:
    if tool.get("type", "function") != "function":
        return tool
    function = {name: value for name, value in tool["function"].items() if value not in (None, "", False)}
    return {"type": "function", "function": function}


def _any_tool(tool: Json) -> FunctionTool | ProviderTool:
    return _tool(tool["function"]) if tool["type"] == "function" else ProviderTool("openai", json.dumps(tool))


def _message(message: Json, tag: str) -> Message:
    if message["role"] == "tool":
        content = message["content"]
        texts = [content] if isinstance(content, str) else [piece["text"] for piece in content]
        parts = tuple(Part(Text(text)) for text in texts)
        return Message(Role.TOOL, (Part(ToolResult(message["tool_call_id"], parts)),))
    parts_: list[Part] = list(_thoughts(message, tag))
    content = message.get("content", [])
    pieces: list[Json] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for piece in pieces:
        if piece["type"] == "thinking":
            parts_.append(_thought("".join(one["text"] for one in piece["thinking"]), tag, {"reasoning": True}))
        else:
            parts_.append(_part(piece))
    calls = [(call["id"], call["function"]) for call in message.get("tool_calls", [])]
    parts_ += [Part(ToolCall(call_id, function["name"], function["arguments"])) for call_id, function in calls]
    return Message(Role(message["role"]), tuple(parts_), message.get("name", ""))


def _thoughts(message: Json, tag: str) -> list[Part]:
    if "reasoning_details" in message:
        return [_thought("", tag, {"reasoning_details": message["reasoning_details"]})]
    text = message.get("reasoning", "")
    return [_thought(text, tag, {"reasoning": True})] if text else []


def _thought(text: str, tag: str, state: Json) -> Part:
    return Part(Reasoning(text), state=ProviderState(tag, json.dumps(state).encode()))
