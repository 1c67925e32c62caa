"""Fixtures of the simulator's tests."""

from collections.abc import AsyncIterator

import pytest
from unit.hedgerow_sim.harness import Sim, running


@pytest.fixture
async def sim() -> AsyncIterator[Sim]:
    """A simulator with an empty book that answers at once."""
    async with running() as one:
        yield one


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[Sim]:
    """One simulator for the module: every call is a provider of its own."""
    async with running(book_size=50_000) as one:
        yield one
