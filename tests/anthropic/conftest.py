"""The gateway that the programs of this folder are users of."""

from collections.abc import Iterator

import pytest
from sdks.gateway import Gateway
from sdks.gateway import gateway as start_gateway


@pytest.fixture(scope="session", name="gateway")
def gateway_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Started once for all of them."""
    with start_gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running
