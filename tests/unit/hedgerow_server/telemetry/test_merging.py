"""The numbers of several workers as those of one."""

from collections.abc import Sequence

import pytest
from hedgerow_server.core.slices import at_once
from hedgerow_server.telemetry.merging import GAUGES, Family, Sample, merged_counts, merging, packed, unpacked
from telemetry.pages import documented


def family(name: str, kind: str, *values: tuple[dict[str, str], float], suffix: str = "") -> Family:
    """A family with a sample for each of these."""
    return Family(name, kind, f"about {name}", [Sample(name + suffix, labels, value) for labels, value in values])


def merged(*pages: Sequence[Family]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """All samples of the whole."""
    whole = at_once(merging(pages))
    return {(one.name, tuple(one.labels.items())): one.value for each in whole for one in each.samples}


def test_counters_are_added_up_by_their_labels() -> None:
    one = [family("calls", "counter", ({"code": "OK"}, 3), ({"code": "X"}, 1), suffix="_total")]
    other = [family("calls", "counter", ({"code": "OK"}, 4), suffix="_total")]
    assert merged(one, other) == {("calls_total", (("code", "OK"),)): 7, ("calls_total", (("code", "X"),)): 1}


def test_histograms_stay_histograms() -> None:
    def page(*counts: int) -> list[Family]:
        samples = [Sample("t_bucket", {"le": le}, n) for le, n in zip(("1.0", "+Inf"), counts, strict=True)]
        return [Family("t", "histogram", "", [*samples, Sample("t_count", {}, counts[-1]), Sample("t_sum", {}, 0.5)])]

    whole = merged(page(1, 3), page(2, 2))
    assert whole["t_bucket", (("le", "1.0"),)] == 3
    assert whole["t_bucket", (("le", "+Inf"),)] == whole["t_count", ()] == 5
    assert whole["t_sum", ()] == 1.0


@pytest.mark.parametrize(
    ("name", "values", "whole"),
    [
        ("hedgerow_open_calls", (2, 5), 7),
        ("process_resident_memory_bytes", (10, 20), 30),
        ("hedgerow_ready", (1, 0), 0),
        ("hedgerow_budget_spent_dollars", (1.5, 1.25), 1.5),
        ("hedgerow_breaker_state", (0, 1), 1),
        ("hedgerow_config_info", (1, 1), 1),
        ("something_new", (1, 1), 2),
    ],
)
def test_a_gauge_is_added_up_or_that_of_the_worst(name: str, values: tuple[float, float], whole: float) -> None:
    assert merged(*([family(name, "gauge", ({}, value))] for value in values)) == {(name, ()): whole}


def test_a_reload_that_all_workers_made_is_one() -> None:
    page = [family("hedgerow_config_reloads", "counter", ({"outcome": "applied"}, 2), suffix="_total")]
    assert set(merged(page, page).values()) == {2}


def test_pieces_of_a_family_become_one_in_the_order_of_the_first_page() -> None:
    pieces = [family("b", "counter", ({"n": "1"}, 1)), family("a", "gauge", ({}, 1)), family("b", "counter")]
    whole = at_once(merging([pieces, [family("b", "counter", ({"n": "2"}, 1)), family("c", "gauge")]]))
    assert [(one.name, len(one.samples)) for one in whole] == [("b", 2), ("a", 1), ("c", 0)]


def test_what_ended_workers_counted_adds_up_over_any_number_of_them() -> None:
    gone = b""
    for _ in range(3):
        page = packed([family("calls", "counter", ({}, 2)), family("open", "gauge", ({}, 9))])
        gone = merged_counts([one for one in (gone, page) if one])
    assert [(one.name, one.samples[0].value) for one in unpacked(gone)] == [("calls", 6)]


def test_of_every_gauge_that_there_is_it_is_said_what_becomes_of_it() -> None:
    assert {name for name, (kind, _) in documented().items() if kind == "gauge"} <= GAUGES.keys()
