"""Recorded requests as specs, and the recorded bodies in the one form that the adapter writes."""

import base64
import json
from typing import Any

from hedgerow_server.core.request import (
    CacheHint,
    ChatSpec,
    Content,
    Effort,
    File,
    FunctionTool,
    Image,
    JsonSchemaFormat,
    Message,
    Part,
    ProviderItem,
    ProviderState,
    ProviderTool,
    Reasoning,
    ReasoningSpec,
    Role,
    Text,
    ToolCall,
    ToolChoice,
    ToolChoiceMode,
    ToolResult,
)

Json = dict[str, Any]

_TTLS_S = {"5m": 300.0, "1h": 3600.0, None: None}
_HATCH = ("container", "cache_control", "metadata", "service_tier")
_FUNCTION = {"name", "description", "input_schema", "strict", "cache_control"}


def chat_spec(body: Json) -> ChatSpec:
    """What the recorded body asks. It must be canonical."""
    hatch = {name: body[name] for name in _HATCH if name in body}
    reasoning = _reasoning(body, hatch)
    system = [Message(Role.SYSTEM, tuple(_part(block) for block in body["system"]))] if "system" in body else []
    messages = [message for turn in body["messages"] for message in _messages(turn)]
    form = body.get("output_config", {}).get("format")
    alone = body.get("tool_choice", {}).get("disable_parallel_tool_use")
    return ChatSpec(
        model=body["model"],
        messages=(*system, *messages),
        tools=tuple(_tool(tool) for tool in body.get("tools", [])),
        tool_choice=_choice(body["tool_choice"]) if "tool_choice" in body else None,
        parallel_tool_calls=False if alone else None,
        response_format=JsonSchemaFormat("answer", json.dumps(form["schema"])) if form else None,
        reasoning=reasoning,
        max_output_tokens=body["max_tokens"],
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        top_k=body.get("top_k"),
        stop_sequences=tuple(body.get("stop_sequences", ())),
        provider_options={"anthropic": json.dumps(hatch)} if hatch else {},
    )


def canonical(body: Json) -> Json:
    """The recorded body with what means the same written the same: lists of blocks for strings, neighbours of one role
    in one turn, no members at their defaults, nothing empty, the schema of an answer where it now stands.
    """
    body = json.loads(json.dumps(body))
    body.pop("stream", None)
    if form := body.pop("output_format", None):
        body.setdefault("output_config", {})["format"] = form
    if "system" in body:
        body["system"] = [_block(block) for block in _blocks(body["system"])]
    turns: list[Json] = []
    for message in body["messages"]:
        blocks = [_block(block) for block in _blocks(message["content"])]
        if turns and turns[-1]["role"] == message["role"]:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": message["role"], "content": blocks})
    body["messages"] = turns
    for tool in body.get("tools", []):
        if not tool.get("description", "-"):
            del tool["description"]
    if not body.get("tool_choice", {}).get("disable_parallel_tool_use", True):
        del body["tool_choice"]["disable_parallel_tool_use"]
    empty = [name for name in ("system", "tools") if body.get(name) == []]
    for name in empty:
        del body[name]
    return body


def _blocks(content: Any) -> list[Json]:
    blocks: list[Json] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [block for block in blocks if block != {"type": "text", "text": ""}]


def _block(block: Json) -> Json:
    for name in ("citations", "cache_control"):
        if block.get(name, "-") is None:
            del block[name]
    if block["type"] == "tool_result":
        block["content"] = [_block(piece) for piece in _blocks(block.get("content", []))]
        if not block["content"]:
            del block["content"]
        if not block.get("is_error", True):
            del block["is_error"]
    return block


def _reasoning(body: Json, hatch: Json) -> ReasoningSpec | None:
    """What the recording asks of thinking, as far as the contract can say it; the rest goes to `hatch`."""
    thinking, config = body.get("thinking"), body.get("output_config", {})
    if thinking and thinking["type"] == "enabled":
        return ReasoningSpec(max_tokens=thinking["budget_tokens"])
    if thinking == {"type": "adaptive"} and set(config) == {"effort"}:
        return ReasoningSpec(effort=Effort(config["effort"]))
    if thinking:
        hatch["thinking"] = thinking
    if config and "format" not in config:
        hatch["output_config"] = config
    return None


def _messages(turn: Json) -> list[Message]:
    """The messages of a turn: the results of tools apart from what the user says."""
    if turn["role"] == "assistant":
        return [Message(Role.ASSISTANT, tuple(_part(block) for block in turn["content"]))]
    results = tuple(_part(block) for block in turn["content"] if block["type"] == "tool_result")
    said = tuple(_part(block) for block in turn["content"] if block["type"] != "tool_result")
    return [Message(role, parts) for role, parts in ((Role.TOOL, results), (Role.USER, said)) if parts]


def _part(block: Json) -> Part:
    return Part(_content(block), _state(block), cache_hint=_hint(block))


def _content(block: Json) -> Content:
    match block["type"]:
        case "text":
            return Text(block["text"])
        case "image":
            return Image(data=base64.b64decode(block["source"]["data"]), media_type=block["source"]["media_type"])
        case "document":
            return _file(block)
        case "tool_use":
            return ToolCall(block["id"], block["name"], json.dumps(block["input"]))
        case "tool_result":
            pieces = tuple(_part(piece) for piece in block.get("content", []))
            return ToolResult(block["tool_use_id"], pieces, block.get("is_error", False))
        case "thinking":
            return Reasoning(block["thinking"])
        case "redacted_thinking":
            return Reasoning("")
        case kind:
            return ProviderItem("anthropic_messages", kind, json.dumps(block).encode())


def _file(block: Json) -> File:
    source, title = block["source"], block.get("title", "")
    if source["type"] == "file":
        return File(provider_file_id=source["file_id"], name=title)
    if source["type"] == "url":
        return File(url=source["url"], name=title)
    data = source["data"].encode() if source["type"] == "text" else base64.b64decode(source["data"])
    return File(data=data, media_type=source["media_type"], name=title)


def _state(block: Json) -> ProviderState | None:
    facts: Json = {name: block[name] for name in ("signature", "caller") if name in block}
    if block["type"] == "redacted_thinking":
        facts = {"redacted": block["data"]}
    if block["type"] == "text" and "citations" in block:
        facts = {"citations": block["citations"]}
    known = block["type"] in ("text", "thinking", "redacted_thinking", "tool_use")
    return ProviderState("anthropic_messages", json.dumps(facts).encode()) if known and facts else None


def _hint(block: Json) -> CacheHint | None:
    own = block["type"] not in ("text", "image", "document", "tool_use", "tool_result")
    control = block.get("cache_control")
    return CacheHint(_TTLS_S[control.get("ttl")]) if control and not own else None


def _tool(tool: Json) -> FunctionTool | ProviderTool:
    if tool.keys() - _FUNCTION:
        # What is said of a function beyond the contract goes as it is, like the provider's own tools.
        return ProviderTool("anthropic", json.dumps(tool))
    control = tool.get("cache_control")
    return FunctionTool(
        tool["name"],
        tool.get("description", ""),
        json.dumps(tool["input_schema"]),
        tool.get("strict"),
        CacheHint(_TTLS_S[control.get("ttl")]) if control else None,
    )


def _choice(choice: Json) -> ToolChoice:
    if choice["type"] == "tool":
        return ToolChoice(ToolChoiceMode.REQUIRED, (choice["name"],))
    modes = {"auto": ToolChoiceMode.AUTO, "any": ToolChoiceMode.REQUIRED, "none": ToolChoiceMode.NONE}
    return ToolChoice(modes[choice["type"]])
