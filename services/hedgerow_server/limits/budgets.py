"""Budgets in numbers."""

from collections.abc import Callable, Iterator
from itertools import islice

from prometheus_client.core import GaugeMetricFamily, Metric

from hedgerow_server.limits.limiter import Limiter
from hedgerow_server.limits.rules import Limit
from hedgerow_server.telemetry.family import pause

_PICOS = 1e12
_AT_ONCE = 128


class _Sum:
    """All parts of one budget."""

    __slots__ = ("highest", "limit", "parts", "spent")

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.spent = 0
        self.parts = 0
        self.highest = 0

    def add(self, spent: int) -> None:
        """One more part."""
        self.parts += 1
        self.spent += spent
        self.highest = max(self.highest, spent)


class BudgetNumbers:
    """Reads them off when they are asked for. Callers are not told apart: there may be many."""

    def __init__(self, limiter: Callable[[], Limiter]) -> None:
        """`limiter` gives the one that is in force."""
        self._limiter = limiter

    def __call__(self) -> Iterator[Metric]:
        text = "What is spent of a budget in its window, in US dollars; of one that each caller has, by all of them."
        spent = GaugeMetricFamily("hedgerow_budget_spent_dollars", text, labels=("budget",))
        text = "What a budget comes to, in US dollars; of one that each caller has, for those together who spent of it."
        limits = GaugeMetricFamily("hedgerow_budget_limit_dollars", text, labels=("budget",))
        text = "The share of a budget that is spent; of one that each caller has, by the one with the least left."
        shares = GaugeMetricFamily("hedgerow_budget_used_ratio", text, labels=("budget",))
        sums: dict[str, _Sum] = {}
        for _ in self._sums(sums):
            # Others have their turn.
            yield pause(spent.name, spent.documentation, ("budget",))
        for one in sorted(sums.values(), key=lambda one: one.limit.name):
            label = (one.limit.name,)
            spent.add_metric(label, one.spent / _PICOS)
            limits.add_metric(label, one.limit.most * max(1, one.parts) / _PICOS)
            shares.add_metric(label, one.highest / one.limit.most)
        yield from (spent, limits, shares)

    def _sums(self, sums: dict[str, _Sum]) -> Iterator[None]:
        """Adds up all parts, a few at a time, into `sums`."""
        limiter = self._limiter()
        sums.update({limit.id: _Sum(limit) for limit in limiter.budgets()})
        if not sums:
            return
        now, buckets = limiter.now(), iter(limiter.buckets())
        while part := list(islice(buckets, _AT_ONCE)):
            for bucket in part:
                one = sums.get(bucket.key[0])
                if one is not None:
                    bucket.turn(now)
                    one.add(bucket.spent(now))
            yield
