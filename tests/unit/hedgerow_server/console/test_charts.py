import pytest
from hedgerow_server.console import charts
from hypothesis import given
from hypothesis import strategies as st

AMOUNTS = st.floats(min_value=0, max_value=1e18, allow_nan=False)


@given(st.lists(AMOUNTS, max_size=60))
def test_bars_stay_within_the_chart(values: list[float]) -> None:
    """Side by side from the left to the right, and none higher than the top."""
    drawn = charts.bars(values)
    assert all(0 <= bar.height <= 100.001 for bar in drawn.bars)
    assert all(one.x + one.width <= other.x for one, other in zip(drawn.bars, drawn.bars[1:], strict=False))
    assert all(bar.x >= 0 and bar.x + bar.width <= 100 for bar in drawn.bars)


@given(AMOUNTS)
def test_the_top_is_never_below_and_at_most_two_and_a_half_times_the_most(value: float) -> None:
    top = charts.rounded_up(value)
    assert top >= value * (1 - 1e-9)
    if value >= 1e-12:
        assert top <= 2.5 * value


@pytest.mark.parametrize(("value", "top"), [(0, 1), (1, 1), (1.2, 2), (3, 4), (4.1, 5), (173, 200), (0.051, 0.1)])
def test_the_top_is_a_short_number(value: float, top: float) -> None:
    assert charts.rounded_up(value) == pytest.approx(top)


@given(AMOUNTS, AMOUNTS, AMOUNTS)
def test_a_stretch_is_seen_and_stays_on_its_line(start: float, length: float, whole: float) -> None:
    drawn = charts.stretch(start, length, whole)
    assert drawn.x >= 0
    assert drawn.x + drawn.width <= 100.001
    assert drawn.width > 0 or whole == 0


@given(st.lists(st.floats(min_value=0.001, max_value=1e6), min_size=1, max_size=10))
def test_a_row_fills_its_line(lengths: list[float]) -> None:
    drawn = charts.row(lengths)
    assert sum(one.width for one in drawn) == pytest.approx(100, abs=0.01)


def test_a_row_of_nothing_is_empty() -> None:
    assert charts.row([0, 0]) == (charts.Stretch(0, 0), charts.Stretch(0, 0))
