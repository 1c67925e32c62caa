"""Runs answers through the Cohere adapter, in pieces."""

import json
from collections.abc import Iterable
from typing import Any

from hedgerow_server.core.event import Event, coalesce
from hedgerow_server.core.port import Operation
from hedgerow_server.providers.cohere import Cohere, CohereSection

Json = dict[str, Any]

STREAM = "text/event-stream"


def cohere(**settings: object) -> Cohere:
    """A provider of the dialect, named "vendor"."""
    return Cohere("vendor", CohereSection.model_validate({"dialect": "cohere", **settings}))


def read(pieces: Iterable[bytes], content_type: str, operation: Operation = Operation.CHAT) -> list[Event]:
    """All events of a body that arrives in these pieces. Raises what the reader raises."""
    reader = cohere().reader(operation, stream=content_type == STREAM, content_type=content_type)
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
    body = recording["response"]["body"]
    return body.encode() if recording["response"]["body_encoding"] == "text" else json.dumps(body).encode()


def sse(*events: Json) -> bytes:
    """Events as a stream has them."""
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)
