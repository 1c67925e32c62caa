"""Recorded requests to Google as specs, and the recorded bodies in the one form that the adapter writes."""

import base64
import json
import re
from typing import Any

from hedgerow_server.core.request import (
    ChatSpec,
    Effort,
    EmbedSpec,
    File,
    FunctionTool,
    JsonObjectFormat,
    JsonSchemaFormat,
    Message,
    Part,
    ProviderItem,
    ProviderState,
    ProviderTool,
    ReasoningSpec,
    Role,
    Text,
    ToolCall,
    ToolChoice,
    ToolChoiceMode,
    ToolResult,
)

Json = dict[str, Any]

TAG = "gemini_generate"
_OPAQUE = ("args", "response", "parametersJsonSchema", "parameters", "responseJsonSchema", "responseSchema")
_ITEMS = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")
_MODES = {"AUTO": ToolChoiceMode.AUTO, "ANY": ToolChoiceMode.REQUIRED, "NONE": ToolChoiceMode.NONE}
_SCALARS = {
    "temperature": "temperature",
    "topP": "top_p",
    "topK": "top_k",
    "maxOutputTokens": "max_output_tokens",
    "seed": "seed",
}


def canonical_chat(body: Json) -> Json:
    """The recorded body with what means the same written the same: names in camel case; no members at their defaults;
    schemas as JSON Schema (Google's older dialect of it has upper-case types); all functions in one tool, after the
    others; VALIDATED as AUTO, which it is but for how strictly arguments follow their schema.
    """
    body = _camel(body)
    if "systemInstruction" in body:
        body["systemInstruction"].pop("role", None)
    for content in body["contents"]:
        content.setdefault("role", "user")
        for part in content["parts"]:
            if "inlineData" in part:
                data = base64.urlsafe_b64decode(part["inlineData"]["data"].replace("+", "-").replace("/", "_"))
                part["inlineData"]["data"] = base64.b64encode(data).decode()
    config = body.pop("generationConfig", {})
    if "responseSchema" in config:
        config["responseJsonSchema"] = _json_schema(config.pop("responseSchema"))
    thinking = config.pop("thinkingConfig", {})
    if not thinking.get("includeThoughts"):
        thinking.pop("includeThoughts", None)
    if "thinkingLevel" in thinking:
        thinking["thinkingLevel"] = thinking["thinkingLevel"].upper()
    if thinking:
        config["thinkingConfig"] = thinking
    if config:
        body["generationConfig"] = config
    calling = body.get("toolConfig", {}).get("functionCallingConfig", {})
    if calling.get("mode") == "VALIDATED":
        calling["mode"] = "AUTO"
        calling.pop("allowedFunctionNames", None)
    if "tools" in body:
        body["tools"] = _tools(body["tools"])
    return body


def chat_spec(body: Json, model: str) -> ChatSpec:
    """What the recorded body of a chat asks."""
    body = canonical_chat(body)
    config = body.pop("generationConfig", {})
    tool_config = body.pop("toolConfig", {})
    contents, system = body.pop("contents"), body.pop("systemInstruction", None)
    messages = [Message(Role.SYSTEM, tuple(Part(Text(p["text"])) for p in system["parts"]))] if system else []
    messages += _messages(contents)
    tools = body.pop("tools", [])
    calling = tool_config.pop("functionCallingConfig", None)
    if tool_config:
        body["toolConfig"] = tool_config
    known = {
        *_SCALARS,
        "stopSequences",
        "thinkingConfig",
        "responseMimeType",
        "responseJsonSchema",
        "responseLogprobs",
        "logprobs",
    }
    if rest := {name: value for name, value in config.items() if name not in known}:
        body["generationConfig"] = rest
    return ChatSpec(
        model=model,
        messages=tuple(messages),
        tools=tuple(tool for entry in tools for tool in _spec_tools(entry)),
        tool_choice=_choice(calling),
        response_format=_format(config),
        reasoning=_reasoning(config.get("thinkingConfig")),
        stop_sequences=tuple(config.get("stopSequences", ())),
        top_logprobs=config.get("logprobs", 0) if config.get("responseLogprobs") else None,
        provider_options={"gemini": json.dumps(body), "vertex": json.dumps(body)} if body else {},
        **{name: config[member] for member, name in _SCALARS.items() if member in config},
    )


def embed_spec(body: Json, model: str) -> EmbedSpec:
    """What the recorded body of embeddings asks; the task, where it stands apart, as an option of the provider's."""
    if "instances" in body:
        texts = [one["content"] for one in body["instances"]]
        task = body["instances"][0].get("task_type")
    else:
        requests = body.get("requests", [body])
        texts = [one["content"]["parts"][0]["text"] for one in requests]
        task = requests[0].get("taskType")
    options = json.dumps({"taskType": task})
    return EmbedSpec(
        model=model,
        inputs=tuple(texts),
        dimensions=body.get("requests", [{}])[0].get("outputDimensionality"),
        provider_options={"gemini": options, "vertex": options} if task else {},
    )


def _camel(value: Any) -> Any:
    if isinstance(value, list):
        return [_camel(one) for one in value]
    if not isinstance(value, dict):
        return value
    named = {re.sub(r"_([a-z])", lambda m: m[1].upper(), name): one for name, one in value.items()}
    # What is inside of items, options and tools of Google's own goes as the caller wrote it.
    left = (*_OPAQUE, *_ITEMS, "modelArmorConfig", "fileSearch", "codeExecution")
    return {name: one if name in left else _camel(one) for name, one in named.items()}


def _json_schema(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_json_schema(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: one.lower() if name == "type" and isinstance(one, str) else _json_schema(one)
        for name, one in schema.items()
    }


def _tools(tools: list[Json]) -> list[Json]:
    functions = [one for tool in tools for one in tool.get("functionDeclarations", [])]
    for function in functions:
        if not function.get("description", "-"):
            del function["description"]
        if "parameters" in function:
            function["parametersJsonSchema"] = _json_schema(function.pop("parameters"))
    others = [tool for tool in tools if "functionDeclarations" not in tool]
    return [*others, {"functionDeclarations": functions}] if functions else others


def _messages(contents: list[Json]) -> list[Message]:
    messages = []
    for content in contents:
        role = Role.ASSISTANT if content["role"] == "model" else Role.USER
        if any("functionResponse" in part for part in content["parts"]):
            role = Role.TOOL
        messages.append(Message(role, tuple(_part(part) for part in content["parts"])))
    return messages


def _part(part: Json) -> Part:
    signature = part.get("thoughtSignature")
    state = ProviderState(TAG, json.dumps({"thoughtSignature": signature}).encode()) if signature else None
    for kind in _ITEMS:
        if kind in part:
            return Part(ProviderItem(TAG, kind, json.dumps(part).encode()))
    if call := part.get("functionCall"):
        return Part(ToolCall(_id(call), call["name"], json.dumps(call.get("args", {}))), state)
    if response := part.get("functionResponse"):
        return Part(_result(response))
    if "fileData" in part:
        return Part(File(url=part["fileData"]["fileUri"], media_type=part["fileData"].get("mimeType", "")), state)
    if "inlineData" in part:
        data = base64.b64decode(part["inlineData"]["data"])
        return Part(File(data=data, media_type=part["inlineData"]["mimeType"]), state)
    return Part(Text(part["text"]), state)


def _id(call: Json) -> str:
    """The id of a call or response; where there is none, one as the gateway makes it, by the name."""
    return str(call.get("id") or "call_" + call["name"].encode().hex().ljust(24, "0")[:24])


def _result(response: Json) -> ToolResult:
    value = response["response"]
    call_id = _id(response)
    if value.keys() == {"error"}:
        return ToolResult(call_id, (Part(Text(value["error"])),), is_error=True)
    files = [
        Part(File(url=one["fileData"]["fileUri"], media_type=one["fileData"]["mimeType"]))
        for one in response.get("parts", [])
    ]
    return ToolResult(call_id, (*([Part(Text(json.dumps(value)))] if value else []), *files))


def _spec_tools(entry: Json) -> list[FunctionTool | ProviderTool]:
    if "functionDeclarations" not in entry:
        return [ProviderTool(TAG, json.dumps(entry))]
    return [
        FunctionTool(
            one["name"],
            one.get("description", ""),
            json.dumps(one["parametersJsonSchema"]) if "parametersJsonSchema" in one else "",
        )
        for one in entry["functionDeclarations"]
    ]


def _choice(config: Json | None) -> ToolChoice | None:
    if config is None:
        return None
    return ToolChoice(_MODES[config["mode"]], tuple(config.get("allowedFunctionNames", ())))


def _format(config: Json) -> JsonObjectFormat | JsonSchemaFormat | None:
    if "responseMimeType" not in config:
        return None
    if "responseJsonSchema" not in config:
        return JsonObjectFormat()
    return JsonSchemaFormat("answer", json.dumps(config["responseJsonSchema"]))


def _reasoning(config: Json | None) -> ReasoningSpec | None:
    if config is None:
        return None
    level = config.get("thinkingLevel")
    return ReasoningSpec(Effort(level.lower()) if level else None, config.get("thinkingBudget"))
