import random

import pytest
from hedgerow_server.routing.hedge import Budget, HedgePolicy, Hedging, Share, Start
from hedgerow_server.routing.latency import Latency

POLICY = HedgePolicy(max_extra=0.1, min_delay_s=0.1, max_delay_s=5.0, min_samples=50, burst_calls=20)


def known(scale: float = 1.0) -> Latency:
    """A candidate with 1,000 first tokens spread evenly from 0 to `scale` seconds."""
    latency = Latency()
    for step in range(1000):
        latency.observe(scale * (step + 0.5) / 1000, 0)
    return latency


def rich(policy: HedgePolicy = POLICY, *shared: Budget, calls: int = 1000) -> Hedging:
    """With savings, after so many calls that were answered in time."""
    hedging, latency = Hedging(policy, *shared), known()
    for _ in range(calls):
        hedging.plan(latency, 0)
        hedging.in_time(0, 0.2)
    return hedging


def start(hedging: Hedging, cost_picos: int | None = None, *, breaker_open: bool = False, rate: float = 0.0) -> Start:
    return hedging.start(0, cost_picos, planned_s=0.9, real_s=0.9, breaker_open=breaker_open, rate_share=rate)


def test_calls_are_not_hedged_below_the_minimum_of_samples() -> None:
    latency = Latency(min_samples=1)
    for _ in range(49):
        latency.observe(1.0, 0)
    hedging = Hedging(POLICY)
    assert hedging.plan(latency, 0) is None
    latency.observe(1.0, 0)
    assert hedging.plan(latency, 0) is not None


def test_the_delay_is_the_percentile_that_spends_what_is_earned() -> None:
    """With a tenth of calls to spend the 90th percentile, give or take what savings change."""
    delay_s = Hedging(POLICY).plan(known(), 0)
    assert delay_s is not None
    assert 0.86 <= delay_s <= 0.92


def test_savings_shorten_the_delay() -> None:
    poor, latency = Hedging(POLICY), known()
    first_s, later_s = poor.plan(latency, 0), rich().plan(latency, 0)
    assert first_s is not None
    assert later_s is not None
    assert later_s < first_s


@pytest.mark.parametrize(("scale", "delay_s"), [(0.01, 0.1), (100.0, 5.0)])
def test_the_delay_has_a_floor_and_a_ceiling(scale: float, delay_s: float) -> None:
    assert Hedging(POLICY).plan(known(scale), 0) == delay_s


def test_nothing_starts_before_it_is_earned() -> None:
    hedging, latency = Hedging(POLICY), known()
    for _ in range(9):
        hedging.plan(latency, 0)
        assert start(hedging) is Start.CALLS
    for _ in range(2):
        hedging.plan(latency, 0)
    assert start(hedging) is Start.YES


def test_no_more_is_saved_than_the_burst() -> None:
    policy = HedgePolicy(max_extra=0.1, burst_calls=3)
    hedging = rich(policy, calls=5000)
    assert [start(hedging) for _ in range(4)] == [Start.YES] * 3 + [Start.CALLS]


def test_nothing_starts_at_a_target_with_an_open_breaker() -> None:
    assert start(rich(), breaker_open=True) is Start.BREAKER


def test_nothing_starts_at_a_target_that_throttles() -> None:
    hedging = rich()
    assert start(hedging, rate=0.021) is Start.RATE
    assert start(hedging, rate=0.02) is Start.YES


def test_a_refused_start_costs_nothing() -> None:
    hedging = rich(calls=11)
    assert start(hedging, breaker_open=True) is Start.BREAKER
    assert start(hedging) is Start.YES


def test_an_empty_shared_budget_stops_the_route() -> None:
    whole = Budget(0.1, 20)
    hedging = rich(POLICY, whole)
    while whole.calls.take():
        pass
    assert start(hedging) is Start.CALLS


def test_routes_share_the_budget_that_both_are_given() -> None:
    upstream = Budget(0.1, 2)
    one, other = rich(POLICY, upstream), rich(POLICY, upstream)
    assert [start(one), start(other), start(one), start(other)] == [Start.YES, Start.YES, Start.CALLS, Start.CALLS]


def test_an_unaffordable_start_takes_from_no_budget() -> None:
    whole = Budget(0.1, 20)
    hedging = rich(POLICY, whole, calls=15)
    while whole.calls.take():
        pass
    assert start(hedging) is Start.CALLS
    whole.calls.correct(1)
    assert start(hedging) is Start.YES


def test_money_has_a_budget_of_its_own() -> None:
    hedging = rich()
    assert start(hedging, 100) is Start.MONEY
    for _ in range(10):
        hedging.booked(100)
    assert start(hedging, 101) is Start.MONEY
    assert start(hedging, 100) is Start.YES


def test_what_an_attempt_did_not_cost_comes_back() -> None:
    hedging = rich()
    for _ in range(10):
        hedging.booked(100)
    assert start(hedging, 100) is Start.YES
    hedging.booked(0, 25, expected_picos=100)
    assert start(hedging, 76) is Start.MONEY
    assert start(hedging, 75) is Start.YES


def test_an_attempt_that_costs_more_than_expected_leaves_a_debt() -> None:
    hedging = rich()
    for _ in range(20):
        hedging.booked(100)
    assert start(hedging, 50) is Start.YES
    hedging.booked(0, 250, expected_picos=50)
    assert start(hedging, 1) is Start.MONEY


def test_unknown_prices_leave_the_budget_of_calls() -> None:
    assert start(rich(), None) is Start.YES


def test_a_brown_out_spends_no_savings() -> None:
    """From the moment when most calls are slow, the stretch earns what it spends, what came before that included."""
    hedging, latency = rich(HedgePolicy(max_extra=0.1, burst_calls=200), calls=5000), known()
    started = 0
    for _ in range(1000):
        hedging.plan(latency, 0)
        started += bool(start(hedging))
        hedging.settled(won=True)
    assert 90 <= started <= 100
    assert hedging.counts.held.keys() == {"brown_out"}


def test_savings_count_again_after_a_brown_out() -> None:
    hedging, latency = rich(calls=5000), known()
    for _ in range(100):
        hedging.plan(latency, 0)
        start(hedging)
    assert start(hedging) is Start.BROWN_OUT
    for _ in range(40):
        hedging.plan(latency, 0)
        hedging.in_time(0, 0.2)
    assert start(hedging) is Start.YES


def test_times_that_delays_have_grown_after_are_still_a_brown_out() -> None:
    hedging, latency = rich(calls=5000), known()
    for _ in range(100):
        hedging.plan(latency, 0)
        start(hedging)
    for _ in range(40):
        hedging.plan(latency, 0)
        hedging.in_time(0, 20.0)
    while hedging.counts.held["brown_out"] < 120:
        start(hedging)
    assert start(hedging) is Start.BROWN_OUT


def test_what_stays_slow_is_no_brown_out_after_an_hour_and_old_savings_have_lapsed() -> None:
    hedging, latency = rich(calls=5000), known()
    for _ in range(100):
        hedging.plan(latency, 0)
        start(hedging)
    hedging.in_time(3601, 20.0)
    assert start(hedging) is Start.CALLS
    for _ in range(15):
        hedging.plan(latency, 3601)
    assert start(hedging) is Start.YES


def test_second_attempts_that_never_win_are_only_tried_now_and_then() -> None:
    hedging, latency, random_ = Hedging(POLICY), known(), random.Random(1)
    started = 0
    for call in range(20_000):
        hedging.plan(latency, 0)
        if random_.random() < 0.9:
            hedging.in_time(0, 0.2)
        elif start(hedging):
            started += call >= 10_000
            hedging.settled(won=False)
    assert 0.003 <= started / 10_000 <= 0.01
    assert "worthless" in hedging.counts.held


def test_trials_that_win_bring_hedging_back() -> None:
    hedging, latency = rich(), known()
    for _ in range(200):
        hedging.settled(won=False)
    assert start(hedging) is Start.WORTHLESS
    for _ in range(400):
        hedging.plan(latency, 0)
        for _ in range(9):
            hedging.plan(latency, 0)
            hedging.in_time(0, 0.2)
        if start(hedging):
            hedging.settled(won=True)
    assert start(hedging) is Start.YES


def test_planned_and_real_delays_are_both_counted() -> None:
    hedging = rich()
    hedging.start(0, None, planned_s=0.5, real_s=0.75)
    hedging.start(0, None, planned_s=0.5, real_s=0.5)
    hedging.settled(won=True)
    counts = hedging.counts
    assert (counts.planned, counts.due, counts.started, counts.won) == (1000, 2, 2, 1)
    assert (counts.planned_s, counts.real_s) == (1.0, 1.25)


def test_why_nothing_started_is_counted() -> None:
    hedging = rich()
    start(hedging, breaker_open=True)
    start(hedging, breaker_open=True)
    assert hedging.counts.held == {"breaker": 2}


def test_a_share_follows_the_last_answers() -> None:
    share = Share(4)
    for _ in range(40):
        share.note(True)
    assert share.value == pytest.approx(1, abs=1e-4)
    share.note(False)
    assert share.value == pytest.approx(0.75, abs=1e-4)
