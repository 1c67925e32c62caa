"""Amazon's event streams as a fuzzer can write them: it would hardly ever guess a checksum."""

import struct
from zlib import crc32

_PRELUDE = struct.Struct(">II")
_CRC = struct.Struct(">I")
_OVERHEAD = 16
_NAMES = {b"exception": b":exception-type", b"error": b":error-code"}


def frames(script: bytes) -> bytes:
    """A stream of what a script says, a line for each frame: its message type, its name, its payload."""
    return b"".join(_frame(*(*line.split(b" ", 2), b"", b"")[:3]) for line in script.split(b"\n") if line)


def script(stream: bytes) -> bytes:
    """The script of a stream that is sound, its payloads being JSON of one line each."""
    lines: list[bytes] = []
    while stream:
        size, header_size = _PRELUDE.unpack_from(stream)
        headers, payload = stream[12 : 12 + header_size], stream[12 + header_size : size - 4]
        values: dict[bytes, bytes] = {}
        while headers:
            name, rest = headers[1 : 1 + headers[0]], headers[2 + headers[0] :]
            length = int.from_bytes(rest[:2], "big")
            values[name], headers = rest[2 : 2 + length], rest[2 + length :]
        kind = values[b":message-type"]
        lines.append(b" ".join((kind, values[_NAMES.get(kind, b":event-type")], payload)))
        stream = stream[size:]
    return b"\n".join(lines)


def sealed(data: bytes) -> bytes:
    """The bytes with right checksums in each frame, as far as the lengths make sense."""
    out = bytearray(data)
    at = 0
    while len(out) - at >= _OVERHEAD:
        size, _ = _PRELUDE.unpack_from(out, at)
        out[at + 8 : at + 12] = _CRC.pack(crc32(out[at : at + 8]))
        if not _OVERHEAD <= size <= len(out) - at:
            break
        out[at + size - 4 : at + size] = _CRC.pack(crc32(out[at : at + size - 4]))
        at += size
    return bytes(out)


def _frame(kind: bytes, name: bytes, payload: bytes) -> bytes:
    headers = _header(b":message-type", kind) + _header(_NAMES.get(kind, b":event-type"), name)
    prelude = _PRELUDE.pack(_OVERHEAD + len(headers) + len(payload), len(headers))
    data = prelude + _CRC.pack(crc32(prelude)) + headers + payload
    return data + _CRC.pack(crc32(data))


def _header(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + b"\x07" + struct.pack(">H", len(value)) + value
