"""The Anthropic door without a network: JSON in, the core's request out, and back."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.event import Event, Started
from hedgerow_server.core.request import ChatRequest, EstimateRequest
from hedgerow_server.wire.anthropic.answer import MessageAnswer
from hedgerow_server.wire.anthropic.request import MessagesDecoder
from hedgerow_server.wire.anthropic.stream import EventEncoder
from hedgerow_server.wire.check import Checker
from unit.hedgerow_server.calls import method

Json = dict[str, Any]

DECODER = MessagesDecoder(Checker(1 << 24))


def call_with(body: Json | bytes, headers: Mapping[str, str] | None = None) -> Call:
    """A call at the door with this body."""
    streamed = method(Kind.SERVER_STREAM, "streamed")
    unary = method(Kind.UNARY, "unary")
    both = Method(unary.name, unary.kind, unary.decode, unary.rpc, streamed)
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    made = Call(both, headers or {}, text, door="anthropic")
    made.request_id = "r1"
    return made


def asked(body: Json | bytes, headers: Mapping[str, str] | None = None) -> ChatRequest:
    """What a body asks. Raises what the decoder raises."""
    return DECODER.create(call_with(body, headers))


def counted(body: Json) -> EstimateRequest:
    """What a body asks to count."""
    return DECODER.count_tokens(call_with(body))


def answer(events: Iterable[Event], call: Call | None = None) -> Json:
    """The body of a whole answer."""
    writer = MessageAnswer(call or call_with({}))
    for event in events:
        writer.add(event)
    return dict(json.loads(writer.encode()))


def streamed(events: Iterable[Event], call: Call | None = None) -> list[Json]:
    """The events of a streamed answer, whose names must be their types."""
    encoder = EventEncoder(call or call_with({}))
    text = b"".join(piece for event in events for piece in encoder.encode(event))
    told = []
    for frame in text.decode().split("\n\n")[:-1]:
        name, data = frame.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        told.append(event)
    return told


def accumulated(events: Iterable[Json]) -> Json:
    """The message that a client puts together from a stream; the order of its events is checked on the way."""
    message: Json = {}
    inputs: dict[int, str] = {}
    is_open, finished = False, False
    for event in events:
        assert not finished
        match event["type"]:
            case "message_start":
                assert not message
                message = event["message"]
            case "content_block_start":
                assert not is_open
                assert event["index"] == len(message["content"])
                message["content"].append(event["content_block"])
                is_open = True
            case "content_block_delta":
                assert is_open
                assert event["index"] == len(message["content"]) - 1
                _grow(message["content"][-1], event["delta"], inputs, event["index"])
            case "content_block_stop":
                assert is_open
                assert event["index"] == len(message["content"]) - 1
                is_open = False
            case "message_delta":
                assert not is_open
                message |= event["delta"]
                message["usage"] |= {name: value for name, value in event["usage"].items() if value is not None}
                message["hedgerow"] |= event["hedgerow"]
            case "message_stop":
                finished = True
    assert finished
    for index, text in inputs.items():
        message["content"][index]["input"] = json.loads(text)
    return message


def _grow(block: Json, delta: Json, inputs: dict[int, str], index: int) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "input_json_delta":
            inputs[index] = inputs.get(index, "") + delta["partial_json"]
        case "citations_delta":
            block.setdefault("citations", []).append(delta["citation"])
        case kind:
            raise AssertionError(kind)


def started(**fields: Any) -> Started:
    """The beginning of an answer."""
    return Started("vendor", "model-1", **fields)


def encoded(value: object) -> bytes:
    """JSON."""
    return msgspec.json.encode(value)
