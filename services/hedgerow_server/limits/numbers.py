"""Shared limits in numbers."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from hedgerow_server.limits.lender import Lender


class SharedNumbers:
    """Reads them off when they are asked for."""

    def __init__(self, lender: Lender) -> None:
        self._lender = lender

    def __call__(self) -> Iterator[Metric]:
        up = "Whether whoever holds the limits that routers share can be asked."
        yield GaugeMetricFamily("hedgerow_shared_limits_up", up, float(self._lender.away is None))
        requests = "How often it was asked, or told of what was used."
        yield CounterMetricFamily("hedgerow_shared_limits_requests", requests, self._lender.requests)
        failures = "How often it did not answer as it should."
        yield CounterMetricFamily("hedgerow_shared_limits_failures", failures, self._lender.failures)
