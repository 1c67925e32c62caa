"""What the ledger tells of itself. Times are Unix times or durations in seconds, money is in picos (10^-12 US dollars);
sums may be beyond 64 bits.
"""

import msgspec

from hedgerow_server.core.event import Usage
from hedgerow_server.core.spend import UsageAnswer
from hedgerow_server.store.ledger_rows import AttemptRow, CallRow, Counted
from hedgerow_server.store.spend import TOKENS, Pair, Times


class Sum(msgspec.Struct):
    """What some calls took and cost."""

    calls: int = 0
    failed_calls: int = 0
    cached_calls: int = 0
    attempts: int = 0
    failed_attempts: int = 0
    unpriced_attempts: int = 0
    estimated_attempts: int = 0
    cost_picos: int = 0
    charged_picos: int = 0
    overhead_picos: int = 0
    tokens: list[int] = msgspec.field(default_factory=lambda: [0] * len(TOKENS))
    """In the order of store.spend.TOKENS."""

    def add(self, other: "Sum") -> None:
        """Adds another one to it."""
        for name in self.__struct_fields__[:-1]:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.tokens = [one + more for one, more in zip(self.tokens, other.tokens, strict=True)]


class Row(msgspec.Struct, frozen=True):
    """One part of spend."""

    keys: tuple[str, ...]
    sum: Sum


class SpendSummed(UsageAnswer, frozen=True):
    """The answer of QuerySpend."""

    rows: tuple[Row, ...]
    other: Sum | None
    """What has no row."""
    total: Sum
    start_unix_s: float
    end_unix_s: float


class CallTold(UsageAnswer, frozen=True):
    """The answer of GetCall."""

    call: CallRow
    attempts: tuple[AttemptRow, ...]
    other_call_ids: tuple[str, ...]


class AttemptsExported(UsageAnswer, frozen=True):
    """The answer of ExportAttempts."""

    pairs: tuple[Pair, ...]
    next_page_token: str


class Class(msgspec.Struct, frozen=True):
    """One class of tokens at two models; None: the price is not known."""

    name: str
    count: int
    picos: int | None
    other_picos: int | None


class Repriced(UsageAnswer, frozen=True, kw_only=True):
    """The answer of RepriceSpend."""

    attempts: int
    unpriced: int
    picos: int
    other_picos: int
    classes: tuple[Class, ...]
    went: Times
    other_went: Times
    price_version: str


class StatementLine(msgspec.Struct, kw_only=True):
    """What a team has spent in a month; see the contract."""

    tenant: str = ""
    team: str = ""
    sum: Sum = msgspec.field(default_factory=Sum)
    discount_picos: int = 0
    """What negotiated prices took off."""
    prompt_cache_picos: int = 0
    response_cache_picos: int = 0
    downgrade_picos: int = 0
    forecast_picos: int = 0

    @property
    def list_picos(self) -> int:
        """What it would have cost at list prices."""
        return self.sum.cost_picos + self.discount_picos

    def add(self, other: "StatementLine") -> None:
        """Adds another team's to it."""
        self.sum.add(other.sum)
        for name in self.__struct_fields__:
            if name.endswith("_picos"):
                setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def net_picos(self) -> int:
        """All savings, less what hedging has cost."""
        saved = self.discount_picos + self.prompt_cache_picos + self.response_cache_picos + self.downgrade_picos
        return saved - self.sum.overhead_picos


class Stated(UsageAnswer, frozen=True, kw_only=True):
    """The answer of GetStatement."""

    lines: tuple[StatementLine, ...]
    total: StatementLine
    start_unix_s: float
    end_unix_s: float
    as_of_unix_s: float
    price_version: str


def usage_of(row: Counted) -> Usage:
    """What a row has of tokens, as it was told."""
    names = (name for name in Usage.__struct_fields__ if name.endswith("_tokens"))
    return Usage(
        **{name: getattr(row, name) for name in names},
        input_cache_writes=row.cache_writes,
        other_units=row.other_units,
        estimated=row.estimated,
    )
