"""A caller at the HTTP doors. It takes the contract's requests, says them in OpenAI's or Anthropic's words, and gives
what it was told as the contract's answers, so that one test can ask at every door.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import grpc
import httpx
from google.protobuf.duration_pb2 import Duration
from hedgerow.chat.v1 import chat_service_pb2 as chat_pb
from hedgerow.chat.v1 import event_pb2
from hedgerow.chat.v1 import message_pb2 as pb
from hedgerow.common.v1 import attempt_pb2, policy_pb2, usage_pb2
from hedgerow_server.core.error import FieldViolation, every_error
from hedgerow_server.doors.status import trailers

_SECONDS = {
    "first_token_timeout": "first_token_timeout_seconds",
    "idle_timeout": "idle_timeout_seconds",
    "cache_max_age": "cache_max_age_seconds",
}
_SAME = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "parallel_tool_calls", "top_logprobs")


class Told:
    """All that a call told its caller, as `rpc.caller.Outcome` wants it."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.code = grpc.StatusCode.OK
        self.text = ""
        self.trailers: tuple[tuple[str, str | bytes], ...] = ()
        self.raw = b""


class HttpCaller:
    """Asks at one of the HTTP doors."""

    def __init__(self, address: str) -> None:
        self._client = httpx.Client(base_url=f"http://{address}", timeout=30, trust_env=False)

    def close(self) -> None:
        """Closes its connections."""
        self._client.close()

    def ask(
        self,
        door: str,
        request: chat_pb.CompleteRequest,
        *,
        stream: bool,
        metadata: Iterable[tuple[str, str | bytes]] = (),
        timeout: float | None = 30.0,
    ) -> Told:
        """Asks for a chat answer."""
        body, path = (_openai(request), "/v1/chat/completions")
        if door == "anthropic":
            body, path = (_anthropic(request), "/v1/messages")
        body["hedgerow"] = _extension(request)
        headers = [(name, value) for name, value in metadata if isinstance(value, str)]
        if request.idempotency_key:
            headers.append(("idempotency-key", request.idempotency_key))
        if timeout is not None:
            headers.append(("x-hedgerow-timeout", str(timeout)))
        if not stream:
            answer = self._client.post(path, json=body, headers=headers)
            told = _answered(door, answer) if answer.status_code == 200 else _refused(answer)
            told.raw = repr(answer.headers.raw).encode() + answer.content
            return told
        body["stream"] = True
        if door == "openai":
            body["stream_options"] = {"include_usage": True}
        with self._client.stream("POST", path, json=body, headers=headers) as answer:
            lines: list[str] = []
            if answer.status_code != 200:
                lines.append(answer.read().decode())
                told = _refused(answer)
            else:
                told = _streamed(door, answer, lines)
            told.raw = repr(answer.headers.raw).encode() + "\n".join(lines).encode()
            return told


def _extension(request: chat_pb.CompleteRequest) -> dict[str, Any]:
    told: dict[str, Any] = {}
    route: dict[str, Any] = {}
    for field, value in request.route.ListFields():
        if isinstance(value, Duration):
            route[_SECONDS[field.name]] = value.ToNanoseconds() / 1e9
        elif field.name == "cache":
            route["cache"] = policy_pb2.CacheMode.Name(value).removeprefix("CACHE_MODE_").lower()
        else:
            route[field.name] = value if isinstance(value, str | bool | int) else list(value)
    if route:
        told["route"] = route
    if request.labels:
        told["labels"] = dict(request.labels)
    if request.chat.provider_options:
        told["provider_options"] = {name: json.loads(text) for name, text in request.chat.provider_options.items()}
    return told


def _openai(request: chat_pb.CompleteRequest) -> dict[str, Any]:
    chat = request.chat
    body: dict[str, Any] = {"model": chat.model, "messages": []}
    body |= {name: getattr(chat, name) for name in _SAME if chat.HasField(name)}  # type: ignore[arg-type]
    if chat.HasField("max_output_tokens"):
        body["max_completion_tokens"] = chat.max_output_tokens
    if chat.stop_sequences:
        body["stop"] = list(chat.stop_sequences)
    if chat.HasField("reasoning"):
        body["reasoning_effort"] = pb.ReasoningEffort.Name(chat.reasoning.effort).rpartition("_")[2].lower()
    if chat.tools:
        body["tools"] = [{"type": "function", "function": _function(one.function, "parameters")} for one in chat.tools]
    if chat.HasField("response_format"):
        body["response_format"] = _format(chat.response_format)
    for message in chat.messages:
        body["messages"] += _openai_messages(message)
    return body


def _function(tool: pb.FunctionTool, schema: str) -> dict[str, Any]:
    told: dict[str, Any] = {"name": tool.name, "description": tool.description}
    if tool.parameters:
        told[schema] = json.loads(tool.parameters)
    return told


def _format(given: pb.ResponseFormat) -> dict[str, Any]:
    if given.WhichOneof("format") == "json_object":
        return {"type": "json_object"}
    form = given.json_schema
    told: dict[str, Any] = {"name": form.name, "schema": json.loads(form.schema)}
    if form.HasField("strict"):
        told["strict"] = form.strict
    return {"type": "json_schema", "json_schema": told}


def _openai_messages(message: pb.Message) -> list[dict[str, Any]]:
    role = pb.Role.Name(message.role).removeprefix("ROLE_").lower()
    if role == "tool":
        return [
            {"role": "tool", "tool_call_id": part.tool_result.tool_call_id, "content": _texts(part.tool_result.content)}
            for part in message.content
        ]
    told: dict[str, Any] = {"role": role}
    calls = [part.tool_call for part in message.content if part.HasField("tool_call")]
    texts = [part for part in message.content if part.HasField("text")]
    if len(calls) + len(texts) < len(message.content):
        raise NotImplementedError(message)
    told["content"] = texts[0].text if len(texts) == 1 else [{"type": "text", "text": part.text} for part in texts]
    if calls:
        told["content"] = _texts(message.content) or None
        told["tool_calls"] = [
            {"id": one.id, "type": "function", "function": {"name": one.name, "arguments": one.arguments}}
            for one in calls
        ]
    return [told]


def _texts(parts: Iterable[pb.Part]) -> str:
    return "".join(part.text for part in parts)


def _anthropic(request: chat_pb.CompleteRequest) -> dict[str, Any]:
    chat = request.chat
    body: dict[str, Any] = {"model": chat.model, "messages": []}
    for name in ("temperature", "top_p", "top_k"):
        if chat.HasField(name):
            body[name] = getattr(chat, name)
    body["max_tokens"] = chat.max_output_tokens if chat.HasField("max_output_tokens") else None
    if body["max_tokens"] is None:
        del body["max_tokens"]
    if chat.stop_sequences:
        body["stop_sequences"] = list(chat.stop_sequences)
    if chat.tools:
        body["tools"] = [
            {"input_schema": {"type": "object"}, **_function(one.function, "input_schema")} for one in chat.tools
        ]
    if chat.HasField("response_format"):
        schema = json.loads(chat.response_format.json_schema.schema)
        body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    system = [part.text for one in chat.messages if one.role == pb.ROLE_SYSTEM for part in one.content]
    if system:
        body["system"] = [{"type": "text", "text": text} for text in system]
    for message in chat.messages:
        if message.role != pb.ROLE_SYSTEM:
            role = "assistant" if message.role == pb.ROLE_ASSISTANT else "user"
            body["messages"].append({"role": role, "content": [_block(part) for part in message.content]})
    return body


def _block(part: pb.Part) -> dict[str, Any]:
    match part.WhichOneof("content"):
        case "text":
            return {"type": "text", "text": part.text}
        case "tool_call":
            call = part.tool_call
            return {"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments or "{}")}
        case "tool_result":
            result = part.tool_result
            content = [_block(one) for one in result.content]
            return {"type": "tool_result", "tool_use_id": result.tool_call_id, "content": content}
        case _:
            raise NotImplementedError(part)


def _answered(door: str, answer: httpx.Response) -> Told:
    body = answer.json()
    told, response = Told(), chat_pb.CompleteResponse()
    message = response.message
    message.role = pb.ROLE_ASSISTANT
    if door == "openai":
        _from_openai(message, body["choices"][0]["message"])
    else:
        for block in body["content"]:
            _from_block(message, block)
    _fill(response, body["hedgerow"], _usage(door, body["usage"]))
    told.messages.append(response)
    told.trailers = _trailers(answer, body["hedgerow"], response.usage)
    return told


def _from_openai(target: pb.Message, given: dict[str, Any]) -> None:
    if given.get("reasoning_content"):
        target.content.add().reasoning.text = given["reasoning_content"]
    if given.get("content"):
        target.content.add(text=given["content"])
    if given.get("refusal"):
        target.content.add(refusal=given["refusal"])
    for call in given.get("tool_calls") or ():
        function = call["function"]
        target.content.add().tool_call.CopyFrom(
            pb.ToolCall(id=call["id"], name=function["name"], arguments=function["arguments"])
        )


def _from_block(target: pb.Message, block: dict[str, Any]) -> None:
    match block["type"]:
        case "text":
            target.content.add(text=block["text"])
        case "thinking":
            target.content.add().reasoning.text = block["thinking"]
        case "tool_use":
            call = pb.ToolCall(id=block["id"], name=block["name"], arguments=json.dumps(block["input"]))
            target.content.add().tool_call.CopyFrom(call)


def _usage(door: str, given: dict[str, Any]) -> usage_pb2.Usage:
    if door == "anthropic":
        read, wrote = given.get("cache_read_input_tokens") or 0, given.get("cache_creation_input_tokens") or 0
        return usage_pb2.Usage(
            input_tokens=given["input_tokens"] + read + wrote,
            output_tokens=given["output_tokens"],
            input_uncached_tokens=given["input_tokens"],
            input_cache_read_tokens=read,
            final=True,
        )
    read = (given.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return usage_pb2.Usage(
        input_tokens=given["prompt_tokens"],
        output_tokens=given["completion_tokens"],
        input_uncached_tokens=given["prompt_tokens"] - read,
        input_cache_read_tokens=read,
        final=True,
    )


def _fill(target: Any, told: dict[str, Any], usage: usage_pb2.Usage) -> None:
    """Fills what CompleteResponse and Completed have in common, and who answered where that is told there."""
    target.usage.CopyFrom(usage)
    target.finish_reason = event_pb2.FinishReason.Value(f"FINISH_REASON_{told['finish_reason'].upper()}")
    target.native_finish_reason = told["native_finish_reason"]
    for name in ("cost_picos", "charged_picos", "price_version"):
        if told.get(name) is not None:
            setattr(target, name, told[name])
    target.attempts.extend(_attempt(one) for one in told["attempts"])
    if isinstance(target, chat_pb.CompleteResponse):
        _start(target, told)
        target.guardrail_verdicts.extend(_verdict(one) for one in told.get("guardrail_verdicts", ()))


def _start(target: Any, told: dict[str, Any]) -> None:
    target.provider, target.model = told["provider"], told["model"]
    _warn(target.warnings, told)
    if origin := told.get("cache"):
        kept = target.cache_origin
        kept.kind = event_pb2.CacheKind.Value(f"CACHE_KIND_{origin['kind'].upper()}")
        kept.provider, kept.model = origin["provider"], origin["model"]
        kept.age.FromNanoseconds(round(origin["age_seconds"] * 1e9))
        for name in ("saved_picos", "similarity"):
            if origin.get(name) is not None:
                setattr(kept, name, origin[name])


def _warn(target: Any, told: dict[str, Any]) -> None:
    for one in told.get("warnings", ()):
        target.add(code=f"WARNING_CODE_{one['code'].upper()}", field=one["field"], message=one["message"])


def _attempt(told: dict[str, Any]) -> attempt_pb2.Attempt:
    made = attempt_pb2.Attempt(
        number=told["number"],
        provider=told["provider"],
        model=told["model"],
        region=told.get("region", ""),
        kind=attempt_pb2.AttemptKind.Value(f"ATTEMPT_KIND_{told['kind'].upper()}"),
        outcome=attempt_pb2.AttemptOutcome.Value(f"ATTEMPT_OUTCOME_{told['outcome'].upper()}"),
        upstream_status=told.get("upstream_status", 0),
    )
    if "output_tokens" in told or "input_tokens" in told:
        made.usage.input_tokens = told.get("input_tokens", 0)
        made.usage.output_tokens = told.get("output_tokens", 0)
        made.usage.estimated = told.get("usage_estimated", False)
    for name in ("hedge_planned_delay", "hedge_delay"):
        if told.get(f"{name}_seconds") is not None:
            getattr(made, name).FromNanoseconds(round(told[f"{name}_seconds"] * 1e9))
    for unit, count in (told.get("other_units") or {}).items():
        made.usage.other_units[unit] = count
    if told.get("first_token_seconds") is not None:
        made.first_token_duration.FromNanoseconds(round(told["first_token_seconds"] * 1e9))
    made.start_time.FromNanoseconds(round(told["start_unix_seconds"] * 1e9))
    made.total_duration.FromNanoseconds(round(told["total_seconds"] * 1e9))
    if told.get("error_reason"):
        made.error_reason = f"ERROR_REASON_{told['error_reason']}"
    if told.get("cost_picos") is not None:
        made.cost_picos = told["cost_picos"]
    return made


def _verdict(told: dict[str, Any]) -> event_pb2.GuardrailVerdict:
    made = event_pb2.GuardrailVerdict(
        guardrail=told["guardrail"],
        action=event_pb2.GuardrailAction.Value(f"GUARDRAIL_ACTION_{told['action'].upper()}"),
        side=event_pb2.GuardrailSide.Value(f"GUARDRAIL_SIDE_{told['side'].upper()}"),
        category=told["category"],
        shadow=told.get("shadow", False),
    )
    if "score" in told:
        made.score = told["score"]
    return made


def _trailers(
    answer: httpx.Response, told: dict[str, Any], usage: usage_pb2.Usage
) -> tuple[tuple[str, str | bytes], ...]:
    report = attempt_pb2.CallReport(request_id=answer.headers["x-request-id"])
    if not told.get("replay_of"):
        report.usage.CopyFrom(usage)
    report.attempts.extend(_attempt(one) for one in reversed(told["attempts"]))
    for name in ("cost_picos", "charged_picos"):
        if told.get(name) is not None:
            setattr(report, name, told[name])
    report.replay_of = told.get("replay_of", "")
    _warn(report.warnings, told)
    return (("x-request-id", answer.headers["x-request-id"]), ("hedgerow-report-bin", report.SerializeToString()))


def _refused(answer: httpx.Response) -> Told:
    told = _failed(answer.json()["error"], answer.headers["x-request-id"])
    assert answer.status_code >= 400
    return told


def _failed(error: dict[str, Any], request_id: str) -> Told:
    told, own = Told(), error["hedgerow"]
    kind = every_error()[own["reason"]]
    told.code = grpc.StatusCode[kind.code]
    told.text = error["message"]
    resource = own.get("resource")
    made = kind(
        error["message"],
        metadata=own.get("metadata") or {},
        violations=tuple(FieldViolation(one["field"], one["description"]) for one in own.get("violations") or ()),
        retry_delay_s=own.get("retry_after_seconds"),
        resource=(resource["type"], resource["name"]) if resource else None,
        subject=own.get("subject") or "",
    )
    report = attempt_pb2.CallReport(request_id=request_id)
    report.attempts.extend(_attempt(one) for one in reversed(own.get("attempts") or ()))
    told.trailers = trailers(request_id, report.SerializeToString(), made)
    return told


def _streamed(door: str, answer: httpx.Response, lines: list[str]) -> Told:
    reader = _OpenAiStream() if door == "openai" else _AnthropicStream()
    told = Told()
    try:
        for name, data in _events(answer, lines):
            if "error" in data and name in ("", "error"):
                failed = _failed(data["error"], answer.headers["x-request-id"])
                failed.messages = reader.messages
                return failed
            reader.take(data)
    except httpx.RemoteProtocolError:
        told.code, told.text = grpc.StatusCode.UNAVAILABLE, "the connection was broken off"
        told.messages = reader.messages
        return told
    told.messages = reader.end()
    told.trailers = _trailers(answer, reader.told, reader.usage)
    return told


def _events(answer: httpx.Response, lines: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The server-sent events: name and data. `[DONE]` is none. `lines` takes all that comes."""
    name = ""
    for line in answer.iter_lines():
        lines.append(line)
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data" and value != "[DONE]":
            yield name, json.loads(value)
        elif not line:
            name = ""


class _Stream:
    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.told: dict[str, Any] = {}
        self.usage = usage_pb2.Usage()

    def _add(self) -> Any:
        self.messages.append(chat_pb.StreamCompleteResponse(sequence=len(self.messages)))
        return self.messages[-1]

    def hear(self, told: dict[str, Any]) -> None:
        """Takes a member `hedgerow`."""
        for one in told.get("guardrail_verdicts", ()):
            self._add().guardrail_verdict.CopyFrom(_verdict(one))
        if "provider" in told and not any(one.HasField("started") for one in self.messages):
            _start(self._add().started, told)
        self.told |= told

    def end(self) -> list[Any]:
        """All of it, once it is whole."""
        _fill(self._add().completed, self.told, self.usage)
        return self.messages


class _OpenAiStream(_Stream):
    def take(self, chunk: dict[str, Any]) -> None:
        """Takes a chunk."""
        self.hear(chunk.get("hedgerow") or {})
        if chunk.get("usage"):
            self.usage = _usage("openai", chunk["usage"])
        for choice in chunk["choices"]:
            delta = choice["delta"]
            if delta.get("content"):
                self._add().text_delta.text = delta["content"]
            if delta.get("refusal"):
                self._add().refusal_delta.text = delta["refusal"]
            if delta.get("reasoning_content"):
                self._add().reasoning_delta.text = delta["reasoning_content"]
            for call in delta.get("tool_calls") or ():
                if call.get("id"):
                    self._add().tool_call_started.CopyFrom(
                        event_pb2.ToolCallStarted(
                            part_index=call["index"], id=call["id"], name=call["function"]["name"]
                        )
                    )
                if call["function"].get("arguments"):
                    self._add().tool_call_arguments_delta.CopyFrom(
                        event_pb2.ToolCallArgumentsDelta(
                            part_index=call["index"], arguments=call["function"]["arguments"]
                        )
                    )


class _AnthropicStream(_Stream):
    def take(self, event: dict[str, Any]) -> None:
        """Takes an event."""
        self.hear(event.get("hedgerow") or event.get("message", {}).get("hedgerow") or {})
        match event["type"]:
            case "content_block_start":
                self._begin(event["index"], event["content_block"])
            case "content_block_delta":
                self._delta(event["index"], event["delta"])
            case "message_delta":
                self.usage = _usage("anthropic", event["usage"])

    def _begin(self, index: int, block: dict[str, Any]) -> None:
        if block["type"] == "tool_use":
            self._add().tool_call_started.CopyFrom(
                event_pb2.ToolCallStarted(part_index=index, id=block["id"], name=block["name"])
            )

    def _delta(self, index: int, delta: dict[str, Any]) -> None:
        match delta["type"]:
            case "text_delta":
                self._add().text_delta.text = delta["text"]
            case "thinking_delta":
                self._add().reasoning_delta.text = delta["thinking"]
            case "input_json_delta":
                self._add().tool_call_arguments_delta.CopyFrom(
                    event_pb2.ToolCallArgumentsDelta(part_index=index, arguments=delta["partial_json"])
                )
