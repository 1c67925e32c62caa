"""Writes AWS event stream messages.

Format: https://smithy.io/2.0/aws/amazon-eventstream.html
"""

import struct
import zlib
from collections.abc import Mapping
from typing import Final

_STRING: Final = 7
_PADDING: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message: lengths, their checksum, headers (all strings), payload, checksum of everything."""
    written = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", _STRING, len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(written) + len(payload), len(written))
    body = prelude + struct.pack("!I", zlib.crc32(prelude)) + written + payload
    return body + struct.pack("!I", zlib.crc32(body))


def event(kind: str, payload: bytes) -> bytes:
    """A message of type event with a JSON payload."""
    return message({":event-type": kind, ":content-type": "application/json", ":message-type": "event"}, payload)


def exception(kind: str, payload: bytes) -> bytes:
    """A message of type exception with a JSON payload."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return message(headers, payload)


def padded(payload: bytes) -> bytes:
    """A JSON object with a padding member `p`, by which Bedrock hides the length of what it says."""
    return payload[:-1] + b',"p":"' + _PADDING[: 1 + len(payload) * 7 % len(_PADDING)].encode() + b'"}'


def parts(data: bytes) -> tuple[dict[str, str], bytes]:
    """Headers and payload of one message that was written here."""
    size, head = struct.unpack("!II", data[:8])
    headers: dict[str, str] = {}
    at, end = 12, 12 + head
    while at < end:
        name = data[at + 1 : at + 1 + data[at]].decode()
        at += 1 + data[at]
        (length,) = struct.unpack("!H", data[at + 1 : at + 3])
        headers[name] = data[at + 3 : at + 3 + length].decode()
        at += 3 + length
    return headers, data[end : size - 4]
