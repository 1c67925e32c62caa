"""Usage adds up, and neighbouring deltas are joined."""

import pytest
from hedgerow_server.core.event import (
    Event,
    LogprobsDelta,
    ReasoningDelta,
    RefusalDelta,
    Started,
    TextDelta,
    ToolCallArgumentsDelta,
    ToolCallEnded,
    ToolCallStarted,
    Usage,
    added,
    coalesce,
)
from hedgerow_server.core.request import TokenLogprob

EVERY_CLASS = Usage(
    input_uncached_tokens=1,
    input_cache_read_tokens=20,
    input_cache_writes=((300.0, 300), (None, 4000)),
    input_audio_tokens=50_000,
    input_image_tokens=600_000,
    output_visible_tokens=7,
    output_reasoning_tokens=80,
    output_audio_tokens=900,
    output_image_tokens=1000,
    other_units={"searches": 3},
)

A, B = TokenLogprob("a", -1.0), TokenLogprob("b", -0.5)


def test_the_sums_are_those_of_the_classes() -> None:
    """The rule that the contract writes down in usage.proto."""
    assert EVERY_CLASS.input_tokens == 654_321
    assert EVERY_CLASS.output_tokens == 1987


def test_a_sum_of_usages_adds_each_class() -> None:
    total = added(EVERY_CLASS, EVERY_CLASS)
    assert total.input_tokens == 2 * EVERY_CLASS.input_tokens
    assert total.output_tokens == 2 * EVERY_CLASS.output_tokens
    assert total.input_audio_tokens == 2 * EVERY_CLASS.input_audio_tokens
    assert total.output_reasoning_tokens == 2 * EVERY_CLASS.output_reasoning_tokens
    assert total.other_units == {"searches": 6}


def test_a_sum_of_usages_has_one_cache_write_for_each_time_to_live() -> None:
    total = added(EVERY_CLASS, Usage(input_cache_writes=((300.0, 1), (3600.0, 2))))
    assert dict(total.input_cache_writes) == {300.0: 301, None: 4000, 3600.0: 2}
    assert len(total.input_cache_writes) == 3


@pytest.mark.parametrize(("one", "other"), [(True, True), (True, False), (False, True), (False, False)])
def test_a_sum_is_estimated_if_either_is_and_final_if_both_are(one: bool, other: bool) -> None:
    total = added(Usage(estimated=one, final=one), Usage(estimated=other, final=other))
    assert total.estimated is (one or other)
    assert total.final is (one and other)


def test_usages_do_not_share_their_units() -> None:
    Usage().other_units["x"] = 1
    assert Usage().other_units == {}


@pytest.mark.parametrize(
    ("events", "joined"),
    [
        ([TextDelta(0, "a"), TextDelta(0, "b"), TextDelta(0, "c")], [TextDelta(0, "abc")]),
        ([ReasoningDelta(0, "a"), ReasoningDelta(0, "b")], [ReasoningDelta(0, "ab")]),
        ([RefusalDelta(0, "a"), RefusalDelta(0, "b")], [RefusalDelta(0, "ab")]),
        ([ToolCallArgumentsDelta(1, "{"), ToolCallArgumentsDelta(1, "}")], [ToolCallArgumentsDelta(1, "{}")]),
        (
            [TextDelta(0, "a"), LogprobsDelta(0, (A,)), TextDelta(0, "b"), LogprobsDelta(0, (B,)), TextDelta(1, "c")],
            [TextDelta(0, "ab"), LogprobsDelta(0, (A, B)), TextDelta(1, "c")],
        ),
    ],
)
def test_neighbouring_deltas_of_one_part_are_joined(events: list[Event], joined: list[Event]) -> None:
    assert coalesce(events) == joined


@pytest.mark.parametrize(
    "events",
    [
        [],
        [TextDelta(0, "a")],
        [TextDelta(0, "a"), TextDelta(1, "b")],
        [TextDelta(0, "a"), ReasoningDelta(0, "b")],
        [TextDelta(0, "a"), LogprobsDelta(0, (A,)), TextDelta(1, "b"), LogprobsDelta(1, (B,))],
        [LogprobsDelta(0, (A,)), LogprobsDelta(1, (B,))],
        [TextDelta(0, "a"), RefusalDelta(0, "b"), TextDelta(0, "c")],
        [ToolCallArgumentsDelta(0, "{}"), ToolCallArgumentsDelta(1, "{}")],
        [Started(), TextDelta(0, "a"), ToolCallStarted(1, "id", "f"), ToolCallEnded(1)],
    ],
)
def test_what_are_no_neighbours_of_one_part_stays_apart(events: list[Event]) -> None:
    assert coalesce(list(events)) == events
