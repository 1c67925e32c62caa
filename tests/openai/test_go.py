"""OpenAI's module for Go, unmodified, as a user of the gateway."""

import pytest
from sdks.gateway import Gateway
from sdks.go_program import MAIN, built
from sdks.scripts import Outcomes, check, checks, outcomes

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", name="found")
def found_fixture(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What the program says."""
    return outcomes([built()], tmp_path_factory.mktemp("home"), gateway.environment())


@pytest.mark.parametrize("name", checks(MAIN, r'^\t\{"(\w+)", \w+\},$'))
def test_the_openai_module(found: Outcomes, name: str) -> None:
    check(found, name)
