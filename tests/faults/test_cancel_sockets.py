"""A caller that leaves, in every phase of a call and every dialect: how soon the provider's socket is closed."""

import json
import sys

import pytest
from faults.ground import Ground, tried
from faults.registry import Case, Seen, every_extra

WITHIN_S = 0.25
CASES = [pytest.param(case, id=case.mode.value) for case in every_extra() if case.row == "CX"]


@pytest.mark.parametrize("case", CASES)
def test_sockets_are_closed_within_a_quarter_of_a_second(ground: Ground, case: Case) -> None:
    """The 99th percentile, by the simulator's clock."""
    took: list[float] = []
    for trial in case.trials:
        seen = tried(ground.place(case, trial))
        assert isinstance(seen, Seen), seen
        took += json.loads(seen.note)
    took.sort()
    p99_s = took[min(len(took) - 1, int(len(took) * 0.99))]
    sys.stdout.write(
        f"\n{case.mode.value}: {len(took)} calls, p50 {took[len(took) // 2] * 1000:.1f} ms, p99 {p99_s * 1000:.1f} ms\n"
    )
    assert p99_s <= WITHIN_S
