"""The gateway that the pages are about, started once."""

from collections.abc import Iterator

import pytest
from docs.demo import WITH_KEYS, Demo
from docs.demo import demo as start_demo


@pytest.fixture(scope="session", name="demo")
def demo_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with start_demo(tmp_path_factory.mktemp("docs")) as running:
        yield running


@pytest.fixture(scope="session")
def demo_with_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Another one, whose callers have API keys."""
    with start_demo(tmp_path_factory.mktemp("docs-keys"), **WITH_KEYS) as running:
        yield running
