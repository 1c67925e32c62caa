"""The gateway's own part of a call: overlapping attempts count once."""

import time

from hedgerow_server.core.event import AttemptKind, AttemptRecord
from hedgerow_server.telemetry.overhead import overhead_s, upstream_s
from hypothesis import given
from hypothesis import strategies as st

GRAIN_S = 1 / 64
"""What floats add up to without an error, also as Unix times."""
NOW_S = float(int(time.time()))
spans = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 80)), max_size=8)


def records(ticks: list[tuple[int, int]]) -> list[AttemptRecord]:
    return [
        AttemptRecord(
            number=number,
            provider="p",
            model="m",
            region="",
            kind=AttemptKind.PRIMARY,
            start_unix_s=NOW_S + start * GRAIN_S,
            total_s=length * GRAIN_S,
        )
        for number, (start, length) in enumerate(ticks, 1)
    ]


@given(spans)
def test_the_time_upstream_is_that_in_which_anything_was_under_way(ticks: list[tuple[int, int]]) -> None:
    under_way = {tick for start, length in ticks for tick in range(start, start + length)}
    assert upstream_s(records(ticks)) == len(under_way) * GRAIN_S


@given(spans, st.integers(0, 300))
def test_overhead_and_upstream_add_up_to_the_call_and_neither_is_below_nothing(
    ticks: list[tuple[int, int]], duration: int
) -> None:
    under_way = len({tick for start, length in ticks for tick in range(start, start + length)})
    assert overhead_s(records(ticks), duration * GRAIN_S) == max(0, duration - under_way) * GRAIN_S
