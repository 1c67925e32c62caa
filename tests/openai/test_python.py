"""The official openai SDK for Python, unmodified, as a user of the gateway."""

from pathlib import Path

import pytest
from hedgerow.usage.v1.spend_pb2 import GroupBy, SpendDimension
from hedgerow.usage.v1.usage_service_pb2 import QuerySpendRequest
from hedgerow_client.usage import UsageClient
from rpc.caller import eventually
from sdks import environment
from sdks.gateway import Gateway
from sdks.scripts import Outcomes, check, checks, outcomes

pytestmark = [pytest.mark.polyglot, pytest.mark.timeout(300)]

SCRIPT = Path(__file__).with_name("sdk_chat.py")


@pytest.fixture(scope="module", name="found")
def found_fixture(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """What the script says."""
    home = tmp_path_factory.mktemp("home")
    return outcomes([environment.python(), str(SCRIPT)], home, gateway.environment())


@pytest.mark.parametrize("name", checks(SCRIPT))
def test_the_openai_sdk(found: Outcomes, name: str) -> None:
    check(found, name)


def test_labels_that_the_sdk_sends_are_in_the_books(found: Outcomes, gateway: Gateway) -> None:
    """In the body and in headers."""
    by = [GroupBy(dimension=SpendDimension.SPEND_DIMENSION_LABEL, label="feature")]
    with UsageClient(gateway.guarded.router.addresses["grpc"], token=gateway.key) as client:

        def features() -> set[str]:
            rows = client.query_spend(QuerySpendRequest(group_by=by)).rows
            return {row.keys[0] for row in rows if row.sum.calls_count}

        eventually(lambda: features() >= {"sdk-body", "sdk-header"}, "the ledger has both")
