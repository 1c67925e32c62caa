"""First-token laws for the hedging bench, and the draws of one run: the same for every policy that is compared."""

import bisect
import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CORRELATION = 0.5
"""Of the two copies' normal scores, where copies are correlated (Gaussian copula)."""
ARRIVALS_PER_S = 20.0
SLOWER = 30.0
"""How many times longer everything takes in the full brown-out."""


@dataclass(frozen=True)
class Regime:
    """A state of the upstream. How much of the law's slowest 5 % it draws makes it calm or not."""

    tail: float
    mean_s: float
    share: float


# Weighted by their shares of time the tails give 5 %, so that all calls together follow the published law.
REGIMES = (
    Regime(tail=(0.05 - 0.095 * 0.3 - 0.005 * 1.0) / 0.9, mean_s=300, share=0.9),  # calm
    Regime(tail=0.3, mean_s=30, share=0.095),  # spiky
    Regime(tail=1.0, mean_s=20, share=0.005),  # brown-out
)


class Law:
    """A distribution of first-token times, in seconds, by its knots."""

    def __init__(self, knots: list[list[float]]) -> None:
        self.shares = [share for share, _ in knots]
        self.logs = [math.log(milliseconds / 1000) for _, milliseconds in knots]

    def times(self, shares: Floats) -> Floats:
        """The times at these shares."""
        return np.exp(np.interp(shares, self.shares, self.logs))

    def time(self, share: float) -> float:
        """The time at one share."""
        upper = min(max(bisect.bisect_left(self.shares, share), 1), len(self.shares) - 1)
        low, high = self.shares[upper - 1], self.shares[upper]
        part = (share - low) / (high - low)
        return math.exp(self.logs[upper - 1] + part * (self.logs[upper] - self.logs[upper - 1]))


def laws() -> Mapping[str, Law]:
    """All laws of the data file."""
    written = json.loads(Path(__file__).with_name("hedging_laws.json").read_text(encoding="utf-8"))
    return {name: Law(knots) for name, knots in written["laws"].items()}


def _stretched(shares: Floats, tails: Floats) -> Floats:
    """Uniform draws bent so that the share `tails` of them lies in the slowest 5 %."""
    body = shares * 0.95 / np.maximum(1 - tails, 1e-12)
    return np.where(shares < 1 - tails, body, 0.95 + 0.05 * (shares - (1 - tails)) / tails)


class Draws:
    """When calls arrive, and how long each of the two attempts of a call would take, whenever it starts."""

    def __init__(self, law: Law, kind: str, calls: int, seed: int, rate: float = ARRIVALS_PER_S) -> None:
        """`kind`: iid, correlated, regimes or brown-out; `rate`: arrivals a second."""
        rng = np.random.default_rng(seed)
        self._law = law
        self.arrivals: Floats = np.cumsum(rng.exponential(1 / rate, calls))
        # 1,000 tokens in at the mean, 300 out, at 2.50 and 10 dollars a million.
        self.prompt_picos = (rng.lognormal(math.log(1000) - 0.5, 1.0, calls) * 2_500_000).astype(np.int64)
        self.answer_picos = (rng.lognormal(math.log(300) - 0.5, 1.0, calls) * 10_000_000).astype(np.int64)
        first, second = rng.random(calls), rng.random(calls)
        if kind == "correlated":
            second = _correlated(first, rng)
        self._second = second
        self._starts: Floats | None = None
        if kind == "regimes":
            self._starts, self._states = _regimes(rng, float(self.arrivals[-1]) + 60)
            first = _stretched(first, self._tails(self.arrivals))
        self.first = law.times(first)
        self.late: Floats | None = None if kind == "regimes" else law.times(second)
        self.brown_out: tuple[float, float] | None = None
        if kind == "brown-out":
            self.brown_out = (0.4 * float(self.arrivals[-1]), 0.6 * float(self.arrivals[-1]))
            self.first = self._slowed(self.first, self.arrivals)

    def seconds(self, at_s: Floats) -> Floats:
        """How long the second attempts would take if they started then."""
        if self.late is not None:
            return self._slowed(self.late, at_s)
        return self._law.times(_stretched(self._second, self._tails(at_s)))

    def second(self, call: int, at_s: float) -> float:
        """How long one second attempt takes that starts then."""
        if self.late is not None:
            slow = self.brown_out is not None and self.brown_out[0] <= at_s < self.brown_out[1]
            return float(self.late[call]) * (SLOWER if slow else 1.0)
        tail = self._tails(np.array([at_s]))
        return float(self._law.times(_stretched(self._second[call : call + 1], tail))[0])

    def _slowed(self, times: Floats, at_s: Floats) -> Floats:
        if self.brown_out is None:
            return times
        return np.where((at_s >= self.brown_out[0]) & (at_s < self.brown_out[1]), times * SLOWER, times)

    def _tails(self, at_s: Floats) -> Floats:
        assert self._starts is not None
        return np.array([regime.tail for regime in REGIMES])[
            self._states[np.searchsorted(self._starts, at_s, side="right") - 1]
        ]


def _correlated(first: Floats, rng: np.random.Generator) -> Floats:
    """Shares whose normal scores correlate with those of `first`."""
    scores = _score(first)
    mixed = CORRELATION * scores + math.sqrt(1 - CORRELATION**2) * rng.standard_normal(len(first))
    return np.asarray(np.interp(mixed, _SCORES, _SHARES))


_SCORES = np.linspace(-8, 8, 160_001)
_SHARES = np.array([0.5 * math.erfc(-score / math.sqrt(2)) for score in _SCORES])


def _score(shares: Floats) -> Floats:
    return np.asarray(np.interp(shares, _SHARES, _SCORES))


def _regimes(rng: np.random.Generator, until_s: float) -> tuple[Floats, NDArray[np.int64]]:
    """When which regime begins: calm and one of the others by turns, each for an exponential time."""
    # A turn away from calm is one or the other as often as their shares of time over their lengths say.
    often = [regime.share / regime.mean_s for regime in REGIMES[1:]]
    chance = often[1] / sum(often)
    calm_s = REGIMES[0].share / sum(often)
    starts, states, now_s = [], [], 0.0
    for turn in itertools.count():
        state = 0 if turn % 2 == 0 else 1 + int(rng.random() < chance)
        starts.append(now_s)
        states.append(state)
        now_s += rng.exponential(calm_s if state == 0 else REGIMES[state].mean_s)
        if now_s > until_s:
            return np.array(starts), np.array(states)
    raise AssertionError
