"""What is left of quotas and budgets, for whoever asks. Looks and changes nothing."""

from collections.abc import Mapping

import msgspec

from hedgerow_server.limits.bucket import Bucket
from hedgerow_server.limits.rules import Limit
from hedgerow_server.limits.window import Moment


class LimitView(msgspec.Struct, frozen=True, kw_only=True):
    """One limit of one caller as it stands."""

    name: str
    """Of the quota or budget."""
    budget: bool
    scope: Mapping[str, str]
    """Whose it is: the values that it is kept apart by, and the patterns of those it is for. Empty: everybody's."""
    unit: str
    """"requests", "tokens", "concurrency" or "usd"; amounts of the last are 10^-12 US dollars."""
    overhead: bool
    """Whether it counts what attempts cost that no caller is charged for."""
    window: str
    """"minute", "hour", "day", "week", "month", "total"; empty: what runs at once."""
    time_zone: str
    """Of days, weeks and months; empty otherwise."""
    hard: bool
    """Whether calls beyond it are refused."""
    limit: int
    used: int
    """What counts against it, without what is held."""
    held: int
    """What calls under way have reserved."""
    reset_unix_s: float | None
    """When all of it is there again. None: it slides, or never ends."""

    @property
    def left(self) -> int:
        """What may still be taken, at least 0."""
        return max(0, self.limit - self.used - self.held)

    @property
    def share(self) -> float:
        """How much of it is used; 1 is all."""
        return self.used / self.limit


def view_of(limit: Limit, bucket: Bucket, now: Moment) -> LimitView:
    """A limit with the counts of a bucket."""
    bucket.turn(now)
    return LimitView(
        name=limit.name,
        budget=limit.budget,
        scope={**limit.match, **dict(zip(limit.by, bucket.key[1], strict=True))},
        unit=limit.unit.word,
        overhead=limit.unit.name == "OVERHEAD",
        window=limit.window.name,
        time_zone=limit.window.time_zone,
        hard=limit.hard,
        limit=limit.most,
        used=bucket.spent(now),
        held=bucket.held,
        reset_unix_s=limit.window.ends_unix_s(now),
    )
