"""What the configuration says of quotas, budgets and alerts."""

from decimal import Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import pydantic

from hedgerow_server.config.model import Section
from hedgerow_server.config.webhook import WebhookSection
from hedgerow_server.limits.window import Period

Name = Annotated[str, pydantic.Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
"""1 to 63 lower-case letters, digits, underscores, dots and hyphens."""
Dimension = Literal["tenant", "team", "user", "service", "key", "model", "route"]
"""What a call can be told by: who calls (`key` is the id of the API key), the model name that is asked for, and the
route that serves it, which may have a name that ends with `/*`."""
Pattern = Annotated[str, pydantic.Field(min_length=1, max_length=256)]
_Usd = Annotated[Decimal, pydantic.Field(gt=0, le=1_000_000_000, decimal_places=12)]
_Count = Annotated[int, pydantic.Field(ge=1, le=10**15)]
_MAX_PICOS = (1 << 63) - 1
_PICOS = 10**12


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError("expected a name of the IANA time zone database, such as Europe/Berlin") from None
    return name


TimeZone = Annotated[str, pydantic.Field(max_length=64), pydantic.AfterValidator(_time_zone)]
"""A name of the IANA time zone database, such as Europe/Berlin."""


def picos(usd: Decimal) -> int:
    """US dollars in 10^-12 of them."""
    return int(usd * _PICOS)


def _affordable(usd: Decimal) -> Decimal:
    if picos(usd) > _MAX_PICOS:
        raise ValueError("expected at most 9,000,000")
    return usd


Usd = Annotated[_Usd, pydantic.AfterValidator(_affordable)]
"""US dollars, a decimal number that is exact to 12 places, at most 9,000,000."""


class LimitSection(Section):
    """One limit of a quota: one of `requests`, `tokens`, `concurrency` and `usd`."""

    requests: _Count | None = None
    """The most calls."""
    tokens: _Count | None = None
    """The most tokens, input and output together, of the attempts that callers are charged for. A call takes what calls
    of its model usually came to, and what it really came to once that is known: calls under way may go beyond the limit
    by what they differ from that."""
    concurrency: _Count | None = None
    """The most calls at once."""
    usd: Usd | None = None
    """The most money, in US dollars. A call takes the most that it can cost, so this is never exceeded; a call without
    such a bound, or of a model whose price is not known, is refused."""
    per: Period | None = None
    """The time for which it holds. The last minute or hour, sliding; the day, week or month in `time_zone`; total: for
    ever. To be left out beside `concurrency`, and only there."""

    @pydantic.model_validator(mode="after")
    def _one(self) -> "LimitSection":
        given = [self.requests, self.tokens, self.concurrency, self.usd]
        if sum(one is not None for one in given) != 1:
            raise ValueError("expected one of requests, tokens, concurrency and usd")
        if (self.concurrency is None) != (self.per is not None):
            raise ValueError("expected `per` beside requests, tokens and usd, and not beside concurrency")
        return self


Match = Annotated[
    dict[Dimension, tuple[Pattern, ...]], pydantic.Field(json_schema_extra={"additionalProperties": False})
]
"""Which calls: of each dimension that is named, the values, of which one must be the call's. `*` stands for any
characters; a call that has no value is not meant."""


class Scope(Section):
    """Whom a limit holds for."""

    name: Name
    """How callers, alerts and reports call it. No two quotas or budgets have the same."""
    by: tuple[Dimension, ...] = ()
    """What it is kept apart by: each combination of values has a limit of its own. Empty: all calls share one. Calls
    that have no value (no team, no user) share one, too."""
    match: Match = pydantic.Field(default={})
    """Only for these calls. Empty: all."""
    time_zone: TimeZone = "UTC"
    """Where days, weeks and months begin."""

    @pydantic.field_validator("by")
    @classmethod
    def _once(cls, by: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(by)) != len(by):
            raise ValueError("expected each dimension once")
        return by


class QuotaSection(Scope):
    """One entry of `quotas`: what calls may use. A call that would go beyond any limit is refused and takes nothing."""

    limits: tuple[LimitSection, ...] = pydantic.Field(min_length=1, max_length=16)
    """The limits."""

    @pydantic.field_validator("limits")
    @classmethod
    def _different(cls, limits: tuple[LimitSection, ...]) -> tuple[LimitSection, ...]:
        kinds = [(one.per, tuple(name for name in one.model_fields_set if name != "per")) for one in limits]
        if len(set(kinds)) != len(kinds):
            raise ValueError("expected no two limits of the same kind and time")
        return limits


class BudgetSection(Scope):
    """One entry of `budgets`: what calls may cost."""

    usd: Usd
    """The budget, in US dollars."""
    per: Period
    """The time for which it is."""
    mode: Literal["hard", "soft"] = "hard"
    """hard: refuses calls that could go beyond it, among them those whose cost has no bound or whose price is not
    known. soft: only counts, for alerts and for rules of routes."""
    account: Literal["charged", "overhead"] = "charged"
    """charged: what callers are charged for. overhead: what attempts cost that lost a race or were replaced; such a
    budget that is hard and spent lets no second attempts start, and refuses no call."""
    max_output_tokens: int | None = pydantic.Field(default=None, ge=1, le=10_000_000)
    """Of a hard budget: the most output tokens of a chat. A call that sets no limit gets this one, a higher one is
    lowered to it. None: the model's own limit bounds a call that sets none, where it is known."""
    alert_percent: tuple[Annotated[float, pydantic.Field(gt=0, le=1000)], ...] = (50.0, 80.0, 100.0)
    """Alerts when so much of it is spent, each once in its time."""


class AlertsSection(Section):
    """Section `alerts`: who is told when budgets reach their marks. The log is in any case."""

    webhook: WebhookSection | None = None
    """Where alerts are sent, each for at most a day, with growing pauses. None: the log alone."""
