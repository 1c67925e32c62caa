"""What the HTTP door counts, for Prometheus. What becomes of calls is told where calls are, whatever their door."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from hedgerow_server.doors.http import HttpDoor


class HttpNumbers:
    """The numbers of the door."""

    def __init__(self, door: HttpDoor) -> None:
        self._door = door

    def __call__(self) -> Iterable[Metric]:
        """As they are now."""
        yield GaugeMetricFamily("hedgerow_http_connections", "Connections to the HTTP door.", self._door.connections)
        text = "Requests at the HTTP door that never became calls, by the status that they were answered."
        refused = CounterMetricFamily("hedgerow_http_refused", text, labels=("status",))
        for status, times in self._door.refused.items():
            refused.add_metric((str(status),), times)
        yield refused
