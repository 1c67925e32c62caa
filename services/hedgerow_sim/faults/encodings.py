"""Compressed answers, honest ones and bombs: little on the wire, a gibibyte when unpacked."""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final

from hedgerow_sim.dialects.port import Reply
from hedgerow_sim.grammar import Fault, Given, Play
from hedgerow_sim.script import Head, Pause, Script, Send
from hedgerow_sim.turn import Behaviour, Turn

_MIB: Final = 1 << 20
_NOMINAL_MIB: Final = 1024
_MOST_MIB: Final = 16 * 1024
_GZIP_HEAD: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_ZLIB_HEAD: Final = b"\x78\x9c"
_RAW: Final = -15
_BROTLI_BLOCK: Final = 1 << 24
_LEAST_COPY: Final = 2118


def _filler(reply: Reply) -> bytes:
    """A mebibyte that a parser skips: comments of an event stream, or white space."""
    events = "text/event-stream" in reply.headers.get("content-type", "")
    return b":\n" * (_MIB // 2) if events else b" " * _MIB


def _deflated(block: bytes, times: int) -> Iterator[bytes]:
    """The block again and again, deflated: after a full flush every copy is the same bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, _RAW)
    once = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(times):
        yield once
    yield zlib.compressobj(9, zlib.DEFLATED, _RAW).flush()


def _gzip(block: bytes, times: int) -> Iterator[bytes]:
    yield _GZIP_HEAD
    check = 0
    for index, piece in enumerate(_deflated(block, times)):
        if index < times:
            check = zlib.crc32(block, check)
        yield piece
    yield struct.pack("<II", check, len(block) * times & 0xFFFFFFFF)


def _deflate(block: bytes, times: int) -> Iterator[bytes]:
    yield _ZLIB_HEAD
    check = 1
    for index, piece in enumerate(_deflated(block, times)):
        if index < times:
            check = zlib.adler32(block, check)
        yield piece
    yield struct.pack(">I", check)


def _nested(block: bytes, times: int) -> Iterator[bytes]:
    """A bomb in a bomb."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    for piece in _gzip(block, times):
        yield packer.compress(piece)
    yield packer.flush()


class _Bits:
    """Bits in the order of RFC 7932: the first is the lowest of its byte."""

    def __init__(self) -> None:
        self._value = 0
        self._size = 0

    def put(self, value: int, size: int) -> None:
        self._value |= value << self._size
        self._size += size

    def take(self) -> bytes:
        """The whole bytes so far."""
        count = self._size // 8
        data = (self._value & ((1 << 8 * count) - 1)).to_bytes(count, "little")
        self._value >>= 8 * count
        self._size -= 8 * count
        return data


def _brotli(block: bytes, times: int) -> Iterator[bytes]:
    """Meta-blocks of 16 MiB, each one literal (the block's first byte) and one copy of it, by RFC 7932 section 9."""
    bits = _Bits()
    bits.put(0, 1)  # a window of 2^16 bytes
    for _ in range(max(times * _MIB // _BROTLI_BLOCK, 1)):
        bits.put(0, 1)  # not the last one
        bits.put(2, 2)  # its length has six digits
        bits.put(_BROTLI_BLOCK - 1, 24)
        bits.put(0, 1 + 1 + 1 + 1)  # compressed; one type of each block
        bits.put(0, 2 + 4 + 2 + 1 + 1)  # no postfix, no direct distances; one context and tree each
        for symbol, size in ((block[0], 8), (8 * 49 + 7, 10), (16, 6)):  # literal; insert 1, copy most; distance 1
            bits.put(1, 2)  # a simple prefix code
            bits.put(0, 2)  # of one symbol
            bits.put(symbol, size)
        bits.put(_BROTLI_BLOCK - 1 - _LEAST_COPY, 24)
        bits.put(0, 1)  # distance 1 and nothing more
        yield bits.take()
    bits.put(3, 2)  # the last one, and empty
    bits.put(0, 7)
    yield bits.take()


def _bomb(encoding: str, pack: Callable[[bytes, int], Iterator[bytes]]) -> Play:
    """Lazily: a client that stops early costs next to nothing."""

    def play(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
        reply = turn.reply()
        yield Head(200, {**reply.headers, "content-encoding": encoding})
        for piece in pack(_filler(reply), given.number("MIB", _NOMINAL_MIB, _MOST_MIB)):
            if piece:
                yield Send(piece, failure=True)
                yield Pause(0)

    return play


def _zipped(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    reply = turn.reply()
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    yield Head(200, {**reply.headers, "content-encoding": "gzip"})
    for frame in reply.frames:
        data = packer.compress(frame.data) + packer.flush(zlib.Z_SYNC_FLUSH)
        yield Send(data, frame.tokens, paid=not reply.streamed)
    yield Send(packer.flush(), chunks=0)


def _lie(turn: Turn, given: Given, inner: Behaviour | None) -> Script:
    reply = turn.reply()
    yield Head(200, {**reply.headers, "content-encoding": "gzip"})
    for frame in reply.frames:
        yield Send(frame.data, failure=True)


def faults() -> Iterator[Fault]:
    """All of them."""
    yield Fault("gzip", "Answers normally, in gzip, event by event.", "P19", _zipped)
    yield Fault(
        "gzip-bomb[-MIB]",
        "A gzip body of MIB mebibytes (1024) of comments or white space.",
        "P19",
        _bomb("gzip", _gzip),
    )
    yield Fault("deflate-bomb[-MIB]", "The same in deflate (zlib).", "P19", _bomb("deflate", _deflate))
    yield Fault("br-bomb[-MIB]", "The same in Brotli.", "P19", _bomb("br", _brotli))
    yield Fault(
        "nested-bomb[-MIB]",
        "The gzip bomb in gzip: content-encoding `gzip, gzip`.",
        "P19",
        _bomb("gzip, gzip", _nested),
    )
    yield Fault("encoding-lie", "The answer as it is, though content-encoding says gzip.", "P19", _lie)
