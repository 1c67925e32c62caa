"""Where the time of a call went: parts that do not overlap and add up."""

import time

import pytest
from hedgerow_server.core.call import Call
from hedgerow_server.core.event import AttemptKind, AttemptRecord
from hedgerow_server.telemetry.breakdown import Breakdown, breakdown
from unit.hedgerow_server.calls import call

LONG_S = 10.0


def a_call(attempts: list[tuple[float, float]], waits: list[tuple[str, float, float]]) -> Call:
    """One that ends now and took ten seconds; times are seconds from its beginning."""
    found = call()
    found.started_s = time.monotonic() - LONG_S
    unix_s = time.time() - LONG_S
    for start_s, end_s in attempts:
        one = AttemptRecord(
            number=1, provider="p", model="m", region="", kind=AttemptKind.PRIMARY, start_unix_s=unix_s + start_s
        )
        one.total_s = end_s - start_s
        found.attempts.append(one)
    found.waits = [(kind, "", found.started_s + start_s, found.started_s + end_s) for kind, start_s, end_s in waits]
    return found


def parts(found: Breakdown) -> list[float]:
    """To the hundredth of a second."""
    names = ("auth_s", "queue_s", "guards_s", "cache_s", "upstream_s", "overhead_s")
    return [round(getattr(found, name), 2) for name in names]


@pytest.mark.parametrize(
    ("attempts", "waits", "expected"),
    [
        ([], [], [0, 0, 0, 0, 0, 10]),
        ([(1, 9)], [("auth", 0, 0.5)], [0.5, 0, 0, 0, 8, 1.5]),
        ([(1, 4), (2, 6)], [], [0, 0, 0, 0, 5, 5]),
        ([(5, 9), (1, 3)], [("queue", 3, 5)], [0, 2, 0, 0, 6, 2]),
        ([(1, 9)], [("guard", 0, 1), ("guard", 2, 3), ("guard", 8, 10)], [0, 0, 2, 0, 8, 0]),
        ([], [("cache", 0, 4), ("queue", 1, 3)], [0, 2, 0, 2, 0, 6]),
        ([], [("guard", 0, 3), ("guard", 1, 4), ("guard", 6, 7)], [0, 0, 5, 0, 0, 5]),
        ([(2, 4), (6, 8), (3, 7)], [], [0, 0, 0, 0, 6, 4]),
        ([(-1, 12)], [("auth", -2, 20)], [0, 0, 0, 0, 10, 0]),
    ],
    ids=[
        "nothing",
        "one attempt",
        "attempts side by side",
        "a wait between attempts",
        "guards before, during and after",
        "a cache that waits for an equal call",
        "guards side by side",
        "an attempt over a gap",
        "nothing is beyond the call",
    ],
)
def test_the_parts_do_not_overlap(
    attempts: list[tuple[float, float]], waits: list[tuple[str, float, float]], expected: list[float]
) -> None:
    found = breakdown(a_call(attempts, waits), LONG_S)
    assert parts(found) == expected
    assert sum(parts(found)) == pytest.approx(LONG_S, abs=0.001)
