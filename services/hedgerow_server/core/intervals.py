"""Times that may overlap."""

from collections.abc import Iterable


def covered_s(intervals: Iterable[tuple[float, float]], *, until_s: float = float("inf")) -> float:
    """How many seconds at least one interval covers, up to `until_s`: where several overlap, that time counts once.
    Each is its start and its end.
    """
    covered, reached_s = 0.0, float("-inf")
    for start_s, end_s in sorted(intervals):
        stop_s = min(end_s, until_s)
        if stop_s > max(start_s, reached_s):
            covered += stop_s - max(start_s, reached_s)
            reached_s = stop_s
    return covered
