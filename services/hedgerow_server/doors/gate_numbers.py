"""What the gate counts, for Prometheus."""

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from hedgerow_server.doors.gate import Gate


class GateNumbers:
    """The numbers of overload."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def __call__(self) -> Iterable[Metric]:
        """As they are now."""
        gate, pressure = self._gate, self._gate.pressure
        for name, text, value in (
            ("grade", "How hard it is: 0 well, 1 nearly full, 2 refusing some, 3 refusing nearly all.", gate.grade),
            ("calls", "Calls that are open at the doors for callers.", gate.calls),
            ("calls_limit", "How many may be, as memory allows.", pressure.limit),
            ("waiting_calls", "Calls that wait before the gRPC door.", gate.waiting),
            ("delay_seconds", "The least that a call of late waited until it was looked at.", pressure.delay_s),
            ("memory_ratio", "Which part of the memory limit is taken; 0 without one.", pressure.memory_share),
            ("refused_ratio", "Which part of new calls is refused for the delay before them.", pressure.refused_share),
        ):
            yield GaugeMetricFamily(f"hedgerow_overload_{name}", text, value)
        text = "Calls that were refused so that others are served, by the door and why."
        refused = CounterMetricFamily("hedgerow_overload_refused", text, labels=("door", "cause"))
        for labels, times in gate.refused.items():
            refused.add_metric(labels, times)
        yield refused
