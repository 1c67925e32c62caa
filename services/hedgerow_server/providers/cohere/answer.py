"""What Cohere sends: chat answers and the events of their streams, as far as they are read.

Members that are objects in streams and lists elsewhere are declared `Any` and looked at where they are used; unknown
members are skipped.
"""

from typing import Any

from hedgerow_server.providers.loose import Loose, tolerant


class Message(Loose):
    """A message or a piece of one."""

    content: Any = None
    tool_plan: Any = None
    tool_calls: Any = None
    citations: Any = None


class Delta(Loose):
    """What an event adds; the last four at the end."""

    message: Message | None = None
    finish_reason: Any = None
    usage: Any = None
    error: Any = None


class StreamEvent(Loose):
    """An event. Without a type it is the error that a refusal would have had."""

    type: Any = None
    id: Any = None
    index: Any = None
    delta: Delta | None = None
    message: Any = None
    logprobs: Any = None
    error_type: Any = None


class TypeOnly(Loose):
    """Of an event only its type."""

    type: Any = None


class Chat(Loose):
    """A whole answer."""

    id: Any = None
    message: Message | None = None
    finish_reason: Any = None
    usage: Any = None
    logprobs: Any = None


class Embeddings(Loose):
    """The vectors of a batch: lists by type, or bare ones where no type was asked for."""

    embeddings: Any = None
    meta: Any = None


read_event = tolerant(StreamEvent)
"""The event in UTF-8 JSON, None where there is none."""
read_chat = tolerant(Chat)
"""The answer in UTF-8 JSON, None where there is none."""
read_embeddings = tolerant(Embeddings)
"""The embeddings in UTF-8 JSON, None where there are none."""
_read_type = tolerant(TypeOnly)


def read_type(payload: bytes) -> str:
    """The type of what else is not read as an event; empty where there is no JSON object."""
    event = _read_type(payload)
    return "" if event is None else str(event.type)


def list_of(value: object) -> list[Any]:
    """The value if it is a list, else a list of it; empty for nothing."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]
