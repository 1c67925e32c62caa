"""Numbers for Prometheus. One registry a router; whoever has numbers hands in what reads them."""

from collections.abc import Callable, Iterable, Iterator

import prometheus_client
from prometheus_client.core import CollectorRegistry, Metric
from prometheus_client.registry import Collector

Read = Callable[[], Iterable[Metric]]
"""Gives metrics as they are now. Called on the event loop, so it must be quick; the values of labels must be bounded by
the configuration."""


class Metrics:
    """The registry of a router. Counters and gauges that are kept where things happen are registered with `registry`;
    what can be read off from elsewhere is cheaper as an `add`.
    """

    def __init__(self) -> None:
        # Of its own: what other libraries register by themselves is not told, and tests do not share one.
        self.registry = CollectorRegistry(auto_describe=False)

    def add(self, read: Read) -> None:
        """Adds metrics that are read whenever they are asked for."""
        self.registry.register(_Reading(read))

    def page(self) -> tuple[bytes, str]:
        """All of them in Prometheus's text format, and its content type."""
        return prometheus_client.generate_latest(self.registry), prometheus_client.CONTENT_TYPE_LATEST


class _Reading(Collector):
    def __init__(self, read: Read) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        yield from self._read()

    def describe(self) -> Iterator[Metric]:
        """Nothing: names are not checked before there is anything to read."""
        return iter(())
