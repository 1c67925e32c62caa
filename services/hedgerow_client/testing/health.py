"""grpc.health.v1 without a package of its own: clients of Hedgerow watch it before they send a call.

Its two messages are one field each, on the wire the same as those of google.protobuf's wrappers.
"""

import threading
from collections.abc import Iterator

import grpc
from google.protobuf.wrappers_pb2 import Int32Value, StringValue

_SERVING, _NOT_SERVING, _SERVICE_UNKNOWN = 1, 2, 3
SERVICES = (
    "",
    "hedgerow.chat.v1.ChatService",
    "hedgerow.embed.v1.EmbedService",
    "hedgerow.router.v1.RouterService",
)
"""What the gateway tells the health of; "" is the whole."""


class Health:
    """Whether the gateway and its services serve."""

    def __init__(self) -> None:
        self._status = dict.fromkeys(SERVICES, _SERVING)
        self._changed = threading.Condition()

    def set(self, service: str, serving: bool) -> None:
        """Says whether a service serves, and tells all that watch it. Raises ValueError for a service there is not."""
        if service not in self._status:
            raise ValueError(f"service: expected one of {', '.join(map(repr, SERVICES))}")
        with self._changed:
            self._status[service] = _SERVING if serving else _NOT_SERVING
            self._changed.notify_all()

    def handler(self) -> grpc.GenericRpcHandler:
        """What serves the two methods."""
        read, write = StringValue.FromString, Int32Value.SerializeToString
        methods: dict[str, grpc.RpcMethodHandler[StringValue, Int32Value]] = {
            "Check": grpc.unary_unary_rpc_method_handler(self._check, read, write),
            "Watch": grpc.unary_stream_rpc_method_handler(self._watch, read, write),
        }
        return grpc.method_handlers_generic_handler("grpc.health.v1.Health", methods)

    def _check(self, request: StringValue, context: grpc.ServicerContext) -> Int32Value:
        if request.value not in self._status:
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return Int32Value(value=self._status[request.value])

    def _watch(self, request: StringValue, context: grpc.ServicerContext) -> Iterator[Int32Value]:
        context.add_callback(self._wake)
        told = 0
        while context.is_active():
            with self._changed:
                while context.is_active() and self._of(request.value) == told:
                    self._changed.wait()
                told = self._of(request.value)
            if context.is_active():
                yield Int32Value(value=told)

    def _of(self, service: str) -> int:
        return self._status.get(service, _SERVICE_UNKNOWN)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
