"""What the headers of a call say, and the headers of its answer (RFC 9113, section 8; gRPC over HTTP2)."""

import binascii
import re
from collections.abc import Iterable
from typing import Final

import grpc
import msgspec

from hedgerow_server.doors.http2.hpack import Field

Metadata = list[tuple[str, str | bytes]]

_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_NAMES_KEPT: Final = 512
_KEPT_BYTES: Final = 64
"""Longer names are not kept: whoever makes them up fills no memory with them."""
_FIELD_BYTES: Final = 32
"""What a header counts beside its name and value (RFC 9113, section 6.5.2)."""
_OF_CONNECTIONS: Final = frozenset({"connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"})
_PSEUDO: Final = frozenset({b":method", b":scheme", b":path", b":authority"})
_NEEDED: Final = frozenset({":method", ":scheme", ":path"})
_OWN: Final = frozenset(
    {
        "te",
        "content-type",
        "content-length",
        "grpc-timeout",
        "grpc-encoding",
        "grpc-accept-encoding",
        "grpc-message-type",
    }
)
"""What is for the server, not for whoever answers."""
_TIMEOUT: Final = re.compile(r"([0-9]{1,8})([HMSmun])")
_LENGTH: Final = re.compile(r"[0-9]{1,18}")
_UNITS_S: Final = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
ENCODINGS: Final = ("identity", "deflate", "gzip")
"""What messages may come in."""
_ANSWER: Final[tuple[Field, ...]] = (
    (b":status", b"200", False),
    (b"content-type", b"application/grpc", False),
    (b"grpc-accept-encoding", ",".join(ENCODINGS).encode(), False),
)
_CONTENT_TYPE: Final = "application/grpc"
_STATUS: Final = {code: (b"grpc-status", str(code.value[0]).encode(), False) for code in grpc.StatusCode}
_PRINTABLE: Final = frozenset(range(0x20, 0x7F)) - {ord("%")}


class MalformedError(Exception):
    """Headers that no request of HTTP/2 may have: the stream ends with PROTOCOL_ERROR (RFC 9113, section 8.1.1)."""


class NotGrpcError(Exception):
    """A request of HTTP/2 that is no call; it is answered with this status of HTTP."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class RefusedError(Exception):
    """A call that cannot be answered: its status."""

    def __init__(self, code: grpc.StatusCode, text: str, *trailers: tuple[str, str]) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.trailers = trailers


class Head(msgspec.Struct):
    """What a call came with."""

    path: str
    metadata: Metadata
    """As it came; values of `-bin` keys are bytes."""
    timeout_s: float | None = None
    """What the caller gives it."""
    encoding: str = "identity"
    content_length: int | None = None


class Names:
    """Names of headers that were looked at before. One for each server: callers have few of them."""

    def __init__(self) -> None:
        self._known: dict[bytes, str] = {}

    def __call__(self, name: bytes) -> str:
        """The name as text. Raises MalformedError for one that no header may have."""
        found = self._known.get(name)
        if found is None:
            if _NAME.fullmatch(name) is None and name not in _PSEUDO:
                raise MalformedError(name)
            found = name.decode()
            if found in _OF_CONNECTIONS:
                raise MalformedError(name)
            if len(self._known) < _NAMES_KEPT and len(name) <= _KEPT_BYTES:
                self._known[name] = found
        return found


def read_head(fields: Iterable[Field], names: Names, most_bytes: int) -> Head:
    """Reads the headers of a call, of so many bytes at most. Raises MalformedError, NotGrpcError and RefusedError."""
    pseudo: dict[str, str] = {}
    own: dict[str, str] = {}
    metadata: Metadata = []
    size = 0
    for raw, value, _ in fields:
        name, text = names(raw), _text(value)
        size += _FIELD_BYTES + len(raw) + len(value)
        if name[0] == ":":
            if name in pseudo or own or metadata:
                raise MalformedError(raw)
            pseudo[name] = text
        elif name in _OWN:
            own[name] = text
        elif name.endswith("-bin"):
            metadata += ((name, one) for one in _binary(text))
        else:
            metadata.append((name, text))
    if not pseudo.keys() >= _NEEDED or not pseudo[":path"]:
        raise MalformedError
    if size > most_bytes:
        text = f"received metadata size exceeds limit ({size} vs. {most_bytes})"
        raise RefusedError(grpc.StatusCode.RESOURCE_EXHAUSTED, text)
    return _head(pseudo, own, metadata)


def trailing(fields: Iterable[Field], names: Names) -> None:
    """Looks at trailers of a request, which say nothing. Raises MalformedError."""
    for raw, value, _ in fields:
        if names(raw)[0] == ":":
            raise MalformedError(raw)
        _text(value)


def _head(pseudo: dict[str, str], own: dict[str, str], metadata: Metadata) -> Head:
    if own.get("te", "trailers") != "trailers":
        raise MalformedError
    if pseudo[":method"] != "POST":
        raise NotGrpcError(405)
    content_type = own.get("content-type", "")
    if content_type != _CONTENT_TYPE and not content_type.startswith((f"{_CONTENT_TYPE}+", f"{_CONTENT_TYPE};")):
        raise NotGrpcError(415)
    head = Head(pseudo[":path"], metadata)
    if (timeout := own.get("grpc-timeout")) is not None:
        head.timeout_s = _timeout_s(timeout)
    if (encoding := own.get("grpc-encoding")) is not None:
        if encoding not in ENCODINGS:
            raise RefusedError(grpc.StatusCode.UNIMPLEMENTED, f"expected an encoding of {', '.join(ENCODINGS)}")
        head.encoding = encoding
    if (length := own.get("content-length")) is not None:
        if _LENGTH.fullmatch(length) is None:
            raise MalformedError
        head.content_length = int(length)
    return head


def _text(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = value.decode("latin-1")
    if not text.isprintable() and any(c in text for c in "\0\r\n"):
        raise MalformedError
    return text


def _binary(text: str) -> list[bytes]:
    """The values of a `-bin` header: base64 with or without its padding, several with commas between them."""
    try:
        return [binascii.a2b_base64(one + "=" * (-len(one) % 4)) for one in text.split(",")]
    except ValueError:  # also of text that is not ASCII, which is no binascii.Error
        raise RefusedError(grpc.StatusCode.INTERNAL, "expected base64 in a header that ends in -bin") from None


def _timeout_s(text: str) -> float:
    found = _TIMEOUT.fullmatch(text)
    if found is None:
        raise RefusedError(grpc.StatusCode.INTERNAL, "expected grpc-timeout to have up to eight digits and a unit")
    return int(found[1]) * _UNITS_S[found[2]]


def answer_fields(metadata: Iterable[tuple[str, str | bytes]] = ()) -> list[Field]:
    """The headers of an answer."""
    return [*_ANSWER, *(_field(*one) for one in metadata)]


def status_fields(code: grpc.StatusCode, text: str, metadata: Iterable[tuple[str, str | bytes]]) -> list[Field]:
    """The trailers of an answer. What differs from call to call is kept out of the tables, where it would only push out
    what does not.
    """
    found = [_STATUS[code]]
    if text:
        found.append((b"grpc-message", _percent_encoded(text), True))
    found += (_field(*one) for one in metadata)
    return found


def answer_of(error: NotGrpcError | RefusedError) -> list[Field]:
    """The headers that are the whole of an answer."""
    if isinstance(error, NotGrpcError):
        return [(b":status", str(error.status).encode(), False)]
    return [*_ANSWER, *status_fields(error.code, error.text, error.trailers)]


def authorization_of(head: Head) -> str | None:
    """The credential that a call brings, checked by nobody yet; None where it has none."""
    for name, value in head.metadata:
        if name == "authorization" and isinstance(value, str):
            return value
    return None


def no_message() -> RefusedError:
    """For a request that ends before its message."""
    return RefusedError(grpc.StatusCode.INTERNAL, "the request has no message")


def unreadable() -> RefusedError:
    """For one whose message is none of its RPC."""
    return RefusedError(grpc.StatusCode.INTERNAL, "Exception deserializing request!")


def cut_message() -> RefusedError:
    """For a stream of requests that ends within a message."""
    return RefusedError(grpc.StatusCode.INTERNAL, "the request ends within a message")


def too_late() -> RefusedError:
    """For one whose message does not come."""
    return RefusedError(grpc.StatusCode.DEADLINE_EXCEEDED, "the request did not come in time")


def too_many() -> RefusedError:
    """For one that comes while as many wait as may."""
    pushback = ("grpc-retry-pushback-ms", "1000")
    return RefusedError(grpc.StatusCode.UNAVAILABLE, "The gateway is too busy.", pushback)


def going_away() -> RefusedError:
    """For one that a server is stopped before."""
    return RefusedError(grpc.StatusCode.UNAVAILABLE, "the server is going away")


def _field(name: str, value: str | bytes) -> Field:
    if isinstance(value, bytes):
        return (name.encode(), binascii.b2a_base64(value, newline=False).rstrip(b"="), True)
    return (name.encode(), value.encode(), True)


def _percent_encoded(text: str) -> bytes:
    raw = text.encode(errors="replace")
    if all(one in _PRINTABLE for one in raw):
        return raw
    return b"".join(bytes((one,)) if one in _PRINTABLE else b"%%%02X" % one for one in raw)
