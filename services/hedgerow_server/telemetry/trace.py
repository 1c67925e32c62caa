"""The trace context of a call (W3C Trace Context): what came with it, whether it is recorded, and what goes on."""

import random
import re
import time
from collections.abc import Callable

from hedgerow_server.core.call import Call
from hedgerow_server.core.trace import TRACEPARENT, Headers, Traced, new_span_id, new_trace_id

# Ids of zeros and version ff are invalid; later versions than 00 may go on after the flags.
_FIELDS = r"-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
_TRACEPARENT = re.compile(rf"00{_FIELDS}|(?!00|ff)[0-9a-f]{{2}}{_FIELDS}(-.*)?")
TraceHeaders = Callable[[Call], Headers]
"""Gives the headers of a call that carry its trace on to the provider."""
_TRACESTATE = "tracestate"
_MAX_TRACESTATE = 512
_RECORDED = 1
_KNOWN = 3
"""The flags that have a meaning: recorded, and that the trace id is random (level 2)."""


def forwarded(call: Call) -> Headers:
    """The caller's own context, unchanged: the gateway records no span, so the caller's span is the parent of whatever
    the provider does. A malformed traceparent is dropped, and tracestate with it, as the standard asks.
    """
    parent = call.metadata.get(TRACEPARENT, "")
    if not parent or not _TRACEPARENT.fullmatch(parent):
        return ()
    state = call.metadata.get(_TRACESTATE, "")
    if state and len(state) <= _MAX_TRACESTATE:
        return ((TRACEPARENT, parent), (_TRACESTATE, state))
    return ((TRACEPARENT, parent),)


class Sampler:
    """Decides which calls are recorded: those of callers that record theirs (parent-based), and a share of those that
    come without a trace. A limit on spans a second bounds both.
    """

    def __init__(self, ratio: float, allowance: "Allowance") -> None:
        """`ratio`: the share of calls that begin a trace, 0 to 1."""
        self._ratio = ratio
        self._allowance = allowance

    def __call__(self, call: Call) -> Headers:
        """The headers that go on to the provider. Sets `call.traced` where the call is recorded."""
        headers = forwarded(call)
        if not headers:
            lot = random.random()  # noqa: S311  (a share of calls, no secret)
            if lot >= self._ratio or not self._allowance.open():
                return headers
            call.traced = traced = Traced(new_trace_id(), new_span_id())
            return ((TRACEPARENT, traced.traceparent()),)
        parent = headers[0][1]
        flags = int(parent[53:55], 16)
        if not flags & _RECORDED or not self._allowance.open():
            return headers
        state = headers[1][1] if len(headers) > 1 else ""
        call.traced = traced = Traced(parent[3:35], new_span_id(), parent[36:52], state, flags & _KNOWN)
        return traced.within(headers)


class Allowance:
    """How many spans are recorded a second. Spans are known at the end of a call only, so a call may begin as long as
    something is left, and what it took is subtracted later. For one thread.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_second = per_second
        """May change at any time."""
        self.refused = 0
        """Calls that were not recorded because of it."""
        self._clock = clock
        self._left = per_second
        self._at_s = clock()

    def open(self) -> bool:
        """Whether another call may be recorded."""
        now_s = self._clock()
        self._left = min(self.per_second, self._left + (now_s - self._at_s) * self.per_second)
        self._at_s = now_s
        if self._left > 0:
            return True
        self.refused += 1
        return False

    def take(self, spans: int) -> None:
        """So many were recorded."""
        self._left -= spans


def instrumented() -> TraceHeaders:
    """For servers that OpenTelemetry instruments: the context of the server span that is current. Needs the extra
    `otel`.
    """
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    propagator = TraceContextTextMapPropagator()

    def current(call: Call) -> Headers:
        carrier: dict[str, str] = {}
        propagator.inject(carrier)
        return tuple(carrier.items()) or forwarded(call)

    return current
