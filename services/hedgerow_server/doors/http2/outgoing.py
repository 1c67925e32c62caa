"""What a connection sends: frames together, within the windows of the other end, the calls in turns."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from hedgerow_server.doors.http2 import frames
from hedgerow_server.doors.http2.call import ServerCall
from hedgerow_server.doors.http2.frames import DATA, FLOW_CONTROL_ERROR, FRAME_BYTES, MAX_WINDOW, ConnectionFault
from hedgerow_server.doors.http2.hpack import Field, encoder

_QUEUED_BYTES: Final = 256 * 1024
"""How much is handed to the transport at a time: it says only afterwards that it was too much."""
_TABLE_BYTES: Final = 4096
_UNREAD_BYTES: Final = 8 * 1024 * 1024
"""How much may wait for an end that does not read: statuses, and answers to its pings and settings. Messages wait by
themselves."""


class Outgoing:
    """The sending half of a connection."""

    def __init__(self, transport: asyncio.Transport, done: Callable[[ServerCall], None]) -> None:
        """`done` is told of each call whose last frame is on its way."""
        self.initial_window = self._window = frames.WINDOW_BYTES
        """What a new call may send."""
        self.paused = False
        """Whether the transport has enough."""
        self.sent = 0
        """How many headers and frames of data it has sent."""
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._done = done
        self._encoder = encoder()
        self._out: list[bytes] = []
        self._queued = self._unread = 0
        self._scheduled = False
        # Calls with something to send and room of their own. The others are left alone: an update of a window has
        # thirteen bytes, and must not cost a look at a thousand of them.
        self._ready: OrderedDict[ServerCall, None] = OrderedDict()

    def frame(self, data: bytes) -> None:
        """Sends frames, with whatever else is sent in this round of the loop."""
        self._out.append(data)
        self._queued += len(data)
        if self.paused:
            self._unread += len(data)
            if self._unread > _UNREAD_BYTES:
                self._transport.abort()
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Hands on what is there."""
        self._scheduled = False
        out, self._out, self._queued = self._out, [], 0
        if self._transport.is_closing() or not out:
            return
        self._transport.write(out[0] if len(out) == 1 else b"".join(out))
        if self._ready:
            self.pump()

    # Calls.

    def open(self, call: ServerCall, fields: list[Field], data: bytes) -> "asyncio.Future[None] | None":
        """Sends the headers of an answer and its first bytes."""
        self.frame(self._headers(call, fields, last=False))
        return self.send(call, data) if data else None

    def send(self, call: ServerCall, data: bytes) -> "asyncio.Future[None] | None":
        """Sends bytes of an answer; a future where they wait."""
        if self._fits(call, len(data)):
            self._take(call, len(data))
            self.frame(frames.head(len(data), DATA, 0, call.stream_id) + data)
            return None
        self._wait(call, data)
        if not call.pending:
            return None
        if call.room is None or call.room.done():
            call.room = self._loop.create_future()
        return call.room

    def close(self, call: ServerCall, fields: list[Field], data: bytes, trailers: list[Field]) -> None:
        """Sends the end of an answer, as soon as there is room."""
        if not data and not call.pending:
            # A status alone: its headers are its trailers.
            self.frame(self._headers(call, fields + trailers, last=True))
            self._done(call)
            return
        headers = self._headers(call, fields, last=False) if fields else b""
        if self._fits(call, len(data)):
            self._take(call, len(data))
            body = frames.head(len(data), DATA, 0, call.stream_id)
            self.frame(b"".join((headers, body, data, self._headers(call, trailers, last=True))))
            self._done(call)
            return
        if headers:
            self.frame(headers)
        call.closing = trailers
        self._wait(call, data)

    def forget(self, call: ServerCall) -> None:
        """Sends nothing more of a call."""
        self._ready.pop(call, None)

    def bare(self, stream_id: int, fields: list[Field]) -> None:
        """Sends headers as the whole of an answer."""
        self.sent += 1
        self.frame(frames.header_block(self._encoder.encode(fields, False), stream_id, last=True))

    def _headers(self, call: ServerCall, fields: list[Field], *, last: bool) -> bytes:
        self.sent += 1
        return frames.header_block(self._encoder.encode(fields, False), call.stream_id, last=last)

    # Room.

    def _fits(self, call: ServerCall, size: int) -> bool:
        return (
            size <= FRAME_BYTES
            and size <= call.send_window
            and size <= self._window
            and not call.pending
            and not self.paused
            and self._queued < _QUEUED_BYTES
        )

    def _take(self, call: ServerCall, size: int) -> None:
        self.sent += 1
        call.send_window -= size
        self._window -= size

    def _wait(self, call: ServerCall, data: bytes) -> None:
        if data:
            call.pending.append(data)
        if call.send_window > 0:
            self._ready[call] = None
            self.pump()

    def pump(self) -> None:
        """Sends what there is room for, a frame of each call in turn."""
        ready = self._ready
        while ready and self._window > 0 and not self.paused and self._queued < _QUEUED_BYTES:
            call = next(iter(ready))
            self._piece(call)
            if not call.pending:
                del ready[call]
                self._sent_all(call)
            elif call.send_window > 0:
                ready.move_to_end(call)
            else:
                del ready[call]

    def _piece(self, call: ServerCall) -> None:
        """Sends a frame of a call that has something to send and room for it."""
        data, begin = call.pending[0], call.pending_sent
        size = min(len(data) - begin, FRAME_BYTES, call.send_window, self._window)
        self._take(call, size)
        self.frame(frames.head(size, DATA, 0, call.stream_id) + data[begin : begin + size])
        call.pending_sent += size
        if call.pending_sent == len(data):
            call.pending.popleft()
            call.pending_sent = 0

    def _sent_all(self, call: ServerCall) -> None:
        if call.room is not None and not call.room.done():
            call.room.set_result(None)
        if call.closing is not None:
            self.frame(self._headers(call, call.closing, last=True))
            self._done(call)

    def resume(self) -> None:
        """It takes more."""
        self.paused, self._unread = False, 0
        self.pump()

    # What the other end says.

    def more(self, call: ServerCall | None, size: int) -> None:
        """It takes more, of one call or, for None, of all. Raises ConnectionFault where that is more than there can be;
        of a call, OverflowError.
        """
        if call is None:
            self._window += size
            if self._window > MAX_WINDOW:
                raise ConnectionFault(FLOW_CONTROL_ERROR, "the window of the connection is too large")
        else:
            call.send_window += size
            if call.send_window > MAX_WINDOW:
                raise OverflowError
            self._look(call)
        if self._ready:
            self.pump()

    def resize(self, size: int, calls: list[ServerCall]) -> None:
        """How much each call may send at first. Raises ConnectionFault where a window gets too large by it."""
        change, self.initial_window = size - self.initial_window, size
        for call in calls:
            call.send_window += change
            if call.send_window > MAX_WINDOW:
                raise ConnectionFault(FLOW_CONTROL_ERROR, "the window of a call is too large")
            self._look(call)
        if self._ready:
            self.pump()

    def _look(self, call: ServerCall) -> None:
        """The window of a call is another one."""
        if call.pending and call.send_window > 0:
            self._ready[call] = None
        else:
            self._ready.pop(call, None)

    def table(self, size: int) -> None:
        """How much its table of headers holds."""
        self._encoder.header_table_size = min(size, _TABLE_BYTES)
