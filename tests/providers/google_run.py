"""Runs answers through Google's adapters, in pieces."""

from collections.abc import Iterable

from hedgerow_server.core.event import Event, coalesce
from hedgerow_server.core.port import Operation
from hedgerow_server.providers.google import Gemini, GeminiSection, Vertex, VertexSection


def gemini(**settings: object) -> Gemini:
    """A provider of the Gemini API, named "vendor"."""
    return Gemini("vendor", GeminiSection.model_validate({"dialect": "gemini", **settings}))


def vertex(**settings: object) -> Vertex:
    """A provider of Vertex AI, named "vendor"."""
    section = {"dialect": "vertex", "project": "example-project", "location": "us-central1", **settings}
    return Vertex("vendor", VertexSection.model_validate(section))


def read(
    dialect: Gemini | Vertex, pieces: Iterable[bytes], content_type: str, operation: Operation = Operation.CHAT
) -> list[Event]:
    """All events of a body that arrives in these pieces. Raises what the reader raises."""
    reader = dialect.reader(operation, stream=content_type == "text/event-stream", content_type=content_type)
    events: list[Event] = []
    for piece in pieces:
        events += reader.feed(piece)
        if reader.done:
            break
    return coalesce(events + reader.finish())
