"""Metrics in Prometheus's form, a piece of a family at a time: a family may have many thousands of samples."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from hedgerow_server.telemetry.histogram import Histogram

_SERIES = 64
"""Series in a piece: some 0.3 ms of work."""
_HISTOGRAMS = 6
"""Of histograms, each of which has some 17 samples."""

T = TypeVar("T")
Labels = tuple[str, ...]


def counters(
    name: str, text: str, labels: Sequence[str], series: Iterable[tuple[Labels, float]]
) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
    """A family of counters. `name` is without its "_total"; `series` are read once, between the pieces."""
    return _plain(CounterMetricFamily, name, text, labels, series)


def gauges(
    name: str, text: str, labels: Sequence[str], series: Iterable[tuple[Labels, float]]
) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
    """The same of gauges."""
    return _plain(GaugeMetricFamily, name, text, labels, series)


def histograms(
    name: str, text: str, labels: Sequence[str], series: Iterable[tuple[Labels, Histogram]]
) -> Iterator[HistogramMetricFamily]:
    """The same of histograms. Each is read in one step, so that its buckets, count and sum are of one moment."""
    yield HistogramMetricFamily(name, text, labels=labels)
    for part in _parts(series, _HISTOGRAMS):
        family = HistogramMetricFamily(name, text, labels=labels)
        for values, one in part:
            family.add_metric(values, _buckets(one), one.total)
        yield family


def pause(family: Metric) -> Metric:
    """A piece of the family without a sample: for whoever has looked at much, and found nothing to tell."""
    return Metric(family.name, family.documentation, family.type)


def _plain(
    kind: type[CounterMetricFamily | GaugeMetricFamily],
    name: str,
    text: str,
    labels: Sequence[str],
    series: Iterable[tuple[Labels, float]],
) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
    yield kind(name, text, labels=labels)
    for part in _parts(series, _SERIES):
        family = kind(name, text, labels=labels)
        for values, value in part:
            family.add_metric(values, value)
        yield family


def _buckets(one: Histogram) -> list[tuple[str, float]]:
    total, found = 0, []
    for bound, count in zip(one.bounds, one.counts, strict=False):
        total += count
        found.append((str(float(bound)), float(total)))
    found.append(("+Inf", float(total + one.counts[-1])))
    return found


def _parts(series: Iterable[T], size: int) -> Iterator[list[T]]:
    part: list[T] = []
    for one in series:
        part.append(one)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
