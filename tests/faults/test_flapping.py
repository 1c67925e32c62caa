"""A provider that comes and goes, beside a healthy peer."""

import sys

import pytest
from faults.ground import Ground
from faults.outage import load
from faults.registry import Case, Trial, every_extra
from faults.rows_load import FLAPPING_PER_SECOND, check_flapping

SHORT_S, LONG_S = 3.0, 120.0
CASES = [
    pytest.param(case, trial, id=f"{trial.name}-{case.mode.value}")
    for case in every_extra()
    if case.row == "P26L"
    for trial in case.trials
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("case", "trial"), CASES)
def test_a_healthy_peer_keeps_callers_served(
    ground: Ground, case: Case, trial: Trial, request: pytest.FixtureRequest
) -> None:
    """At least 95 % of calls, two minutes with `--long`, whether the other is up and down or fails at random."""
    place = ground.place(case, trial)
    seconds = LONG_S if request.config.getoption("--long") else SHORT_S
    seen = check_flapping(place, load(place, per_second=FLAPPING_PER_SECOND, seconds=seconds))
    place.check_clean()
    sys.stdout.write(f"\n{trial.name}, {case.mode.value}: {seen.note}\n")
