"""What the cases ask of a server and the gateway's RPCs never do: echo the caller's metadata, and compress answers.

It stands around the door's handlers, so that the door under test stays as it is. The server on the event loop does not
compress: there everything is answered as it is.
"""

from __future__ import annotations  # grpcio's types take parameters in their stubs only

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from interop import messages

_INITIAL = "x-grpc-test-echo-initial"
_TRAILING = "x-grpc-test-echo-trailing-bin"


class Echo(grpc.GenericRpcHandler):
    """Handlers whose context is wrapped."""

    def __init__(self, inner: grpc.GenericRpcHandler) -> None:
        self._inner = inner

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        """Wraps the handler that the door has."""
        handler: Any = self._inner.service(details)
        if handler is None:
            return None
        name = str(details.method).rpartition("/")[2]
        for shape in ("unary_unary", "unary_stream", "stream_stream"):
            behaviour = getattr(handler, shape)
            if behaviour is not None:
                make = getattr(grpc, f"{shape}_rpc_method_handler")
                return make(_echoing(name, behaviour))
        raise AssertionError(f"{name} has a shape of its own")


def _echoing(name: str, behaviour: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
    async def handle(request: Any, context: Any) -> Any:
        echo = _Context(context, _compressed(name, request))
        await echo.begin()
        return await behaviour(request, echo)

    return handle


def _compressed(name: str, request: Any) -> list[bool]:
    """Which of the answers the request wants compressed."""
    if name == "UnaryCall":
        return [messages.parse("SimpleRequest")(request).response_compressed.value]
    if name == "StreamingOutputCall":
        asked = messages.parse("StreamingOutputCallRequest")(request).response_parameters
        return [one.compressed.value for one in asked]
    return []


class _Context:
    def __init__(self, context: Any, compressed: list[bool]) -> None:
        self._context = context
        self._metadata = dict(context.invocation_metadata() or ())
        self._compressed = compressed if hasattr(context, "set_compression") else []

    async def begin(self) -> None:
        if any(self._compressed):
            self._context.set_compression(grpc.Compression.Gzip)
        if _INITIAL in self._metadata:
            await self._context.send_initial_metadata(((_INITIAL, self._metadata[_INITIAL]),))

    async def write(self, message: bytes) -> None:
        if self._compressed and not self._compressed.pop(0):
            self._context.disable_next_message_compression()
        await self._context.write(message)

    def set_trailing_metadata(self, trailers: tuple[tuple[str, str | bytes], ...]) -> None:
        self._context.set_trailing_metadata((*trailers, *self._echoed()))

    async def abort(self, code: grpc.StatusCode, text: str, trailers: tuple[tuple[str, str | bytes], ...]) -> None:
        await self._context.abort(code, text, (*trailers, *self._echoed()))

    def _echoed(self) -> tuple[tuple[str, str | bytes], ...]:
        return ((_TRAILING, self._metadata[_TRAILING]),) if _TRAILING in self._metadata else ()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)
