"""Recorded requests to Bedrock as specs, and the recorded bodies in the one form that the adapter writes."""

import base64
import json
from typing import Any

from hedgerow_server.core.request import (
    CacheHint,
    ChatSpec,
    Content,
    Effort,
    EmbedPurpose,
    EmbedSpec,
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

_HATCH = ("guardrailConfig", "performanceConfig")
_MEDIA = {"mp4": "video/mp4", "pdf": "application/pdf", "jpeg": "image/jpeg", "png": "image/png"}
_COHERE_PURPOSES = {"search_query": EmbedPurpose.QUERY, "search_document": EmbedPurpose.DOCUMENT}


def chat_spec(body: Json) -> ChatSpec:
    """What the recorded body of a chat asks."""
    body = canonical_chat(body)
    inference, tools = body.get("inferenceConfig", {}), body.get("toolConfig", {})
    hatch = {name: body[name] for name in _HATCH if name in body}
    system = [Message(Role.SYSTEM, parts)] if (parts := _hinted(body.get("system", []))) else []
    return ChatSpec(
        model="m",
        messages=(*system, *(message for turn in body["messages"] for message in _messages(turn))),
        tools=_tools(tools.get("tools", [])),
        tool_choice=_choice(tools["toolChoice"]) if "toolChoice" in tools else None,
        response_format=_format(body.get("outputConfig")),
        reasoning=_reasoning(body.get("additionalModelRequestFields")),
        max_output_tokens=inference.get("maxTokens"),
        temperature=inference.get("temperature"),
        top_p=inference.get("topP"),
        stop_sequences=tuple(inference.get("stopSequences", ())),
        provider_options={"bedrock": json.dumps(hatch)} if hatch else {},
    )


def canonical_chat(body: Json) -> Json:
    """The recorded body with what means the same written the same: nothing that is empty, no `status` of a success,
    neighbouring messages of one role as one, JSON of a tool's result as its text.
    """
    body = json.loads(json.dumps(body))
    inference = body.get("inferenceConfig", {})
    if inference.get("stopSequences") == []:
        del inference["stopSequences"]
    body = {name: value for name, value in body.items() if value or name == "messages"}
    merged: list[Json] = []
    for message in body["messages"]:
        for block in message["content"]:
            if "toolResult" in block and "type" not in block["toolResult"]:
                result = block["toolResult"]
                if result.get("status") == "success":
                    del result["status"]
                result["content"] = [
                    {"text": json.dumps(piece["json"])} if "json" in piece else piece for piece in result["content"]
                ]
        if merged and merged[-1]["role"] == message["role"]:
            merged[-1]["content"] += message["content"]
        else:
            merged.append({"role": message["role"], "content": message["content"]})
    return {**body, "messages": merged}


def embed_spec(body: Json) -> EmbedSpec:
    """What the recorded body of embeddings asks."""
    if "texts" in body:
        hatch: Json = {name: body[name] for name in ("truncate", "max_tokens") if name in body}
        purpose = _COHERE_PURPOSES[body["input_type"]]
        return _embed(body["texts"], body.get("output_dimension"), purpose, hatch)
    if "inputText" in body:
        return _embed(
            [body["inputText"]],
            body.get("dimensions"),
            None,
            {name: body[name] for name in ("normalize",) if name in body},
        )
    single = body["singleEmbeddingParams"]
    assert single["embeddingPurpose"] == "GENERIC_RETRIEVAL"
    return _embed([single["text"]["value"]], single["embeddingDimension"], EmbedPurpose.QUERY, {})


def canonical_embed(body: Json) -> Json:
    """The recorded body with the type of the vectors, which the adapter always names to Cohere's models."""
    return {**body, "embedding_types": ["float"]} if "texts" in body else body


def _embed(texts: list[str], dimensions: int | None, purpose: EmbedPurpose | None, hatch: Json) -> EmbedSpec:
    options = {"bedrock_converse": json.dumps(hatch)} if hatch else {}
    return EmbedSpec(model="m", inputs=tuple(texts), dimensions=dimensions, purpose=purpose, provider_options=options)


def _messages(turn: Json) -> list[Message]:
    """The results of a turn of the user's are messages of their own."""
    parts = _hinted(turn["content"])
    if turn["role"] == "assistant":
        return [Message(Role.ASSISTANT, parts)]
    roles = [Role.TOOL if isinstance(part.content, ToolResult) else Role.USER for part in parts]
    return [Message(role, (part,)) for role, part in zip(roles, parts, strict=True)]


def _hinted(blocks: list[Json]) -> tuple[Part, ...]:
    """A cache point is a hint on the part before it."""
    parts: list[Part] = []
    for block in blocks:
        if "cachePoint" in block:
            parts[-1] = Part(parts[-1].content, parts[-1].state, cache_hint=CacheHint())
        else:
            parts.append(Part(_content(block), _state(block)))
    return tuple(parts)


def _content(block: Json) -> Content:
    (kind, value), *_ = block.items()
    if kind == "text":
        return Text(value)
    if kind == "toolUse" and value.get("type") != "server_tool_use":
        return ToolCall(value["toolUseId"], value["name"], json.dumps(value["input"]))
    if kind == "toolResult" and "type" not in value:
        content = tuple(Part(_content(piece)) for piece in value["content"])
        return ToolResult(value["toolUseId"], content, value.get("status") == "error")
    if kind in ("toolUse", "toolResult"):
        return ProviderItem("bedrock_converse", value["type"], json.dumps(block).encode())
    if kind == "reasoningContent":
        return Reasoning(value["reasoningText"]["text"])
    return _medium(kind, value)


def _medium(kind: str, value: Json) -> Content:
    source, media_type = value["source"], _MEDIA[value["format"]]
    data = base64.b64decode(source["bytes"]) if "bytes" in source else None
    uri = source["s3Location"]["uri"] if data is None else None
    if kind == "image":
        return Image(data=data, url=uri, media_type=media_type)
    return File(data=data, provider_file_id=uri, media_type=media_type, name=value.get("name", ""))


def _state(block: Json) -> ProviderState | None:
    if "reasoningContent" not in block:
        return None
    signature = block["reasoningContent"]["reasoningText"]["signature"]
    return ProviderState("bedrock_converse", json.dumps({"signature": signature}).encode())


def _tools(tools: list[Json]) -> tuple[FunctionTool | ProviderTool, ...]:
    made: list[FunctionTool | ProviderTool] = []
    for tool in tools:
        if "cachePoint" in tool:
            last = made.pop()
            assert isinstance(last, FunctionTool)
            made.append(FunctionTool(last.name, last.description, last.parameters, last.strict, CacheHint()))
        elif "toolSpec" in tool:
            spec = tool["toolSpec"]
            schema = json.dumps(spec["inputSchema"]["json"])
            made.append(FunctionTool(spec["name"], spec.get("description", ""), schema, spec.get("strict")))
        else:
            made.append(ProviderTool("bedrock", json.dumps(tool)))
    return tuple(made)


def _choice(choice: Json) -> ToolChoice:
    if "auto" in choice:
        return ToolChoice(ToolChoiceMode.AUTO)
    names = (choice["tool"]["name"],) if "tool" in choice else ()
    return ToolChoice(ToolChoiceMode.REQUIRED, names)


def _format(config: Json | None) -> JsonSchemaFormat | None:
    if config is None:
        return None
    schema = config["textFormat"]["structure"]["jsonSchema"]
    return JsonSchemaFormat(schema["name"], schema["schema"], schema.get("description", ""))


def _reasoning(fields: Json | None) -> ReasoningSpec | None:
    if fields is None:
        return None
    if fields["thinking"]["type"] == "adaptive":
        return ReasoningSpec(Effort(fields["output_config"]["effort"]))
    return ReasoningSpec(max_tokens=fields["thinking"]["budget_tokens"])
