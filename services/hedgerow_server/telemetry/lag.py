"""How late the event loop is: every call waits for it."""

import asyncio
from collections.abc import Callable, Iterator

from prometheus_client.core import Metric

from hedgerow_server.telemetry.family import histograms
from hedgerow_server.telemetry.histogram import Histogram

_EVERY_S = 0.1
_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class LoopLag:
    """Sets a timer every 100 ms and takes note of how late it goes off. Timers of uvloop have a grain of 1 ms."""

    def __init__(self) -> None:
        self.seen = Histogram(_BOUNDS_S)
        self.told: list[Callable[[float, float], None]] = []
        """Called at each timer: with how late it was, and how long after the one before, in seconds."""
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = 0.0

    def start(self) -> None:
        """Begins, in the loop that runs now."""
        self._set(asyncio.get_running_loop())

    def stop(self) -> None:
        """Ends."""
        if self._timer is not None:
            self._timer.cancel()

    def _set(self, loop: asyncio.AbstractEventLoop) -> None:
        self._due_s = loop.time() + _EVERY_S
        self._timer = loop.call_at(self._due_s, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        late_s = max(0.0, loop.time() - self._due_s)
        self._set(loop)
        self.seen.observe(late_s)
        for tell in self.told:
            tell(late_s, _EVERY_S + late_s)

    def __call__(self) -> Iterator[Metric]:
        text = "How late the event loop was at a timer, every 100 ms, in seconds."
        yield from histograms("hedgerow_event_loop_lag_seconds", text, (), [((), self.seen)])
