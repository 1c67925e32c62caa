"""Amazon's event stream, incrementally: bytes in as they arrive, frames out. Independent of how the bytes were cut.

Follows https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html: a prelude (length of all, length of the
headers, checksum), headers, payload, checksum. Both checksums are CRC-32 and both are checked.
"""

import struct
from collections.abc import Iterator
from zlib import crc32

from hedgerow_server.core.error import UpstreamProtocol
from hedgerow_server.providers.refusal import protocol_error

Frame = tuple[str, str, bytes]
"""(message type, name, payload). The name is that of the event, of the exception, or the code of an error."""

MAX_FRAME_BYTES = 16 << 20
"""The most bytes of one frame."""
MAX_HEADER_BYTES = 128 << 10
"""The most bytes of the headers of one frame."""

_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_LENGTH = struct.Struct(">H")
_OVERHEAD = _PRELUDE.size + _CRC.size
_STRING = 7
# The bytes of a header's value by its type; strings and byte arrays (6) say their own length.
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_NAMES = {"exception": ":exception-type", "error": ":error-code"}
_MAX_KNOWN = 64


class EventStreamReader:
    """Reads one stream. `provider` only names it in errors."""

    __slots__ = ("_known", "_limit", "_needed", "_provider", "_rest")

    def __init__(self, provider: str, limit: int = MAX_FRAME_BYTES) -> None:
        self._provider = provider
        self._limit = limit
        self._rest = bytearray()  # of the frame that is not complete yet
        self._needed = 0  # its length, as far as it is known
        # What headers say, by their bytes: a stream has a handful of different ones, each of them many times.
        self._known: dict[bytes, tuple[str, str]] = {}

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that these bytes complete. Iterate to the end before feeding again.

        The iteration raises UpstreamProtocol at a checksum or length that is wrong, after the frames before it.
        """
        if self._rest:
            self._rest += data
            if len(self._rest) < self._needed:
                return
            data = bytes(self._rest)
        at, end = 0, len(data)
        self._needed = _PRELUDE.size
        while end - at >= _PRELUDE.size:
            size, header_size, checksum = _PRELUDE.unpack_from(data, at)
            # Nothing is believed, or waited for, before its checksum is.
            sound = crc32(data[at : at + 8]) == checksum
            if not sound or size > self._limit or header_size > MAX_HEADER_BYTES or header_size + _OVERHEAD > size:
                raise self._wrong_prelude(size, header_size, sound=sound)
            if end - at < size:
                self._needed = size
                break
            stop = at + size - _CRC.size
            if crc32(data[at:stop]) != _CRC.unpack_from(data, stop)[0]:
                raise protocol_error(self._provider, "an event stream whose message has a wrong checksum")
            payload_start = at + _PRELUDE.size + header_size
            headers = data[at + _PRELUDE.size : payload_start]
            kind, name = self._known.get(headers) or self._read(headers)
            at += size
            yield kind, name, data[payload_start:stop]
        if self._rest or at < end:
            self._rest = bytearray(data[at:])

    def _wrong_prelude(self, size: int, header_size: int, *, sound: bool) -> UpstreamProtocol:
        """What is wrong with lengths that cannot be; `sound` if their checksum holds."""
        if not sound:
            return protocol_error(self._provider, "an event stream whose prelude has a wrong checksum")
        if size <= self._limit and header_size <= MAX_HEADER_BYTES:
            return protocol_error(self._provider, "an event stream whose lengths contradict each other")
        return protocol_error(self._provider, f"an event of more than {self._limit} bytes")

    def _read(self, headers: bytes) -> tuple[str, str]:
        """The message type and the name that belongs to it."""
        try:
            values = dict(_headers(headers))
        except (struct.error, IndexError, KeyError):
            raise protocol_error(self._provider, "an event stream whose headers cannot be read") from None
        kind = values.get(":message-type", "event")
        said = kind, values.get(_NAMES.get(kind, ":event-type"), "")
        if len(self._known) < _MAX_KNOWN:
            self._known[headers] = said
        return said


def _headers(data: bytes) -> Iterator[tuple[str, str]]:
    """The headers that are strings. Raises struct.error, IndexError or KeyError for what are none."""
    at = 0
    while at < len(data):
        name_end = at + 1 + data[at]
        name = data[at + 1 : name_end].decode(errors="replace")
        kind = data[name_end]
        value_start = name_end + 1
        if kind in _FIXED:
            at = value_start + _FIXED[kind]
        elif kind in (6, _STRING):
            value_start += _LENGTH.size
            at = value_start + _LENGTH.unpack_from(data, value_start - _LENGTH.size)[0]
        else:
            raise KeyError(kind)
        if at > len(data):
            raise IndexError(at)
        if kind == _STRING:
            yield name, data[value_start:at].decode(errors="replace")
