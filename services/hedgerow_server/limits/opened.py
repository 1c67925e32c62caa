"""Who holds the counts that a configuration names."""

import importlib
from collections.abc import Callable

from hedgerow_server.core.secret import Secret
from hedgerow_server.limits.lender import Lender
from hedgerow_server.limits.sharing import SharingSection

Reveal = Callable[[str], Secret]
"""The secret of a credential that is in memory. Raises CredentialUnavailable."""


def opened(section: SharingSection, reveal: Reveal) -> Lender:
    """The lender, which is not asked yet. Raises ModuleNotFoundError without the extra that it needs."""
    redis = importlib.import_module("hedgerow_server.limits.redis")
    name = section.redis.password
    lender: Lender = redis.RedisLender(section.redis, (lambda: reveal(name)) if name is not None else None)
    return lender
