"""What comes over a connection, cut into frames, with the headers of each call put together and read."""

from collections.abc import Callable
from struct import Struct
from typing import Final, Protocol

from hedgerow_server.doors.http2 import frames
from hedgerow_server.doors.http2.frames import HEAD_BYTES, MAX_WINDOW, PREFACE, ConnectionFault
from hedgerow_server.doors.http2.hpack import Field, HpackError, TooManyError, check, decoder

_HEAD: Final = Struct(">HBBBI")
_NUMBER_BYTES: Final = 4
_PRIORITY_BYTES: Final = 5
_SHAPES: Final[dict[int, tuple[str, int | None, bool | None]]] = {
    frames.PRIORITY: ("a priority", _PRIORITY_BYTES, True),
    frames.RST_STREAM: ("a reset", _NUMBER_BYTES, True),
    frames.SETTINGS: ("settings", None, False),
    frames.PING: ("a ping", 8, False),
    frames.GOAWAY: ("a farewell", None, False),
    frames.WINDOW_UPDATE: ("a window update", _NUMBER_BYTES, None),
}
"""What frames are called, how many bytes their bodies have, and whether they are about a stream, where it matters."""
Handler = Callable[[int, int, bytes], None]
"""Takes the flags of a frame, its stream and its body."""


class Listener(Protocol):
    """Who is told."""

    def on_headers(self, stream_id: int, fields: list[Field], *, last: bool) -> None:
        """Headers, or trailers, of a stream are whole."""

    def on_idle(self) -> None:
        """A frame brought nothing."""


class Incoming:
    """The receiving half of a connection."""

    def __init__(self, listener: Listener, handlers: dict[int, Handler], header_bytes: int) -> None:
        """`handlers` take the frames that are not about headers, by their kind. `header_bytes`: the most that the
        headers of a call may have, in a block and as they are read.
        """
        self.began = False
        """Whether the other end has said that it speaks HTTP/2."""
        self._listener = listener
        self._header_bytes = header_bytes
        self._decoder = decoder(header_bytes)
        self._rest = b""
        self._block: bytearray | None = None
        self._block_of = (0, 0)
        self._handlers: dict[int, Handler] = {
            frames.HEADERS: self._on_headers,
            frames.CONTINUATION: self._on_continuation,
            frames.PUSH_PROMISE: _on_push,
            frames.PRIORITY: self._on_priority,
            frames.GOAWAY: self._on_goaway,
            **handlers,
        }
        for kind, shape in _SHAPES.items():
            self._handlers[kind] = _shaped(self._handlers[kind], *shape)

    def feed(self, data: bytes) -> None:
        """Takes what came. Raises ConnectionFault, and whatever a handler raises."""
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        if not self.began:
            at = self._preface(data)
            if not at:
                self._rest = data
                return
        while end - at >= HEAD_BYTES:
            high, low, kind, flags, stream_id = _HEAD.unpack_from(data, at)
            length = high << 8 | low
            if length > frames.FRAME_BYTES:
                raise ConnectionFault(frames.FRAME_SIZE_ERROR, "a frame is too large")
            begin = at + HEAD_BYTES
            if end - begin < length:
                break
            at = begin + length
            stream_id &= MAX_WINDOW
            if self._block is not None and (kind != frames.CONTINUATION or stream_id != self._block_of[0]):
                raise ConnectionFault(frames.PROTOCOL_ERROR, "expected the rest of the headers")
            handle = self._handlers.get(kind)
            if handle is None:
                self._listener.on_idle()
            else:
                handle(flags, stream_id, data[begin:at])
        self._rest = data[at:] if at < end else b""

    def close(self) -> None:
        """Nothing more comes: lets go of who would take it."""
        self._handlers.clear()

    def _preface(self, data: bytes) -> int:
        """Where the first frame begins; 0 while it is not here."""
        if not PREFACE.startswith(data[: len(PREFACE)]):
            raise ConnectionFault(frames.PROTOCOL_ERROR, "expected the preface of HTTP/2")
        if len(data) < len(PREFACE) + HEAD_BYTES:
            return 0
        if data[len(PREFACE) + 3] != frames.SETTINGS:
            raise ConnectionFault(frames.PROTOCOL_ERROR, "expected settings first")
        self.began = True
        return len(PREFACE)

    def _on_headers(self, flags: int, stream_id: int, body: bytes) -> None:
        if not stream_id:
            raise ConnectionFault(frames.PROTOCOL_ERROR, "headers of no stream")
        body = frames.unpadded(flags, body)
        if flags & frames.PRIORITISED:
            _check_priority(stream_id, body[:_PRIORITY_BYTES])
            body = body[_PRIORITY_BYTES:]
        if flags & frames.END_HEADERS:
            self._read(stream_id, body, last=bool(flags & frames.END_STREAM))
        else:
            self._block, self._block_of = bytearray(body), (stream_id, flags)

    def _on_continuation(self, flags: int, stream_id: int, body: bytes) -> None:
        block = self._block
        if block is None:
            raise ConnectionFault(frames.PROTOCOL_ERROR, "the rest of no headers")
        if not body:
            self._listener.on_idle()
        block += body
        if len(block) > self._header_bytes:
            raise ConnectionFault(frames.ENHANCE_YOUR_CALM, "too many headers")
        if flags & frames.END_HEADERS:
            self._block = None
            self._read(stream_id, bytes(block), last=bool(self._block_of[1] & frames.END_STREAM))

    def _read(self, stream_id: int, block: bytes, *, last: bool) -> None:
        """Headers are whole. They are read even where nobody wants them: the table behind them is one for all."""
        try:
            check(block)
            fields = self._decoder.decode(block, True)
        except TooManyError:
            raise ConnectionFault(frames.ENHANCE_YOUR_CALM, "too many headers") from None
        except HpackError:
            raise ConnectionFault(frames.COMPRESSION_ERROR, "headers that cannot be read") from None
        self._listener.on_headers(stream_id, fields, last=last)

    def _on_priority(self, flags: int, stream_id: int, body: bytes) -> None:
        _check_priority(stream_id, body)
        self._listener.on_idle()

    def _on_goaway(self, flags: int, stream_id: int, body: bytes) -> None:
        # The client begins no more calls, and closes the connection itself when those that are open have ended.
        self._listener.on_idle()


def _shaped(handle: Handler, name: str, size: int | None, of_stream: bool | None) -> Handler:
    def check(flags: int, stream_id: int, body: bytes) -> None:
        if of_stream is not None and of_stream != bool(stream_id):
            raise ConnectionFault(frames.PROTOCOL_ERROR, f"{name} of {'a' if stream_id else 'no'} stream")
        if size is not None and len(body) != size:
            raise ConnectionFault(frames.FRAME_SIZE_ERROR, f"{name} of a wrong size")
        handle(flags, stream_id, body)

    return check


def _check_priority(stream_id: int, body: bytes) -> None:
    if len(body) != _PRIORITY_BYTES:
        raise ConnectionFault(frames.FRAME_SIZE_ERROR, "a priority of a wrong size")
    if frames.number(body[:_NUMBER_BYTES]) == stream_id:
        raise ConnectionFault(frames.PROTOCOL_ERROR, "a stream that depends on itself")


def _on_push(flags: int, stream_id: int, body: bytes) -> None:
    raise ConnectionFault(frames.PROTOCOL_ERROR, "clients push nothing")
