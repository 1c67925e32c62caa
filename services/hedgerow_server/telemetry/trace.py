"""The caller's trace context, on its way to the provider (W3C Trace Context)."""

import re
from collections.abc import Callable

from hedgerow_server.core.call import Call

# Ids of zeros and version ff are invalid; later versions than 00 may go on after the flags.
_FIELDS = r"-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
_TRACEPARENT = re.compile(rf"00{_FIELDS}|(?!00|ff)[0-9a-f]{{2}}{_FIELDS}(-.*)?")
_MAX_TRACESTATE = 512


def forwarded(call: Call) -> tuple[tuple[str, str], ...]:
    """The caller's own context, unchanged: the gateway makes no span, so the caller's span is the parent of whatever
    the provider does. A malformed traceparent is dropped, and tracestate with it, as the standard asks.
    """
    parent = call.metadata.get("traceparent", "")
    if not parent or not _TRACEPARENT.fullmatch(parent):
        return ()
    state = call.metadata.get("tracestate", "")
    if state and len(state) <= _MAX_TRACESTATE:
        return (("traceparent", parent), ("tracestate", state))
    return (("traceparent", parent),)


def instrumented() -> Callable[[Call], tuple[tuple[str, str], ...]]:
    """For servers that OpenTelemetry instruments: the context of the server span that is current. Needs the extra
    `otel`.
    """
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    propagator = TraceContextTextMapPropagator()

    def current(call: Call) -> tuple[tuple[str, str], ...]:
        carrier: dict[str, str] = {}
        propagator.inject(carrier)
        return tuple(carrier.items()) or forwarded(call)

    return current
