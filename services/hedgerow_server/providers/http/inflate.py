"""Undoes the compression of an answer, within bounds: a few kilobytes can be made to stand for gigabytes."""

import zlib
from collections.abc import Mapping
from typing import NoReturn

from hedgerow_server.providers.http.port import GarbledError

ACCEPTED = "gzip, deflate"
"""What answers may be compressed with, as `accept-encoding` says it."""
_FREE_BYTES = 4 * 1024 * 1024
"""So much may come out of whatever was sent."""
_MAX_RATIO = 100
"""Beyond that, so many times what was sent. JSON packs up to about 30 times, DEFLATE at most 1,032."""
_GZIP = 16 + zlib.MAX_WBITS
_ZLIB_METHOD = 8


class Inflate:
    """Undoes gzip or deflate piece by piece."""

    __slots__ = ("_codec", "_gzip", "_in", "_out")

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._codec: zlib._Decompress | None = None
        self._in = 0
        self._out = 0

    def feed(self, data: bytes) -> bytes:
        """What these bytes stand for; may be empty. Raises GarbledError where they are not what they should be, or
        stand for far more than an answer is.
        """
        self._in += len(data)
        most = max(_FREE_BYTES, self._in * _MAX_RATIO) - self._out
        out = bytearray()
        try:
            while data:
                codec = self._codec = self._codec or self._open(data)
                out += codec.decompress(data, most - len(out) + 1)
                if len(out) > most:
                    raise GarbledError("a compressed body that grows without end")
                # Behind the end of one gzip member another may follow (RFC 1952, section 2.2).
                data = codec.unused_data
                if codec.eof:
                    self._codec = None
                    data = data if self._gzip else b""
        except zlib.error:
            raise GarbledError("a body that is not compressed as it says") from None
        self._out += len(out)
        return bytes(out)

    def _open(self, data: bytes) -> "zlib._Decompress":
        if self._gzip:
            return zlib.decompressobj(_GZIP)
        # deflate is zlib (RFC 9110, section 8.4.1.2); some servers leave its header out.
        return zlib.decompressobj(zlib.MAX_WBITS if data[0] & 0x0F == _ZLIB_METHOD else -zlib.MAX_WBITS)


class Unwanted:
    """In the place of what would undo a compression that was not asked for, or several on top of each other."""

    __slots__ = ()

    def feed(self, data: bytes) -> NoReturn:
        """Raises GarbledError."""
        raise GarbledError("a body in a content-encoding that was not asked for")


def inflate_for(headers: Mapping[str, str]) -> Inflate | Unwanted | None:
    """What undoes the compression that the headers tell of; None where there is none."""
    encoding = headers.get("content-encoding")
    if encoding is None:
        return None
    match encoding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return Inflate(gzip=True)
        case "deflate":
            return Inflate(gzip=False)
        case _:
            return Unwanted()
