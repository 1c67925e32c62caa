"""What share of calls is refused, and how many may be open."""

import itertools

import pytest
from hedgerow_server.doors.pressure import Pressure


def pressure(memory: float = 0.0, *, max_calls: int = 1000, shedding: bool = True) -> Pressure:
    """Of a router whose calls may wait for 2 s."""
    return Pressure(max_calls, 2.0, lambda: memory, shedding=shedding)


def ticks(of: Pressure, count: int, *, lag_s: float = 0.0, waiting: int = 0, taken: int = 50, calls: int = 100) -> None:
    """So many ticks, each with so many calls that came past."""
    for _ in range(count):
        of.tick(lag_s, waiting, taken, 0.1, calls)


def test_a_queue_that_stands_for_a_second_is_overload() -> None:
    found = pressure()
    ticks(found, 9, waiting=5000)
    assert found.refused_share == 0
    ticks(found, 2, waiting=5000)
    assert found.refused_share > 0


def test_a_loop_that_is_late_all_the_time_is_overload() -> None:
    found = pressure()
    ticks(found, 12, lag_s=2.5)
    assert found.refused_share > 0


@pytest.mark.parametrize("pause_s", [2.0, 10.0])
def test_a_loop_that_was_blocked_once_is_not(pause_s: float) -> None:
    found = pressure()
    ticks(found, 20)
    ticks(found, 1, lag_s=pause_s)
    ticks(found, 20)
    assert found.refused_share == 0


def test_the_share_rises_while_it_is_too_slow_and_falls_within_three_seconds_after() -> None:
    found = pressure()
    ticks(found, 60, waiting=5000)
    assert found.refused_share == pytest.approx(0.9)
    ticks(found, 30)
    assert found.refused_share == 0


def test_between_the_two_marks_the_share_stays() -> None:
    """Or it would swing."""
    found = pressure()
    ticks(found, 15, waiting=5000, taken=100)
    before = found.refused_share
    assert before > 0
    ticks(found, 30, waiting=1500, taken=100)
    assert found.refused_share == before


def test_nothing_is_refused_where_shedding_is_off() -> None:
    found = pressure(0.99, shedding=False)
    ticks(found, 60, waiting=5000)
    assert (found.refused_share, found.limit) == (0, 1000)


@pytest.mark.parametrize(("share", "limit"), [(0.5, 1000), (0.85, 1000), (0.92, 90), (0.96, 8)])
def test_the_less_memory_is_left_the_fewer_calls_may_be_open(share: float, limit: int) -> None:
    found = pressure(share)
    ticks(found, 5, calls=100)
    assert found.limit == limit


def test_a_few_calls_always_may() -> None:
    found = pressure(0.93)
    ticks(found, 500, calls=0)
    assert found.limit == 8


def test_the_limit_is_back_within_five_seconds_of_when_there_is_memory() -> None:
    shares = itertools.chain([0.97], itertools.repeat(0.5))
    found = Pressure(1000, 2.0, lambda: next(shares), shedding=True)
    ticks(found, 5)
    assert found.limit == 8
    ticks(found, 50)
    assert found.limit == 1000


def test_between_the_marks_of_memory_the_limit_stays() -> None:
    shares = itertools.chain([0.92], itertools.repeat(0.85))
    found = Pressure(1000, 2.0, lambda: next(shares), shedding=True)
    ticks(found, 40, calls=100)
    assert found.limit == 90
