"""Runs answers through the Ollama adapter, in pieces."""

import json
from collections.abc import Iterable
from typing import Any

from hedgerow_server.core.event import Event, coalesce
from hedgerow_server.core.port import Operation
from hedgerow_server.providers.ollama import Ollama, OllamaSection

Json = dict[str, Any]

LINES = "application/x-ndjson"


def ollama(**settings: object) -> Ollama:
    """A provider of the dialect, named "vendor"."""
    return Ollama("vendor", OllamaSection.model_validate({"dialect": "ollama", **settings}))


def read(pieces: Iterable[bytes], content_type: str, operation: Operation = Operation.CHAT) -> list[Event]:
    """All events of a body that arrives in these pieces. Raises what the reader raises."""
    reader = ollama().reader(operation, stream=content_type == LINES, content_type=content_type)
    events: list[Event] = []
    for piece in pieces:
        events += reader.feed(piece)
        if reader.done:
            break
    return coalesce(events + reader.finish())


def stream(body: bytes) -> list[Event]:
    """All events of a stream that arrives at once."""
    return read([body], LINES)


def lines(*documents: Json) -> bytes:
    """Documents as a stream has them."""
    return b"".join(json.dumps(document, separators=(",", ":")).encode() + b"\n" for document in documents)
