"""The running distribution of a candidate's first-token times."""

import math

_SHORTEST_S = 0.001
_LONGEST_S = 600.0
_GROWTH = 1.02
"""The ratio of neighbouring bucket edges: a quantile lies in the right bucket, so it is off by less than 2 %."""
_LOG_GROWTH = math.log(_GROWTH)
_BUCKETS = math.ceil(math.log(_LONGEST_S / _SHORTEST_S) / _LOG_GROWTH)
_FORGOTTEN = 1e-9
"""A weight that no longer matters."""
_RESCALE_HALF_LIVES = 60


def _bucket(seconds: float) -> int:
    if seconds <= _SHORTEST_S:
        return 0
    return min(int(math.log(seconds / _SHORTEST_S) / _LOG_GROWTH), _BUCKETS - 1)


def _edge_s(position: float) -> float:
    return _SHORTEST_S * math.exp(position * _LOG_GROWTH)


class Latency:
    """First-token times from 1 ms to 600 s in logarithmic buckets, older ones counting less.

    Times that are only known to be longer than something (the attempt was cancelled at that age) count as what they
    are: quantiles are those of the Kaplan-Meier estimate. An observation costs O(1); quantiles cost a pass over the
    buckets in use, once for all callers until enough has been observed since.
    """

    __slots__ = ("_at_least", "_cached", "_epoch_s", "_half_life_s", "_high", "_low", "_min_samples", "_seen", "_total")

    def __init__(self, half_life_s: float = 7200.0, min_samples: float = 20.0) -> None:
        """After `half_life_s` seconds an observation counts half. Below `min_samples` there are no quantiles."""
        self._half_life_s = half_life_s
        self._min_samples = min_samples
        self._seen = [0.0] * _BUCKETS
        self._at_least = [0.0] * _BUCKETS
        self._total = 0.0
        self._low, self._high = _BUCKETS, -1
        self._epoch_s: float | None = None
        self._cached: dict[tuple[float, ...], tuple[float, tuple[float, ...]]] = {}

    def observe(self, seconds: float, now_s: float) -> None:
        """An attempt's first token came after so many seconds."""
        self._add(self._seen, seconds, now_s)

    def observe_at_least(self, seconds: float, now_s: float) -> None:
        """An attempt ended at that age without a first token: its rival won, the caller left, a clock ran out."""
        self._add(self._at_least, seconds, now_s)

    def samples(self, now_s: float) -> float:
        """How many observations there are, each counted by its age."""
        return 0.0 if self._epoch_s is None else self._total / self._weight(now_s)

    def quantile(self, q: float, now_s: float, slack: float = 0.0) -> float | None:
        """The seconds that the share `q` (0 to 1) of first tokens do not exceed, see `quantiles`."""
        found = self.quantiles((q,), now_s, slack)
        return None if found is None else found[0]

    def quantiles(self, shares: tuple[float, ...], now_s: float, slack: float = 0.0) -> tuple[float, ...] | None:
        """The quantiles at rising shares, in seconds; None below the minimum of samples.

        Where longer times are only known by their lower bounds, the highest bound stands for them. With a `slack` an
        earlier answer is good enough while what came since is at most that share of all.
        """
        if self._epoch_s is None or self._total < self._min_samples * self._weight(now_s):
            return None
        cached = self._cached.get(shares)
        # Between observations all weights shrink alike, so time alone moves no quantile.
        if cached is not None and self._total - cached[0] <= slack * self._total:
            return cached[1]
        found = self._pass(shares)
        self._cached[shares] = (self._total, found)
        return found

    def _pass(self, shares: tuple[float, ...]) -> tuple[float, ...]:
        seen, at_least = self._seen, self._at_least
        left, survival = self._total, 1.0
        found: list[float] = []
        wanted = 1.0 - shares[0]
        for bucket in range(self._low, self._high + 1):
            here = seen[bucket]
            if here:
                # What is left loses precision by subtraction: the last one ends it.
                before = survival
                survival *= 1.0 - here / left if here < left * (1 - 1e-9) else 0.0
                while survival <= wanted + 1e-12:
                    found.append(_edge_s(bucket + min((before - wanted) / (before - survival), 1.0)))
                    if len(found) == len(shares):
                        return tuple(found)
                    wanted = 1.0 - shares[len(found)]
            left -= here + at_least[bucket]
        return tuple(found + [_edge_s(self._high + 1)] * (len(shares) - len(found)))

    def _add(self, counts: list[float], seconds: float, now_s: float) -> None:
        if self._epoch_s is None:
            self._epoch_s = now_s
        elif now_s - self._epoch_s > _RESCALE_HALF_LIVES * self._half_life_s:
            self._rescale(now_s)
        weight = self._weight(now_s)
        bucket = _bucket(seconds)
        counts[bucket] += weight
        self._total += weight
        self._low = min(self._low, bucket)
        self._high = max(self._high, bucket)

    def _weight(self, now_s: float) -> float:
        """What an observation made now adds: weights grow instead of shrinking all that came before."""
        assert self._epoch_s is not None
        return float(2.0 ** min((now_s - self._epoch_s) / self._half_life_s, 1000.0))

    def _rescale(self, now_s: float) -> None:
        """Counts from now on, before weights grow out of a float."""
        scale = 1.0 / self._weight(now_s)
        self._epoch_s = now_s
        self._cached.clear()
        for counts in (self._seen, self._at_least):
            counts[:] = [scaled if (scaled := count * scale) > _FORGOTTEN else 0.0 for count in counts]
        used = [bucket for bucket in range(_BUCKETS) if self._seen[bucket] or self._at_least[bucket]]
        self._low, self._high = (used[0], used[-1]) if used else (_BUCKETS, -1)
        self._total = math.fsum(self._seen) + math.fsum(self._at_least)
