"""Ollama's own API: chat, and embeddings old and new.

Wire format: https://github.com/ollama/ollama/blob/main/docs/api.md
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal

import msgspec

from hedgerow_sim import tokens
from hedgerow_sim.author import Author
from hedgerow_sim.chat import Ask, Call, Choice, Said, Tool, heard
from hedgerow_sim.dialects import shape
from hedgerow_sim.dialects.job import ChatJob, DocumentJob
from hedgerow_sim.dialects.openai_errors import bearer
from hedgerow_sim.dialects.port import Frame, Incoming, Job, Kind, Refusal, Refused
from hedgerow_sim.vectors import Vectors

_CHAT: Final = "/api/chat"
_EMBED: Final = "/api/embed"
_EMBED_OLD: Final = "/api/embeddings"
_DIMENSIONS: Final = 768
_EFFORTS: Final[Mapping[Any, int]] = MappingProxyType({"low": 8, "medium": 24, "high": 64, True: 24})
_JSON: Final = "application/json; charset=utf-8"
_MESSAGES: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.BAD_REQUEST: "invalid request",
        Kind.CONTEXT_LENGTH: "the input length exceeds the context length",
        Kind.NO_KEY: "unauthorized",
        Kind.BAD_KEY: "unauthorized",
        Kind.PERMISSION: "forbidden",
        Kind.NO_PATH: "404 page not found",
        Kind.NO_MODEL: "model '{about}' not found",
        Kind.METHOD: "405 method not allowed",
        Kind.RATE_LIMIT: "too many requests",
        Kind.QUOTA: "you've reached your usage limit, please upgrade to continue",
        Kind.PREFILL: "the last message must be from the user or a tool",
        Kind.FILTER: "the request was rejected by the content filter",
        Kind.UNPROCESSABLE: "unprocessable entity",
        Kind.GATEWAY: "upstream error",
        Kind.TIMEOUT: "upstream timed out",
        Kind.BUSY: "server overloaded, please try again",
        Kind.SERVER: "model runner has unexpectedly stopped",
        Kind.OVERLOADED: "server busy, please try again. maximum pending requests exceeded",
    }
)

Fields = dict[str, Any]


class _Function(msgspec.Struct):
    name: str
    arguments: Fields = {}


class _Call(msgspec.Struct):
    function: _Function


class _Message(msgspec.Struct):
    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    thinking: str = ""
    images: list[str] | None = None
    tool_calls: list[_Call] | None = None


class _ToolFunction(msgspec.Struct):
    name: str
    parameters: Fields | None = None


class _Tool(msgspec.Struct):
    function: _ToolFunction


class _Options(msgspec.Struct, frozen=True):
    num_predict: int | None = None
    stop: str | list[str] | None = None


class _Chat(msgspec.Struct):
    model: str
    messages: list[_Message] = []
    stream: bool = True
    tools: list[_Tool] | None = None
    format: str | Fields | None = None
    options: _Options | None = None
    think: bool | str | None = None


class _Embed(msgspec.Struct):
    model: str
    input: str | list[str] | None = None
    prompt: str = ""
    dimensions: int | None = None


class Ollama:
    """The dialect."""

    def __init__(self, author: Author, vectors: Vectors) -> None:
        self._author = author
        self._vectors = vectors

    def serves(self, path: str) -> bool:
        """See Dialect."""
        return path in (_CHAT, _EMBED, _EMBED_OLD)

    def key(self, incoming: Incoming) -> str | None:
        """The bearer key of the hosted service; a server of one's own asks for none."""
        return bearer(incoming)

    def read(self, incoming: Incoming) -> Job:
        """See Dialect."""
        try:
            if incoming.path == _CHAT:
                ask = _ask(shape.decode(incoming.body, _Chat))
                return ChatJob(ask, self._author, _Voice(ask))
            return self._embed(shape.decode(incoming.body, _Embed), old=incoming.path == _EMBED_OLD)
        except shape.Misfit as exc:
            where = ".".join(map(str, exc.path))
            raise Refusal(Kind.BAD_REQUEST, f"json: cannot unmarshal {where}: {exc.detail}") from None

    def _embed(self, asked: _Embed, *, old: bool) -> Job:
        given = asked.prompt if old else asked.input or []
        texts = [given] if isinstance(given, str) else given
        size = asked.dimensions or _DIMENSIONS
        rows = [
            msgspec.Raw(self._vectors.text(asked.model, size, one.encode("utf-8", "surrogatepass"))) for one in texts
        ]
        total = sum(map(tokens.count, texts))
        body: Fields = {"embedding": rows[0] if rows else []}
        if not old:
            body = {"model": asked.model, "embeddings": rows, "total_duration": 12_000_000, "load_duration": 1_000_000}
            body["prompt_eval_count"] = total
        written = msgspec.json.encode(body)
        return DocumentJob(asked.model, total, lambda _call: ({"content-type": _JSON}, written))

    def refusal(self, refusal: Refusal, _call: int, _incoming: Incoming) -> Refused:
        """See Dialect."""
        return Refused(refusal.kind.status, {"content-type": _JSON}, _error(refusal))


def _error(refusal: Refusal) -> bytes:
    message = refusal.message or _MESSAGES[refusal.kind].format(about=refusal.about)
    return msgspec.json.encode({"error": message})


def _ask(chat: _Chat) -> Ask:
    options = chat.options or _Options()
    tools = tuple(Tool(one.function.name, one.function.parameters) for one in chat.tools or ())
    prompt, result, total = heard([_said(one) for one in chat.messages], [tool.schema for tool in tools])
    schema = chat.format if isinstance(chat.format, dict) else None
    if chat.format == "json":
        schema = {"type": "object", "properties": {"answer": {"type": "string"}}}
    stop = [options.stop] if isinstance(options.stop, str) else options.stop or []
    return Ask(
        model=chat.model,
        stream=chat.stream,
        prompt=prompt,
        input_tokens=total,
        tool_result=result,
        # Zero and less mean no limit.
        limit=options.num_predict if options.num_predict and options.num_predict > 0 else None,
        stops=tuple(stop),
        tools=tools,
        schema=schema,
        reasoning_tokens=_EFFORTS.get(chat.think, 0),
    )


def _said(message: _Message) -> Said:
    calls = [
        call.function.name + msgspec.json.encode(call.function.arguments).decode() for call in message.tool_calls or ()
    ]
    return Said(message.role, message.content, " ".join([message.thinking, *calls]), len(message.images or ()))


class _Voice:
    """Writes answers, whole or one JSON object a line."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def headers(self, call: int, *, streamed: bool) -> Mapping[str, str]:
        """See job.Voice."""
        return {"content-type": "application/x-ndjson" if streamed else _JSON}

    def failure(self, refusal: Refusal) -> bytes:
        """See job.Voice."""
        return _error(refusal) + b"\n"

    def document(self, call: int, choices: Sequence[Choice], *, finish: bool) -> bytes:
        """See job.Voice."""
        choice = choices[0]
        message: Fields = {"content": "".join(choice.text)}
        if choice.reasoning_tokens:
            message["thinking"] = "".join(choice.thinking)
        if calls := [_called(one) for one in choice.calls if one.whole is not None]:
            message["tool_calls"] = calls
        return msgspec.json.encode(self._line(message, choice if finish else None))

    def _line(self, message: Fields, ended: Choice | None) -> Fields:
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
        line: Fields = {"model": self._ask.model, "created_at": now, "message": {"role": "assistant", **message}}
        if ended is None:
            return line | {"done": False}
        # It stops, it says, whether or not there are calls.
        return line | {
            "done": True,
            "done_reason": ended.finish if ended.finish in ("length", "content_filter") else "stop",
            "total_duration": 12_000_000,
            "load_duration": 1_000_000,
            "prompt_eval_count": self._ask.input_tokens,
            "prompt_eval_duration": 4_000_000,
            "eval_count": ended.tokens,
            "eval_duration": 7_000_000,
        }

    def events(self, call: int, choices: Sequence[Choice], *, finish: bool) -> Iterator[Frame]:
        """See job.Voice."""
        choice = choices[0]
        pieces: list[tuple[Fields, int]] = [({"content": "", "thinking": piece}, 1) for piece in choice.thinking]
        pieces += [({"content": piece}, 1) for piece in choice.text]
        for one in choice.calls:
            if one.whole is not None:
                cost = tokens.count(one.name) + len(one.arguments)
                pieces.append(({"content": "", "tool_calls": [_called(one)]}, cost))
        for number, (message, cost) in enumerate(pieces):
            data = msgspec.json.encode(self._line(message, None)) + b"\n"
            yield Frame(data, cost, cost if number else cost - 1)
        if finish:
            yield Frame(msgspec.json.encode(self._line({"content": ""}, choice)) + b"\n", end=True)


def _called(call: Call) -> Fields:
    return {"id": f"call_{call.key[:8]}", "function": {"index": 0, "name": call.name, "arguments": call.whole}}
