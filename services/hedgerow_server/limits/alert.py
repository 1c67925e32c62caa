"""What is told of a budget."""

from hashlib import sha256
from typing import Literal

import msgspec

from hedgerow_server.limits.rules import Line
from hedgerow_server.limits.window import Moment

_USD = 10**12


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """A budget has reached a mark, or has begun to refuse calls."""

    id: str
    """The same for the same event, however often it is sent."""
    type: Literal["budget.threshold", "budget.refusing"]
    budget: str
    scope: dict[str, str]
    """Whose it is."""
    percent: float
    """The mark that was reached; of a budget that refuses, how much of it is spent."""
    limit_usd: str
    spent_usd: str
    window: str
    time_zone: str
    window_ends_unix_s: float | None
    time_unix_s: float


def usd(picos: int) -> str:
    """An amount of 10^-12 US dollars as a decimal number."""
    whole, rest = divmod(abs(picos), _USD)
    text = f"{whole}.{rest:012d}".rstrip("0").rstrip(".")
    return f"-{text}" if picos < 0 else text


def alert(line: Line, percent: float | None, now: Moment) -> Alert:
    """The alert for a mark of a line's budget; None: it refuses calls."""
    bucket, limit = line.bucket, line.limit
    spent = bucket.spent(now)
    what = "refusing" if percent is None else f"{percent:g}"
    name = "|".join((*bucket.key[1], limit.id, str(bucket.slot), what))
    return Alert(
        id=sha256(name.encode()).hexdigest()[:32],
        type="budget.refusing" if percent is None else "budget.threshold",
        budget=limit.name,
        scope=line.scope,
        percent=round(spent * 100 / limit.most, 6) if percent is None else percent,
        limit_usd=usd(limit.most),
        spent_usd=usd(spent),
        window=limit.window.name,
        time_zone=limit.window.time_zone,
        window_ends_unix_s=bucket.window.ends_unix_s(now),
        time_unix_s=now.unix_s,
    )
