"""The official anthropic SDK for Python, unmodified, as a user of the gateway."""

from pathlib import Path

import pytest
from sdks import environment
from sdks.gateway import Gateway
from sdks.scripts import Outcomes, check, checks, outcomes

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(300)]

SCRIPT = Path(__file__).with_name("sdk_messages.py")


@pytest.fixture(scope="module", name="found")
def found_fixture(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What the script says."""
    home = tmp_path_factory.mktemp("home")
    return outcomes([environment.python(), str(SCRIPT)], home, gateway.environment())


@pytest.mark.parametrize("name", checks(SCRIPT))
def test_the_anthropic_sdk(found: Outcomes, name: str) -> None:
    check(found, name)
