import math

import pytest
from hedgerow_server.routing.latency import Latency


def filled(*seconds: float, at_s: float = 0.0, min_samples: float = 1) -> Latency:
    latency = Latency(half_life_s=100, min_samples=min_samples)
    for one in seconds:
        latency.observe(one, at_s)
    return latency


def test_there_is_no_quantile_below_the_minimum_of_samples() -> None:
    latency = filled(*[1.0] * 19, min_samples=20)
    assert latency.quantile(0.5, 0) is None
    latency.observe(1.0, 0)
    assert latency.quantile(0.5, 0) == pytest.approx(1.0, rel=0.02)


def test_nothing_observed_is_no_sample() -> None:
    assert Latency().samples(5.0) == 0
    assert Latency().quantile(0.5, 5.0) is None


def test_samples_halve_in_a_half_life() -> None:
    latency = filled(*[1.0] * 40)
    assert latency.samples(100) == pytest.approx(20)


def test_a_candidate_that_was_idle_for_years_has_no_quantile() -> None:
    latency = filled(*[1.0] * 40)
    assert latency.quantile(0.5, 1e9) is None
    assert latency.samples(1e9) == pytest.approx(0)


def test_new_times_outweigh_old_ones() -> None:
    latency = filled(*[1.0] * 100)
    for _ in range(20):
        latency.observe(4.0, 1000)
    assert latency.quantile(0.5, 1000) == pytest.approx(4.0, rel=0.02)


def test_rescaled_weights_give_the_same_quantiles() -> None:
    latency = filled(*[1.0] * 100)
    for step in range(200):
        latency.observe(2.0 if step % 4 else 8.0, step * 100)
    assert latency.samples(199 * 100) == pytest.approx(2, rel=1e-6)
    assert latency.quantile(0.3, 199 * 100) == pytest.approx(2.0, rel=0.02)
    assert latency.quantile(0.95, 199 * 100) == pytest.approx(8.0, rel=0.02)


def test_a_cancelled_attempt_counts_as_slower_than_its_age() -> None:
    """Half of the attempts were cancelled at 2 s: the median is not that of the fast half."""
    latency = filled(*[1.0] * 50, *[5.0] * 10)
    for _ in range(40):
        latency.observe_at_least(2.0, 0)
    # 50 of 100 came by 1 s; the 40 cancelled ones share out over the slow ones.
    assert latency.quantile(0.49, 0) == pytest.approx(1.0, rel=0.02)
    assert latency.quantile(0.6, 0) == pytest.approx(5.0, rel=0.02)


def test_the_highest_bound_stands_for_times_that_nobody_saw() -> None:
    latency = filled(*[1.0] * 50)
    for _ in range(50):
        latency.observe_at_least(3.0, 0)
    assert latency.quantile(0.9, 0) == pytest.approx(3.0, rel=0.03)


@pytest.mark.parametrize(("seconds", "about"), [(0.0, 0.001), (1e-9, 0.001), (1e6, 600.0)])
def test_times_out_of_range_count_as_the_nearest(seconds: float, about: float) -> None:
    assert filled(*[seconds] * 5).quantile(0.5, 0) == pytest.approx(about, rel=0.03)


def test_an_answer_within_the_slack_is_kept_and_beyond_it_made_anew() -> None:
    latency = filled(*[1.0] * 100)
    assert (first := latency.quantile(0.99, 0, slack=0.1)) is not None
    for _ in range(10):
        latency.observe(4.0, 0)
    assert latency.quantile(0.99, 0, slack=0.1) == first
    latency.observe(4.0, 0)
    latency.observe(4.0, 0)
    assert latency.quantile(0.99, 0, slack=0.1) == pytest.approx(4.0, rel=0.02)


def test_without_slack_every_observation_counts_at_once() -> None:
    latency = filled(1.0)
    assert latency.quantile(1.0, 0) == pytest.approx(1.0, rel=0.02)
    latency.observe(2.0, 0)
    assert latency.quantile(1.0, 0) == pytest.approx(2.0, rel=0.02)


def test_many_quantiles_are_those_asked_one_by_one() -> None:
    latency = filled(*(math.exp(step / 20) for step in range(100)))
    shares = (0.1, 0.5, 0.9, 0.99)
    assert latency.quantiles(shares, 0) == tuple(latency.quantile(share, 0) for share in shares)
