"""The official openai package for Node, unmodified, as a user of the gateway."""

import shutil
from pathlib import Path

import pytest
from sdks import node
from sdks.gateway import Gateway
from sdks.scripts import Outcomes, check, checks, outcomes

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(300)]

SCRIPT = Path(__file__).with_name("sdk_node.mjs")


@pytest.fixture(scope="module", name="found")
def found_fixture(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What the script says."""
    modules, home = node.modules(), tmp_path_factory.mktemp("home")
    (home / "node_modules").symlink_to(modules)
    shutil.copy(SCRIPT, home)
    return outcomes(["node", SCRIPT.name], home, gateway.environment())


@pytest.mark.parametrize("name", checks(SCRIPT, r"^  (\w+),$"))
def test_the_openai_package(found: Outcomes, name: str) -> None:
    check(found, name)
