"""One connection: frames in, calls out of them. What it sends is in outgoing.py, what looks after it in keeper.py."""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from hedgerow_server.doors.http2 import frames
from hedgerow_server.doors.http2.call import ServerCall
from hedgerow_server.doors.http2.ended import Ended
from hedgerow_server.doors.http2.frames import MAX_WINDOW, ConnectionFault
from hedgerow_server.doors.http2.head import (
    MalformedError,
    NotGrpcError,
    RefusedError,
    answer_of,
    authorization_of,
    cut_message,
    going_away,
    no_message,
    read_head,
    too_late,
    too_many,
    trailing,
)
from hedgerow_server.doors.http2.hpack import Field
from hedgerow_server.doors.http2.incoming import Handler, Incoming
from hedgerow_server.doors.http2.keeper import Keeper
from hedgerow_server.doors.http2.messages import Inbox
from hedgerow_server.doors.http2.method import run
from hedgerow_server.doors.http2.outgoing import Outgoing
from hedgerow_server.doors.peers import auth_context, peer_name

if TYPE_CHECKING:
    from hedgerow_server.doors.http2.server import Server

_log = logging.getLogger(__name__)
_ALIVE: Final = b"hedgerow"
_RETIRING: Final = b"retiring"
"""Bodies of our own pings: the answer to the second says that the other end has read the GOAWAY before it."""
_CALLS_A_FRAME: Final = 10
"""To change the windows of so many calls costs as much as a frame."""
_MOST_HEADERS: Final = 16
"""Times the limit of a call's headers that are still read, so that the call is refused and no other one suffers."""
_LAST_WORDS_S: Final = 1.0
_FLUSH_S: Final = 30.0
"""How long a caller has to take what is left of the last answers, before a connection that has ended is cut."""


class Connection(asyncio.Protocol):
    """The server's end of a connection."""

    def __init__(self, owner: "Server") -> None:
        self._owner = owner
        self._options = owner.options
        self.message_bytes = owner.options.message_bytes
        self.peer = ""
        self._loop = asyncio.get_running_loop()
        self.time = self._loop.time
        self.calls: dict[int, ServerCall] = {}
        """Those that are open."""
        self._closing = False
        self._last_id = 0
        self._most_id = MAX_WINDOW
        self._ended = Ended(owner.turns)
        self._window = owner.options.connection_window
        self._retiring = False
        handlers: dict[int, Handler] = {
            frames.DATA: self._on_data,
            frames.RST_STREAM: self._on_rst,
            frames.SETTINGS: self._on_settings,
            frames.PING: self._on_ping,
            frames.WINDOW_UPDATE: self._on_window,
        }
        self._incoming = Incoming(self, handlers, _MOST_HEADERS * owner.options.header_list_bytes)

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There it is."""
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        self.peer = peer_name(name)
        tls = transport.get_extra_info("ssl_object")
        wrong = tls is not None and tls.selected_alpn_protocol() != "h2"
        full = not self._owner.enter(self)
        if full or wrong:
            self._owner.refused["connections" if full else "tls"] += 1
        if full or wrong or self._owner.draining:
            self._closing = True
            self._transport.abort()
            return
        options = self._options
        self._outgoing = Outgoing(self._transport, self._done)
        self.open, self.send, self.close = self._outgoing.open, self._outgoing.send, self._outgoing.close
        alive = partial(self._outgoing.frame, frames.ping(_ALIVE))
        self._keeper = Keeper(options, alive, self._transport.abort, self.retire, self._sweep)
        told = {
            frames.MAX_CONCURRENT_STREAMS: options.streams,
            frames.INITIAL_WINDOW_SIZE: options.stream_window,
            frames.MAX_HEADER_LIST_SIZE: options.header_list_bytes,
        }
        more = options.connection_window - frames.WINDOW_BYTES
        self._outgoing.frame(frames.settings(told) + frames.window_update(0, more))

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        self._closing = True
        for call in list(self.calls.values()):
            self._drop(call)
        if hasattr(self, "_keeper"):
            self._keeper.close()
            self._incoming.close()
            # They hold on to this object as it does to them.
            del self._keeper, self._outgoing, self._incoming, self.open, self.send, self.close
        self._owner.leave(self)

    def pause_writing(self) -> None:
        """The other end takes less than there is."""
        self._outgoing.paused = True

    def resume_writing(self) -> None:
        """There is room again."""
        self._outgoing.resume()

    def data_received(self, data: bytes) -> None:
        """Something came."""
        if self._closing:
            return
        self._keeper.heard()
        try:
            self._incoming.feed(data)
        except ConnectionFault as fault:
            self._fail(fault.code, str(fault))
        except Exception:
            _log.exception("a connection of %s failed by a fault of the gateway", self.peer)
            self._fail(frames.INTERNAL_ERROR, "a fault of the gateway")

    def on_idle(self) -> None:
        """A frame brought nothing."""
        self._keeper.idled()

    # Frames of calls.

    def on_headers(self, stream_id: int, fields: list[Field], *, last: bool) -> None:
        """Headers of a call have come, or trailers of its request."""
        call = self.calls.get(stream_id)
        if call is not None:
            self._trailers(call, fields, last=last)
        elif stream_id > self._last_id and stream_id % 2:
            self._last_id = stream_id
            self._begin(stream_id, fields, last=last)
        elif stream_id not in self._ended:
            code = frames.STREAM_CLOSED if stream_id % 2 else frames.PROTOCOL_ERROR
            raise ConnectionFault(code, "headers of a stream that has ended")

    def _begin(self, stream_id: int, fields: list[Field], *, last: bool) -> None:
        """A call begins."""
        streams, calls = self._options.streams, len(self.calls)
        if calls >= streams or calls + self._ended.unwinding >= 2 * streams or stream_id > self._most_id:
            self._owner.refused["streams"] += 1
            self._keeper.idled()
            self._reset(stream_id, frames.REFUSED_STREAM)
            return
        try:
            head = read_head(fields, self._owner.names, self._options.header_list_bytes)
            if len(self._owner.turns) >= self._options.waiting:
                self._owner.refused["waiting"] += 1
                raise too_many()
            method = self._owner.methods(head)
        except MalformedError:
            self._reset(stream_id, frames.PROTOCOL_ERROR)
            return
        except (NotGrpcError, RefusedError) as error:
            self._outgoing.bare(stream_id, answer_of(error))
            if not last:
                self._reset(stream_id, frames.NO_ERROR)
            return
        windows = (self._outgoing.initial_window, self._options.stream_window)
        call = self.calls[stream_id] = ServerCall(self, stream_id, head, method, windows)
        self._keeper.worked()
        if method.streams_in:
            self._run(call)
        if last:
            self._received(call, b"", last=True)

    def _trailers(self, call: ServerCall, fields: list[Field], *, last: bool) -> None:
        try:
            trailing(fields, self._owner.names)
        except MalformedError:
            last = False
        if call.half_closed or not last:
            self._reset(call.stream_id, frames.STREAM_CLOSED if call.half_closed else frames.PROTOCOL_ERROR)
            return
        self._received(call, b"", last=True)

    def _on_data(self, flags: int, stream_id: int, body: bytes) -> None:
        size = len(body)
        self._window -= size
        if self._window < 0:
            raise ConnectionFault(frames.FLOW_CONTROL_ERROR, "more data than the window of the connection")
        if self._window * 2 < self._options.connection_window:
            # Calls are held back by their own windows, and never one by another.
            more, self._window = self._options.connection_window - self._window, self._options.connection_window
            self._outgoing.frame(frames.window_update(0, more))
        if flags & frames.PADDED:
            body = frames.unpadded(flags, body)
        call = self.calls.get(stream_id)
        if call is None or call.half_closed:
            self._closed(stream_id)
            return
        last = bool(flags & frames.END_STREAM)
        if not body and not last:
            self._keeper.idled()
        call.receive_window -= size
        if call.receive_window < 0:
            self._reset(stream_id, frames.FLOW_CONTROL_ERROR)
            return
        self._received(call, body, last=last)
        if not last:
            self.took(call)

    def _received(self, call: ServerCall, body: bytes, *, last: bool) -> None:
        """A part of a request has come, perhaps the last one."""
        if not call.fits(len(body), last=last):
            self._reset(call.stream_id, frames.PROTOCOL_ERROR)
            return
        streams_in = call.method.streams_in
        if body and not call.ended and (streams_in or not call.begun):
            try:
                messages = self._cut(call.inbox, body)
            except RefusedError as error:
                self.refuse(call, error)
                return
            if messages:
                call.arrived(messages)
        if last:
            if streams_in and call.inbox.held and not call.ended:
                self.refuse(call, cut_message())
                return
            call.finished()
        if not call.begun and not call.ended:
            if call.has_message:
                self._run(call)
            elif last:
                self.refuse(call, no_message())

    def _cut(self, inbox: Inbox, body: bytes) -> list[tuple[bool, bytes]]:
        """The messages that are whole now. Raises RefusedError, also where all that are not would take too much."""
        before = inbox.held
        messages = inbox.feed(body)
        if inbox.held != before:
            self._owner.held += inbox.held - before
            if self._owner.held > self._options.held_bytes and inbox.held > before:
                self._owner.refused["memory"] += 1
                raise too_many()
        return messages

    def took(self, call: ServerCall) -> None:
        """Lets more of a request come, unless there are messages that nobody has read."""
        most = self._options.stream_window
        if call.receive_window * 2 > most or call.half_closed or call.stream_id not in self.calls:
            return
        if call.has_message and call.method.streams_in and not call.ended:
            return
        self._outgoing.frame(frames.window_update(call.stream_id, most - call.receive_window))
        call.receive_window = most

    def _run(self, call: ServerCall) -> None:
        """Lets a call begin, when it is its turn."""
        call.begun = True
        turns = self._owner.turns
        if turns.take():
            call.task = self._loop.create_task(run(call))
        else:
            caller = self._owner.group(authorization_of(call.head), self.peer)
            turns.wait(caller, partial(self._begin_late, call))

    def _begin_late(self, call: ServerCall) -> bool:
        if call.ended:
            self._ended.passed_over()
            return False
        call.task = self._loop.create_task(run(call))
        return True

    def refuse(self, call: ServerCall, error: RefusedError) -> None:
        """Ends a call whose request is wrong."""
        if not call.ended:
            call.end(error.code, error.text)
            self._ended.unwind(call)
        if call.task is not None:
            call.task.cancel()

    def _closed(self, stream_id: int) -> None:
        """A frame came for a call that has ended. Raises where it should not have come."""
        self._keeper.idled()
        if stream_id in self._ended:
            return
        if not stream_id or stream_id > self._last_id:
            raise ConnectionFault(frames.PROTOCOL_ERROR, "a frame of a stream that has not begun")
        self._reset(stream_id, frames.STREAM_CLOSED)

    def _on_rst(self, flags: int, stream_id: int, body: bytes) -> None:
        if stream_id > self._last_id:
            raise ConnectionFault(frames.PROTOCOL_ERROR, "a reset of a stream that has not begun")
        call = self.calls.get(stream_id)
        if call is None:
            self._keeper.idled()
            self._ended.known(stream_id)
        else:
            self._drop(call)

    def _on_window(self, flags: int, stream_id: int, body: bytes) -> None:
        more, call = frames.number(body), self.calls.get(stream_id)
        if not stream_id and not more:
            raise ConnectionFault(frames.PROTOCOL_ERROR, "a window update of nothing")
        if stream_id > self._last_id:
            raise ConnectionFault(frames.PROTOCOL_ERROR, "a window update of a stream that has not begun")
        if not stream_id:
            self._outgoing.more(None, more)
        elif not more:
            self._reset(stream_id, frames.PROTOCOL_ERROR)
        elif call is not None:
            try:
                self._outgoing.more(call, more)
            except OverflowError:
                self._reset(stream_id, frames.FLOW_CONTROL_ERROR)

    # Frames of the connection.

    def _on_settings(self, flags: int, stream_id: int, body: bytes) -> None:
        if flags & frames.ACK:
            if body:
                raise ConnectionFault(frames.FRAME_SIZE_ERROR, "an acknowledgement with settings")
            return
        told, window = frames.told_settings(body), None
        self._keeper.began()
        self._keeper.idled(1 + len(told))
        for name, value in told:
            if name == frames.INITIAL_WINDOW_SIZE:
                window = value
            elif name == frames.HEADER_TABLE_SIZE:
                self._outgoing.table(value)
        if window is not None:
            self._keeper.idled(len(self.calls) // _CALLS_A_FRAME)
            self._outgoing.resize(window, list(self.calls.values()))
        self._outgoing.frame(frames.SETTINGS_ACK)

    def _on_ping(self, flags: int, stream_id: int, body: bytes) -> None:
        if not flags & frames.ACK:
            self._keeper.pinged(self._outgoing.sent)
            self._outgoing.frame(frames.ping(body, ack=True))
        elif body == _RETIRING and self._retiring:
            self._retired()

    # Ends.

    def _done(self, call: ServerCall) -> None:
        """The last frame of a call is on its way."""
        del self.calls[call.stream_id]
        self._owner.held -= call.inbox.empty()
        self._keeper.worked()
        if not call.half_closed:
            # Nobody reads what may still come of it (RFC 9113, section 8.1).
            self._outgoing.frame(frames.rst_stream(call.stream_id, frames.NO_ERROR))
            self._ended.forgive(call.stream_id)
        self._close_if_idle()

    def _reset(self, stream_id: int, code: int) -> None:
        """Ends a call from here."""
        self._outgoing.frame(frames.rst_stream(stream_id, code))
        self._ended.forgive(stream_id)
        call = self.calls.get(stream_id)
        if call is not None:
            self._drop(call)

    def _drop(self, call: ServerCall) -> None:
        """Nobody waits for the answer of a call any more."""
        del self.calls[call.stream_id]
        self._owner.held -= call.inbox.empty()
        self._outgoing.forget(call)
        self._ended.unwind(call)
        call.leave()
        self._close_if_idle()

    def _sweep(self) -> None:
        """Ends calls whose request does not come, and those whose answer nobody takes."""
        now_s = self.time()
        for call in list(self.calls.values()):
            if not call.begun and not call.ended:
                until_s = call.since_s + self._options.request_s
                if now_s > until_s or now_s > (call.deadline_s or until_s):
                    self.refuse(call, too_late())
        for stream_id in self._ended.untaken(self.calls.values()):
            self._reset(stream_id, frames.CANCEL)

    def _fail(self, code: int, text: str) -> None:
        """Ends the connection: the other end has broken the protocol."""
        self._owner.refused["calm" if code == frames.ENHANCE_YOUR_CALM else "protocol"] += 1
        self._outgoing.frame(frames.goaway(self._last_id, code, text))
        self._shut(_LAST_WORDS_S)

    def retire(self) -> None:
        """Asks the other end to go: it begins no more calls, and those that are under way are answered. What it has
        begun before it hears of this is answered, too.
        """
        if self._retiring or self._closing:
            return
        self._retiring = True
        if not self._incoming.began:
            self._transport.abort()
            return
        self._outgoing.frame(frames.goaway(MAX_WINDOW, frames.NO_ERROR) + frames.ping(_RETIRING))
        self._loop.call_later(_LAST_WORDS_S, self._retired)

    def _retired(self) -> None:
        if not self._closing and self._most_id == MAX_WINDOW:
            self._most_id = self._last_id
            self._outgoing.frame(frames.goaway(self._last_id, frames.NO_ERROR))
            self._close_if_idle()

    def cancel(self) -> None:
        """Ends all its calls: their callers hear that the server is going away."""
        self._retired()
        for call in list(self.calls.values()):
            if call.task is None:
                self.refuse(call, going_away())
            else:
                # One that is cancelled before its first step never gets to say so itself.
                call.task.add_done_callback(partial(self._gone, call))
                call.task.cancel()

    def _gone(self, call: ServerCall, task: "asyncio.Task[None]") -> None:
        error = going_away()
        call.end(error.code, error.text)

    def abort(self) -> None:
        """Ends it at once."""
        self._transport.abort()

    def _close_if_idle(self) -> None:
        if self._most_id != MAX_WINDOW and not self.calls and not self._closing:
            self._shut(_FLUSH_S)

    def _shut(self, within_s: float) -> None:
        self._outgoing.flush()
        self._closing = True
        for call in list(self.calls.values()):
            self._drop(call)
        self._transport.close()
        self._loop.call_later(within_s, self._transport.abort)

    def certificate(self) -> Mapping[str, tuple[bytes, ...]]:
        """What TLS knows of the caller."""
        return auth_context(self._transport.get_extra_info("peercert"))
