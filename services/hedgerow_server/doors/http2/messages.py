"""Messages of gRPC out of the bytes of a stream: a flag, four bytes of length, and what they announce."""

import asyncio
import zlib
from typing import Final

import grpc

from hedgerow_server.doors.http2.head import RefusedError

PREFIX_BYTES: Final = 5
_APART_BYTES: Final = 1024
"""What is larger is inflated in a thread: deflate makes up to a thousand times as much of it."""
_WINDOW_BITS: Final = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class Inbox:
    """Cuts what comes into messages."""

    __slots__ = ("_limit", "_pieces", "_wanted", "held")

    def __init__(self, limit: int) -> None:
        """`limit`: the largest message in bytes, before and after it is inflated."""
        self._limit = limit
        self._pieces: list[bytes] = []
        self.held = 0
        """Bytes of a message that is not whole."""
        self._wanted = PREFIX_BYTES

    def feed(self, data: bytes) -> list[tuple[bool, bytes]]:
        """The messages that are whole now, and whether each is compressed. Raises RefusedError for one that is too
        large or has a flag that there is not.
        """
        if self._pieces:
            self._pieces.append(data)
            self.held += len(data)
            if self.held < self._wanted:
                return []
            data, self._pieces = b"".join(self._pieces), []
        found, at, end = [], 0, len(data)
        while end - at >= PREFIX_BYTES:
            length = int.from_bytes(data[at + 1 : at + PREFIX_BYTES], "big")
            self._check(data[at], length)
            self._wanted = PREFIX_BYTES + length
            if end - at < self._wanted:
                break
            found.append((data[at] == 1, data[at + PREFIX_BYTES : at + self._wanted]))
            at += self._wanted
            self._wanted = PREFIX_BYTES
        self.held = end - at
        if self.held:
            self._pieces.append(data[at:] if at else data)
        return found

    def empty(self) -> int:
        """Throws away what is held; returns how much that was."""
        held, self.held = self.held, 0
        self._pieces.clear()
        return held

    def _check(self, flag: int, length: int) -> None:
        if flag > 1:
            raise RefusedError(grpc.StatusCode.INTERNAL, "a message has a flag that gRPC does not know")
        if length > self._limit:
            raise _too_large(length, self._limit)


async def inflated(body: bytes, encoding: str, limit: int) -> bytes:
    """A message that came compressed. Raises RefusedError where it is none, or too large."""
    if encoding not in _WINDOW_BITS:
        raise RefusedError(grpc.StatusCode.INTERNAL, "a compressed message came without grpc-encoding")
    if len(body) <= _APART_BYTES:
        return _inflated(body, encoding, limit)
    return await asyncio.to_thread(_inflated, body, encoding, limit)


def _inflated(body: bytes, encoding: str, limit: int) -> bytes:
    inflater = zlib.decompressobj(_WINDOW_BITS[encoding])
    try:
        found = inflater.decompress(body, limit + 1)
    except zlib.error:
        raise RefusedError(grpc.StatusCode.INTERNAL, f"a message is not {encoding}, which its header says") from None
    if len(found) > limit:
        raise _too_large(len(found), limit)
    if not inflater.eof or inflater.unused_data:
        raise RefusedError(grpc.StatusCode.INTERNAL, "a compressed message is cut, or not all of it is one")
    return found


def _too_large(length: int, limit: int) -> RefusedError:
    return RefusedError(grpc.StatusCode.RESOURCE_EXHAUSTED, f"Received message larger than max ({length} vs. {limit})")
