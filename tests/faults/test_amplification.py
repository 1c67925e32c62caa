"""A full outage: what reaches the providers, and how soon callers know."""

import sys

import pytest
from faults.ground import Ground
from faults.outage import load
from faults.registry import Case, every_extra
from faults.rows_load import PER_SECOND, check_outage

SHORT_S, LONG_S = 3.0, 300.0
CASES = [pytest.param(case, id=case.mode.value) for case in every_extra() if case.row == "P25L"]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("case", CASES)
def test_an_outage_of_all_providers_is_not_made_worse(
    ground: Ground, case: Case, request: pytest.FixtureRequest
) -> None:
    """At 100 calls a second, five minutes with `--long`: at most 1.2 attempts a call, 3 for any, and quick refusals."""
    (trial,) = case.trials
    place = ground.place(case, trial)
    seconds = LONG_S if request.config.getoption("--long") else SHORT_S
    seen = check_outage(place, load(place, per_second=PER_SECOND, seconds=seconds))
    place.check_clean()
    sys.stdout.write(f"\n{case.mode.value}: {seen.note}\n")
