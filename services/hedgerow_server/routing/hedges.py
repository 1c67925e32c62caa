"""The hedging of a route: one object for every candidate that its calls start at."""

from collections import OrderedDict

from hedgerow_server.routing.candidate import Candidate
from hedgerow_server.routing.hedge import Budget, HedgeCounts, HedgePolicy, Hedging

_SHARED_EXTRA = 0.05
_REMEMBERED = 4096
"""Candidates of one route: names behind a star come from callers."""
_SHARED_BURST = 4000.0
"""More than one route's burst: what several routes have saved up together."""


class HedgeBudgets:
    """What all routes together may spend on second attempts: in the whole router, and at each provider."""

    def __init__(self, max_extra: float = _SHARED_EXTRA) -> None:
        """`max_extra`: the share of calls, and of their cost; 0 to 1."""
        self._max_extra = max_extra
        self.whole = Budget(max_extra, _SHARED_BURST)
        self._upstreams: dict[str, Budget] = {}

    def allow(self, max_extra: float) -> None:
        """Changes the share from now on; what was saved up stays."""
        self._max_extra = max_extra
        for budget in (self.whole, *self._upstreams.values()):
            budget.calls.share = budget.money.share = max_extra

    def of(self, provider: str) -> Budget:
        """The budget of calls that start at a provider."""
        return self._upstreams.setdefault(provider, Budget(self._max_extra, _SHARED_BURST))


class Hedges:
    """A route's hedging. What it has learned outlives a reload that leaves the route's policy as it is."""

    def __init__(self, policy: HedgePolicy, budgets: HedgeBudgets, before: HedgeCounts | None = None) -> None:
        """`before` is what had happened under the route's earlier policies."""
        self.policy = policy
        self._budgets = budgets
        self._made: OrderedDict[str, Hedging] = OrderedDict()
        self._before = before or HedgeCounts()

    def counts(self) -> HedgeCounts:
        """What has happened so far at all candidates together, those included that are forgotten."""
        total = HedgeCounts()
        for one in (self._before, *(hedging.counts for hedging in self._made.values())):
            total.add(one)
        return total

    def known(self, candidate: Candidate) -> Hedging | None:
        """The same, where any call has started there."""
        return self._made.get(candidate.label)

    def of(self, candidate: Candidate) -> Hedging:
        """The hedging of calls that start at this candidate."""
        made = self._made.get(candidate.label)
        if made is None:
            shared = (self._budgets.of(candidate.upstream.name), self._budgets.whole)
            made = self._made[candidate.label] = Hedging(self.policy, *shared)
            if len(self._made) > _REMEMBERED:
                _, forgotten = self._made.popitem(last=False)
                self._before.add(forgotten.counts)
        return made
