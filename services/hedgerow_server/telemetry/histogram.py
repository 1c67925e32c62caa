"""Histograms that cost a call next to nothing: a list of counts, made into Prometheus's form when somebody reads it."""

import time
from bisect import bisect_left

import msgspec

DURATION_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Bounds for whole operations, in seconds: OpenTelemetry's advice for gen_ai.client.operation.duration."""
FIRST_TOKEN_S = (
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0,
)  # fmt: skip
"""Bounds for times to the first token, in seconds: its advice for gen_ai.server.time_to_first_token, and one more for
models that think first.
"""
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
"""Bounds for tokens: its advice for gen_ai.client.token.usage."""
OWN_S = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Bounds for what the gateway itself takes, in seconds."""
MOST_SERIES = 1000
"""Routes, and models, whose times and sizes are told apart: each takes a hundred lines of a page. Those that are asked
for later are one, "other"; counters tell all of them apart.
"""


class Exemplar(msgspec.Struct, frozen=True):
    """One of the values, and where more is known of it."""

    value: float
    trace_id: str
    """Of a trace that is recorded, in hex."""
    unix_s: float
    """When the value was seen."""


class Histogram:
    """Counts of one set of labels."""

    __slots__ = ("bounds", "counts", "exemplars", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """`bounds` are the upper bounds of the buckets, rising; beyond the last one there is one more bucket."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0
        """The sum of all values."""
        self.exemplars: dict[int, Exemplar] | None = None
        """The newest one of each bucket that has one, by the bucket's place; None: no bucket has."""

    @property
    def empty(self) -> bool:
        """Whether there was no value yet."""
        return not any(self.counts)

    def observe(self, value: float) -> None:
        """One more value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def mark(self, value: float, trace_id: str) -> None:
        """A value that was just observed is one of a trace that is recorded."""
        if self.exemplars is None:
            self.exemplars = {}
        self.exemplars[bisect_left(self.bounds, value)] = Exemplar(value, trace_id, time.time())
