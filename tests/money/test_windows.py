"""Windows: what counts when, where midnight is, and clocks that are set."""

import datetime as dt

import pytest
from hedgerow_server.limits.window import Moment, window
from money.limited import World


def at(text: str) -> dt.datetime:
    """A moment of a time zone's own clock."""
    return dt.datetime.fromisoformat(text)


def day_world(zone: str, per: str = "day", most: int = 1) -> World:
    """So many requests a day."""
    return World([{"name": "q", "time_zone": zone, "limits": [{"requests": most, "per": per}]}])


@pytest.mark.parametrize(
    ("zone", "late", "early", "hours"),
    [
        # Clocks go forward at 2 a.m.: a day of 23 hours; back at 3 a.m.: one of 25.
        ("Europe/Berlin", "2026-03-29T23:59:59", "2026-03-30T00:00:00", 23),
        ("Europe/Berlin", "2026-10-25T23:59:59", "2026-10-26T00:00:00", 25),
        # Clocks skip midnight: the day begins at 1 a.m.
        ("Asia/Beirut", "2026-03-28T23:59:59", "2026-03-29T01:00:00", 24),
        # Clocks go back at midnight to 11 p.m.: the day before has 25 hours.
        ("Asia/Beirut", "2026-10-24T22:59:59", "2026-10-25T00:00:00", 25),
        # Clocks go back at 1 a.m. to midnight, which comes twice; the first one begins the day.
        ("America/Havana", "2026-10-31T23:59:59", "2026-11-01T00:00:00", 24),
        ("UTC", "2026-12-31T23:59:59", "2027-01-01T00:00:00", 24),
    ],
)
def test_a_day_ends_at_midnight_of_its_time_zone_however_long_it_was(
    zone: str, late: str, early: str, hours: int
) -> None:
    world = day_world(zone)
    world.counters.set(at(late), zone)
    world.take()
    assert world.refused().subject == "q requests/day"
    world.counters.set(at(early), zone)
    world.take()
    days = window("day", zone)
    moment = Moment(0, world.counters.unix_s - 1)
    starts, ends = days.starts_unix_s(moment), days.ends_unix_s(moment)
    assert starts is not None
    assert ends is not None
    assert (ends - starts) / 3600 == hours
    assert ends == world.counters.unix_s


@pytest.mark.parametrize("zone", ["America/St_Johns", "Europe/Berlin", "Asia/Beirut", "America/Havana", "Pacific/Apia"])
@pytest.mark.parametrize("per", ["day", "week", "month"])
def test_windows_follow_each_other_without_gap_or_overlap(zone: str, per: str) -> None:
    """Over years with clocks that were changed at midnight, just after it, or by a whole day (Samoa 2011)."""
    found = window(per, zone)  # type: ignore[arg-type]
    for year in (1988, 2011, 2026):
        unix_s = dt.datetime(year, 1, 1, tzinfo=dt.UTC).timestamp()
        before = 0.0
        for _ in range(370 * 4):
            moment = Moment(0, unix_s)
            starts, ends = found.starts_unix_s(moment), found.ends_unix_s(moment)
            assert starts is not None
            assert ends is not None
            assert starts <= unix_s < ends
            assert starts >= before
            before, unix_s = starts, unix_s + 6 * 3600 - 1


def test_a_week_begins_on_monday_and_a_month_on_its_first() -> None:
    moment = Moment(0, dt.datetime(2026, 5, 13, 10, tzinfo=dt.UTC).timestamp())
    for per, day in (("week", 11), ("month", 1)):
        found = window(per, "UTC").starts_unix_s(moment)  # type: ignore[arg-type]
        assert found == dt.datetime(2026, 5, day, tzinfo=dt.UTC).timestamp()


def test_a_minute_slides_and_says_when_there_is_room() -> None:
    world = World([{"name": "q", "limits": [{"requests": 10, "per": "minute"}]}])
    world.counters.mono_s = 6_030.0  # half of a minute of the clock
    for _ in range(10):
        world.take()
    wait_s = world.refused().retry_delay_s
    assert wait_s is not None
    # The nine that may remain are 90 % of what was taken: after the end of this minute and a tenth of the next.
    assert wait_s == pytest.approx(30 + 6)
    world.counters.pass_s(wait_s - 0.01)
    assert world.refused().reason == "QUOTA_EXCEEDED"
    world.counters.pass_s(0.02)
    world.take()
    assert world.refused().reason == "QUOTA_EXCEEDED"


def test_no_minute_sees_half_as_much_again_as_a_sliding_limit_says() -> None:
    """What was taken in the minute before counts in proportion, so no burst at the turn of a minute doubles it."""
    world = World([{"name": "q", "limits": [{"requests": 60, "per": "minute"}]}])
    taken: list[float] = []
    for _ in range(40):
        world.counters.pass_s(7.3)
        while True:
            try:
                world.take()
            except Exception:
                break
            taken.append(world.counters.mono_s)
    for start in range(6_000, 6_240):
        assert sum(start < one <= start + 60 for one in taken) <= 60 * 1.5
    assert len(taken) >= 60 * 40 * 7.3 / 60 * 0.9


def test_a_clock_that_is_set_back_gives_no_second_day() -> None:
    world = day_world("UTC")
    world.take()
    world.counters.unix_s -= 2 * 86_400
    assert world.refused().subject == "q requests/day"
    world.counters.unix_s += 3 * 86_400
    world.take()


def test_a_call_over_midnight_is_counted_on_the_day_on_which_it_began() -> None:
    world = World(budgets=[{"name": "b", "usd": 1, "per": "day"}])
    world.counters.set(at("2026-05-13T23:59:59"), "UTC")
    one = world.take(picos=10**12)
    world.counters.set(at("2026-05-14T00:00:01"), "UTC")
    other = world.take(picos=10**12)
    world.settle(one, picos=10**11)
    assert world.counts() == {("b", "usd", "day"): (0, 10**12)}
    world.settle(other, picos=10**11)
    assert world.counts() == {("b", "usd", "day"): (10**11, 0)}


def test_a_call_that_outlived_its_minute_pays_for_more_tokens_in_this_one_and_gets_nothing_back_there() -> None:
    world = World([{"name": "t", "limits": [{"tokens": 1000, "per": "minute"}]}])
    more, less = world.take(tokens=100), world.take(tokens=100)
    world.counters.pass_s(600)
    world.settle(more, tokens=350)
    world.settle(less, tokens=1)
    assert world.counts() == {("t", "tokens", "minute"): (250, 0)}
