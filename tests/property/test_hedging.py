"""Budgets that never overspend, and quantiles that are those of the exact, aged observations."""

import math
from fractions import Fraction

import pytest
from hedgerow_server.routing.allowance import Allowance
from hedgerow_server.routing.hedge import Budget, HedgePolicy, Hedging
from hedgerow_server.routing.latency import Latency
from hypothesis import given
from hypothesis import strategies as st

ACTIONS = st.lists(st.tuples(st.sampled_from(["earn", "take", "correct"]), st.integers(0, 40)), max_size=120)
SECONDS = st.floats(0.002, 500)
OBSERVED = st.lists(st.tuples(SECONDS, st.booleans(), st.floats(0, 500)), min_size=1, max_size=60)
HALF_LIFE_S = 100.0


@given(ACTIONS, st.integers(0, 8), st.integers(0, 30))
def test_an_allowance_does_what_exact_arithmetic_says(actions: list[tuple[str, int]], eighths: int, burst: int) -> None:
    """Shares of an eighth are exact in binary, so nothing is rounded and the two must agree in every step."""
    allowance, level = Allowance(eighths / 8, burst), Fraction(0)
    for action, amount in actions:
        if action == "earn":
            allowance.earn(amount)
            level = min(level + Fraction(amount * eighths, 8), Fraction(burst))
        elif action == "correct":
            allowance.correct(amount - 20)
            level = min(level + amount - 20, Fraction(burst))
        else:
            assert allowance.take(amount) == (level >= amount)
            level -= amount if level >= amount else 0
        assert allowance.available() == level


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 50)), max_size=200), st.floats(0, 1), st.floats(0, 100))
def test_no_stretch_takes_more_than_its_share_and_the_burst(
    actions: list[tuple[bool, float]], share: float, burst: float
) -> None:
    allowance = Allowance(share, burst)
    earned = taken = 0.0
    # The least of what any earlier moment had left: the worst start of a stretch that ends now.
    least = 0.0
    for earns, amount in actions:
        if earns:
            allowance.earn(amount)
            earned += amount
        elif allowance.take(amount):
            taken += amount
        assert taken <= share * earned + 1e-6
        over = taken - share * earned
        least = min(least, over)
        assert over - least <= burst + 1e-6


CALLS = st.lists(
    st.tuples(st.floats(0.01, 20), st.booleans(), st.integers(0, 10**12) | st.none(), st.floats(0, 0.05)), max_size=300
)


@given(CALLS, st.sampled_from([0.01, 0.05, 0.5]), st.sampled_from([1.0, 10.0, 1000.0]))
def test_extra_calls_never_exceed_their_share_whatever_happens(
    calls: list[tuple[float, bool, int | None, float]], max_extra: float, burst: float
) -> None:
    """After every single call, in the route's budget and in a shared one."""
    policy = HedgePolicy(max_extra=max_extra, burst_calls=burst, min_samples=1)
    whole = Budget(max_extra, burst)
    routes = (Hedging(policy, whole), Hedging(policy, whole))
    latency = Latency(min_samples=1)
    asked, extra, now_s = [0, 0], [0, 0], 0.0
    for number, (seconds, won, picos, rate_share) in enumerate(calls):
        which, now_s = number % 3 % 2, now_s + 0.1
        hedging = routes[which]
        asked[which] += 1
        delay_s = hedging.plan(latency, now_s)
        latency.observe(seconds, now_s)
        if delay_s is not None and seconds <= delay_s:
            hedging.in_time(now_s, seconds)
        elif delay_s is not None and hedging.start(
            now_s, picos, planned_s=delay_s, real_s=delay_s, rate_share=rate_share
        ):
            extra[which] += 1
            hedging.settled(won=won)
        hedging.booked(10**9)
        assert extra[which] <= max_extra * asked[which] + 1e-9
        assert sum(extra) <= max_extra * sum(asked) + 1e-9


def exact(observed: list[tuple[float, bool, float]], share: float, *, first: bool) -> float:
    """The Kaplan-Meier quantile of weighted observations, by the definition.

    With `first` ties within a hair's breadth of the share go to the smaller time, else to the larger one.
    """
    now_s = max(at_s for _, _, at_s in observed)
    weighted = sorted((seconds, cut, 2 ** ((at_s - now_s) / HALF_LIFE_S)) for seconds, cut, at_s in observed)
    at_risk, survival = math.fsum(weight for *_, weight in weighted), 1.0
    for index, (seconds, cut, weight) in enumerate(weighted):
        if not cut:
            last = all(later_cut for _, later_cut, _ in weighted[index + 1 :]) and index == len(weighted) - 1
            survival *= 0.0 if last else 1 - weight / at_risk
            if survival <= 1 - share + (1e-6 if first else -1e-6):
                return seconds
        at_risk -= weight
    return max(seconds for seconds, *_ in weighted)


@given(OBSERVED, st.floats(0.01, 0.99))
def test_a_quantile_is_that_of_the_exact_aged_observations(
    observed: list[tuple[float, bool, float]], share: float
) -> None:
    """Within a bucket. Times of one bucket count as equal, so they are set apart before."""
    apart = {math.floor(math.log(seconds) / math.log(1.05)): (seconds, cut, at_s) for seconds, cut, at_s in observed}
    observed = sorted(((1.05 ** (step + 0.5), cut, at_s) for step, (_, cut, at_s) in apart.items()), key=lambda o: o[2])
    latency = Latency(half_life_s=HALF_LIFE_S, min_samples=0)
    for seconds, cut, at_s in observed:
        (latency.observe_at_least if cut else latency.observe)(seconds, at_s)
    found = latency.quantile(share, observed[-1][2])
    assert found is not None
    assert exact(observed, share, first=True) / 1.0201 <= found <= exact(observed, share, first=False) * 1.0201


@given(st.lists(st.tuples(SECONDS, st.floats(0, 1e5)), min_size=1, max_size=40), st.floats(0, 1e5))
def test_samples_are_the_aged_sum(observed: list[tuple[float, float]], later_s: float) -> None:
    """Across rescaling too, which happens after 60 half-lives."""
    observed.sort(key=lambda one: one[1])
    latency = Latency(half_life_s=HALF_LIFE_S)
    for seconds, at_s in observed:
        latency.observe(seconds, at_s)
    now_s = observed[-1][1] + later_s
    expected = math.fsum(2 ** ((at_s - now_s) / HALF_LIFE_S) for _, at_s in observed)
    assert latency.samples(now_s) == pytest.approx(expected, rel=1e-6, abs=1e-6)
