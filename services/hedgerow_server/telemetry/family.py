"""Metrics in Prometheus's form, a piece of a family at a time: a family may have many thousands of samples."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from prometheus_client.core import Metric, Sample

from hedgerow_server.telemetry.histogram import Histogram

_SERIES = 256
"""Series in a piece: some 0.3 ms of work, a slice of its own."""
_HISTOGRAMS = 16
"""Of histograms, each of which has some 17 samples."""

K = TypeVar("K")
T = TypeVar("T")
Labels = tuple[str, ...]


class Piece(Metric):
    """Some series of a family. A page is made of the series themselves (`text.py`): to make a sample of each takes ten
    times as long as to write it. Whoever wants samples asks for them.
    """

    unit = ""

    def __init__(self, name: str, text: str, kind: str, labels: Sequence[str]) -> None:
        """`name` is without the "_total" of counters, `kind` is "counter", "gauge" or "histogram"."""
        self.name, self.documentation, self.type = name, text, kind
        self.labels = tuple(labels)
        """The names of the labels of each series."""

    @property
    def lines(self) -> int:
        """How many samples there are."""
        raise NotImplementedError


class Plain(Piece):
    """Of counters or gauges."""

    def __init__(
        self, name: str, text: str, kind: str, labels: Sequence[str], series: Sequence[tuple[Labels, float]]
    ) -> None:
        super().__init__(name, text, kind, labels)
        self.series = series

    @property
    def lines(self) -> int:
        return len(self.series)

    @property
    def samples(self) -> list[Sample]:  # type: ignore[override]  # an attribute there
        """One of each series."""
        name = f"{self.name}_total" if self.type == "counter" else self.name
        return [Sample(name, dict(zip(self.labels, values, strict=True)), value) for values, value in self.series]


class Counted(Piece):
    """Of histograms."""

    def __init__(self, name: str, text: str, labels: Sequence[str], series: Sequence[tuple[Labels, Histogram]]) -> None:
        super().__init__(name, text, "histogram", labels)
        self.series = series

    @property
    def lines(self) -> int:
        return sum(len(one.counts) + 2 for _, one in self.series)

    @property
    def samples(self) -> list[Sample]:  # type: ignore[override]  # as above
        """Those of each series: its buckets, its count, its sum."""
        found = []
        for values, one in self.series:
            labels, total = dict(zip(self.labels, values, strict=True)), 0
            for bound, count in zip((*map(float, one.bounds), "+Inf"), one.counts, strict=True):
                total += count
                found.append(Sample(f"{self.name}_bucket", {**labels, "le": str(bound)}, float(total)))
            found.append(Sample(f"{self.name}_count", labels, float(total)))
            found.append(Sample(f"{self.name}_sum", labels, one.total))
        return found


def counters(name: str, text: str, labels: Sequence[str], series: Iterable[tuple[Labels, float]]) -> Iterator[Metric]:
    """A family of counters. `name` is without its "_total"; `series` are read once, between the pieces."""
    return _plain(name, text, "counter", labels, series)


def gauges(name: str, text: str, labels: Sequence[str], series: Iterable[tuple[Labels, float]]) -> Iterator[Metric]:
    """The same of gauges."""
    return _plain(name, text, "gauge", labels, series)


def histograms(
    name: str, text: str, labels: Sequence[str], series: Iterable[tuple[Labels, Histogram]]
) -> Iterator[Metric]:
    """The same of histograms. Each is read in one step, so that its buckets, count and sum are of one moment."""
    yield Counted(name, text, labels, ())
    for part in _parts(series, _HISTOGRAMS):
        yield Counted(name, text, labels, part)


def pause(name: str, text: str, labels: Sequence[str]) -> Metric:
    """A piece of a family of gauges without a sample: for whoever has looked at much, and found nothing to tell."""
    return Plain(name, text, "gauge", labels, ())


def each(kept: Mapping[K, T]) -> Iterator[tuple[K, T]]:
    """What is kept at this moment, though more may come while it is read. A list of pairs would be thousands of objects
    for the garbage collector to look through.
    """
    return ((key, kept[key]) for key in list(kept))


def _plain(
    name: str, text: str, kind: str, labels: Sequence[str], series: Iterable[tuple[Labels, float]]
) -> Iterator[Metric]:
    yield Plain(name, text, kind, labels, ())
    for part in _parts(series, _SERIES):
        yield Plain(name, text, kind, labels, part)


def _parts(series: Iterable[T], size: int) -> Iterator[list[T]]:
    part: list[T] = []
    for one in series:
        part.append(one)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
