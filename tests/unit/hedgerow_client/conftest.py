"""The gateway that the tests of the client call."""

from collections.abc import Iterator

import pytest
from unit.hedgerow_client.fake_gateway import FakeGateway


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    """A fresh gateway on a free port."""
    fake = FakeGateway()
    yield fake
    fake.stop()
