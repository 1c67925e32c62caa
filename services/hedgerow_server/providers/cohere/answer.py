"""What Cohere sends: chat answers and the events of their streams, as far as they are read.

Members that are objects in streams and lists elsewhere are declared `Any` and looked at where they are used; unknown
members are skipped.
"""

from typing import Any, TypeVar

import msgspec

from hedgerow_server.providers.loose import repaired

T = TypeVar("T")


class Message(msgspec.Struct):
    """A message or a piece of one."""

    content: Any = None
    tool_plan: Any = None
    tool_calls: Any = None
    citations: Any = None


class Delta(msgspec.Struct):
    """What an event adds; the last four at the end."""

    message: Message | None = None
    finish_reason: Any = None
    usage: Any = None
    error: Any = None


class StreamEvent(msgspec.Struct):
    """An event. Without a type it is the error that a refusal would have had."""

    type: Any = None
    id: Any = None
    index: Any = None
    delta: Delta | None = None
    message: Any = None
    error_type: Any = None


class TypeOnly(msgspec.Struct):
    """Of an event only its type."""

    type: Any = None


class Chat(msgspec.Struct):
    """A whole answer."""

    id: Any = None
    message: Message | None = None
    finish_reason: Any = None
    usage: Any = None


class Embeddings(msgspec.Struct):
    """The vectors of a batch: lists by type, or bare ones where no type was asked for."""

    embeddings: Any = None
    meta: Any = None


_EVENT = msgspec.json.Decoder(StreamEvent)
_TYPE = msgspec.json.Decoder(TypeOnly)
_CHAT = msgspec.json.Decoder(Chat)
_EMBEDDINGS = msgspec.json.Decoder(Embeddings)


def read_event(payload: bytes) -> StreamEvent | None:
    """The event in UTF-8 JSON, None where there is none."""
    try:
        return _EVENT.decode(payload)
    except (ValueError, RecursionError):
        return _loose(payload, _EVENT)


def read_type(payload: bytes) -> str:
    """The type of what else is not read as an event; empty where there is no JSON object."""
    event = _loose(payload, _TYPE)
    return "" if event is None else str(event.type)


def read_chat(payload: bytes) -> Chat | None:
    """The answer in UTF-8 JSON, None where there is none."""
    return _loose(payload, _CHAT)


def read_embeddings(payload: bytes) -> Embeddings | None:
    """The embeddings in UTF-8 JSON, None where there are none."""
    return _loose(payload, _EMBEDDINGS)


def _loose(payload: bytes, decoder: msgspec.json.Decoder[T]) -> T | None:
    try:
        return decoder.decode(payload)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        mended = repaired(payload)
    try:
        return decoder.decode(mended) if mended is not None else None
    except (ValueError, RecursionError):
        return None


def text_of(value: object) -> str:
    """The value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def member(value: object, name: str) -> Any:
    """A member of the value if it is an object."""
    return value.get(name) if isinstance(value, dict) else None


def list_of(value: object) -> list[Any]:
    """The value if it is a list, else a list of it; empty for nothing."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]
