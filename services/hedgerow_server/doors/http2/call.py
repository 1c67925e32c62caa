"""One call at the server: what comes of it and goes out, and the context that its handler is given.

The context has those parts of `grpc.aio.ServicerContext` that our doors and the standard services use.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, Protocol, Self

import grpc
import grpc.aio

from hedgerow_server.doors.http2.head import Head, Metadata, RefusedError, answer_fields, status_fields, unreadable
from hedgerow_server.doors.http2.hpack import Field
from hedgerow_server.doors.http2.messages import Inbox, inflated
from hedgerow_server.doors.http2.method import Method

_OK = grpc.StatusCode.OK
Pairs = Iterable[tuple[str, str | bytes]]


class Wire(Protocol):
    """What a call sees of its connection."""

    peer: str
    message_bytes: int
    """The largest message that is taken."""

    def time(self) -> float:
        """The loop's clock in seconds."""

    def open(self, call: "ServerCall", fields: list[Field], data: bytes) -> "asyncio.Future[None] | None":
        """Sends the headers of the answer and its first bytes; a future where those have to wait."""

    def send(self, call: "ServerCall", data: bytes) -> "asyncio.Future[None] | None":
        """Sends more bytes; a future where they have to wait."""

    def close(self, call: "ServerCall", fields: list[Field], data: bytes, trailers: list[Field]) -> None:
        """Sends the end: headers where `fields` are not empty, bytes, trailers; or as soon as there is room."""

    def took(self, call: "ServerCall") -> None:
        """A message of a stream of requests was taken: more may come."""

    def refuse(self, call: "ServerCall", error: RefusedError) -> None:
        """Ends a call whose request is wrong, and cancels whoever answers it."""

    def certificate(self) -> Mapping[str, tuple[bytes, ...]]:
        """What `auth_context` tells."""


class ServerCall:
    """A call, from its headers on. It is the handler's context, and yields the messages of a stream of requests."""

    __slots__ = (
        "_messages",
        "_received",
        "_trailing",
        "_waiter",
        "_wire",
        "begun",
        "closing",
        "deadline_s",
        "ended",
        "half_closed",
        "head",
        "inbox",
        "left",
        "method",
        "opened",
        "pending",
        "pending_sent",
        "receive_window",
        "room",
        "send_window",
        "since_s",
        "stream_id",
        "task",
    )

    def __init__(self, wire: Wire, stream_id: int, head: Head, method: Method, windows: tuple[int, int]) -> None:
        """`windows`: how much may be sent and received."""
        self._wire = wire
        self.stream_id = stream_id
        self.head = head
        self.method = method
        self.send_window, self.receive_window = windows
        self.inbox = Inbox(wire.message_bytes)
        self.since_s = wire.time()
        self.deadline_s = None if head.timeout_s is None else self.since_s + head.timeout_s
        self.task: asyncio.Task[None] | None = None
        self.begun = False
        """Whether it has begun, or waits for its turn to."""
        self.half_closed = False
        """Whether the caller sends no more."""
        self.opened = False
        """Whether the headers of the answer are on their way."""
        self.ended = False
        """Whether its status is on its way, or nobody waits for one any more."""
        self.left = False
        """Whether the caller has left."""
        self.pending: deque[bytes] = deque()
        """What waits for room, oldest first."""
        self.pending_sent = 0
        """How much of the oldest has gone."""
        self.closing: list[Field] | None = None
        """Trailers that go out behind it."""
        self.room: asyncio.Future[None] | None = None
        """Set once nothing is pending."""
        self._received = 0
        self._messages: deque[tuple[bool, bytes]] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._trailing: Pairs = ()

    # What the connection tells.

    def fits(self, size: int, *, last: bool) -> bool:
        """Counts what has come of the request; whether it is no more, and in the end no less, than was announced."""
        self._received += size
        announced = self.head.content_length
        if announced is None:
            return True
        return self._received == announced if last else self._received <= announced

    def arrived(self, messages: list[tuple[bool, bytes]]) -> None:
        """Whole messages have come."""
        self._messages += messages
        self._wake()

    def finished(self) -> None:
        """The caller sends no more."""
        self.half_closed = True
        self._wake()

    def leave(self) -> None:
        """The caller has left, or is made to. Whoever answers is told."""
        self.left = self.ended = True
        self.pending.clear()
        for one in (self.room, self._waiter):
            # Whoever writes or reads may do so in a task of his own.
            if one is not None and not one.done():
                one.cancel()
        if self.task is not None:
            self.task.cancel()

    @property
    def has_message(self) -> bool:
        """Whether a whole message is here."""
        return bool(self._messages)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # Whoever runs the handler.

    async def request(self) -> Any:
        """The one message of a unary request, which is here. Raises RefusedError."""
        compressed, body = self._messages.popleft()
        if compressed:
            body = await inflated(body, self.head.encoding, self._wire.message_bytes)
        read = self.method.read
        if read is None:
            return body
        try:
            return read(body)
        except Exception:
            raise unreadable() from None

    def answer(self, message: Any) -> None:
        """Sends the only message of an answer and its status. Nothing where it has ended."""
        if self.ended:
            return
        write = self.method.write
        body: bytes = message if write is None else write(message)
        data = b"\0" + len(body).to_bytes(4, "big") + body
        self._end(data)

    def end(self, code: grpc.StatusCode = _OK, details: str = "") -> None:
        """Sends the status. Nothing where it has ended."""
        if not self.ended:
            self._end(b"", code, details)

    def fail(self, error: Exception) -> None:
        """Sends the status of a handler that has raised what it should not, which may have been about its trailers."""
        self._trailing = ()
        self.end(grpc.StatusCode.UNKNOWN, f"Unexpected {type(error)}: {error}")

    def _end(self, data: bytes, code: grpc.StatusCode = _OK, details: str = "") -> None:
        fields = [] if self.opened else answer_fields()
        trailers = status_fields(code, details, self._trailing)
        self.ended = self.opened = True
        self._wire.close(self, fields, data, trailers)

    # A stream of requests.

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        while not self._messages:
            if self.left:
                raise asyncio.CancelledError
            if self.half_closed:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        try:
            message = await self.request()
        except RefusedError as error:
            self._wire.refuse(self, error)
            raise asyncio.CancelledError from None
        self._wire.took(self)
        return message

    # The context of the handler.

    async def write(self, message: Any) -> None:
        """Sends a message of a stream; returns once the caller has room for it."""
        if self.ended:
            raise grpc.aio.InternalError("the call has ended")
        write = self.method.write
        body: bytes = message if write is None else write(message)
        data = b"\0" + len(body).to_bytes(4, "big") + body
        if self.opened:
            room = self._wire.send(self, data)
        else:
            self.opened = True
            room = self._wire.open(self, answer_fields(), data)
        if room is not None:
            await room

    async def send_initial_metadata(self, metadata: Pairs) -> None:
        """Sends the headers of the answer."""
        if not self.opened and not self.ended:
            fields = answer_fields(metadata)
            self.opened = True
            self._wire.open(self, fields, b"")

    def set_trailing_metadata(self, metadata: Pairs) -> None:
        """What the trailers say beside the status."""
        self._trailing = metadata

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Pairs = ()) -> NoReturn:
        """Ends the call with a failure. Raises AbortError, always."""
        if trailing_metadata:
            self._trailing = trailing_metadata
        self.end(code, details)
        raise grpc.aio.AbortError("Locally aborted.")

    def invocation_metadata(self) -> Metadata:
        """What the caller sent, in its order; values of `-bin` keys are bytes."""
        return self.head.metadata

    def peer(self) -> str:
        """Where the caller is, such as "ipv4:127.0.0.1:50600"."""
        return self._wire.peer

    def auth_context(self) -> Mapping[str, tuple[bytes, ...]]:
        """What TLS knows of the caller, by C-core's names; empty without."""
        return self._wire.certificate()

    def time_remaining(self) -> float | None:
        """Seconds until the caller's deadline, at least 0; None without one."""
        return None if self.deadline_s is None else max(0.0, self.deadline_s - self._wire.time())
