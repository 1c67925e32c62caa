"""Latency laws: how long until the first token, and how long between two.

A law is a name (``instant``, ``steady``, ``gpt-4o-like``) or JSON: ``{"first_ms": DELAY, "token_ms": DELAY}``, where a
DELAY is a number of milliseconds or quantiles, ``{"p50": 639, "p95": 1144, "p99": 4517, "max": 7010}``.
"""

import bisect
import math
import random
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec


class Quantiles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A distribution given by its quantiles, in milliseconds; each above 0 and none below the one before."""

    p50: float
    """Median."""
    p95: float
    """95th percentile."""
    p99: float
    """99th percentile."""
    max: float
    """The longest delay there is."""


class Delay:
    """A delay drawn by a number between 0 and 1.

    Quantiles are joined by straight lines in log space; the shortest delay is half the median.
    """

    __slots__ = ("_fixed", "_logs", "_shares")

    def __init__(self, milliseconds: float | Quantiles) -> None:
        """Raises ValueError for a negative number and for quantiles that are not positive and rising."""
        self._fixed: float | None = None
        if isinstance(milliseconds, Quantiles):
            q = milliseconds
            points = (q.p50 / 2, q.p50, q.p95, q.p99, q.max)
            if q.p50 <= 0 or list(points) != sorted(points):
                raise ValueError(f"quantiles must be above 0 and rising, not {q}")
            self._shares = (0.0, 0.5, 0.95, 0.99, 1.0)
            self._logs = tuple(math.log(point / 1000) for point in points)
        elif milliseconds >= 0:
            self._fixed = milliseconds / 1000
        else:
            raise ValueError(f"a delay cannot be negative: {milliseconds}")

    def at(self, share: float) -> float:
        """The delay in seconds that `share` (0 to 1) of all delays do not exceed."""
        if self._fixed is not None:
            return self._fixed
        upper = min(bisect.bisect_left(self._shares, share, 1), len(self._shares) - 1)
        low, high = self._shares[upper - 1], self._shares[upper]
        part = (share - low) / (high - low)
        return math.exp(self._logs[upper - 1] + part * (self._logs[upper] - self._logs[upper - 1]))

    def draw(self, rng: random.Random, times: int = 1) -> float:
        """The sum of `times` draws, in seconds."""
        if self._fixed is not None:
            return self._fixed * times
        return sum(self.at(rng.random()) for _ in range(times))


class Law(msgspec.Struct, frozen=True):
    """When the tokens of an answer come."""

    first: Delay
    """From the request to the headers and the first token."""
    token: Delay
    """From one token to the next."""


def fixed(first_ms: float, token_ms: float) -> Law:
    """The law that knows no chance: always the same delays, in milliseconds."""
    return Law(Delay(first_ms), Delay(token_ms))


# gpt-4o-like: first tokens are five minute pings of GPT-4o over a day (p50/p95/p99/max); the gaps are our estimate of
# 60 tokens a second with a tail.
LAWS: Final[Mapping[str, Law]] = MappingProxyType(
    {
        "instant": fixed(0, 0),
        "steady": fixed(200, 20),
        # The same provider on a bad day: ten times slower, the tail as long as clients will wait.
        "brown-out": Law(
            Delay(Quantiles(p50=6390, p95=11_440, p99=45_170, max=70_100)),
            Delay(Quantiles(p50=140, p95=400, p99=1200, max=6000)),
        ),
        "gpt-4o-like": Law(
            Delay(Quantiles(p50=639, p95=1144, p99=4517, max=7010)), Delay(Quantiles(p50=14, p95=40, p99=120, max=600))
        ),
    }
)


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    first_ms: float | Quantiles = 0
    token_ms: float | Quantiles = 0


def parse(text: str) -> Law:
    """The law that `text` names or describes as JSON. Raises ValueError that says what is possible."""
    if text in LAWS:
        return LAWS[text]
    try:
        written = msgspec.json.decode(text, type=_Written)
        return Law(Delay(written.first_ms), Delay(written.token_ms))
    except (msgspec.DecodeError, ValueError) as exc:
        names = ", ".join(LAWS)
        raise ValueError(f'law {text!r}: not one of {names}, and not {{"first_ms": …, "token_ms": …}}: {exc}') from exc
