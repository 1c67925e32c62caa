"""Runs answers through the Responses adapter, in pieces, and folds what comes out."""

from collections.abc import Iterable

from hedgerow_server.core.event import Event, coalesce
from hedgerow_server.core.port import Operation
from hedgerow_server.providers.openai_responses import OpenAIResponses, OpenAIResponsesSection


def responses(**settings: object) -> OpenAIResponses:
    """A provider of the dialect, named "vendor"."""
    section = OpenAIResponsesSection.model_validate({"dialect": "openai_responses", **settings})
    return OpenAIResponses("vendor", section)


def read(pieces: Iterable[bytes], content_type: str) -> list[Event]:
    """All events of a body that arrives in these pieces. Raises what the reader raises."""
    reader = responses().reader(Operation.CHAT, stream=content_type == "text/event-stream", content_type=content_type)
    events: list[Event] = []
    for piece in pieces:
        events += reader.feed(piece)
        if reader.done:
            break
    return coalesce(events + reader.finish())


def stream(body: bytes) -> list[Event]:
    """All events of a stream that arrives at once."""
    return read([body], "text/event-stream")
