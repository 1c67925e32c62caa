"""Fixtures of the simulator's tests."""

from collections.abc import AsyncIterator

import pytest
from unit.hedgerow_sim.harness import Sim, running


@pytest.fixture
async def sim() -> AsyncIterator[Sim]:
    """A simulator with an empty book that answers at once."""
    async with running() as one:
        yield one
