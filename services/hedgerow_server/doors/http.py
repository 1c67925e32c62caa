"""The HTTP door: requests in the forms of other APIs, through the same chain as those over gRPC.

Nothing is sent before the first event: until then a failure is an answer with a status. A stream that fails later ends
with an event that says so, and its connection is broken off, so that no client takes it for whole.
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import AsyncIterator, Iterable

import msgspec
from starlette.types import Receive, Scope, Send

from hedgerow_server.core.call import Call, Kind
from hedgerow_server.core.error import HedgerowError, Internal, MessageTooLarge
from hedgerow_server.core.event import Event
from hedgerow_server.doors.http_server import HttpServer
from hedgerow_server.doors.section import HttpSection
from hedgerow_server.doors.serving import Answer, Encoder, HttpEndpoint, OpenCalls, Serving
from hedgerow_server.doors.status import pushback

_log = logging.getLogger(__name__)
_NONE: frozenset[str] = frozenset()
_JSON = (b"content-type", b"application/json")
_STREAM = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    # Proxies of the nginx family hold a stream back otherwise.
    (b"x-accel-buffering", b"no"),
]


class Target(msgspec.Struct, frozen=True):
    """What a request without a body asks for: the form that a call has until it is decoded."""

    tail: str
    """What follows the endpoint's path."""
    query: bytes
    """The query string as it came."""


class HttpDoor:
    """Turns HTTP requests into core calls: an ASGI application."""

    def __init__(self, serving: Serving, calls: OpenCalls, section: HttpSection | None) -> None:
        """Without a section it is never open."""
        self.serving = serving
        """What runs new calls; may be replaced at any time."""
        self.calls = calls
        """Those that are open, perhaps with those of other doors."""
        self._section = section
        self._server = HttpServer(self)

    async def start(self) -> dict[str, str]:
        """Listens; returns the address as `http`, where there is one. Raises ListenError."""
        return {} if self._section is None else {"http": await self._server.start(self._section.listen)}

    def drain(self) -> None:
        """Takes no new connections, and closes those that are open once they have answered."""
        self._server.drain()

    async def stop(self) -> None:
        """Ends it at once."""
        await self._server.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        serving = self.serving
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        form = "anthropic" if any(name == b"anthropic-version" for name, _ in headers) else "openai"
        found = serving.path(scope["path"], form)
        if found is None:
            await _plain(send, 404, b"not found\n")
            return
        endpoint = found.get(scope["method"])
        if endpoint is None:
            await _plain(send, 405, b"method not allowed\n", (b"allow", ", ".join(sorted(found)).encode()))
            return
        assert self._section is not None
        body = _Body(receive, self._section.max_request_bytes)
        call = _call(endpoint, scope, headers, body)
        response = _Response(endpoint, call, send)
        self.calls.enter(call)
        serving.enter()
        try:
            await serving.server.serve(call, response.deliver)
            await response.end()
        except HedgerowError as error:
            await response.fail(error)
        except asyncio.CancelledError:
            if not body.left:
                raise
        except Exception as error:
            _log.error("call %s failed by a fault at the door", call.request_id, exc_info=error)
            await response.fail(Internal("A fault of the gateway; the request id finds it in the log."))
        finally:
            serving.leave()
            self.calls.leave(call)
            body.close()


class _Response:
    """The answer to one request."""

    __slots__ = ("_answer", "_call", "_encoder", "_endpoint", "_send", "_started")

    def __init__(self, endpoint: HttpEndpoint, call: Call, send: Send) -> None:
        self._endpoint, self._call, self._send = endpoint, call, send
        self._answer: Answer | None = None
        self._encoder: Encoder | None = None
        self._started = False

    async def deliver(self, event: Event) -> None:
        """Takes an event."""
        call, endpoint = self._call, self._endpoint
        if call.method.kind is Kind.UNARY:
            if self._answer is None:
                self._answer = endpoint.answer(call)
            self._answer.add(event)
            return
        if self._encoder is None:
            assert endpoint.encoder is not None
            self._encoder = endpoint.encoder(call)
        data = b"".join(self._encoder.encode(event))
        if not self._started:
            await self._start(200, _STREAM)
        if data:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """All events were taken."""
        if self._answer is None:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        body = self._answer.encode()
        await self._start(200, [_JSON, (b"content-length", str(len(body)).encode())])
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def fail(self, error: HedgerowError) -> None:
        """The call has failed. Without the last chunk the server breaks off the connection."""
        form, request_id = self._endpoint.form, self._call.request_id
        if self._started:
            event = form.event(error, request_id)
            await self._send({"type": "http.response.body", "body": event, "more_body": True})
            return
        body = form.body(error, request_id)
        headers = [_JSON, (b"content-length", str(len(body)).encode()), *_retry_headers(error)]
        await self._start(form.status(error), headers)
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        call = self._call
        self._started = True
        given = [*headers, (b"x-request-id", call.request_id.encode()), *self._endpoint.form.headers(call)]
        await self._send({"type": "http.response.start", "status": status, "headers": given})


class _Body:
    """The body of a request as the one message of a stream: read when the chain decodes it. From then on it watches
    whether the caller is still there, and ends the task of the call if not.
    """

    def __init__(self, receive: Receive, max_bytes: int) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._read = False
        self._watching: asyncio.Task[None] | None = None
        self.left = False
        """Whether the caller has left."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._read:
            raise StopAsyncIteration
        self._read = True
        chunks: list[bytes] = []
        size, more = 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.left = True
                raise asyncio.CancelledError
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._max_bytes:
                raise MessageTooLarge(
                    f"The request has more than {self._max_bytes} bytes.",
                    metadata={"limitBytes": str(self._max_bytes)},
                    subject="message_bytes",
                )
            chunks.append(chunk)
            more = message.get("more_body", False)
        task = asyncio.current_task()
        assert task is not None
        self._watching = asyncio.create_task(self._watch(task))
        return b"".join(chunks)

    async def _watch(self, task: "asyncio.Task[None]") -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.left = True
        task.cancel()

    def close(self) -> None:
        """Watches no more."""
        if self._watching is not None:
            self._watching.cancel()


def _call(endpoint: HttpEndpoint, scope: Scope, headers: list[tuple[bytes, bytes]], body: AsyncIterator[bytes]) -> Call:
    pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    metadata = dict(pairs)
    if "authorization" not in metadata and "x-api-key" in metadata:
        metadata["authorization"] = f"Bearer {metadata['x-api-key']}"
    client = scope["client"]
    call = Call(
        endpoint.method,
        metadata,
        b"",
        peer=f"{client[0]}:{client[1]}" if client else "",
        timeout_s=_timeout_s(metadata.get("x-hedgerow-timeout", "")),
        bodies=body if endpoint.verb == "POST" else None,
        repeated=_NONE if len(metadata) == len(pairs) else _repeated(name for name, _ in pairs),
        door=endpoint.form.name,
    )
    call.form = Target(scope["path"].removeprefix(endpoint.path), scope["query_string"])
    return call


def _repeated(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name for name, times in Counter(names).items() if times > 1)


def _timeout_s(text: str) -> float | None:
    """Seconds; None for what is none."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 < seconds < 1e9 else None


def _retry_headers(error: HedgerowError) -> list[tuple[bytes, bytes]]:
    """When to come back, in the words that clients of both APIs read."""
    delay = pushback(error)
    if delay is None:
        return []
    if delay == "-1":
        return [(b"x-should-retry", b"false")]
    seconds = str(math.ceil(int(delay) / 1000)).encode()
    return [(b"retry-after-ms", delay.encode()), (b"retry-after", seconds), (b"x-should-retry", b"true")]


async def _plain(send: Send, status: int, text: bytes, *headers: tuple[bytes, bytes]) -> None:
    given = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": given})
    await send({"type": "http.response.body", "body": text, "more_body": False})
