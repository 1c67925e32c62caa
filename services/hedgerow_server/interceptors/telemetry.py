"""Sees every call, also those that are refused, and carries its trace on."""

import time
from collections.abc import Callable, Sequence

from hedgerow_server.core.call import Call, Outcome
from hedgerow_server.core.event import Events
from hedgerow_server.core.watch import Watcher
from hedgerow_server.telemetry.trace import TraceHeaders

Shown = Callable[[Call, Events], Events]
"""Sees the events of a call as they go out to its caller, and gives them on as they are."""


class Telemetry:
    """Tells watchers of every call and hands the caller's trace context to the upstream request."""

    name = "telemetry"
    after = ("request_id",)

    def __init__(self, watchers: Sequence[Watcher], trace_headers: TraceHeaders, shown: Shown | None = None) -> None:
        """`shown` sees what callers are shown. None: nobody does."""
        self._watchers = tuple(watchers)
        self._trace_headers = trace_headers
        self._shown = shown

    async def admit(self, call: Call) -> None:
        """Sets `call.trace`."""
        call.trace = self._trace_headers(call)
        for watcher in self._watchers:
            watcher.began(call)

    def wrap(self, call: Call, events: Events) -> Events:
        """The same events."""
        return events if self._shown is None else self._shown(call, events)

    def settle(self, call: Call, outcome: Outcome) -> None:
        """Tells them of its end."""
        duration_s = time.monotonic() - call.started_s
        for watcher in self._watchers:
            watcher.settled(call, outcome, duration_s)
