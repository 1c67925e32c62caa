"""How verbs show what a provider still lets a credential do."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hedgerow.common.v1.rate_pool_pb2 import RatePool


def left(pool: "RatePool") -> str:
    """Requests and tokens left of those in a minute, and the calls that wait; a hyphen where none of it is known."""
    found = []
    if pool.HasField("requests_left"):
        limit = f" of {pool.requests_limit}" if pool.HasField("requests_limit") else ""
        found.append(f"{pool.requests_left}{limit}")
    if pool.HasField("tokens_left"):
        limit = f" of {_short(pool.tokens_limit)}" if pool.HasField("tokens_limit") else ""
        found.append(f"{_short(pool.tokens_left)}{limit} tokens")
    if pool.waiting_calls_count:
        found.append(f"{pool.waiting_calls_count} waiting")
    return ", ".join(found) or "-"


def _short(count: int) -> str:
    """A number as people read it: 1.5M."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= 10 * size:
            return f"{count / size:.0f}{unit}"
    return str(count)
