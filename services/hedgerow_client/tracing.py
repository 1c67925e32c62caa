"""Spans for calls, by opentelemetry-instrumentation-grpc (extra `otel`).

The instrumentation has two faults that would break the promises of the clients, mended here from outside:

- It turns the answer of a synchronous stream into a plain generator: the call can no longer be cancelled, its trailers
  are lost, its span stays current in the caller's context between two events, and ending it from another context logs
  an error. See `_TracedCall`.
- When the task that awaits an asyncio unary call is cancelled, it loses the call, which then runs on, and never ends
  the span (opentelemetry-python-contrib issue 3271). See `_CancelWithTask`.
"""

import asyncio
import contextvars
from collections.abc import Callable, Iterator
from types import GeneratorType
from typing import Any

import grpc
import grpc.aio

try:
    from opentelemetry import trace
    from opentelemetry.instrumentation.grpc import aio_client_interceptors, client_interceptor, grpcext
except ImportError as error:
    raise ImportError(
        "tracing=True needs OpenTelemetry's gRPC instrumentation: pip install 'hedgerow-client[otel]'"
    ) from error


# The instrumentation declares no types.
_client_interceptor: Callable[..., Any] = client_interceptor
_aio_client_interceptors: Callable[..., Any] = aio_client_interceptors
_intercept_channel: Callable[..., Any] = grpcext.intercept_channel


def traced_channel(channel: grpc.Channel) -> grpc.Channel:
    """The channel with a client span around each call, and the trace context sent along."""
    traced: grpc.Channel = _intercept_channel(channel, _Interceptor(_client_interceptor()))
    return traced


def aio_interceptors() -> list[grpc.aio.ClientInterceptor]:
    """The same for a channel of grpc.aio, which keeps the call object beside the instrumented stream."""
    return [*_aio_client_interceptors(), _CancelWithTask()]


class _Interceptor(grpcext.UnaryClientInterceptor, grpcext.StreamClientInterceptor):
    """OpenTelemetry's interceptor, with its answer streams mended."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def intercept_unary(self, request: Any, metadata: Any, client_info: Any, invoker: Callable[..., Any]) -> Any:
        return self._inner.intercept_unary(request, metadata, client_info, invoker)

    def intercept_stream(self, request: Any, metadata: Any, client_info: Any, invoker: Callable[..., Any]) -> Any:
        started: list[Any] = []

        def keep(request: Any, metadata: Any) -> Any:
            started.append(invoker(request, metadata))
            return started[0]

        answer = self._inner.intercept_stream(request, metadata, client_info, keep)
        return _TracedCall(answer, started) if isinstance(answer, GeneratorType) else answer


class _CancelWithTask(grpc.aio.UnaryUnaryClientInterceptor):
    """The innermost interceptor: waits for the call, so that a cancellation of the task reaches both call and span."""

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        call = await continuation(client_call_details, request)
        try:
            await call.code()
        except asyncio.CancelledError:
            call.cancel()
            span = trace.get_current_span()
            span.set_status(trace.StatusCode.ERROR, "cancelled")
            span.end()
            raise
        return call


class _TracedCall:
    """A stream of events with its span, and with the call that the instrumentation hides.

    The call starts with the first event that is asked for.
    """

    def __init__(self, events: "GeneratorType[Any, None, None]", started: list[Any]) -> None:
        self._events = events
        self._started = started
        self._context = contextvars.copy_context()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self._context.run(next, self._events)

    def cancel(self) -> None:
        if self._started:
            self._started[0].cancel()
        if not self._events.gi_running:
            self._context.run(self._events.close)

    def trailing_metadata(self) -> Any:
        return self._started[0].trailing_metadata() if self._started else None
