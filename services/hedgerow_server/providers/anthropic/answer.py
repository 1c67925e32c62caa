"""What Claude sends: messages and the events of their streams, as far as they are read.

Members are declared `Any` and looked at where they are used; unknown members are skipped. So the one thing that fails
is JSON of another shape, and events of a kind that is not known may have any.
"""

from typing import Any

import msgspec

from hedgerow_server.providers.loose import Loose, repaired, tolerant

NOTHING = msgspec.Raw()


class Delta(Loose):
    """More of a block, or of the message itself."""

    type: Any = None
    text: Any = None
    thinking: Any = None
    partial_json: Any = None
    signature: Any = None
    citation: msgspec.Raw = NOTHING
    content: Any = None
    encrypted_content: Any = None
    stop_reason: Any = None
    stop_sequence: Any = None


class Event(Loose):
    """One event of a stream."""

    type: Any = None
    index: Any = None
    delta: Delta | None = None
    content_block: msgspec.Raw = NOTHING
    message: msgspec.Raw = NOTHING
    usage: Any = None
    error: Any = None


class Message(Loose):
    """A whole message, or its head."""

    type: Any = None
    id: Any = None
    model: Any = None
    content: list[msgspec.Raw] | None = None
    stop_reason: Any = None
    stop_sequence: Any = None
    usage: Any = None
    error: Any = None


class Block(Loose):
    """A block of content."""

    type: Any = None
    text: Any = None
    citations: Any = None
    thinking: Any = None
    signature: Any = None
    data: Any = None
    id: Any = None
    name: Any = None
    input: msgspec.Raw = NOTHING
    caller: Any = None
    toolset_name: Any = None
    to: Any = None


class Cited(Loose):
    """A citation, of whichever kind."""

    type: Any = None
    cited_text: Any = None
    url: Any = None
    source: Any = None
    title: Any = None
    document_title: Any = None
    document_index: Any = None
    file_id: Any = None
    search_result_index: Any = None


KNOWN_EVENTS = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "error",
    }
)

_decode_event = msgspec.json.Decoder(Event).decode
_decode_block = msgspec.json.Decoder(Block).decode
_decode_cited = msgspec.json.Decoder(Cited).decode


def read_event(payload: bytes) -> Event | None:
    """The event in UTF-8 JSON, None where there is none."""
    try:
        return _decode_event(payload)
    except (msgspec.DecodeError, RecursionError):
        return _read_odd_event(payload)


def _read_odd_event(payload: bytes) -> Event | None:
    strict = repaired(payload)
    if strict is None:
        return None
    try:
        return _decode_event(strict)
    except (msgspec.DecodeError, RecursionError):
        value = msgspec.json.decode(strict)
    kind = value.get("type") if isinstance(value, dict) else None
    return Event(type=kind) if isinstance(kind, str) and kind not in KNOWN_EVENTS else None


read_message = tolerant(Message)
"""The message in UTF-8 JSON, None where there is none."""


def read_block(raw: msgspec.Raw) -> Block | None:
    """The block, None where it is no object."""
    try:
        return _decode_block(raw)
    except (msgspec.DecodeError, RecursionError):
        return None


def read_cited(raw: msgspec.Raw) -> Cited | None:
    """The citation, None where it is no object."""
    try:
        return _decode_cited(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
