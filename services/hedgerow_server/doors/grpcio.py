"""The gRPC door on grpc.aio: bytes in, bytes out, a status for every failure.

Handlers are registered without (de)serialisers, so grpcio does no protobuf of its own. A streaming handler writes with
`context.write`: it keeps the caller's back-pressure, and the call is settled before its last message goes out.
"""

from __future__ import annotations  # grpcio's types take parameters in their stubs only

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Protocol, TypeAlias

import grpc
import grpc.aio
import msgspec

from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.error import HedgerowError, RpcUnknown
from hedgerow_server.core.event import Event
from hedgerow_server.doors.status import code_of, text_of, trailers

_log = logging.getLogger(__name__)

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"


class Server(Protocol):
    """What runs a call; the chain does."""

    async def serve(self, call: Call, deliver: Callable[[Event], Awaitable[None]]) -> None:
        """Runs the call and hands on its events. Raises HedgerowError."""


class Answer(Protocol):
    """Collects the events of a unary call into the bytes of its response."""

    def add(self, event: Event) -> None:
        """Takes one event."""

    def encode(self) -> bytes:
        """The response, once the terminal event was taken."""


class Encoder(Protocol):
    """Turns the events of a streaming call into messages."""

    def encode(self, event: Event) -> list[bytes]:
        """The messages of one event."""


class Endpoint(msgspec.Struct, frozen=True):
    """An RPC at this door: `answer` for a unary one, `encoder` for a stream; each makes a fresh one for every call."""

    method: Method
    answer: Callable[[], Answer] | None = None
    encoder: Callable[[], Encoder] | None = None


class GrpcDoor:
    """Turns gRPC calls into core calls."""

    def __init__(self, server: Server, report: Callable[[Call], bytes], endpoints: Iterable[Endpoint]) -> None:
        self._server = server
        self._report = report
        self._endpoints = tuple(endpoints)

    def handlers(self, *, instrumented: bool = False) -> list[grpc.GenericRpcHandler]:
        """The handlers of every service, and one for RPCs that do not exist. `instrumented` shapes streams as
        generators, as OpenTelemetry's interceptor needs them.
        """
        services: dict[str, dict[str, grpc.RpcMethodHandler[bytes, bytes]]] = {}
        for endpoint in self._endpoints:
            service, _, name = endpoint.method.name.partition("/")
            services.setdefault(service, {})[name] = self._handler(endpoint, instrumented=instrumented)
        found: list[grpc.GenericRpcHandler] = [
            grpc.method_handlers_generic_handler(service, methods) for service, methods in services.items()
        ]
        return found

    def unknown(self) -> grpc.GenericRpcHandler:
        """Answers every RPC that no other handler knows. Registered last."""
        return _Unknown()

    def _handler(self, endpoint: Endpoint, *, instrumented: bool) -> grpc.RpcMethodHandler[bytes, bytes]:
        match endpoint.method.kind:
            case Kind.UNARY:
                return grpc.unary_unary_rpc_method_handler(self._unary(endpoint))
            case Kind.SERVER_STREAM:
                stream = self._stream(endpoint)
                return grpc.unary_stream_rpc_method_handler(_as_generator(stream) if instrumented else stream)
            case Kind.BIDI_STREAM:
                bidi = self._bidi(endpoint)
                return grpc.stream_stream_rpc_method_handler(_as_generator(bidi) if instrumented else bidi)

    def _unary(self, endpoint: Endpoint) -> Callable[[bytes, Context], Awaitable[bytes]]:
        assert endpoint.answer is not None
        method, make = endpoint.method, endpoint.answer

        async def handle(body: bytes, context: Context) -> bytes:
            call = _call(method, context, body)
            answer = make()

            async def deliver(event: Event) -> None:
                answer.add(event)

            await self._run(call, context, deliver)
            context.set_trailing_metadata(trailers(call.request_id, self._report(call), None))
            return answer.encode()

        return handle

    def _stream(self, endpoint: Endpoint) -> Callable[[bytes, Context], Awaitable[None]]:
        assert endpoint.encoder is not None
        method, make = endpoint.method, endpoint.encoder

        async def handle(body: bytes, context: Context) -> None:
            call = _call(method, context, body)
            await self._write_events(call, context, make())

        return handle

    def _bidi(self, endpoint: Endpoint) -> Callable[[AsyncIterator[bytes], Context], Awaitable[None]]:
        assert endpoint.encoder is not None
        method, make = endpoint.method, endpoint.encoder

        async def handle(bodies: AsyncIterator[bytes], context: Context) -> None:
            first = await anext(bodies, b"")
            call = _call(method, context, first, bodies)
            await self._write_events(call, context, make())

        return handle

    async def _write_events(self, call: Call, context: Context, encoder: Encoder) -> None:
        async def deliver(event: Event) -> None:
            for message in encoder.encode(event):
                await context.write(message)

        await self._run(call, context, deliver)
        context.set_trailing_metadata(trailers(call.request_id, self._report(call), None))

    async def _run(self, call: Call, context: Context, deliver: Callable[[Event], Awaitable[None]]) -> None:
        try:
            await self._server.serve(call, deliver)
        except HedgerowError as error:
            await context.abort(code_of(error), text_of(error), trailers(call.request_id, self._report(call), error))


def _call(method: Method, context: Context, body: bytes, bodies: AsyncIterator[bytes] | None = None) -> Call:
    metadata: dict[str, str] = {
        key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)
    }
    return Call(method, metadata, body, peer=context.peer(), timeout_s=context.time_remaining(), bodies=bodies)


class _Unknown(grpc.GenericRpcHandler):
    """An answer with our details for what does not exist, where grpcio's own has none."""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        """A handler that refuses."""
        name = str(details.method).lstrip("/")

        async def refuse(bodies: AsyncIterator[bytes], context: Context) -> None:
            error = RpcUnknown(f"There is no RPC {name[:128]}.", metadata={"method": name})
            given = dict(context.invocation_metadata() or ()).get("x-request-id", "")
            request_id = given if isinstance(given, str) and len(given) <= 128 else ""
            await context.abort(code_of(error), text_of(error), trailers(request_id, b"", error))

        return grpc.stream_stream_rpc_method_handler(refuse)


class _Relay:
    """Stands for a context whose `write` hands messages to a generator."""

    def __init__(self, context: Context, messages: asyncio.Queue[bytes | None]) -> None:
        self._context = context
        self._messages = messages

    async def write(self, message: bytes) -> None:
        await self._messages.put(message)

    def __getattr__(self, name: str) -> object:
        return getattr(self._context, name)


def _as_generator(
    handle: Callable[[bytes, Context], Awaitable[None]] | Callable[[AsyncIterator[bytes], Context], Awaitable[None]],
) -> Callable[[bytes, Context], AsyncIterator[bytes]]:
    async def generate(request: bytes, context: Context) -> AsyncIterator[bytes]:
        messages: asyncio.Queue[bytes | None] = asyncio.Queue(1)

        async def run() -> None:
            try:
                await handle(request, _Relay(context, messages))  # type: ignore[arg-type]
            finally:
                await messages.put(None)

        task = asyncio.create_task(run())
        try:
            while (message := await messages.get()) is not None:
                yield message
            await task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    return generate
