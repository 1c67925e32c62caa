"""What the tests of deployments share: the chart, rendered once for every combination of its switches."""

from typing import Any

import pytest
from deploy.switches import rendered


@pytest.fixture(scope="session")
def charts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """The manifests of each combination."""
    return rendered(tmp_path_factory.mktemp("charts"))
