"""When a guard that fails is left alone, and when it is tried again, on a clock that the tests move."""

import logging
import time

import pydantic
import pytest
from hedgerow_server.guardrails.remote.fuse import Fuse
from hedgerow_server.guardrails.remote.section import FuseSection


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(time, "monotonic", moved)
    return moved


def fuse_of(failures: int = 3) -> Fuse:
    return Fuse("ours", FuseSection(failures=failures, rest_seconds=10, max_rest_seconds=40))


def admitted(fuse: Fuse) -> int:
    permit = fuse.admit()
    assert permit is not None
    return permit


def blown() -> Fuse:
    fuse = fuse_of()
    for _ in range(3):
        fuse.failed(admitted(fuse), "answers UNAVAILABLE")
    return fuse


def test_failures_in_a_row_end_the_asking(clock: Clock) -> None:
    fuse = blown()
    assert fuse.admit() is None
    assert fuse.reason == "answers UNAVAILABLE"


def test_a_success_between_them_counts(clock: Clock) -> None:
    fuse = fuse_of(failures=2)
    for _ in range(9):
        fuse.failed(admitted(fuse), "x")
        fuse.succeeded(admitted(fuse))
    admitted(fuse)


def test_half_of_the_last_20_is_too_much_however_they_are_mixed(clock: Clock) -> None:
    fuse = fuse_of(failures=5)
    for _ in range(10):
        fuse.succeeded(admitted(fuse))
        fuse.failed(admitted(fuse), "x")
    assert fuse.admit() is None


def test_after_its_rest_one_call_at_a_time_tries_it(clock: Clock) -> None:
    fuse = blown()
    clock.now_s += 7.9
    assert fuse.admit() is None
    clock.now_s += 4.2
    admitted(fuse)
    assert fuse.admit() is None


def test_a_trial_that_is_answered_lets_all_calls_in(clock: Clock) -> None:
    fuse = blown()
    clock.now_s += 13
    fuse.succeeded(admitted(fuse))
    assert fuse.reason == ""
    admitted(fuse)
    admitted(fuse)


def test_a_trial_that_fails_makes_it_rest_for_twice_as_long_up_to_a_limit(clock: Clock) -> None:
    fuse = blown()
    rests: list[float] = []
    for _ in range(4):
        began_s = clock.now_s
        while (permit := fuse.admit()) is None:
            clock.now_s += 0.1
        rests.append(clock.now_s - began_s)
        fuse.failed(permit, "still")
    assert 8 <= rests[0] <= 12.2
    assert 16 <= rests[1] <= 24.2
    assert 32 <= rests[2] <= 48.2
    assert 32 <= rests[3] <= 48.2
    assert fuse.reason == "still"


def test_a_trial_that_tells_nothing_leaves_its_place_to_the_next(clock: Clock) -> None:
    fuse = blown()
    clock.now_s += 13
    fuse.void(admitted(fuse))
    admitted(fuse)


def test_a_trial_of_which_nothing_is_heard_does_not_hold_back_others_for_ever(clock: Clock) -> None:
    fuse = blown()
    clock.now_s += 13
    admitted(fuse)
    clock.now_s += 10.1
    admitted(fuse)


def test_calls_from_before_it_was_given_up_decide_nothing(clock: Clock) -> None:
    """Neither while it rests nor while a trial is under way."""
    fuse = fuse_of()
    old = [admitted(fuse) for _ in range(50)]
    for _ in range(3):
        fuse.failed(admitted(fuse), "x")
    fuse.failed(old.pop(), "late")
    fuse.succeeded(old.pop())
    assert fuse.admit() is None
    clock.now_s += 13
    trial = admitted(fuse)
    for permit in old:
        fuse.failed(permit, "late")
        fuse.succeeded(permit)
        fuse.void(permit)
    assert fuse.admit() is None
    fuse.succeeded(trial)
    admitted(fuse)


def test_the_log_says_once_when_it_rests_and_when_it_is_back(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        fuse = blown()
        clock.now_s += 13
        fuse.failed(admitted(fuse), "still")
        clock.now_s += 25
        fuse.succeeded(admitted(fuse))
        fuse.succeeded(admitted(fuse))
    assert [one.getMessage() for one in caplog.records] == [
        "the guard ours is not asked for a while: answers UNAVAILABLE",
        "the guard ours answers again",
    ]


def test_a_first_rest_above_the_longest_is_a_fault() -> None:
    with pytest.raises(pydantic.ValidationError, match="rest_seconds must not be above max_rest_seconds"):
        FuseSection(rest_seconds=31)
