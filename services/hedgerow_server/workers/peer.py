"""Two processes that ask each other over a socket, in frames: four bytes of length (big endian), then an array in
MessagePack of kind, number, name and content.
"""

import asyncio
import itertools
import logging
import struct
from collections.abc import Awaitable, Callable
from typing import cast

import msgspec

_log = logging.getLogger(__name__)
_LENGTH = struct.Struct(">I")
_MOST_BYTES = 512 * 1024 * 1024
"""A configuration is the largest thing that is told."""
_ASK, _ANSWER, _FAILURE, _TELL = range(4)

Asked = Callable[[str, bytes], bytes | Awaitable[bytes]]
"""Answers what the other side asks; what it raises the other side is told of."""
Heard = Callable[[str, bytes], None]
"""Takes what the other side tells."""


class PeerGone(ConnectionError):
    """The other process has ended, or was not there."""


class PeerFailed(Exception):
    """The other process could not do what it was asked; the text says why."""


class _Frame(msgspec.Struct, array_like=True, gc=False):
    kind: int
    number: int
    name: str
    content: bytes


class Peer(asyncio.Protocol):
    """One end of the socket. On the event loop."""

    def __init__(self, asked: Asked, heard: Heard, gone: Callable[[], None]) -> None:
        """`gone` is called once, when the other side has closed its end."""
        self._asked = asked
        self._heard = heard
        self._gone = gone
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(_Frame)
        self._buffer = bytearray()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.Transport | None = None
        self.open = False
        """Whether the other side is there."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is ready."""
        self._transport, self.open = cast("asyncio.Transport", transport), True

    def data_received(self, data: bytes) -> None:
        """Takes the frames that are whole."""
        buffer, at = self._buffer, 0
        buffer += data
        while len(buffer) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, at)
            if length > _MOST_BYTES:
                _log.error("a frame of %d bytes: the connection is closed", length)
                self.close()
                return
            end = at + _LENGTH.size + length
            if len(buffer) < end:
                break
            frame = self._decoder.decode(bytes(memoryview(buffer)[at + _LENGTH.size : end]))
            at = end
            self._take(frame)
        del buffer[:at]

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side has gone."""
        self.open = False
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(PeerGone("the other process has ended"))
                future.exception()
        self._gone()

    async def ask(self, name: str, content: bytes = b"") -> bytes:
        """The answer to a question. Raises PeerGone and PeerFailed."""
        if not self.open:
            raise PeerGone("the other process has ended")
        number = next(self._numbers)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self._send(_ASK, number, name, content)
        try:
            return await future
        finally:
            self._waiting.pop(number, None)

    def tell(self, name: str, content: bytes = b"") -> None:
        """Says something that needs no answer; to nobody where nobody is there."""
        if self.open:
            self._send(_TELL, 0, name, content)

    def close(self) -> None:
        """Closes this end, once all is said."""
        if self._transport is not None:
            self._transport.close()

    def _send(self, kind: int, number: int, name: str, content: bytes) -> None:
        data = self._encoder.encode(_Frame(kind, number, name, content))
        assert self._transport is not None
        self._transport.writelines((_LENGTH.pack(len(data)), data))

    def _take(self, frame: _Frame) -> None:
        if frame.kind == _TELL:
            self._heard(frame.name, frame.content)
        elif frame.kind == _ASK:
            self._answer(frame)
        else:
            future = self._waiting.get(frame.number)
            if future is None or future.done():
                return
            if frame.kind == _ANSWER:
                future.set_result(frame.content)
            else:
                future.set_exception(PeerFailed(frame.content.decode()))

    def _answer(self, frame: _Frame) -> None:
        try:
            found = self._asked(frame.name, frame.content)
        except Exception as error:
            self._failed(frame, error)
            return
        if isinstance(found, bytes):
            self._send(_ANSWER, frame.number, "", found)
            return
        task = asyncio.create_task(self._answer_later(frame, found))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_later(self, frame: _Frame, found: Awaitable[bytes]) -> None:
        try:
            content = await found
        except Exception as error:
            self._failed(frame, error)
        else:
            if self.open:
                self._send(_ANSWER, frame.number, "", content)

    def _failed(self, frame: _Frame, error: Exception) -> None:
        if not isinstance(error, PeerFailed | PeerGone):
            _log.error("%r of another process failed by a fault of the gateway", frame.name, exc_info=error)
        if self.open:
            self._send(_FAILURE, frame.number, "", (str(error) or type(error).__name__).encode())
