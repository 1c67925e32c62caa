"""Guards in numbers."""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from hedgerow_server.core.event import GuardVerdict
from hedgerow_server.core.guard import Side

BOUNDS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""The upper bounds of the histogram's buckets, in seconds."""
_MOST_CATEGORIES = 64
"""Categories of one guard that are told apart: one that runs elsewhere may name as many as it likes."""
_OTHER = "other"
_TOLD_EVERY_S = 10.0
"""The log tells of failures of one guard no more often."""


class _Times:
    """How long one guard took for one side of calls."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0

    def observe(self, took_s: float) -> None:
        self.counts[bisect_left(BOUNDS_S, took_s)] += 1
        self.sum_s += took_s

    def buckets(self) -> list[tuple[str, float]]:
        total, found = 0, []
        for bound, count in zip((*BOUNDS_S, float("inf")), self.counts, strict=True):
            total += count
            found.append(("+Inf" if bound == float("inf") else str(bound), float(total)))
        return found


class GuardNumbers:
    """Counts what guards decide and how long they take. Outlives a configuration."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._told: dict[tuple[str, str], tuple[int, float]] = {}
        """How many failures there were when somebody was told, and when that was."""
        self.verdicts: Counter[tuple[str, str, str, str, str]] = Counter()
        """By guard, side, action, category, and "true" for those in shadow."""
        self.failures: Counter[tuple[str, str]] = Counter()
        """How often a guard could not tell, by guard and side."""
        self._times: dict[tuple[str, str], _Times] = {}
        self._categories: dict[str, set[str]] = {}

    def judged(self, one: GuardVerdict) -> None:
        """A guard has decided."""
        known = self._categories.setdefault(one.guardrail, set())
        category = one.category
        if category not in known:
            if len(known) < _MOST_CATEGORIES:
                known.add(category)
            else:
                category = _OTHER
        shadow = "true" if one.shadow else "false"
        self.verdicts[one.guardrail, one.side.name.lower(), one.action.name.lower(), category, shadow] += 1

    def failed(self, guardrail: str, side: Side) -> int:
        """A guard could not tell. Returns how often it could not since the log was last told of it; 0: that was a
        moment ago, and a line for every call while a guard is away helps nobody.
        """
        key = guardrail, side.name.lower()
        self.failures[key] += 1
        count, told_s = self._told.get(key, (0, -_TOLD_EVERY_S))
        now_s = self._now()
        if now_s - told_s < _TOLD_EVERY_S:
            return 0
        self._told[key] = self.failures[key], now_s
        return self.failures[key] - count

    def took(self, guardrail: str, side: Side, took_s: float) -> None:
        """A guard has looked at one side of a call, all of it."""
        key = guardrail, side.name.lower()
        times = self._times.get(key)
        if times is None:
            times = self._times[key] = _Times()
        times.observe(took_s)

    def __call__(self) -> Iterator[Metric]:
        verdicts = CounterMetricFamily(
            "hedgerow_guardrail_verdicts",
            "What guards have decided, each once a call.",
            labels=("guardrail", "side", "action", "category", "shadow"),
        )
        for labels, count in sorted(self.verdicts.items()):
            verdicts.add_metric(labels, count)
        yield verdicts
        failures = CounterMetricFamily(
            "hedgerow_guardrail_failures", "How often a guard could not tell.", labels=("guardrail", "side")
        )
        for key, count in sorted(self.failures.items()):
            failures.add_metric(key, count)
        yield failures
        seconds = HistogramMetricFamily(
            "hedgerow_guardrail_seconds",
            "How long guards took for one side of a call, all of it.",
            labels=("guardrail", "side"),
        )
        for key, times in sorted(self._times.items()):
            seconds.add_metric(key, times.buckets(), times.sum_s)
        yield seconds
