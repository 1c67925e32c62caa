"""What the configuration says of counts that several routers share."""

from typing import Annotated, Literal

import msgspec
import pydantic

from hedgerow_server.config.model import Section
from hedgerow_server.config.redis import RedisAddress


class Apart(msgspec.Struct, frozen=True, kw_only=True):
    """What a router does while nobody can tell what others have used."""

    replicas: int
    """How many there are."""
    when_away: Literal["share", "refuse"] = "share"
    """See SharingSection."""
    recover_seconds: float = 600.0
    """The same."""


class RedisSection(RedisAddress):
    """Redis 7 or Valkey, of which the routers need one database. Needs the extra `redis`. In a cluster all counts
    are in one slot.
    """

    prefix: Annotated[str, pydantic.Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")] = "hedgerow"
    """What its keys begin with, in braces. Routers with the same prefix share their counts."""
    timeout_seconds: float = pydantic.Field(default=0.05, gt=0, le=1)
    """How long a call waits for it at most."""
    lease_seconds: float = pydantic.Field(default=5.0, ge=2, le=60)
    """How long a router that says nothing is believed to be there. After that others may have what it was lent."""


class SharingSection(Section):
    """Section `sharing`: limits that hold for several routers together. Without it each router counts for itself."""

    redis: RedisSection
    """Who holds the counts."""
    replicas: int = pydantic.Field(default=1, ge=1, le=10_000)
    """How many routers there are: the share of a limit that each has while nobody can be asked."""
    when_away: Literal["share", "refuse"] = "share"
    """What happens to calls with limits on requests, tokens or concurrency while nobody can be asked. share: each
    router grants its share of a limit; refuse: they are refused. Calls with a hard limit in money are refused in any
    case, once what was lent before is spent."""
    recover_seconds: float = pydantic.Field(default=600.0, ge=0, le=86_400)
    """How long what a silent router was lent stays counted, beyond `redis.lease_seconds`, unless it, or a router that
    finds its notes beside the ledger's spool, says how much of it was used. After that, and at once where there is no
    ledger, others may have it. What ran at once (`concurrency`) is free after `lease_seconds` in any case.
    """
