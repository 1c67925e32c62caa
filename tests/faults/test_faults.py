"""Every row of the fault catalogue, unary and streamed, against a real router and a real simulator."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import pytest
from faults.ground import Ground, outcome_of
from faults.registry import Case, Seen, every_case

AT_ONCE = 6


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in every_case()])
def test_a_fault(case: Case, ground: Ground, record_property: Callable[[str, object], None]) -> None:
    """Status, attempts, books and what is left behind are as the row says, in each of its trials."""
    since = ground.router.log.stat().st_size
    with ThreadPoolExecutor(1 if case.alone else AT_ONCE) as pool:
        places = [ground.place(case, trial) for trial in case.trials]
        told = list(pool.map(outcome_of, places))
    wrong = [one for one in told if isinstance(one, str)]
    record_property("seen", [asdict(one) for one in told if isinstance(one, Seen)])
    record_property("wrong", wrong)
    ground.check_alive(since)
    assert not wrong, "\n".join(wrong)
