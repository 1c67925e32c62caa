"""Each chat dialect, seen by a client: how to ask, and an independent reading of what comes back."""

import binascii
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from unit.hedgerow_sim.harness import KEY, Answer, Sim

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
NAMES = ("weather", "tides")
HELLO = "Tell me about hedges, please"
CALL = "Please call weather and tides."


@dataclass
class Told:
    """What an answer says."""

    text: str = ""
    thinking: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    finish: str | None = None
    usage: Any = None


@dataclass(frozen=True)
class Wire:
    """A dialect from outside. `finishes` are its words for stop, length and tool calls."""

    name: str
    path: Callable[[str, bool], str]
    body: Callable[[str, bool, str, int | None, bool], dict[str, Any]]
    """From model, stream, prompt, limit, and whether there are tools."""
    read: Callable[[Any], Told]
    fold: Callable[[Answer], Told]
    finishes: tuple[str, str, str]
    key: dict[str, str]
    statuses: dict[str, int] = field(default_factory=dict)
    """Where they differ from what the behaviour is called."""

    async def ask(self, sim: Sim, model: str, *, stream: bool, prompt: str = HELLO, **more: Any) -> Answer:
        """One request; `limit` and `tools` are optional."""
        body = self.body(model, stream, prompt, more.get("limit"), more.get("tools", False))
        return await sim.post(self.path(model, stream), body, **self.key)

    def told(self, answer: Answer, *, stream: bool) -> Told:
        """What an answer says."""
        assert answer.status == 200, answer.body
        return self.fold(answer) if stream else self.read(answer.json)


def sse(answer: Answer) -> Iterator[Any]:
    """The data of events, `[DONE]` left out; an event's name, if it has one, is its type."""
    for block in answer.body.decode().replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        if "data" not in fields or fields["data"] == "[DONE]":
            continue
        data = json.loads(fields["data"])
        assert fields.get("event", data.get("type")) == data.get("type")
        yield data


def frames(body: bytes) -> Iterator[tuple[dict[str, str], Any]]:
    """The messages of an AWS event stream, their checksums checked: headers and JSON payload."""
    while body:
        size, head = struct.unpack("!II", body[:8])
        assert zlib.crc32(body[:8]) == struct.unpack("!I", body[8:12])[0]
        assert zlib.crc32(body[: size - 4]) == struct.unpack("!I", body[size - 4 : size])[0]
        headers, at = {}, 12
        while at < 12 + head:
            name_size = body[at]
            name = body[at + 1 : at + 1 + name_size].decode()
            at += 1 + name_size
            kind, value_size = struct.unpack("!BH", body[at : at + 3])
            assert kind == 7
            headers[name] = body[at + 3 : at + 3 + value_size].decode()
            at += 3 + value_size
        yield headers, json.loads(body[12 + head : size - 4])
        body = body[size:]


def _functions(tools: bool) -> dict[str, Any]:
    functions = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in NAMES]
    return {"tools": functions} if tools else {}


# --- OpenAI Chat Completions, also on Azure ---


def _openai_body(model: str, stream: bool, prompt: str, limit: int | None, tools: bool) -> dict[str, Any]:
    body = {"model": model, "messages": [{"role": "user", "content": prompt}], "stream": stream, **_functions(tools)}
    return (
        body
        | ({"max_tokens": limit} if limit else {})
        | ({"stream_options": {"include_usage": True}} if stream else {})
    )


def _openai_read(body: Any) -> Told:
    choice = body["choices"][0]
    calls = [
        (one["function"]["name"], json.loads(one["function"]["arguments"]))
        for one in choice["message"].get("tool_calls", ())
    ]
    return Told(choice["message"]["content"] or "", "", calls, choice["finish_reason"], body["usage"])


def _openai_fold(answer: Answer) -> Told:
    told, calls = Told(), dict[int, list[str]]()
    for event in sse(answer):
        told.usage = event.get("usage") or told.usage
        for choice in event["choices"]:
            told.text += choice["delta"].get("content") or ""
            told.finish = choice["finish_reason"] or told.finish
            for call in choice["delta"].get("tool_calls", ()):
                one = calls.setdefault(call["index"], ["", ""])
                one[0] += call["function"].get("name", "")
                one[1] += call["function"]["arguments"]
    told.calls = [(name, json.loads(arguments)) for name, arguments in calls.values()]
    return told


# --- OpenAI Responses ---


def _responses_body(model: str, stream: bool, prompt: str, limit: int | None, tools: bool) -> dict[str, Any]:
    flat = {"tools": [{"type": "function", "name": name, "parameters": SCHEMA} for name in NAMES]} if tools else {}
    reasoning = {"effort": "minimal", "summary": "auto"}
    return {
        "model": model,
        "input": prompt,
        "stream": stream,
        "max_output_tokens": limit,
        "reasoning": reasoning,
        **flat,
    }


def _responses_read(body: Any) -> Told:
    told = Told(usage=body["usage"])
    for item in body["output"]:
        told.thinking += "".join(part["text"] for part in item.get("summary", ()))
        told.text += "".join(part["text"] for part in item.get("content", ()))
        if item["type"] == "function_call":
            told.calls.append((item["name"], json.loads(item["arguments"])))
    told.finish = None if body["status"] == "in_progress" else body["status"]
    return told


def _responses_fold(answer: Answer) -> Told:
    told, calls = Told(), dict[int, list[str]]()
    for number, event in enumerate(sse(answer)):
        assert event["sequence_number"] == number
        kind, delta = event["type"].removeprefix("response."), event.get("delta")
        if kind == "output_text.delta":
            told.text += delta
        elif kind == "reasoning_summary_text.delta":
            told.thinking += delta
        elif kind == "output_item.added" and event["item"]["type"] == "function_call":
            calls[event["output_index"]] = [event["item"]["name"], ""]
        elif kind == "function_call_arguments.delta":
            calls[event["output_index"]][1] += delta
        elif kind in ("completed", "incomplete"):
            told.finish, told.usage = kind, event["response"]["usage"]
    told.calls = [(name, json.loads(arguments)) for name, arguments in calls.values()]
    return told


# --- Anthropic Messages, also on Vertex AI ---


def _anthropic_body(model: str, stream: bool, prompt: str, limit: int | None, tools: bool) -> dict[str, Any]:
    flat = {"tools": [{"name": name, "input_schema": SCHEMA} for name in NAMES]} if tools else {}
    body = {"messages": [{"role": "user", "content": prompt}], "max_tokens": limit or 4000, "stream": stream, **flat}
    return body | {"model": model, "thinking": {"type": "adaptive"}}


def _vertex_claude_body(model: str, stream: bool, prompt: str, limit: int | None, tools: bool) -> dict[str, Any]:
    body = _anthropic_body(model, stream, prompt, limit, tools) | {"anthropic_version": "vertex-2023-10-16"}
    del body["model"]
    return body


def _anthropic_read(body: Any) -> Told:
    told = Told(finish=body["stop_reason"], usage=body["usage"]["output_tokens"])
    for block in body["content"]:
        told.text += block.get("text", "")
        told.thinking += block.get("thinking", "")
        if block["type"] == "tool_use":
            told.calls.append((block["name"], block["input"]))
    return told


def _anthropic_fold(answer: Answer) -> Told:
    told, calls = Told(), dict[int, list[str]]()
    for event in sse(answer):
        if event["type"] == "content_block_start" and event["content_block"]["type"] == "tool_use":
            calls[event["index"]] = [event["content_block"]["name"], ""]
        elif event["type"] == "content_block_delta":
            told.text += event["delta"].get("text", "")
            told.thinking += event["delta"].get("thinking", "")
            if "partial_json" in event["delta"]:
                calls[event["index"]][1] += event["delta"]["partial_json"]
        elif event["type"] == "message_delta":
            told.finish, told.usage = event["delta"]["stop_reason"], event["usage"]["output_tokens"]
    told.calls = [(name, json.loads(arguments)) for name, arguments in calls.values()]
    return told


# --- Gemini, as events, as an array, and on Vertex AI ---


def _gemini_body(model: str, stream: bool, prompt: str, limit: int | None, tools: bool) -> dict[str, Any]:
    config: dict[str, Any] = {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 8}}
    config |= {"maxOutputTokens": limit} if limit else {}
    declared = {"tools": [{"functionDeclarations": [{"name": name, "parameters": SCHEMA} for name in NAMES]}]}
    contents = [{"role": "user", "parts": [{"text": prompt}]}]
    return {"contents": contents, "generationConfig": config, **(declared if tools else {})}


def _gemini_told(told: Told, body: Any) -> Told:
    candidate = body["candidates"][0]
    for part in candidate["content"].get("parts", ()):
        if "functionCall" in part:
            told.calls.append((part["functionCall"]["name"], part["functionCall"]["args"]))
        elif part.get("thought"):
            told.thinking += part["text"]
        else:
            told.text += part["text"]
    told.finish, told.usage = candidate.get("finishReason"), body["usageMetadata"]
    return told


def _gemini_fold(answer: Answer) -> Told:
    told = Told()
    is_sse = answer.headers["content-type"].startswith("text/event-stream")
    for body in sse(answer) if is_sse else answer.json:
        _gemini_told(told, body)
    return told


def _gemini_path(base: str, query: str) -> Callable[[str, bool], str]:
    return lambda model, stream: f"{base}/{model}:{'streamGenerateContent' + query if stream else 'generateContent'}"


# --- Bedrock Converse ---


def _bedrock_body(model: str, stream: bool, prompt: str, limit: int | None, tools: bool) -> dict[str, Any]:
    specs = [{"toolSpec": {"name": name, "inputSchema": {"json": SCHEMA}}} for name in NAMES]
    body: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": prompt}]}]}
    body["additionalModelRequestFields"] = {"thinking": {"type": "adaptive"}}
    return (
        body
        | ({"inferenceConfig": {"maxTokens": limit}} if limit else {})
        | ({"toolConfig": {"tools": specs}} if tools else {})
    )


def _bedrock_read(body: Any) -> Told:
    told = Told(finish=body.get("stopReason"), usage=body["usage"])
    for block in body["output"]["message"]["content"]:
        told.text += block.get("text", "")
        told.thinking += block.get("reasoningContent", {}).get("reasoningText", {}).get("text", "")
        if "toolUse" in block:
            told.calls.append((block["toolUse"]["name"], block["toolUse"]["input"]))
    return told


def _bedrock_fold(answer: Answer) -> Told:
    told, calls = Told(), dict[int, list[str]]()
    for headers, data in frames(answer.body):
        delta = data.get("delta", {})
        match headers[":event-type"]:
            case "contentBlockStart":
                calls[data["contentBlockIndex"]] = [data["start"]["toolUse"]["name"], ""]
            case "contentBlockDelta" if "toolUse" in delta:
                calls[data["contentBlockIndex"]][1] += delta["toolUse"]["input"]
            case "contentBlockDelta":
                told.text += delta.get("text", "")
                told.thinking += delta.get("reasoningContent", {}).get("text", "")
            case "messageStop":
                told.finish = data["stopReason"]
            case "metadata":
                told.usage = data["usage"]
    told.calls = [(name, json.loads(arguments)) for name, arguments in calls.values()]
    return told


def _claude_on_bedrock_body(model: str, stream: bool, prompt: str, limit: int | None, tools: bool) -> dict[str, Any]:
    body = _vertex_claude_body(model, stream, prompt, limit, tools) | {"anthropic_version": "bedrock-2023-05-31"}
    del body["stream"]
    return body


def _claude_on_bedrock_fold(answer: Answer) -> Told:
    events = [binascii.a2b_base64(data["bytes"]) for _, data in frames(answer.body)]
    body = b"".join(b"data: " + event + b"\n\n" for event in events)
    return _anthropic_fold(Answer(answer.status, answer.headers, body))


# --- Cohere ---


def _cohere_body(model: str, stream: bool, prompt: str, limit: int | None, tools: bool) -> dict[str, Any]:
    body = {"model": model, "messages": [{"role": "user", "content": prompt}], "stream": stream, **_functions(tools)}
    return body | {"thinking": {"type": "enabled"}} | ({"max_tokens": limit} if limit else {})


def _cohere_read(body: Any) -> Told:
    told = Told(finish=body.get("finish_reason"), usage=body["usage"])
    for block in body["message"].get("content", ()):
        told.text += block.get("text", "")
        told.thinking += block.get("thinking", "")
    told.text += body["message"].get("tool_plan", "")
    for call in body["message"].get("tool_calls", ()):
        told.calls.append((call["function"]["name"], json.loads(call["function"]["arguments"])))
    return told


def _cohere_fold(answer: Answer) -> Told:
    assert answer.body.endswith(b"data: [DONE]\n\n")
    told, calls = Told(), dict[int, list[str]]()
    for event in sse(answer):
        message = event.get("delta", {}).get("message", {})
        match event["type"]:
            case "content-delta":
                told.text += message["content"].get("text", "")
                told.thinking += message["content"].get("thinking", "")
            case "tool-plan-delta":
                told.text += message["tool_plan"]
            case "tool-call-start":
                calls[event["index"]] = [message["tool_calls"]["function"]["name"], ""]
            case "tool-call-delta":
                calls[event["index"]][1] += message["tool_calls"]["function"]["arguments"]
            case "message-end":
                told.finish, told.usage = event["delta"].get("finish_reason"), event["delta"]["usage"]
    told.calls = [(name, json.loads(arguments)) for name, arguments in calls.values()]
    return told


# --- Ollama ---


def _ollama_body(model: str, stream: bool, prompt: str, limit: int | None, tools: bool) -> dict[str, Any]:
    body = {"model": model, "messages": [{"role": "user", "content": prompt}], "stream": stream, **_functions(tools)}
    return body | {"think": True} | ({"options": {"num_predict": limit}} if limit else {})


def _ollama_told(told: Told, body: Any) -> Told:
    told.text += body["message"]["content"]
    told.thinking += body["message"].get("thinking", "")
    told.calls += [
        (call["function"]["name"], call["function"]["arguments"]) for call in body["message"].get("tool_calls", ())
    ]
    if body["done"]:
        told.finish, told.usage = body["done_reason"], body["eval_count"]
    return told


def _ollama_fold(answer: Answer) -> Told:
    told = Told()
    for line in answer.body.splitlines():
        _ollama_told(told, json.loads(line))
    return told


_BEARER = {"authorization": f"Bearer {KEY}"}
_GOOGLE = ("STOP", "MAX_TOKENS", "STOP")
_CLAUDE = ("end_turn", "max_tokens", "tool_use")
_CLAUDE_KEY = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
_VERTEX = "/v1/projects/hedges/locations/us-east5/publishers"
_BEDROCK_STATUSES = {"sim-401": 403, "sim-429-quota": 429}

WIRES = (
    Wire("openai", lambda *_: "/v1/chat/completions", _openai_body, _openai_read, _openai_fold,
         ("stop", "length", "tool_calls"), _BEARER),
    Wire("azure", lambda model, _: f"/openai/deployments/{model}/chat/completions?api-version=2024-10-21",
         _openai_body, _openai_read, _openai_fold, ("stop", "length", "tool_calls"), {"api-key": KEY}),
    Wire("responses", lambda *_: "/v1/responses", _responses_body, _responses_read, _responses_fold,
         ("completed", "incomplete", "completed"), _BEARER),
    Wire("anthropic", lambda *_: "/v1/messages", _anthropic_body, _anthropic_read, _anthropic_fold, _CLAUDE,
         _CLAUDE_KEY, {"sim-503": 529, "sim-429-quota": 400}),
    Wire("vertex-claude",
         lambda model, stream: f"{_VERTEX}/anthropic/models/{model}:{'streamRawPredict' if stream else 'rawPredict'}",
         _vertex_claude_body, _anthropic_read, _anthropic_fold, _CLAUDE, _BEARER, {"sim-503": 529}),
    Wire("gemini", _gemini_path("/v1beta/models", "?alt=sse"), _gemini_body, lambda body: _gemini_told(Told(), body),
         _gemini_fold, _GOOGLE, {"x-goog-api-key": KEY}, {"sim-401": 400}),
    Wire("gemini-array", _gemini_path("/v1beta/models", ""), _gemini_body, lambda body: _gemini_told(Told(), body),
         _gemini_fold, _GOOGLE, {"x-goog-api-key": KEY}, {"sim-401": 400}),
    Wire("vertex", _gemini_path(f"{_VERTEX}/google/models", "?alt=sse"), _gemini_body,
         lambda body: _gemini_told(Told(), body), _gemini_fold, _GOOGLE, _BEARER),
    Wire("bedrock", lambda model, stream: f"/model/{model}/converse{'-stream' if stream else ''}", _bedrock_body,
         _bedrock_read, _bedrock_fold, _CLAUDE, _BEARER, _BEDROCK_STATUSES),
    Wire("bedrock-claude", lambda model, stream: f"/model/{model}/invoke{'-with-response-stream' if stream else ''}",
         _claude_on_bedrock_body, _anthropic_read, _claude_on_bedrock_fold, _CLAUDE, _BEARER, _BEDROCK_STATUSES),
    Wire("cohere", lambda *_: "/v2/chat", _cohere_body, _cohere_read, _cohere_fold,
         ("COMPLETE", "MAX_TOKENS", "TOOL_CALL"), _BEARER, {"sim-429-quota": 402}),
    Wire("ollama", lambda *_: "/api/chat", _ollama_body, lambda body: _ollama_told(Told(), body),
         _ollama_fold, ("stop", "length", "stop"), _BEARER),
)  # fmt: skip
