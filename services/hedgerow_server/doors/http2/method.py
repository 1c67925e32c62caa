"""RPCs that a server has: the handlers of grpc's own registration, as they are called here."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import msgspec

from hedgerow_server.doors.http2.head import Head, RefusedError, going_away

if TYPE_CHECKING:
    from hedgerow_server.doors.http2.call import ServerCall

_log = logging.getLogger(__name__)
Run = Callable[["ServerCall"], Awaitable[None]]


class Method(msgspec.Struct, frozen=True):
    """How an RPC is run."""

    run: Run
    streams_in: bool
    """Whether it takes a stream: then it begins before a message has come."""
    read: Callable[[bytes], Any] | None = None
    """Makes a request of a message; None: it is taken as it came."""
    write: Callable[[Any], bytes] | None = None


class Details(msgspec.Struct):
    """What handlers are chosen by, as grpc.HandlerCallDetails has it."""

    method: str
    invocation_metadata: object


class Methods:
    """All of a server. Those that are registered first are asked first."""

    def __init__(self) -> None:
        self._handlers: list[grpc.GenericRpcHandler] = []
        self._found: dict[str, tuple[list[grpc.GenericRpcHandler], Method]] = {}

    def add(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        """Takes handlers, as grpc.aio.Server does. Those of a named service answer the same for a path each time and
        are asked once; the others are asked for each call that comes to them.
        """
        self._handlers += handlers

    def __call__(self, head: Head) -> Method:
        """The RPC of a call. Raises RefusedError where there is none."""
        details: Any = Details(head.path, head.metadata)
        found = self._found.get(head.path)
        before: list[grpc.GenericRpcHandler] = []
        for one in self._handlers if found is None else found[0]:
            handler = one.service(details)
            if handler is None:
                if not isinstance(one, grpc.ServiceRpcHandler):
                    before.append(one)
            elif isinstance(one, grpc.ServiceRpcHandler):
                self._found[head.path] = found = (before, bound(handler))
                return found[1]
            else:
                return bound(handler)
        if found is None:
            raise RefusedError(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
        return found[1]


def bound(handler: "grpc.RpcMethodHandler[Any, Any]") -> Method:
    """How a handler is run."""
    if handler.request_streaming:
        shape = _stream_stream if handler.response_streaming else _stream_unary
    else:
        shape = _unary_stream if handler.response_streaming else _unary_unary
    return Method(
        shape(handler),
        bool(handler.request_streaming),
        handler.request_deserializer,
        handler.response_serializer,
    )


def _unary_unary(handler: Any) -> Run:
    answer = handler.unary_unary

    async def run(call: "ServerCall") -> None:
        call.answer(await answer(await call.request(), call))

    return run


def _unary_stream(handler: Any) -> Run:
    async def run(call: "ServerCall") -> None:
        await _written(call, handler.unary_stream(await call.request(), call))

    return run


def _stream_unary(handler: Any) -> Run:
    async def run(call: "ServerCall") -> None:
        call.answer(await handler.stream_unary(call, call))

    return run


def _stream_stream(handler: Any) -> Run:
    async def run(call: "ServerCall") -> None:
        await _written(call, handler.stream_stream(call, call))

    return run


async def _written(call: "ServerCall", messages: Any) -> None:
    """Runs what writes by itself, or writes what a generator yields."""
    if hasattr(messages, "__aiter__"):
        async for message in messages:
            await call.write(message)
    else:
        await messages
    call.end()


async def run(call: "ServerCall") -> None:
    """Runs a call to its end, whatever comes."""
    try:
        await call.method.run(call)
    except RefusedError as refused:
        call.end(refused.code, refused.text)
    except grpc.aio.AbortError:
        pass
    except asyncio.CancelledError:
        # Where the caller has left nobody hears it; else the server stops.
        gone = going_away()
        call.end(gone.code, gone.text)
    except Exception as error:
        _log.exception("a call of %s failed by a fault of its handler", call.head.path)
        call.fail(error)
