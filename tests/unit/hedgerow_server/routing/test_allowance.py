import pytest
from hedgerow_server.routing.allowance import Allowance


def test_it_starts_empty() -> None:
    assert not Allowance(0.5, 10).take()


def test_it_earns_its_share() -> None:
    allowance = Allowance(0.25, 10)
    for _ in range(4):
        assert not allowance.take()
        allowance.earn()
    assert allowance.take()
    assert not allowance.take()


def test_it_keeps_no_more_than_its_burst() -> None:
    allowance = Allowance(0.5, 2)
    allowance.earn(100)
    assert [allowance.take() for _ in range(3)] == [True, True, False]


def test_what_is_not_there_is_not_taken_in_part() -> None:
    allowance = Allowance(0.5, 10)
    allowance.earn(4)
    assert not allowance.take(3)
    assert allowance.available() == pytest.approx(2)


def test_a_debt_is_earned_off_first() -> None:
    allowance = Allowance(0.5, 10)
    allowance.correct(-2)
    allowance.earn(4)
    assert not allowance.take()
    allowance.earn(2)
    assert allowance.take()


def test_what_was_not_spent_comes_back_within_the_burst() -> None:
    allowance = Allowance(0.5, 2)
    allowance.earn(4)
    assert allowance.take(2)
    allowance.correct(5)
    assert allowance.available() == pytest.approx(2)


def test_a_smaller_burst_takes_nothing_away() -> None:
    allowance = Allowance(0.5, 10)
    allowance.earn(20)
    allowance.burst = 3
    allowance.earn(20)
    assert allowance.available() == pytest.approx(10)
