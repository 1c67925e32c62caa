"""Numbers for Prometheus. One registry a router; whoever has numbers hands in what reads them."""

import io
from collections.abc import Callable, Iterable, Iterator

import prometheus_client
from prometheus_client.core import CollectorRegistry, Metric
from prometheus_client.registry import Collector

from hedgerow_server.core.slices import SLICE_UNITS, Work, in_slices

Read = Callable[[], Iterable[Metric]]
"""Gives metrics as they are now. Runs on the event loop, which turns between one metric and the next: a family that may
have many samples comes in several pieces, one after another (`family.py`). The values of labels must be bounded by the
configuration.
"""
_SAMPLES = 4
"""Samples that are about a unit of work."""


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

    async def page(self) -> tuple[bytes, str]:
        """All of them in Prometheus's text format, and its content type. Calls go on meanwhile."""
        return await in_slices(self.work()), prometheus_client.CONTENT_TYPE_LATEST

    def work(self) -> Work[bytes]:
        """The page, a few samples at a time."""
        # To join a long page at its end would take longer than any piece of it.
        page, last = io.BytesIO(), ""
        for metric in self._metrics():
            text = prometheus_client.generate_latest(_One(metric))
            # The lines of HELP and TYPE stand once, before the first sample of a family.
            page.write(text if metric.name != last else text.split(b"\n", 2)[2])
            last = metric.name
            yield len(metric.samples) // _SAMPLES or SLICE_UNITS
        return page.getvalue()

    def _metrics(self) -> Iterator[Metric]:
        for read in self._reads:
            yield from read()
        yield from self.registry.collect()


class _One(Collector):
    """A registry of one metric, as far as the writer of the format asks for one."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        yield self._metric
