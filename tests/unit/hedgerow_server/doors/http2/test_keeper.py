"""Who looks after a connection: signs of life, age, and wasted time, on a clock of the test's own."""

import heapq
from collections.abc import Callable
from typing import Any

import pytest
from hedgerow_server.doors.http2.frames import ConnectionFault
from hedgerow_server.doors.http2.keeper import Keeper
from unit.hedgerow_server.doors.http2.peer import options

OPTIONS = options(keepalive_s=30.0, keepalive_timeout_s=20.0, first_words_s=5.0, min_ping_s=10.0)


class Timer:
    """Of a clock."""

    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        """It will not ring."""
        self.cancelled = True


class Clock:
    """An event loop's timers, without the waiting."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self._timers: list[tuple[float, int, Timer, Callable[[], None]]] = []

    def time(self) -> float:
        """In seconds."""
        return self.now_s

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Sets a timer."""
        timer = Timer()
        heapq.heappush(self._timers, (self.now_s + seconds, len(self._timers), timer, call))
        return timer

    @property
    def waiting(self) -> int:
        """How many timers are set."""
        return sum(not timer.cancelled for _, _, timer, _ in self._timers)

    def pass_(self, seconds: float) -> None:
        """Time passes."""
        until_s = self.now_s + seconds
        while self._timers and self._timers[0][0] <= until_s:
            self.now_s, _, timer, call = heapq.heappop(self._timers)
            if not timer.cancelled:
                call()
        self.now_s = until_s


class Kept:
    """A connection that is looked after, and what it was told."""

    def __init__(self, clock: Clock, **others: Any) -> None:
        self.told: list[str] = []

        def tell(word: str) -> Callable[[], None]:
            return lambda: self.told.append(word)

        told = options(**{**{name: getattr(OPTIONS, name) for name in OPTIONS.__struct_fields__}, **others})
        self.keeper = Keeper(told, tell("ask"), tell("gone"), tell("retire"), lambda: None)
        self.clock = clock


@pytest.fixture(name="clock")
def clock_fixture(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of all keepers."""
    clock = Clock()
    monkeypatch.setattr("asyncio.get_running_loop", lambda: clock)
    return clock


def test_whoever_says_nothing_at_first_is_gone(clock: Clock) -> None:
    kept = Kept(clock)
    clock.pass_(5.1)
    assert kept.told == ["gone"]


def test_whoever_is_silent_is_asked_and_gone_if_he_does_not_answer(clock: Clock) -> None:
    kept = Kept(clock)
    kept.keeper.began()
    clock.pass_(29)
    assert kept.told == []
    clock.pass_(2)
    assert kept.told == ["ask"]
    clock.pass_(20)
    assert kept.told == ["ask", "gone"]


def test_whoever_answers_stays(clock: Clock) -> None:
    kept = Kept(clock)
    kept.keeper.began()
    for asked in range(1, 20):
        clock.pass_(31)
        assert kept.told == ["ask"] * asked
        kept.keeper.heard()
        clock.pass_(18)
        kept.keeper.heard()


def test_whoever_talks_is_not_asked(clock: Clock) -> None:
    kept = Kept(clock)
    kept.keeper.began()
    for _ in range(100):
        clock.pass_(10)
        kept.keeper.heard()
    assert kept.told == []


def test_whoever_is_old_is_asked_to_go_and_not_all_at_the_same_time(clock: Clock) -> None:
    several = [Kept(clock, max_age_s=1000.0, keepalive_s=1e6) for _ in range(50)]
    for kept in several:
        kept.keeper.began()
    clock.pass_(899)
    assert all(kept.told == [] for kept in several)
    clock.pass_(101)
    assert 0 < sum(kept.told == ["retire"] for kept in several) < 50
    clock.pass_(101)
    assert all(kept.told == ["retire"] for kept in several)


def test_whoever_is_closed_has_no_timers(clock: Clock) -> None:
    kept = Kept(clock, max_age_s=1000.0)
    kept.keeper.began()
    clock.pass_(31)
    kept.keeper.close()
    assert clock.waiting == 0


def ping(kept: Kept, times: int, every_s: float, sent: Callable[[int], int]) -> None:
    """Pings; `sent` is how much had been sent by each of them."""
    for number in range(times):
        kept.clock.now_s += every_s
        kept.keeper.heard()
        kept.keeper.pinged(sent(number))


def test_pings_as_often_as_is_allowed_are_welcome(clock: Clock) -> None:
    ping(Kept(clock), 100, 10.0, lambda _: 0)


def test_pings_about_what_was_sent_are_welcome(clock: Clock) -> None:
    """Clients measure how fast something comes."""
    ping(Kept(clock), 100, 0.01, lambda number: number)


def test_pings_that_come_too_often_are_forgiven_twice(clock: Clock) -> None:
    kept = Kept(clock)
    ping(kept, 3, 0.01, lambda _: 0)
    with pytest.raises(ConnectionFault, match="too_many_pings"):
        ping(kept, 1, 0.01, lambda _: 0)


def idle(kept: Kept, times: int, calls: int = 0) -> None:
    """So many frames bring nothing, and again behind the beginning of each call."""
    for _ in range(calls + 1):
        for _ in range(times):
            kept.keeper.idled()
        kept.keeper.worked()


def test_frames_that_bring_nothing_are_forgiven_for_a_while(clock: Clock) -> None:
    kept = Kept(clock)
    idle(kept, 10_000)
    with pytest.raises(ConnectionFault, match="without a call"):
        idle(kept, 101)


def test_calls_make_up_for_some_of_them_and_not_for_all(clock: Clock) -> None:
    kept = Kept(clock)
    idle(kept, 100, calls=200)
    with pytest.raises(ConnectionFault):
        idle(kept, 200, calls=200)
