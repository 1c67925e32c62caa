"""Recorded requests to Ollama as specs, and the recorded bodies in the one form that the adapter writes."""

import base64
import json
from typing import Any

from hedgerow_server.core.request import (
    ChatSpec,
    Effort,
    EmbedSpec,
    FunctionTool,
    Image,
    JsonObjectFormat,
    JsonSchemaFormat,
    Message,
    Part,
    ProviderState,
    Reasoning,
    ReasoningSpec,
    Role,
    Text,
    ToolCall,
    ToolResult,
)

Json = dict[str, Any]

_OF_CONTRACT = {
    "num_predict": "max_output_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
}
_THINKING = ProviderState("ollama_chat", b'{"thinking":true}')


def chat_spec(body: Json) -> ChatSpec:
    """What the recorded body of a chat asks. Options that the contract does not know go through the hatch."""
    body = canonical(body)
    options = dict(body.get("options", {}))
    given: Json = {name: options.pop(native) for native, name in _OF_CONTRACT.items() if native in options}
    stop = options.pop("stop", [])
    return ChatSpec(
        model=body["model"],
        messages=tuple(_messages(body["messages"])),
        tools=tuple(_tool(tool["function"]) for tool in body.get("tools", [])),
        stop_sequences=(stop,) if isinstance(stop, str) else tuple(stop),
        response_format=_format(body.get("format")),
        reasoning=_reasoning(body.get("think")),
        provider_options=_hatch(body, options),
        top_logprobs=body.get("top_logprobs", 0) if body.get("logprobs") else None,
        **given,
    )


def embed_spec(body: Json) -> EmbedSpec:
    """What the recorded body of embeddings asks, whichever operation it is for."""
    body = canonical(body)
    given = body["input"] if "input" in body else body["prompt"]
    inputs = (given,) if isinstance(given, str) else tuple(given)
    hatch = _hatch(body, body.get("options", {}))
    return EmbedSpec(model=body["model"], inputs=inputs, dimensions=body.get("dimensions"), provider_options=hatch)


def canonical(body: Json) -> Json:
    """The recorded body without what says nothing: null, and empty lists and objects. Streaming is the default."""
    kept = {name: value for name, value in body.items() if value not in (None, [], {}, "")}
    if "messages" in kept:
        kept = {"stream": True, **kept, "messages": [_message(message) for message in kept["messages"]]}
    return kept


def canonical_embed(body: Json) -> Json:
    """The recorded body of embeddings as `/api/embed` takes it: the older operation has one prompt."""
    kept = canonical(body)
    given = kept.pop("prompt", None) or kept["input"]
    return {**kept, "input": [given] if isinstance(given, str) else given}


def _message(message: Json) -> Json:
    return {"content": "", **{name: value for name, value in message.items() if value not in (None, [])}}


def _hatch(body: Json, options: Json) -> dict[str, str]:
    members: Json = {name: body[name] for name in ("keep_alive", "truncate") if name in body}
    if options:
        members["options"] = options
    return {"ollama": json.dumps(members)} if members else {}


def _messages(messages: list[Json]) -> list[Message]:
    made: list[Message] = []
    for message in messages:
        parts: list[Part] = [Part(Text(message["content"]))] if message["content"] else []
        parts += [
            Part(Image(data=base64.b64decode(data), media_type="image/png")) for data in message.get("images", [])
        ]
        if message["role"] == "tool":
            made.append(Message(Role.TOOL, (Part(ToolResult(message.get("tool_call_id", "?"), tuple(parts))),)))
            continue
        if thoughts := message.get("thinking"):
            parts.insert(0, Part(Reasoning(thoughts), _THINKING))
        for call in message.get("tool_calls", []):
            function = call["function"]
            parts.append(Part(ToolCall(call.get("id", "?"), function["name"], json.dumps(function["arguments"]))))
        made.append(Message(Role(message["role"]), tuple(parts)))
    return made


def _tool(function: Json) -> FunctionTool:
    return FunctionTool(function["name"], function.get("description", ""), json.dumps(function["parameters"]))


def _format(form: Any) -> JsonObjectFormat | JsonSchemaFormat | None:
    if form is None:
        return None
    return JsonObjectFormat() if form == "json" else JsonSchemaFormat("answer", json.dumps(form))


def _reasoning(think: bool | str | None) -> ReasoningSpec | None:
    if think is None:
        return None
    if think is False:
        return ReasoningSpec(effort=Effort.NONE)
    return ReasoningSpec(effort=Effort.HIGH if think is True else Effort(think))
