"""Guards in numbers."""

from hedgerow_server.core.event import GuardVerdict
from hedgerow_server.core.guard import Action, Side
from hedgerow_server.guardrails.numbers import GuardNumbers


def samples(numbers: GuardNumbers) -> dict[str, dict[tuple[str, ...], float]]:
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for metric in numbers():
        for one in metric.samples:
            found.setdefault(one.name, {})[tuple(one.labels.values())] = one.value
    return found


def test_verdicts_are_counted_by_guard_side_action_category_and_shadow() -> None:
    numbers = GuardNumbers()
    for _ in range(2):
        numbers.judged(GuardVerdict("w", Action.REDACTED, Side.INPUT, "c"))
    numbers.judged(GuardVerdict("w", Action.REDACTED, Side.INPUT, "c", shadow=True))
    assert samples(numbers)["hedgerow_guardrail_verdicts_total"] == {
        ("w", "input", "redacted", "c", "false"): 2,
        ("w", "input", "redacted", "c", "true"): 1,
    }


def test_a_guard_that_makes_up_categories_makes_no_more_series_than_it_may() -> None:
    numbers = GuardNumbers()
    for number in range(1000):
        numbers.judged(GuardVerdict("far", Action.FLAGGED, Side.INPUT, f"c{number}"))
    counted = samples(numbers)["hedgerow_guardrail_verdicts_total"]
    assert len(counted) == 65
    assert counted["far", "input", "flagged", "other", "false"] == 1000 - 64


def test_times_fall_into_buckets_that_add_up() -> None:
    numbers = GuardNumbers()
    for took_s in (0.00005, 0.0001, 0.003, 99.0):
        numbers.took("w", Side.OUTPUT, took_s)
    found = samples(numbers)
    buckets = found["hedgerow_guardrail_seconds_bucket"]
    assert [buckets["w", "output", bound] for bound in ("0.0001", "0.0025", "0.005", "+Inf")] == [2, 2, 3, 4]
    assert found["hedgerow_guardrail_seconds_count"]["w", "output"] == 4
    assert found["hedgerow_guardrail_seconds_sum"]["w", "output"] > 99


def test_failures_are_counted_by_guard_and_side() -> None:
    numbers = GuardNumbers()
    assert numbers.failed("w", Side.INPUT) == 1
    assert samples(numbers)["hedgerow_guardrail_failures_total"] == {("w", "input"): 1}


def test_of_failures_in_a_row_the_first_is_told_and_the_others_with_the_next_after_a_while() -> None:
    now_s = 0.0
    numbers = GuardNumbers(lambda: now_s)
    assert [numbers.failed("w", Side.INPUT) for _ in range(3)] == [1, 0, 0]
    assert numbers.failed("w", Side.OUTPUT) == 1
    now_s = 10.0
    assert numbers.failed("w", Side.INPUT) == 3
