"""Cohere Chat, version 2, unary and streamed.

Wire format: https://docs.cohere.com/reference/chat and …/chat-stream
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from hedgerow_sim import tokens
from hedgerow_sim.author import Author
from hedgerow_sim.chat import Ask, Call, Choice, Said, Tool, heard
from hedgerow_sim.dialects import cohere_errors, shape
from hedgerow_sim.dialects.cohere_errors import misfit, refuse
from hedgerow_sim.dialects.job import ChatJob
from hedgerow_sim.dialects.openai_errors import bearer
from hedgerow_sim.dialects.port import Frame, Incoming, Job, Refusal, Refused

_PATH: Final = "/v2/chat"
_THOUGHT: Final = 24
_THINKER: Final = "reasoning"
# The prompt that Cohere wraps around a conversation counts among the tokens, but is not billed.
_UNBILLED: Final = 496

Fields = dict[str, Any]


class _Function(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    description: str | None = None
    parameters: Fields | None = None
    arguments: str | None = None


class _Tool(msgspec.Struct, forbid_unknown_fields=True):
    function: _Function
    type: Literal["function"] = "function"
    id: str | None = None


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    role: Literal["user", "assistant", "system", "tool"]
    content: str | list[Fields] | None = None
    tool_calls: list[_Tool] | None = None
    tool_call_id: str | None = None
    tool_plan: str | None = None
    citations: Any = None


class _Format(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["text", "json_object"]
    json_schema: Fields | None = None
    schema: Fields | None = None


class _Thinking(msgspec.Struct, forbid_unknown_fields=True):
    type: Literal["enabled", "disabled"] = "enabled"
    token_budget: int | None = None


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    model: str
    messages: list[_Message]
    stream: bool = False
    tools: list[_Tool] | None = None
    tool_choice: Literal["REQUIRED", "NONE"] | None = None
    strict_tools: bool | None = None
    documents: list[Any] | None = None
    citation_options: Fields | None = None
    response_format: _Format | None = None
    safety_mode: str | None = None
    max_tokens: int | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    k: int | None = None
    p: float | None = None
    logprobs: bool | None = None
    thinking: _Thinking | None = None
    priority: int | None = None
    raw_prompting: bool | None = None
    reasoning_effort: str | None = None


class CohereChat:
    """The dialect."""

    def __init__(self, author: Author) -> None:
        self._author = author

    def serves(self, path: str) -> bool:
        """See Dialect."""
        return path == _PATH

    def key(self, incoming: Incoming) -> str | None:
        """The bearer key."""
        return bearer(incoming)

    def read(self, incoming: Incoming) -> Job:
        """See Dialect."""
        try:
            ask = _ask(shape.decode(incoming.body, _Body))
        except shape.Misfit as exc:
            raise misfit(exc) from None
        return ChatJob(ask, self._author, _Voice(ask))

    def refusal(self, refusal: Refusal, call: int, _incoming: Incoming) -> Refused:
        """See Dialect."""
        return cohere_errors.answer(refusal, call)


def _ask(body: _Body) -> Ask:
    if not body.messages:
        raise refuse("messages must not be empty")
    if body.messages[-1].role not in ("user", "tool"):
        raise refuse("the last message must be from the user or a tool")
    if body.temperature is not None and body.temperature < 0:
        raise refuse("temperature must be non-negative")
    if body.stop_sequences and len(body.stop_sequences) > 5:
        raise refuse("too many stop sequences: at most 5 are allowed")
    said = list(_said(body.messages))
    prompt, result, total = heard(said, [msgspec.to_builtins(one) for one in body.tools or ()])
    tools = tuple(Tool(one.function.name, one.function.parameters) for one in body.tools or ())
    if body.tool_choice is not None and not tools:
        raise refuse("tool_choice can only be specified with tools")
    return Ask(
        model=body.model,
        stream=body.stream,
        prompt=prompt,
        input_tokens=total,
        tool_result=result,
        limit=body.max_tokens,
        stops=tuple(body.stop_sequences or ()),
        tools=() if body.tool_choice == "NONE" else tools,
        must_call="*" if body.tool_choice == "REQUIRED" else None,
        schema=_schema(body.response_format),
        reasoning_tokens=_thought(body),
        preamble=True,
    )


def _said(messages: Sequence[_Message]) -> Iterator[Said]:
    waiting: list[str] = []
    for index, message in enumerate(messages):
        if message.role == "tool":
            if message.tool_call_id not in waiting:
                raise refuse(f"cannot find tool call id '{message.tool_call_id}' in previous tool calls")
            waiting.remove(message.tool_call_id)
        elif waiting:
            raise refuse(f"messages[{index}]: missing tool results for tool call ids [{', '.join(waiting)}]")
        elif message.role == "user" and not message.content:
            raise refuse("message must be at least 1 token long or tool results must be specified.")
        calls = message.tool_calls or []
        waiting += [call.id or "" for call in calls]
        parts = (
            [{"type": "text", "text": message.content}] if isinstance(message.content, str) else message.content or []
        )
        hidden = [message.tool_plan or "", *(call.function.name + (call.function.arguments or "") for call in calls)]
        hidden += [str(part.get("thinking", "")) for part in parts]
        yield Said(
            message.role,
            "\n".join(_text(part) for part in parts),
            " ".join(hidden),
            sum(part.get("type") == "image_url" for part in parts),
        )


def _text(part: Fields) -> str:
    match part.get("type"):
        case "text":
            return str(part.get("text", ""))
        case "document":
            data = (part.get("document") or {}).get("data", "")
            return data if isinstance(data, str) else " ".join(map(str, data.values()))
        case "image_url" | "thinking":
            return ""
    raise refuse(f"invalid content type: '{part.get('type')}'")


def _schema(wanted: _Format | None) -> Any:
    if wanted is None or wanted.type == "text":
        return None
    return wanted.json_schema or wanted.schema or {"type": "object", "properties": {"answer": {"type": "string"}}}


def _thought(body: _Body) -> int:
    if body.thinking is None:
        return _THOUGHT if _THINKER in body.model else 0
    if body.thinking.type == "disabled":
        return 0
    return min(_THOUGHT, body.thinking.token_budget or _THOUGHT)


class _Voice:
    """Writes answers and their events."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def headers(self, call: int, *, streamed: bool) -> Mapping[str, str]:
        """See job.Voice."""
        return cohere_errors.headers("text/event-stream" if streamed else "application/json", call)

    def failure(self, refusal: Refusal) -> bytes:
        """See job.Voice."""
        delta = {"error": cohere_errors.message(refusal), "finish_reason": "ERROR"}
        return _event("message-end", delta=delta).data

    def document(self, call: int, choices: Sequence[Choice], *, finish: bool) -> bytes:
        """See job.Voice."""
        choice = choices[0]
        message: Fields = {"role": "assistant"}
        content = []
        if choice.reasoning_tokens:
            content.append({"type": "thinking", "thinking": "".join(choice.thinking)})
        if choice.calls:
            message |= {
                "tool_plan": "".join(choice.text),
                "tool_calls": [_call(one, whole=True) for one in choice.calls],
            }
        else:
            content.append({"type": "text", "text": "".join(choice.text)})
        if content:
            message["content"] = content
        body: Fields = {"id": cohere_errors.uuid_of(call), "message": message}
        if finish:
            body["finish_reason"] = _finish(choice)
        return msgspec.json.encode(body | {"usage": self._usage(choice)})

    def _usage(self, choice: Choice) -> Fields:
        spent: Fields = {"input_tokens": self._ask.input_tokens + _UNBILLED, "output_tokens": choice.tokens}
        if choice.reasoning_tokens:
            spent["reasoning_tokens"] = choice.reasoning_tokens
        billed = {"input_tokens": self._ask.input_tokens, "output_tokens": choice.tokens}
        return {"billed_units": billed, "tokens": spent, "cached_tokens": 0}

    def events(self, call: int, choices: Sequence[Choice], *, finish: bool) -> Iterator[Frame]:
        """See job.Voice."""
        choice = choices[0]
        message = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        yield _event("message-start", id=cohere_errors.uuid_of(call), delta={"message": message})
        first = True
        for frame in _inner(choice):
            yield Frame(frame.data, frame.tokens, max(frame.delays - 1, 0) if first else frame.delays)
            first = first and not frame.tokens
        end: Fields = {"usage": self._usage(choice)}
        if finish:
            end = {"finish_reason": _finish(choice), **end}
        yield _event("message-end", delta=end)
        yield Frame(b"data: [DONE]\n\n", end=True)


def _inner(choice: Choice) -> Iterator[Frame]:
    if choice.reasoning_tokens:
        yield from _content(0, "thinking", choice.thinking)
    if choice.calls:
        for piece in choice.text:
            yield _event("tool-plan-delta", 1, delta={"message": {"tool_plan": piece}})
    else:
        yield from _content(1 if choice.reasoning_tokens else 0, "text", choice.text)
    for index, call in enumerate(choice.calls):
        start = {"message": {"tool_calls": _call(call, whole=False)}}
        yield _event("tool-call-start", tokens.count(call.name), index=index, delta=start)
        for piece in call.arguments:
            delta = {"message": {"tool_calls": {"function": {"arguments": piece}}}}
            yield _event("tool-call-delta", 1, index=index, delta=delta)
        yield _event("tool-call-end", index=index)


def _content(index: int, kind: str, pieces: Sequence[str]) -> Iterator[Frame]:
    yield _event("content-start", index=index, delta={"message": {"content": {"type": kind, kind: ""}}})
    for piece in pieces:
        yield _event("content-delta", 1, index=index, delta={"message": {"content": {kind: piece}}})
    yield _event("content-end", index=index)


def _call(call: Call, *, whole: bool) -> Fields:
    function = {"name": call.name, "arguments": "".join(call.arguments) if whole else ""}
    return {"id": f"{call.name}_{call.key[:12]}", "type": "function", "function": function}


def _finish(choice: Choice) -> str:
    if choice.finish == "length":
        return "MAX_TOKENS"
    if choice.finish == "content_filter":
        return "ERROR_TOXIC"
    return "TOOL_CALL" if choice.calls else "STOP_SEQUENCE" if choice.stop else "COMPLETE"


def _event(name: str, spent: int = 0, /, **fields: Any) -> Frame:
    data = msgspec.json.encode({"type": name, **fields})
    return Frame(b"event: %b\ndata: %b\n\n" % (name.encode(), data), spent, spent)
