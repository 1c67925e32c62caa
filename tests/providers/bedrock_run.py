"""Runs answers through the Bedrock adapter, in pieces."""

import base64
import json
import struct
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from hedgerow_server.core.event import Event, coalesce
from hedgerow_server.core.port import Operation
from hedgerow_server.providers.bedrock import Bedrock, BedrockSection

Json = dict[str, Any]

STREAM = "application/vnd.amazon.eventstream"
NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def bedrock(**settings: object) -> Bedrock:
    """A provider of the dialect, named "vendor", whose clock stands still."""
    section = BedrockSection.model_validate({"dialect": "bedrock", "region": "us-east-1", **settings})
    return Bedrock("vendor", section, clock=lambda: NOON)


def read(pieces: Iterable[bytes], content_type: str, operation: Operation = Operation.CHAT) -> list[Event]:
    """All events of a body that arrives in these pieces. Raises what the reader raises."""
    reader = bedrock().reader(operation, stream=content_type == STREAM, content_type=content_type)
    events: list[Event] = []
    for piece in pieces:
        events += reader.feed(piece)
        if reader.done:
            break
    return coalesce(events + reader.finish())


def stream(body: bytes) -> list[Event]:
    """All events of a stream that arrives at once."""
    return read([body], STREAM)


def body_bytes(recording: Json) -> bytes:
    """The body as the provider's server sent it."""
    response = recording["response"]
    if response["body_encoding"] == "base64":
        return base64.b64decode(response["body"])
    return json.dumps(response["body"]).encode()


def frame(name: str, payload: Json, **headers: str) -> bytes:
    """A frame of an event stream; `headers` without their colon, for frames that are no events."""
    said = headers or {"message-type": "event", "event-type": name, "content-type": "application/json"}
    packed = b""
    for key, value in said.items():
        header = f":{key}".replace("_", "-").encode()
        packed += bytes([len(header)]) + header + b"\x07" + struct.pack(">H", len(value)) + value.encode()
    return raw_frame(packed, json.dumps(payload).encode())


def raw_frame(headers: bytes, payload: bytes) -> bytes:
    """A frame with right lengths and checksums."""
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    data = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return data + struct.pack(">I", crc32(data))


def exception(name: str, message: str = "secret words") -> bytes:
    """A frame with an exception."""
    return frame("", {"message": message}, message_type="exception", exception_type=name)
