"""The Responses API at our door, without the router: requests become specs, events become answers."""

import json
from collections.abc import Iterable
from typing import Any

from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.event import Completed, Event, FinishReason, Usage
from hedgerow_server.core.fold import Fold
from hedgerow_server.core.request import ChatRequest, Message
from hedgerow_server.wire.check import Checker
from hedgerow_server.wire.openai.responses_answer import ResponsesAnswer
from hedgerow_server.wire.openai.responses_events import ResponsesEncoder
from hedgerow_server.wire.openai.responses_request import ResponsesDecoder

Json = dict[str, Any]
REQUEST_ID = "0123456789abcdef"
_CHECKER = Checker(1 << 24)
_DECODER = ResponsesDecoder(_CHECKER)


def _nothing(call: Call) -> Any:
    raise NotImplementedError(call)


def called(body: Json | bytes) -> Call:
    """A call with a body, not yet decoded."""
    streamed = Method("StreamComplete", Kind.SERVER_STREAM, _nothing, _nothing)
    method = Method("Complete", Kind.UNARY, _nothing, _nothing, streamed)
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    call = Call(method, {}, data, door="openai")
    call.request_id = REQUEST_ID
    return call


def decoded(body: Json | bytes) -> tuple[ChatRequest, Call]:
    """What is asked, and the call that asks it. Raises RequestMalformed or RequestInvalid."""
    call = called(body)
    return _DECODER.decode(call), call


def asked(**members: Any) -> Call:
    """A decoded call; the members of its body that are not given are the least that there must be."""
    return decoded({"model": "m", "input": "hi", **members})[1]


def end(reason: FinishReason = FinishReason.STOP, native: str = "", usage: Usage | None = None) -> Completed:
    """The last event."""
    return Completed(reason, native, usage or Usage())


def whole(call: Call, events: Iterable[Event]) -> Json:
    """The events as one response."""
    answer = ResponsesAnswer(call)
    for event in events:
        answer.add(event)
    response: Json = json.loads(answer.encode())
    return response


def streamed(call: Call, events: Iterable[Event]) -> list[Json]:
    """The events as the caller of a stream gets them; each has its type as its name, and the numbers rise by one."""
    encoder = ResponsesEncoder(call)
    text = b"".join(message for event in events for message in encoder.encode(event)).decode()
    told: list[Json] = []
    for block in text.split("\n\n")[:-1]:
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        assert event["sequence_number"] == len(told)
        told.append(event)
    return told


def folded(events: Iterable[Event]) -> Message:
    """The message that the events make."""
    fold = Fold()
    for event in events:
        fold.add(event)
    return fold.answer().message


def sent_back(output: list[Json]) -> Message:
    """The message that the items of an answer make when they come back, as their SDK writes them."""
    request, _ = decoded({"model": "m", "input": [{"role": "user", "content": "hi"}, *output]})
    messages = request.spec.messages
    assert len(messages) == 2, messages
    return messages[1]
