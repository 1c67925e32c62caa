"""How fast a candidate answers now."""

from collections import deque
from statistics import median_low

_KEPT = 15
_FRESH_S = 20.0


class Pace:
    """The newest first-token times of a candidate: what `fastest` compares.

    Percentiles over minutes would notice too late that a provider has become fast or slow; this looks at the last
    fifteen answers of the last 20 s, and where there is none, at the last one there was.
    """

    __slots__ = ("_times", "asked_s", "sampled_s")

    def __init__(self) -> None:
        self._times: deque[tuple[float, float]] = deque(maxlen=_KEPT)
        self.sampled_s = float("-inf")
        """When the last answer came, by the monotonic clock."""
        self.asked_s = float("-inf")
        """When it was last put first to find out how fast it is, whatever came of it."""

    @property
    def last_s(self) -> float:
        """When it was last asked to find out, or last answered."""
        return max(self.asked_s, self.sampled_s)

    @property
    def unknown(self) -> bool:
        """Whether nobody has answered and nobody was asked to find out."""
        return self.last_s == float("-inf")

    def observe(self, seconds: float, now_s: float) -> None:
        """A first token came after so many seconds."""
        self._times.append((now_s, seconds))
        self.sampled_s = now_s

    def typical_s(self, now_s: float) -> float | None:
        """The median of the fresh ones; None before there was any."""
        times = self._times
        if not times:
            return None
        fresh = [seconds for when, seconds in times if now_s - when <= _FRESH_S]
        return median_low(fresh) if fresh else times[-1][1]
