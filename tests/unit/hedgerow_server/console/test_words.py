import pytest
from hedgerow_server.console import words

NOON = 1_772_366_400.0  # 2026-03-01T12:00:00Z


@pytest.mark.parametrize(
    ("picos", "text"),
    [
        (None, "—"),
        (0, "$0"),
        (12_400_000_000_000, "$12.40"),
        (1_234_567_000_000_000_000, "$1,234,567.00"),
        (31_240_000_000, "$0.0312"),
        (42_000_000, "$0.0000420"),
        (1, "$0.00000000000100"),
        (-1_500_000_000_000, "-$1.50"),
    ],
)
def test_money_keeps_the_digits_that_tell_something(picos: int | None, text: str) -> None:
    assert words.money(picos) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "—"),
        (0, "0 ms"),
        (0.0000123, "12 µs"),
        (0.0004, "0.4 ms"),
        (0.312, "312 ms"),
        (4.21, "4.21 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_durations_have_the_unit_that_fits(seconds: float | None, text: str) -> None:
    assert words.took(seconds) == text


@pytest.mark.parametrize(
    ("passed_s", "text"),
    [(0.2, "now"), (40, "40 s ago"), (180, "3 min ago"), (-7200, "in 2 h"), (5 * 86_400, "5 d ago")],
)
def test_ages_say_the_direction(passed_s: float, text: str) -> None:
    assert words.ago(NOON - passed_s, NOON) == text


def test_times_of_other_days_have_their_date() -> None:
    assert words.when(NOON - 60, NOON) == "11:59:00"
    assert words.when(NOON - 86_400, NOON) == "2026-02-28 12:00"
    assert words.stamp(NOON) == "2026-03-01T12:00:00Z"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (812, "812"),
        (14_100, "14.1 k"),
        (150_000_000, "150 M"),
        (2_500_000_000, "2.50 G"),
        (10**16, "10000 T"),
    ],
)
def test_a_compact_number_is_short(value: float, text: str) -> None:
    assert words.compact(value) == text


def test_a_share_of_nothing_is_unknown() -> None:
    assert words.share(3, 0) == "—"
    assert words.share(1, 300) == "0.3 %"
    assert words.share(52, 50) == "104 %"


def test_amounts_of_money_are_dollars() -> None:
    assert words.amount(2_000_000_000_000, "usd") == "$2.00"
    assert words.amount(2000, "tokens") == "2,000"
