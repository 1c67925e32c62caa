"""How verbs show what a provider still lets a credential do."""

import pytest
from hedgerow.common.v1.rate_pool_pb2 import RatePool
from hedgerow_client.cli.pool import left


@pytest.mark.parametrize(
    ("pool", "shown"),
    [
        (RatePool(), "-"),
        (RatePool(requests_limit=60, requests_left=0, waiting_calls_count=7), "0 of 60, 7 waiting"),
        (RatePool(requests_left=3), "3"),
        (RatePool(tokens_limit=2_400_000, tokens_left=9_500), "9500 of 2400k tokens"),
        (RatePool(requests_left=0, tokens_limit=150_000_000, tokens_left=0), "0, 0 of 150M tokens"),
    ],
)
def test_what_is_left_is_told_in_few_words(pool: RatePool, shown: str) -> None:
    assert left(pool) == shown
