"""LangChain's clients, unmodified, as users of the gateway: ChatOpenAI over both of OpenAI's APIs, ChatAnthropic and
OpenAIEmbeddings.
"""

from pathlib import Path

import pytest
from sdks import environment
from sdks.gateway import Gateway
from sdks.scripts import Outcomes, check, checks, outcomes

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(300)]

SCRIPT = Path(__file__).with_name("sdk_langchain.py")


@pytest.fixture(scope="module", name="found")
def found_fixture(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What the script says."""
    home = tmp_path_factory.mktemp("home")
    return outcomes([environment.python(), str(SCRIPT)], home, gateway.environment())


@pytest.mark.parametrize("name", checks(SCRIPT))
def test_langchain(found: Outcomes, name: str) -> None:
    check(found, name)
