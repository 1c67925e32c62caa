"""The counts of what providers send that is not known: by name, within bounds."""

import pytest
from hedgerow_server.core.drift import MAX_NAME, MAX_NAMES, OTHER, Drift, Unknown


def test_sightings_are_counted_by_kind_and_name() -> None:
    drift = Drift()
    drift.note(Unknown.EVENT, "response.hint")
    drift.note(Unknown.FINISH_REASON, "tea_time")
    drift.note(Unknown.EVENT, "response.hint")
    assert drift.counts() == {"event": {"response.hint": 2}, "finish_reason": {"tea_time": 1}}


@pytest.mark.parametrize("name", ["", "two\nlines", "Ünïcode", '{"a": 1}', "<b>", " x", 7, None, ["x"]])
def test_what_cannot_be_a_word_of_an_api_is_counted_without_being_shown(name: object) -> None:
    drift = Drift()
    drift.note(Unknown.FIELD, name)
    assert drift.counts() == {"field": {OTHER: 1}}


def test_names_are_cut() -> None:
    drift = Drift()
    drift.note(Unknown.FIELD, "x" * 1000)
    assert drift.counts() == {"field": {"x" * MAX_NAME: 1}}


def test_a_flood_of_names_is_counted_as_others_and_known_ones_go_on() -> None:
    drift = Drift()
    for number in range(MAX_NAMES + 100):
        drift.note(Unknown.EVENT, f"event_{number}")
    drift.note(Unknown.EVENT, "event_0")
    drift.note(Unknown.FIELD, "late")
    counts = drift.counts()
    assert len(counts["event"]) == MAX_NAMES + 1
    assert counts["event"][OTHER] == 100
    assert counts["event"]["event_0"] == 2
    assert counts["field"] == {OTHER: 1}


def test_one_answer_of_so_many_is_sampled_the_first_among_them() -> None:
    drift = Drift(sample_every=3)
    assert [drift.sampled() for _ in range(7)] == [True, False, False, True, False, False, True]
