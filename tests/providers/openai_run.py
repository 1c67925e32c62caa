"""Runs answers through the adapter, in pieces, and folds what comes out."""

import itertools
import json
from collections.abc import Iterable

from hedgerow_server.core.error import HedgerowError
from hedgerow_server.core.event import Completed, Event, Finished, Usage, coalesce
from hedgerow_server.core.fold import Answer, Fold
from hedgerow_server.core.port import Operation
from hedgerow_server.providers.openai import OpenAI, OpenAISection


def openai(**settings: object) -> OpenAI:
    """A provider of the dialect, named "vendor"."""
    return OpenAI("vendor", OpenAISection.model_validate({"dialect": "openai", **settings}))


def classify(status: int, body: object = None, headers: dict[str, str] | None = None) -> HedgerowError:
    """The error for a refusal; a body that is not bytes is sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return openai().classify(status, headers or {}, data)


def read(pieces: Iterable[bytes], content_type: str, operation: Operation = Operation.CHAT) -> list[Event]:
    """All events of a body that arrives in these pieces. Raises what the reader raises."""
    reader = openai().reader(operation, stream=content_type == "text/event-stream", content_type=content_type)
    events: list[Event] = []
    for piece in pieces:
        events += reader.feed(piece)
        if reader.done:
            break
    return coalesce(events + reader.finish())


def stream(body: bytes) -> list[Event]:
    """All events of a stream that arrives at once."""
    return read([body], "text/event-stream")


def cut(body: bytes, *places: int) -> list[bytes]:
    """The body in pieces, cut at these places."""
    edges = [0, *places, len(body)]
    return [body[start:end] for start, end in itertools.pairwise(edges)]


def folded(events: list[Event]) -> Answer:
    """The whole answer. Its last event must be Finished."""
    *before, last = events
    assert isinstance(last, Finished)
    fold = Fold()
    for event in before:
        assert not isinstance(event, Finished)
        fold.add(event)
    fold.add(Completed(last.reason, last.native_reason, last.usage or Usage()))
    return fold.answer()
