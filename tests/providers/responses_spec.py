"""Recorded requests as specs, and bodies in one form, so that those which mean the same are equal."""

import base64
import json
from typing import Any

from hedgerow_server.core.request import (
    ChatSpec,
    Effort,
    File,
    FunctionTool,
    Image,
    ImageDetail,
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

TAG = "openai_responses"
_LOGPROBS = "message.output_text.logprobs"
_SCALARS = ("temperature", "max_output_tokens", "parallel_tool_calls")
_HATCH = ("instructions", "previous_response_id", "service_tier")


def chat_spec(body: Json) -> ChatSpec:
    """What the recorded body asks. What the contract has no word for goes through the hatch, as a caller would do."""
    hatch = {name: body[name] for name in _HATCH if body.get(name) is not None}
    effort = (body.get("reasoning") or {}).get("effort")
    if rest := {name: value for name, value in (body.get("reasoning") or {}).items() if name != "effort"}:
        hatch["reasoning"] = rest
    if "include" in body:
        hatch["include"] = [one for one in body["include"] if one != _LOGPROBS]
    tools = tuple(_tool(tool) for tool in body.get("tools") or ())
    return ChatSpec(
        model=body["model"],
        messages=tuple(_messages(body["input"])),
        tools=tools,
        tool_choice=_choice(body["tool_choice"]) if tools and "tool_choice" in body else None,
        response_format=_format((body.get("text") or {}).get("format")),
        reasoning=ReasoningSpec(effort=Effort(effort)) if effort else None,
        provider_options={TAG: json.dumps(hatch)} if hatch else {},
        top_logprobs=body.get("top_logprobs") or (0 if _LOGPROBS in body.get("include", ()) else None),
        **{name: body[name] for name in _SCALARS if name in body},
    )


def canonical(body: Json) -> Json:
    """The body without what is at its default or not the caller's to say (stream, store), and with one form for what
    has several: lists of content for plain strings, no status of finished items, no empty descriptions.
    """
    body = {name: value for name, value in body.items() if value is not None and name not in ("stream", "store")}
    if isinstance(body["input"], str):
        body["input"] = [{"role": "user", "content": body["input"]}]
    body["input"] = [_canonical_item(item) for item in body["input"]]
    if reasoning := {name: value for name, value in body.pop("reasoning", {}).items() if value is not None}:
        body["reasoning"] = reasoning
    body["tools"] = [
        {name: value for name, value in tool.items() if value is not None} for tool in body.get("tools", [])
    ]
    if not body["tools"]:
        body.pop("tool_choice", None)
    if not body.get("instructions", "-"):
        del body["instructions"]
    return body


def _canonical_item(item: Json) -> Json:
    item = {name: value for name, value in item.items() if value is not None}
    if item.get("type", "message") == "message":
        item.pop("type", None)
        item.pop("status", None)
        kind = "output_text" if item["role"] == "assistant" else "input_text"
        content = [{"type": kind, "text": item["content"]}] if isinstance(item["content"], str) else item["content"]
        item["content"] = [
            {k: v for k, v in piece.items() if k not in ("annotations", "detail", "logprobs")} for piece in content
        ]
    if item.get("type") == "function_call_output" and isinstance(item["output"], list):
        item["output"] = [{k: v for k, v in piece.items() if k != "detail"} for piece in item["output"]]
    return item


def _messages(items: str | list[Json]) -> list[Message]:
    if isinstance(items, str):
        return [Message(Role.USER, (Part(Text(items)),))]
    return [_message(item) for item in items]


def _message(item: Json) -> Message:
    kind = item.get("type", "message")
    if kind == "message" and item["role"] != "assistant":
        content = item["content"]
        pieces = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
        return Message(Role(item["role"]), tuple(Part(_piece(piece)) for piece in pieces))
    if kind == "message":
        content = item["content"]
        pieces = [{"text": content}] if isinstance(content, str) else content
        state = (
            _state({"type": "message", **{k: item[k] for k in ("id", "phase") if k in item}}) if "id" in item else None
        )
        return Message(Role.ASSISTANT, tuple(Part(Text(piece["text"]), state=state) for piece in pieces))
    if kind == "function_call_output":
        output = item["output"]
        pieces = [{"type": "input_text", "text": output}] if isinstance(output, str) else output
        result = ToolResult(item["call_id"], tuple(Part(_piece(piece)) for piece in pieces))
        return Message(Role.TOOL, (Part(result),))
    if kind == "function_call":
        state = _state({k: item[k] for k in ("type", "id", "namespace") if k in item}) if "id" in item else None
        call = ToolCall(item["call_id"], item["name"], item["arguments"])
        return Message(Role.ASSISTANT, (Part(call, state=state),))
    if kind == "reasoning":
        return Message(Role.ASSISTANT, (Part(Reasoning(""), state=_state(item)),))
    return Message(Role.ASSISTANT, (Part(ProviderItem(TAG, kind, json.dumps(item).encode())),))


def _state(item: Json) -> ProviderState:
    return ProviderState(TAG, json.dumps(item).encode())


def _piece(piece: Json) -> Text | Image | File:
    if piece["type"] == "input_text":
        return Text(piece["text"])
    if "file_id" in piece:
        return File(provider_file_id=piece["file_id"], media_type="image/*" if piece["type"] == "input_image" else "")
    if piece["type"] == "input_image":
        detail = ImageDetail(piece["detail"]) if piece.get("detail") else None
        url: str = piece["image_url"]
        if url.startswith("data:"):
            media_type, data = _data(url)
            return Image(data=data, media_type=media_type, detail=detail)
        return Image(url=url, detail=detail)
    if "file_url" in piece:
        return File(url=piece["file_url"])
    media_type, data = _data(piece["file_data"])
    return File(data=data, media_type=media_type, name=piece.get("filename", ""))


def _data(url: str) -> tuple[str, bytes]:
    head, _, data = url.partition(",")
    return head.removeprefix("data:").removesuffix(";base64"), base64.b64decode(data)


def _tool(tool: Json) -> FunctionTool | ProviderTool:
    if tool["type"] != "function" or "defer_loading" in tool:
        return ProviderTool(TAG, json.dumps(tool))
    parameters = json.dumps(tool["parameters"])
    return FunctionTool(tool["name"], tool.get("description") or "", parameters, tool.get("strict"))


def _choice(choice: Any) -> ToolChoice:
    if isinstance(choice, str):
        return ToolChoice(ToolChoiceMode(choice))
    if choice["type"] == "allowed_tools":
        return ToolChoice(ToolChoiceMode(choice["mode"]), tuple(tool["name"] for tool in choice["tools"]))
    return ToolChoice(ToolChoiceMode.REQUIRED, (choice["name"],))


def _format(form: Json | None) -> JsonSchemaFormat | None:
    if form is None:
        return None
    return JsonSchemaFormat(form["name"], json.dumps(form["schema"]), form.get("description", ""), form.get("strict"))
