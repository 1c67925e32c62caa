"""What a credential may still do, written as the contract has it."""

from hedgerow.common.v1 import rate_pool_pb2

from hedgerow_server.core.admin import PoolFacts


def rate_pool(pool: PoolFacts) -> rate_pool_pb2.RatePool:
    """What is left of a credential's limits for a model."""
    return rate_pool_pb2.RatePool(
        requests_limit=pool.requests_limit,
        requests_left=pool.requests_left,
        tokens_limit=pool.tokens_limit,
        tokens_left=pool.tokens_left,
        waiting_calls_count=pool.waiting,
    )
