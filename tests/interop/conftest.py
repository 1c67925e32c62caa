"""What the tests of the wire share."""

import pytest
from interop.service import ENGINES


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """What the door under test is on: each in turn."""
    return str(request.param)
