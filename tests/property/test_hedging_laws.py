"""The policy on drawn first-token times, in virtual time: a small version of scripts/bench hedging."""

import numpy as np
import pytest
from bench._hedging_laws import Draws, laws
from bench._hedging_world import best_fixed, run
from hedgerow_server.routing.hedge import HedgePolicy

POLICY = HedgePolicy()
CALLS = 60_000


def p99(times: "np.typing.NDArray[np.float64]") -> float:
    return float(np.quantile(times, 0.99))


@pytest.mark.parametrize("law", ["gpt-4o", "gpt-4o-mini", "haiku-4.5"])
def test_nine_tenths_of_the_best_fixed_delays_cut_come_within_the_first_hour(law: str) -> None:
    """Of a router that starts with no knowledge and no savings; the bench's longer runs reach more."""
    draws = Draws(laws()[law], "iid", CALLS, seed=3)
    none, ours, best = draws.first, run(draws, POLICY).first_token_s, best_fixed(draws, POLICY.max_extra)[1]
    assert p99(none) - p99(ours) >= 0.9 * (p99(none) - p99(best))


@pytest.mark.parametrize("kind", ["iid", "correlated", "regimes", "brown-out"])
def test_extra_calls_stay_within_their_share_at_every_moment(kind: str) -> None:
    draws = Draws(laws()["gpt-4o"], kind, CALLS, seed=4)
    hedges = np.sort(run(draws, POLICY).hedged_at_s)
    arrived = np.searchsorted(draws.arrivals, hedges, side="right")
    assert len(hedges) > 100
    assert (np.arange(1, len(hedges) + 1) <= POLICY.max_extra * arrived + 1e-6).all()


def test_a_full_brown_out_gets_no_more_than_its_own_share() -> None:
    draws = Draws(laws()["gpt-4o"], "brown-out", CALLS, seed=5)
    assert draws.brown_out is not None
    start_s, end_s = draws.brown_out
    outcome = run(draws, POLICY)
    within = (draws.arrivals >= start_s) & (draws.arrivals < end_s)
    hedged = [at_s for at_s in outcome.hedged_at_s if start_s <= at_s < end_s]
    assert 0 < len(hedged) <= POLICY.max_extra * within.sum()
    assert np.mean(outcome.first_token_s[within] <= 30) >= np.mean(draws.first[within] <= 30)


def test_where_second_attempts_cannot_win_hardly_any_start() -> None:
    """DeepSeek V3's tail ends before a second copy would answer."""
    outcome = run(Draws(laws()["deepseek-v3"], "iid", CALLS, seed=6), POLICY)
    assert len(outcome.hedged) < 0.01 * CALLS
