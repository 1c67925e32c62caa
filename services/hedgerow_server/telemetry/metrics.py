"""Numbers for Prometheus. One registry a router; whoever has numbers hands in what reads them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator

import prometheus_client
from prometheus_client.core import CollectorRegistry, Metric

from hedgerow_server.core.slices import SLICE_UNITS
from hedgerow_server.telemetry.family import Piece
from hedgerow_server.telemetry.text import Form, chosen, written

Read = Callable[[], Iterable[Metric]]
"""Gives metrics as they are now. Runs on the event loop, which turns between one metric and the next: a family that may
have many samples comes in several pieces, one after another (`family.py`). The values of labels must be bounded by the
configuration.
"""
_SAMPLES = 4
"""Samples that are about a unit of work, where the library writes them."""
_LINES = 8
"""Lines that are, where we write them."""
_PART_CHARS = 65_536


class Metrics:
    """The numbers of a router. Counters that are kept where things happen are registered with `registry`; what can be
    read off from elsewhere is cheaper as an `add`.
    """

    def __init__(self, *, process: bool = False) -> None:
        """`process`: also those of the process and of its garbage collector, under the names that Prometheus's own
        client gives them.
        """
        # Of its own: what other libraries register by themselves is not told, and tests do not share one.
        self.registry = CollectorRegistry(auto_describe=False)
        self._reads: list[Read] = []
        self.together: Callable[[], Awaitable[Iterable[Metric]]] | None = None
        """Gives the numbers of all workers, where there are several. None: the page has those of this process."""
        if process:
            for collector in (
                prometheus_client.ProcessCollector,
                prometheus_client.GCCollector,
                prometheus_client.PlatformCollector,
            ):
                collector(registry=self.registry)

    def add(self, read: Read) -> None:
        """Adds metrics that are read whenever they are asked for."""
        self._reads.append(read)

    async def page(self, accept: str = "") -> tuple[bytes, str]:
        """All of them in one piece, and their content type."""
        content_type, parts = self.parts(accept)
        return b"".join([part async for part in parts]), content_type

    def parts(self, accept: str = "") -> tuple[str, AsyncIterator[bytes]]:
        """The content type and all numbers, a few at a time and as they are when their turn comes: in Prometheus's text
        format, or in OpenMetrics where an Accept header prefers that. Calls go on meanwhile.
        """
        form = chosen(accept)
        return form.value, self._parts(form)

    async def _parts(self, form: Form) -> AsyncIterator[bytes]:
        """The page is never there as a whole: to free tens of megabytes takes longer than to make any part of it."""
        waiting: list[str] = []
        chars = done = 0
        for text, units in pieces(self.metrics() if self.together is None else await self.together(), form):
            waiting.append(text)
            chars, done = chars + len(text), done + units
            if chars >= _PART_CHARS:
                yield "".join(waiting).encode()
                waiting.clear()
                chars = 0
            if done >= SLICE_UNITS:
                done = 0
                await asyncio.sleep(0)
        yield "".join(waiting).encode()

    def metrics(self) -> Iterator[Metric]:
        """Those of this process, a piece at a time."""
        for read in self._reads:
            yield from read()
        yield from self.registry.collect()


def pieces(metrics: Iterable[Metric], form: Form = Form.TEXT) -> Iterator[tuple[str, int]]:
    """A page of them, a few samples at a time, and how many units of work each piece was."""
    last = ""
    for metric in metrics:
        # The lines of HELP and TYPE stand once, before the first sample of a family.
        yield written(metric, form, first=metric.name != last), _units(metric)
        last = metric.name
    yield form.end, 0


def _units(metric: Metric) -> int:
    """What it took to write. Of none as much as a slice has: somebody has looked at much to find it."""
    if isinstance(metric, Piece):
        return metric.lines // _LINES or SLICE_UNITS
    return len(metric.samples) // _SAMPLES or SLICE_UNITS
