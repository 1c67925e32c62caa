"""Intervals of what was measured: 95 % of bootstrap resamples, with draws that are the same in every run."""

import random
import statistics
from collections.abc import Callable, Sequence

RESAMPLES = 2000


def bootstrap(values: Sequence[float], of: Callable[[Sequence[float]], float] = statistics.median) -> list[float]:
    """The interval of a statistic of values; both ends are the value itself where there is one only."""
    draws = random.Random(1)
    found = sorted(of(draws.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return [found[int(RESAMPLES * 0.025)], found[int(RESAMPLES * 0.975)]]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Theil and Sen's: the median of the slopes of all pairs, which single jumps do not move."""
    found = [
        (b[1] - a[1]) / (b[0] - a[0]) for index, a in enumerate(points) for b in points[index + 1 :] if b[0] != a[0]
    ]
    return statistics.median(found) if found else 0.0


def slope_interval(points: Sequence[tuple[float, float]]) -> list[float]:
    """The interval of the slope, by resampling what is left of the points beside the line."""
    middle = slope(points)
    base = statistics.median(y - middle * x for x, y in points)
    rest = [y - middle * x - base for x, y in points]
    draws = random.Random(1)
    found = sorted(
        slope([(x, base + middle * x + draws.choice(rest)) for x, _ in points]) for _ in range(RESAMPLES // 10)
    )
    return [found[int(len(found) * 0.025)], found[int(len(found) * 0.975)]]
