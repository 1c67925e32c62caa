"""The OpenAI door in one process, without a network: a caller's JSON to what an upstream of the dialect is sent, and
what that answers to the JSON that the caller gets.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec
from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.event import Completed, EmbedCompleted, Event, Finished, Started, Usage, Warning, coalesce
from hedgerow_server.core.port import Dialect, Operation
from hedgerow_server.core.request import ChatRequest, EmbedRequest
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.openai.chat_answer import ChatAnswer
from hedgerow_server.wire.openai.chat_chunks import ChunkEncoder
from hedgerow_server.wire.openai.chat_request import Asked, ChatDecoder
from hedgerow_server.wire.openai.embeddings import EmbedAnswer, EmbedDecoder

Json = dict[str, Any]

_CHECKER = Checker(1 << 26)
_CHAT, _EMBED = ChatDecoder(_CHECKER), EmbedDecoder(_CHECKER)


async def _no_rpc(call: Call) -> Any:
    yield None


def unread(body: Json | bytes) -> Call:
    """A call of Chat Completions whose request is yet to be decoded."""
    streamed = Method("Chat/StreamComplete", Kind.SERVER_STREAM, _CHAT.decode, _no_rpc)
    return _made(Method("Chat/Complete", Kind.UNARY, _CHAT.decode, _no_rpc, streamed), body)


def chat_call(body: Json | bytes) -> Call:
    """A call of Chat Completions whose request is decoded. Raises what the decoder raises."""
    return _decoded(unread(body))


def embed_call(body: Json | bytes) -> Call:
    """A call of Embeddings whose request is decoded. Raises what the decoder raises."""
    return _decoded(_made(Method("Embed/Embed", Kind.UNARY, _EMBED.decode, _no_rpc), body))


def _made(method: Method, body: Json | bytes) -> Call:
    call = Call(method, {}, body if isinstance(body, bytes) else json.dumps(body).encode(), door="openai")
    call.request_id = "00000000000000000000000000000001"
    return call


def _decoded(call: Call) -> Call:
    call.request = call.method.decode(call)
    return call


def sent_upstream(call: Call, dialect: Dialect) -> tuple[Json, tuple[Warning, ...]]:
    """The body that the dialect sends for a decoded call, and what it warns of."""
    assert isinstance(call.request, ChatRequest | EmbedRequest)
    spec = call.request.spec
    stream = call.method.kind is Kind.SERVER_STREAM
    prepared = dialect.build(spec, stream=stream, model=spec.model, secret=None)
    return json.loads(prepared.request.body), prepared.warnings


def asked_by(*, stream: bool = False, **asked: Any) -> Call:
    """A call that asks for any answer; `asked` are members of what its decoder keeps."""
    call = chat_call({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "?"}]})
    call.form = Asked(**asked)
    return call


def upstream_events(dialect: Dialect, pieces: Iterable[bytes], content_type: str, operation: Operation) -> list[Event]:
    """What the executor hands on of an upstream's answer that comes in these pieces. Raises HedgerowError."""
    reader = dialect.reader(operation, stream=content_type == "text/event-stream", content_type=content_type)
    events: list[Event] = []
    for piece in pieces:
        events += coalesce(reader.feed(piece))
        if reader.done:
            break
    events += coalesce(reader.finish())
    return [_told(event, operation) for event in events]


def _told(event: Event, operation: Operation) -> Event:
    if isinstance(event, Started):
        return msgspec.structs.replace(event, provider="upstream")
    if not isinstance(event, Finished):
        return event
    usage = event.usage or Usage(estimated=True)
    if operation is Operation.EMBED:
        return EmbedCompleted(usage)
    return Completed(event.reason, event.native_reason, usage, stop_sequence=event.stop_sequence, beside=event.beside)


def whole(call: Call, events: Iterable[Event]) -> Json:
    """The caller's answer in one piece."""
    answer = EmbedAnswer(call) if isinstance(call.request, EmbedRequest) else ChatAnswer(call)
    for event in events:
        answer.add(event)
    encoded = answer.encode()
    body: Json = json.loads(encoded if isinstance(encoded, bytes) else b"".join(encoded))
    return body


def streamed(call: Call, events: Iterable[Event]) -> bytes:
    """The caller's stream."""
    encoder = ChunkEncoder(call)
    return b"".join(data for event in events for data in encoder.encode(event))


def chunks(stream: bytes) -> list[Json]:
    """The chunks of a stream, which must end as OpenAI's do."""
    blocks = re.split(r"\r?\n\r?\n", stream.decode().rstrip())
    data = ["\n".join(re.findall(r"^data: ?(.*?)\r?$", block, re.MULTILINE)) for block in blocks]
    assert data[-1] == "[DONE]", data[-1]
    return [json.loads(one) for one in data[:-1]]


def folded(pieces: list[Json]) -> Json:
    """The document that the chunks of a stream of OpenAI's add up to, as SDKs do it: of the first choice."""
    document: Json = {"object": "chat.completion", "choices": [{"index": 0, "message": {}}]}
    (choice,) = document["choices"]
    for piece in pieces:
        for name in piece.keys() - {"choices", "object", "usage", "hedgerow", "obfuscation"}:
            document.setdefault(name, piece[name])
        if piece.get("usage") is not None:
            document["usage"] = piece["usage"]
        document["hedgerow"] = document.get("hedgerow", {}) | piece.get("hedgerow", {})
        for more in piece["choices"]:
            if more["index"] == 0:
                _join(choice["message"], more["delta"])
                choice["finish_reason"] = more.get("finish_reason") or choice.get("finish_reason")
                _join(choice, {"logprobs": more.get("logprobs")})
    if not document["hedgerow"]:
        del document["hedgerow"]
    return document


def _join(known: Json, more: Json) -> None:
    """Adds a delta: text to text, lists item by item where they have an index, objects member by member."""
    for name, value in more.items():
        old = known.get(name)
        if old is None or name in ("index", "type", "role", "id"):
            known[name] = json.loads(json.dumps(value)) if value is not None or name not in known else old
        elif isinstance(value, str):
            known[name] = old + value
        elif isinstance(value, dict):
            _join(old, value)
        elif isinstance(value, list):
            _join_list(old, value)


def _join_list(known: list[Any], more: list[Any]) -> None:
    for item in more:
        at = item.get("index") if isinstance(item, dict) else None
        same = next((one for one in known if at is not None and one.get("index") == at), None)
        if same is None:
            known.append(item)
        else:
            _join(same, item)
