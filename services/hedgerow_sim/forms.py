"""How streams carry JSON: takes an event's payload out, puts another in, and writes what no dialect would.

Four forms: server-sent events, JSON lines, the items of one JSON array, and AWS event stream messages.
"""

import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec

from hedgerow_sim.dialects import eventstream

_NAMED_EVENT: Final = b"event: "


class Form(Protocol):
    """One way to carry JSON."""

    heartbeat: bytes
    """What keeps a connection alive and means nothing."""
    unknown: bytes
    """An event of a type that no client knows."""

    def payload(self, data: bytes) -> bytes:
        """The JSON of an event or document; empty for one that has none."""

    def carrying(self, data: bytes, payload: bytes) -> bytes:
        """The same event with another payload."""


class _Text:
    """Payloads that stand in the text as they are: events, lines, items and whole documents."""

    def __init__(self, heartbeat: bytes, unknown: bytes) -> None:
        self.heartbeat = heartbeat
        self.unknown = unknown

    def payload(self, data: bytes) -> bytes:
        """See Form."""
        start, end = data.find(b"{"), data.rfind(b"}")
        return data[start : end + 1] if 0 <= start < end else b""

    def carrying(self, data: bytes, payload: bytes) -> bytes:
        """See Form."""
        start, end = data.find(b"{"), data.rfind(b"}")
        return data[:start] + payload + data[end + 1 :]


class _Messages:
    """AWS event stream messages; those of InvokeModel hold the model's own JSON in base64."""

    heartbeat = eventstream.event("keepAlive", b"{}")
    unknown = eventstream.event("hedgerowUnknown", b'{"note":"nobody knows this"}')

    def payload(self, data: bytes) -> bytes:
        """See Form."""
        _, payload = eventstream.parts(data)
        inner = _inner(payload)
        return payload if inner is None else inner

    def carrying(self, data: bytes, payload: bytes) -> bytes:
        """See Form."""
        headers, before = eventstream.parts(data)
        if _inner(before) is not None:
            payload = b'{"bytes":"%b"}' % binascii.b2a_base64(payload, newline=False)
        return eventstream.message(headers, payload)


def _inner(payload: bytes) -> bytes | None:
    if not payload.startswith(b'{"bytes":'):
        return None
    return binascii.a2b_base64(msgspec.json.decode(payload)["bytes"])


_SSE: Final = _Text(
    b": keep-alive\n\n", b'event: hedgerow.unknown\ndata: {"type":"hedgerow.unknown","note":"nobody knows this"}\n\n'
)
# Anthropic's heartbeats are events of their own.
_PINGED: Final = _Text(b'event: ping\ndata: {"type": "ping"}\n\n', _SSE.unknown)
_LINES: Final = _Text(b"\n", b'{"hedgerow_unknown":"nobody knows this"}\n')
_ARRAY: Final = _Text(b"\r\n", b',\r\n{"hedgerowUnknown":"nobody knows this"}')
_DOCUMENT: Final = _Text(b" ", b"")
_MESSAGES: Final = _Messages()


def form(headers: Mapping[str, str], first: bytes = b"", *, streamed: bool = True) -> Form:
    """The form of an answer, by its headers and its first event."""
    kind = headers.get("content-type", "")
    if not streamed:
        return _DOCUMENT
    if "event-stream" in kind and "amazon" not in kind:
        return _PINGED if first.startswith(_NAMED_EVENT + b"message_start") else _SSE
    if "amazon" in kind:
        return _MESSAGES
    return _LINES if "ndjson" in kind else _ARRAY


def edited(form: Form, data: bytes, edit: Callable[[Any], Any]) -> bytes:
    """An event whose JSON was edited in place; `edit` may return another value to put there."""
    if not (payload := form.payload(data)):
        return data
    value = msgspec.json.decode(payload)
    changed = edit(value)
    return form.carrying(data, msgspec.json.encode(value if changed is None else changed))
