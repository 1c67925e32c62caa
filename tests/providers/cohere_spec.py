"""Recorded requests to Cohere as specs, and the recorded bodies in the one form that the adapter writes."""

import json
from typing import Any

from hedgerow_server.core.request import (
    ChatSpec,
    EmbedPurpose,
    EmbedSpec,
    File,
    FunctionTool,
    Image,
    JsonObjectFormat,
    JsonSchemaFormat,
    Message,
    Part,
    ProviderState,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolChoice,
    ToolChoiceMode,
    ToolResult,
)

Json = dict[str, Any]

_PURPOSES = {"search_query": EmbedPurpose.QUERY, "search_document": EmbedPurpose.DOCUMENT}
_CHOICES = {"REQUIRED": ToolChoice(ToolChoiceMode.REQUIRED), "NONE": ToolChoice(ToolChoiceMode.NONE)}
_PLAN = ProviderState("cohere_v2", b'{"kind":"tool_plan"}')


def chat_spec(body: Json) -> ChatSpec:
    """What the recorded body of a chat asks."""
    messages = [_message(message) for message in body["messages"]]
    if documents := body.get("documents"):
        # Documents are files of the user's.
        *before, last = messages
        messages = [*before, Message(last.role, (*last.content, *(Part(_document(one)) for one in documents)))]
    return ChatSpec(
        model=body["model"],
        messages=tuple(messages),
        tools=tuple(_tool(tool["function"]) for tool in body.get("tools", [])),
        response_format=_format(body.get("response_format")),
        temperature=body.get("temperature"),
        max_output_tokens=body.get("max_tokens"),
        tool_choice=_CHOICES.get(body.get("tool_choice", "")),
        stop_sequences=tuple(body.get("stop_sequences", ())),
        top_logprobs=0 if body.get("logprobs") else None,
    )


def canonical_chat(body: Json) -> Json:
    """The recorded body with what means the same written the same: a single text as a string, documents by the names
    that the spec gives them.
    """
    body = json.loads(json.dumps(body))
    for message in body["messages"]:
        content = message.get("content")
        if isinstance(content, list) and len(content) == 1 and content[0]["type"] == "text":
            message["content"] = content[0]["text"]
        for block in content if isinstance(content, list) else []:
            _rename(block.get("document"))
    for document in body.get("documents", []):
        _rename(document)
    return body


def embed_spec(body: Json) -> EmbedSpec:
    """What the recorded body of embeddings asks."""
    hatch = {name: body[name] for name in ("truncate", "max_tokens") if body.get(name) is not None}
    return EmbedSpec(
        model=body["model"],
        inputs=tuple(body["texts"]),
        dimensions=body.get("output_dimension"),
        purpose=_PURPOSES[body["input_type"]],
        provider_options={"cohere": json.dumps(hatch)} if hatch else {},
    )


def canonical_embed(body: Json) -> Json:
    """The recorded body without what is null."""
    return {name: value for name, value in body.items() if value is not None}


def _rename(document: Json | None) -> None:
    """A text is known by its title; a JSON object by its id, so it stays."""
    if document is not None and _is_text(document["data"]):
        document["id"] = document["data"]["title"]


def _is_text(data: Json) -> bool:
    return data.keys() == {"title", "text"}


def _document(document: Json) -> File:
    data = document["data"]
    if _is_text(data):
        return File(data=data["text"].encode(), media_type="text/plain", name=data["title"])
    return File(data=json.dumps(data).encode(), media_type="application/json", name=document.get("id", ""))


def _message(message: Json) -> Message:
    content = message.get("content", [])
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    parts = tuple(Part(_content(block)) for block in blocks)
    if message["role"] == "tool":
        return Message(Role.TOOL, (Part(ToolResult(message["tool_call_id"], parts)),))
    if "tool_plan" in message:
        parts = (Part(Reasoning(message["tool_plan"]), _PLAN), *parts)
    calls = [(call["id"], call["function"]) for call in message.get("tool_calls", [])]
    made = (Part(ToolCall(call_id, function["name"], function["arguments"])) for call_id, function in calls)
    return Message(Role(message["role"]), (*parts, *made))


def _content(block: Json) -> Text | Image | File:
    if block["type"] == "text":
        return Text(block["text"])
    if block["type"] == "document":
        return _document(block["document"])
    return Image(url=block["image_url"]["url"])


def _tool(function: Json) -> FunctionTool:
    return FunctionTool(function["name"], function["description"], json.dumps(function["parameters"]))


def _format(form: Json | None) -> JsonObjectFormat | JsonSchemaFormat | None:
    if form is None:
        return None
    if "json_schema" not in form:
        return JsonObjectFormat()
    return JsonSchemaFormat("answer", json.dumps(form["json_schema"]))
