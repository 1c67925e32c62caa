"""Who holds the counts that a configuration names."""

import importlib

from hedgerow_server.core.secret import RevealNamed, later
from hedgerow_server.limits.lender import Lender
from hedgerow_server.limits.sharing import SharingSection


def opened(section: SharingSection, reveal: RevealNamed) -> Lender:
    """The lender, which is not asked yet. Raises ModuleNotFoundError without the extra that it needs."""
    redis = importlib.import_module("hedgerow_server.limits.redis")
    lender: Lender = redis.RedisLender(section.redis, later(reveal, section.redis.password))
    return lender
