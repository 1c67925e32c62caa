"""The harness's own arithmetic."""

from bench.harness.blocks import Slot, rows, steady, void
from bench.harness.driver import Reading
from bench.harness.intervals import bootstrap, slope, slope_interval
from bench.harness.report import table


def reading(*, ok: int = 10, failed: int = 0, answered: int = 10) -> Reading:
    errors = {"on purpose": failed} if failed else {}
    mock = {"asked": answered, "answered": answered, "pieces": 0, "failed": failed, "gone": 0}
    return Reading(ok, failed, 0, ok, 1.0, errors, {}, {}, {}, mock)


def slot(unit_us: float, *, spin_us: float = 100.0, steal: float = 0.0, load: float = 0.1, **of: int) -> Slot:
    return Slot(unit_us, 0.5, load, reading(**of), spin_us, steal)


def test_a_slope_is_that_of_the_line_whatever_single_points_say() -> None:
    points = [(float(x), 3.0 * x + 7) for x in range(20)]
    points[4] = (4.0, 900.0)
    low, high = slope_interval(points)
    assert slope(points) == 3.0
    assert low <= 3.0 <= high


def test_an_interval_holds_the_median_and_is_within_the_values() -> None:
    values = [5.0, 6.0, 7.0, 8.0, 30.0]
    low, high = bootstrap(values)
    assert 5.0 <= low <= 7.0 <= high <= 30.0


def test_ratios_are_of_values_of_one_pass() -> None:
    slots = {"hedgerow": [slot(100), slot(200), slot(400)], "peer": [slot(300), slot(600), slot(1200)]}
    found = rows(slots, pieces=False)
    assert found["peer"]["ratio"] == 3.0
    assert found["peer"]["ratio_interval"] == [3.0, 3.0]
    assert "ratio" not in found["hedgerow"]


def test_passes_in_which_the_machine_was_another_do_not_count() -> None:
    slots = {"hedgerow": [slot(100), slot(100), slot(900, spin_us=120), slot(900, steal=0.2), slot(100)]}
    assert steady(slots) == [0, 1, 4]
    assert rows(slots, pieces=False)["hedgerow"]["cpu_us"] == 100.0


def test_all_passes_count_where_too_few_would_be_left() -> None:
    slots = {"hedgerow": [slot(100), slot(1, spin_us=200), slot(1, spin_us=300), slot(1, spin_us=400)]}
    assert steady(slots) == [0, 1, 2, 3]


def test_a_row_is_void_where_a_call_failed() -> None:
    assert void([slot(1), slot(1, failed=2)]).startswith("2 calls failed: on purpose")


def test_a_row_is_void_where_the_load_was_the_limit() -> None:
    assert "load generator" in void([slot(1), slot(1, load=0.8)])


def test_a_row_is_void_where_the_caller_counts_more_than_the_upstream() -> None:
    assert "upstream" in void([slot(1, ok=10, answered=9)])


def test_a_system_without_an_upstream_needs_no_answers_of_it() -> None:
    assert void([slot(1, ok=10, answered=0)]) == ""


def test_a_table_says_which_rows_are_void() -> None:
    found = rows({"hedgerow": [slot(100)], "peer": [slot(300, failed=1)]}, pieces=False)
    text = table({"unary_1kb": found})
    assert "100.0" in text
    assert "VOID: 1 calls failed" in text
