"""Fixtures of the cases of the fault catalogue."""

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite(
    "faults.expect",
    "faults.ground",
    "faults.rows_access",
    "faults.rows_bench",
    "faults.rows_clients",
    "faults.rows_dialects",
    "faults.rows_egress",
    "faults.rows_hedging",
    "faults.rows_limits",
    "faults.rows_load",
    "faults.rows_money",
    "faults.rows_operation",
    "faults.rows_providers",
    "faults.rows_vault",
)

from faults.ground import Ground, ground  # noqa: E402  (rewritten first)
from faults.registry import every_case, every_extra  # noqa: E402  (likewise)


@pytest.fixture(scope="session", name="ground")
def ground_fixture(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Ground]:
    """One simulator and one router for all cases. At the end no file descriptor is left."""
    cases, door = (*every_case(), *every_extra()), request.config.getoption("--door")
    with ground(tmp_path_factory.mktemp("faults"), cases, door) as running:
        yield running
        running.check_ledger()
        running.check_descriptors()
