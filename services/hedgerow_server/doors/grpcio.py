"""The gRPC door, on grpc.aio or on our own server: bytes in, bytes out, a status for every failure.

Handlers are registered without (de)serialisers, so that neither does protobuf of its own. A streaming handler writes
with `context.write`: it keeps the caller's back-pressure, and the call is settled before its last message goes out.
"""

from __future__ import annotations  # grpcio's types take parameters in their stubs only

import asyncio
import contextlib
import logging
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import partial
from typing import NoReturn, TypeAlias

import grpc
import grpc.aio

from hedgerow_server.core.call import Call, Kind, Method
from hedgerow_server.core.error import HedgerowError, Internal, Overloaded, RpcUnknown
from hedgerow_server.core.event import Event
from hedgerow_server.doors.gate import Gate
from hedgerow_server.doors.proxies import TrustedProxies
from hedgerow_server.doors.serving import Encoder, OpenCalls, Serving
from hedgerow_server.doors.status import Trailers, code_of, text_of, trailers

_log = logging.getLogger(__name__)
_NAME_CHARS = 128
_WRITTEN_S = 1.0
"""How long the end of a call waits for a message that is on its way."""
_NONE: frozenset[str] = frozenset()
_AUTHORIZATION, _RETRIED = "authorization", "grpc-previous-rpc-attempts"
_PEER_PROPERTIES = {"peer_uri": "", "peer_dns": "dns:", "peer_email": "email:", "peer_ip": "ip:"}
"""C-core's names for the subject alternative names of a certificate, and how they are told apart from here on."""

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"


class GrpcDoor:
    """Turns gRPC calls into core calls."""

    def __init__(
        self,
        serving: Serving,
        report: Callable[[Call], bytes],
        calls: OpenCalls | None = None,
        proxies: TrustedProxies | None = None,
        gate: Gate | None = None,
        *,
        on_core: bool = True,
    ) -> None:
        """`proxies` None: nobody's word for whom they call is taken. `gate` None: every call is let in. `on_core`:
        whether the server is grpc.aio's.
        """
        self.serving = serving
        """What runs new calls; may be replaced by one with the same RPCs at any time."""
        self.calls = calls or OpenCalls()
        """Those that are open, perhaps with those of other doors."""
        self._report = report
        self._proxies = proxies
        self._gate = gate
        self._on_core = on_core

    def handlers(self, *, instrumented: bool = False) -> list[grpc.GenericRpcHandler]:
        """The handlers of every service, and one for RPCs that do not exist: to be registered after all others.
        `instrumented` shapes streams as generators, as OpenTelemetry's interceptor needs them.
        """
        services: dict[str, dict[str, grpc.RpcMethodHandler[bytes, bytes]]] = {}
        for endpoint in self.serving.endpoints.values():
            service, _, name = endpoint.method.name.partition("/")
            services.setdefault(service, {})[name] = self._handler(endpoint.method, instrumented=instrumented)
        found: list[grpc.GenericRpcHandler] = [
            grpc.method_handlers_generic_handler(service, methods) for service, methods in services.items()
        ]
        found.append(_Unknown(lambda name: self._refusal(name, instrumented=instrumented)))
        return found if self._gate is None else [_Front(self._gate, instrumented=instrumented), *found]

    def _handler(self, method: Method, *, instrumented: bool) -> grpc.RpcMethodHandler[bytes, bytes]:
        match method.kind:
            case Kind.UNARY:
                return grpc.unary_unary_rpc_method_handler(self._unary(method.name))
            case Kind.SERVER_STREAM:
                stream = self._stream(method.name)
                return grpc.unary_stream_rpc_method_handler(_as_generator(stream) if instrumented else stream)
            case Kind.BIDI_STREAM:
                bidi = self._bidi(method.name)
                return grpc.stream_stream_rpc_method_handler(_as_generator(bidi) if instrumented else bidi)

    def _unary(self, name: str) -> Callable[[bytes, Context], Awaitable[bytes]]:
        async def handle(body: bytes, context: Context) -> bytes:
            serving = self.serving
            endpoint = serving.endpoints[name]
            assert endpoint.answer is not None
            call = self._call(endpoint.method, context, body)
            answer = endpoint.answer()

            async def deliver(event: Event) -> None:
                answer.add(event)

            try:
                await self._run(serving, call, context, deliver)
                return answer.encode()
            except Exception as error:
                await self._fault(call, context, error)

        return handle

    def _stream(self, name: str) -> Callable[[bytes, Context], Awaitable[None]]:
        async def handle(body: bytes, context: Context) -> None:
            serving = self.serving
            endpoint = serving.endpoints[name]
            assert endpoint.encoder is not None
            await self._write_events(serving, self._call(endpoint.method, context, body), context, endpoint.encoder())

        return handle

    def _bidi(self, name: str) -> Callable[[AsyncIterator[bytes], Context], Awaitable[None]]:
        async def handle(bodies: AsyncIterator[bytes], context: Context) -> None:
            serving = self.serving
            endpoint = serving.endpoints[name]
            assert endpoint.encoder is not None
            call = self._call(endpoint.method, context, b"", bodies)
            await self._write_events(serving, call, context, endpoint.encoder())

        return handle

    def _refusal(self, name: str, *, instrumented: bool) -> grpc.RpcMethodHandler[bytes, bytes]:
        """A handler for an RPC that does not exist. It waits for no message: there might never be one."""

        def refuse(call: Call) -> NoReturn:
            raise RpcUnknown(f"There is no RPC {name}.", metadata={"method": name})

        async def handle(bodies: AsyncIterator[bytes], context: Context) -> None:
            call = self._call(Method(name, Kind.BIDI_STREAM, refuse, refuse), context, b"")
            await self._write_events(self.serving, call, context, _NoEvents())

        return grpc.stream_stream_rpc_method_handler(_as_generator(handle) if instrumented else handle)

    async def _write_events(self, serving: Serving, call: Call, context: Context, encoder: Encoder) -> None:
        write: Callable[[bytes], Awaitable[None]] = partial(_write_first, context) if self._on_core else context.write

        async def deliver(event: Event) -> None:
            nonlocal write
            for message in encoder.encode(event):
                try:
                    await write(message)
                except grpc.aio.InternalError:
                    # Nothing else makes a write fail than a caller that has left.
                    raise asyncio.CancelledError from None
                write = context.write

        try:
            await self._run(serving, call, context, deliver)
        except Exception as error:
            await self._fault(call, context, error)

    def _call(self, method: Method, context: Context, body: bytes, bodies: AsyncIterator[bytes] | None = None) -> Call:
        pairs = [(key, value) for key, value in context.invocation_metadata() or () if isinstance(value, str)]
        metadata: dict[str, str] = dict(pairs)
        peer, identities = context.peer(), lambda: _identities(context)
        if self._proxies is not None:
            origin = self._proxies.origin(peer, identities, lambda name: [value for key, value in pairs if key == name])
            peer, identities = origin.peer, origin.identities
        return Call(
            method,
            metadata,
            body,
            peer=peer,
            timeout_s=context.time_remaining(),
            bodies=bodies,
            repeated=_NONE if len(metadata) == len(pairs) else _repeated(key for key, _ in pairs),
            peer_identities=identities,
        )

    async def _run(
        self, serving: Serving, call: Call, context: Context, deliver: Callable[[Event], Awaitable[None]]
    ) -> None:
        """Sends the call through the server. Sets the trailers, or aborts with the failure's status."""
        gate, authorization = self._gate, call.metadata.get(_AUTHORIZATION)
        if gate is not None:
            try:
                group = gate.enter("grpc", authorization, call.peer, retried=_RETRIED in call.metadata)
            except Overloaded as error:
                await _refuse(context, error)
        self.calls.enter(call)
        serving.enter()
        try:
            await serving.server.serve(call, deliver)
            context.set_trailing_metadata(trailers(call.request_id, self._report(call), None))
        except HedgerowError as error:
            await _abort(context, error, trailers(call.request_id, self._report(call), error))
        finally:
            serving.leave()
            self.calls.leave(call)
            if gate is not None:
                gate.leave("grpc", group, authorization, call.principal.tenant if call.principal is not None else None)

    async def _fault(self, call: Call, context: Context, error: Exception) -> NoReturn:
        """Tells of a fault beyond the chain, such as an answer that cannot be encoded: grpcio itself would tell the
        caller the text of the exception.
        """
        if isinstance(error, grpc.aio.AbortError):
            raise error
        _log.error("call %s failed by a fault at the door", call.request_id, exc_info=error)
        fault = Internal("A fault of the gateway; the request id finds it in the log.")
        await _abort(context, fault, trailers(call.request_id, b"", fault))


async def _write_first(context: Context, message: bytes) -> None:
    """Writes the first message of a stream, whole even where the call ends meanwhile. The headers go with it: grpc.aio
    would take them for unsent and put them into the status again, which C-core refuses, and the caller would get none.
    """
    writing = asyncio.ensure_future(context.write(message))
    # Or asyncio complains where the caller has left: it may fail after everybody has stopped waiting.
    writing.add_done_callback(lambda task: task.cancelled() or task.exception())
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        await asyncio.wait({writing}, timeout=_WRITTEN_S)
        raise


async def _refuse(context: Context, error: Overloaded) -> NoReturn:
    """Refuses what never became a call of the chain."""
    await _abort(context, error, trailers(os.urandom(16).hex(), b"", error))


async def _abort(context: Context, error: HedgerowError, metadata: Trailers) -> NoReturn:
    try:
        await context.abort(code_of(error), text_of(error), metadata)
    except grpc.aio.InternalError:
        # The caller has left, and with it whoever would read the status.
        raise asyncio.CancelledError from None


def _repeated(keys: Iterable[str]) -> frozenset[str]:
    return frozenset(key for key, times in Counter(keys).items() if times > 1)


def _identities(context: Context) -> tuple[str, ...]:
    """Whom the caller's certificate names. C-core has verified it: without an authority for callers' certificates it
    asks for none.
    """
    found = context.auth_context()
    return tuple(
        f"{prefix}{value.decode(errors='replace')}"
        for name, prefix in _PEER_PROPERTIES.items()
        for value in found.get(name, ())
    )


class _NoEvents:
    """Encodes the answers of an RPC that does not exist."""

    def encode(self, event: Event) -> list[bytes]:
        raise TypeError(f"{type(event).__name__} is no event of an RPC that does not exist")


class _Front(grpc.GenericRpcHandler):
    """Asked first about every call. It refuses what the gate does not let in, without a look at its message."""

    def __init__(self, gate: Gate, *, instrumented: bool) -> None:
        self._gate = gate
        self._instrumented = instrumented

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        """A handler for a call that is refused, None for one that others handle."""
        if not self._gate.sees():
            return None
        authorization, retried = None, False
        for key, value in details.invocation_metadata or ():
            if key == _AUTHORIZATION:
                authorization = value
            elif key == _RETRIED:
                retried = True
        error = self._gate.look(authorization, retried=retried)  # type: ignore[arg-type]  # no binary key is looked at
        if error is None:
            return None

        async def refuse(bodies: AsyncIterator[bytes], context: Context) -> None:
            await _refuse(context, error)

        return grpc.stream_stream_rpc_method_handler(_as_generator(refuse) if self._instrumented else refuse)


class _Unknown(grpc.GenericRpcHandler):
    """Sends RPCs that do not exist through the chain too: it gives them an id, and an answer with our details where
    grpcio's own has none.
    """

    def __init__(self, handler: Callable[[str], grpc.RpcMethodHandler[bytes, bytes]]) -> None:
        self._handler = handler

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        """A handler, whatever was called."""
        return self._handler(str(details.method).lstrip("/")[:_NAME_CHARS])


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
            except Exception:
                await messages.put(None)
                raise
            # Not when cancelled: nobody reads any more, and the queue may be full.
            await messages.put(None)

        task = asyncio.create_task(run())
        # The interceptor around this generator may be dropped without being closed: the call itself knows its end.
        context.add_done_callback(lambda _: task.cancel())  # type: ignore[arg-type]  # the stubs want a class
        try:
            while (message := await messages.get()) is not None:
                yield message
            await task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    return generate
