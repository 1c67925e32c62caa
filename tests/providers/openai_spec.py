"""Recorded requests as specs, and the recorded bodies in the one form that the adapter writes."""

import base64
import json
from typing import Any

from hedgerow_server.core.request import (
    Audio,
    ChatSpec,
    EmbedSpec,
    FunctionTool,
    Image,
    JsonObjectFormat,
    JsonSchemaFormat,
    Message,
    Part,
    Role,
    Text,
    ToolCall,
    ToolChoice,
    ToolChoiceMode,
    ToolResult,
)

Json = dict[str, Any]

_SCALARS = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "parallel_tool_calls")
_HATCH = ("audio", "modalities", "web_search_options", "service_tier", "user")
_AUDIO_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav"}


def chat_spec(body: Json) -> ChatSpec:
    """What the recorded body of a chat asks."""
    body = canonical_chat(body)
    hatch = {name: body[name] for name in _HATCH if name in body}
    return ChatSpec(
        model=body["model"],
        messages=tuple(_message(message) for message in body["messages"]),
        tools=tuple(_tool(tool["function"]) for tool in body.get("tools", [])),
        tool_choice=_choice(body["tool_choice"]) if "tool_choice" in body else None,
        response_format=_format(body.get("response_format")),
        max_output_tokens=body.get("max_completion_tokens"),
        stop_sequences=tuple(body.get("stop", ())),
        provider_options={"openai": json.dumps(hatch)} if hatch else {},
        top_logprobs=body.get("top_logprobs", 0) if "logprobs" in body else None,
        **{name: body[name] for name in _SCALARS if name in body},
    )


def embed_spec(body: Json) -> EmbedSpec:
    """What the recorded body of embeddings asks."""
    inputs = canonical_embed(body)["input"]
    return EmbedSpec(
        model=body["model"],
        inputs=tuple(one if isinstance(one, str) else tuple(one) for one in inputs),
        dimensions=body.get("dimensions"),
        provider_options={"openai": json.dumps({"user": body["user"]})} if "user" in body else {},
    )


def canonical_chat(body: Json) -> Json:
    """The recorded body with what means the same written the same: lists for single stops, tools for functions (which
    OpenAI has deprecated), max_completion_tokens for max_tokens (likewise), no members at their defaults.
    """
    body = json.loads(json.dumps(body))
    for name in ("stream", "stream_options", "n"):
        body.pop(name, None)
    if isinstance(body.get("stop"), str):
        body["stop"] = [body["stop"]]
    if "max_tokens" in body:
        body["max_completion_tokens"] = body.pop("max_tokens")
    if "functions" in body:
        body["tools"] = [{"type": "function", "function": function} for function in body.pop("functions")]
    if "function_call" in body:
        body["tool_choice"] = body.pop("function_call")
    if not body.get("logprobs", True):
        del body["logprobs"]
    if not body.get("top_logprobs", True):
        del body["top_logprobs"]
    if body.get("response_format") == {"type": "text"}:
        del body["response_format"]
    for message in body["messages"]:
        if message.get("content", "") is None:
            del message["content"]
    for tool in body.get("tools", []):
        if not tool["function"].get("description", "-"):
            del tool["function"]["description"]
    return body


def canonical_embed(body: Json) -> Json:
    """The recorded body with a list of inputs and base64, as the adapter always asks."""
    inputs = body["input"]
    if isinstance(inputs, str) or isinstance(inputs[0], int):
        inputs = [inputs]
    return {**body, "input": inputs, "encoding_format": "base64"}


def _message(message: Json) -> Message:
    content = message.get("content", [])
    if message["role"] == "tool":
        result = ToolResult(message["tool_call_id"], (Part(Text(content)),))
        return Message(Role.TOOL, (Part(result),))
    parts = [Part(Text(content))] if isinstance(content, str) else [_part(part) for part in content]
    calls = [(call["id"], call["function"]) for call in message.get("tool_calls", [])]
    parts += [Part(ToolCall(call_id, function["name"], function["arguments"])) for call_id, function in calls]
    return Message(Role(message["role"]), tuple(parts), message.get("name", ""))


def _part(part: Json) -> Part:
    if part["type"] == "text":
        return Part(Text(part["text"]))
    if part["type"] == "input_audio":
        audio = part["input_audio"]
        return Part(Audio(data=base64.b64decode(audio["data"]), media_type=_AUDIO_TYPES[audio["format"]]))
    return Part(Image(url=part["image_url"]["url"]))


def _tool(function: Json) -> FunctionTool:
    return FunctionTool(
        function["name"], function.get("description", ""), json.dumps(function["parameters"]), function.get("strict")
    )


def _choice(choice: Any) -> ToolChoice:
    if isinstance(choice, str):
        return ToolChoice(ToolChoiceMode(choice))
    return ToolChoice(ToolChoiceMode.REQUIRED, (choice["function"]["name"],))


def _format(form: Json | None) -> JsonObjectFormat | JsonSchemaFormat | None:
    if form is None:
        return None
    if form["type"] == "json_object":
        return JsonObjectFormat()
    schema = form["json_schema"]
    return JsonSchemaFormat(
        schema["name"], json.dumps(schema["schema"]), schema.get("description", ""), schema.get("strict")
    )
