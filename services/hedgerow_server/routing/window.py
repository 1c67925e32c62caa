"""Outcomes of the last seconds, counted in constant time and space."""

_BUCKETS = 10


class Window:
    """A rolling window of outcomes.

    It is cut into ten buckets and moves by one bucket at a time, so that what counts is between nine and ten tenths of
    the span old at most. An outcome with a time before the newest counts as new.
    """

    __slots__ = ("_by_bucket", "_newest", "_width_s", "failures", "outrun", "slow", "successes")

    def __init__(self, span_s: float) -> None:
        """`span_s` is in seconds."""
        self._width_s = span_s / _BUCKETS
        self._newest = 0
        self._by_bucket = [_Bucket() for _ in range(_BUCKETS)]
        self.successes = 0
        self.failures = 0
        self.outrun = 0
        """Calls that were given up because another was faster: neither success nor failure."""
        self.slow = 0
        """Those of all the others whose first token was late or did not come."""

    @property
    def calls(self) -> int:
        """All outcomes that count."""
        return self.successes + self.failures + self.outrun

    def succeeded(self, now_s: float, *, slow: bool) -> None:
        """One more success."""
        bucket = self._bucket(now_s)
        bucket.successes += 1
        self.successes += 1
        if slow:
            bucket.slow += 1
            self.slow += 1

    def failed(self, now_s: float, reason: str, *, slow: bool) -> None:
        """One more failure; `reason` is one of a small set of names."""
        bucket = self._bucket(now_s)
        bucket.reasons[reason] = bucket.reasons.get(reason, 0) + 1
        bucket.failures += 1
        self.failures += 1
        if slow:
            bucket.slow += 1
            self.slow += 1

    def given_up(self, now_s: float) -> None:
        """One more call that was outrun and slow."""
        bucket = self._bucket(now_s)
        bucket.outrun += 1
        bucket.slow += 1
        self.outrun += 1
        self.slow += 1

    def advance(self, now_s: float) -> None:
        """Forgets what is too old."""
        self._bucket(now_s)

    def reasons(self) -> dict[str, int]:
        """How many failures there were of each reason."""
        total: dict[str, int] = {}
        for bucket in self._by_bucket:
            for reason, count in bucket.reasons.items():
                total[reason] = total.get(reason, 0) + count
        return total

    def clear(self) -> None:
        """Forgets everything."""
        for bucket in self._by_bucket:
            bucket.clear()
        self.successes = self.failures = self.outrun = self.slow = 0

    def _bucket(self, now_s: float) -> "_Bucket":
        index = int(now_s // self._width_s)
        if index > self._newest:
            self._move(index)
        return self._by_bucket[self._newest % _BUCKETS]

    def _move(self, index: int) -> None:
        for step in range(max(self._newest + 1, index - _BUCKETS + 1), index + 1):
            bucket = self._by_bucket[step % _BUCKETS]
            self.successes -= bucket.successes
            self.failures -= bucket.failures
            self.outrun -= bucket.outrun
            self.slow -= bucket.slow
            bucket.clear()
        self._newest = index


class _Bucket:
    """The outcomes of a tenth of the span."""

    __slots__ = ("failures", "outrun", "reasons", "slow", "successes")

    def __init__(self) -> None:
        self.reasons: dict[str, int] = {}
        self.clear()

    def clear(self) -> None:
        self.successes = self.failures = self.outrun = self.slow = 0
        self.reasons.clear()
