"""What the gRPC server on the event loop counts, for Prometheus. Calls are told of where all calls are."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from hedgerow_server.doors.http2.server import Server


class GrpcNumbers:
    """The numbers of a server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def __call__(self) -> Iterable[Metric]:
        """As they are now."""
        yield GaugeMetricFamily("hedgerow_grpc_connections", "Connections to the gRPC door.", self._server.connections)
        text = "Connections and calls at the gRPC door that were ended before there was a call, by why."
        refused = CounterMetricFamily("hedgerow_grpc_refused", text, labels=("cause",))
        for cause, times in self._server.refused.items():
            refused.add_metric((cause,), times)
        yield refused
