"""The limits of a configuration, ready for calls: which of them hold for a caller, and whose counts they look at."""

import enum
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple, Protocol

import msgspec

from hedgerow_server.core.access import Names
from hedgerow_server.limits.bucket import Bucket, BucketKey
from hedgerow_server.limits.section import BudgetSection, LimitSection, QuotaSection, Scope, picos
from hedgerow_server.limits.window import Always, Window, window

_PERCENT = 100


class Unit(enum.IntEnum):
    """What a limit counts. Amounts of a call are a list with one place for each."""

    REQUESTS = 0
    TOKENS = 1
    CONCURRENCY = 2
    MONEY = 3
    """What callers are charged, in 10^-12 US dollars."""
    OVERHEAD = 4
    """What attempts cost that nobody is charged for, in the same."""

    @property
    def word(self) -> str:
        """As the configuration and reports say it."""
        return "usd" if self >= Unit.MONEY else self.name.lower()


class Subject(NamedTuple):
    """All that limits can tell a call by. Dimensions are its fields, in this order."""

    tenant: str = ""
    team: str = ""
    user: str = ""
    service: str = ""
    key: str = ""
    model: str = ""
    route: str = ""


class Limit(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One limit of a quota or budget."""

    name: str
    """Of the quota or budget."""
    unit: Unit
    most: int
    """The limit, in its unit."""
    window: Window
    by: tuple[str, ...]
    match: dict[str, str] = {}
    """Which calls it is for, for people."""
    budget: bool
    hard: bool = True
    """Whether calls beyond it are refused."""
    marks: tuple[int, ...] = ()
    """What must be spent for each alert, rising."""
    percents: tuple[float, ...] = ()
    """The same in percent."""
    max_output_tokens: int | None = None

    @property
    def id(self) -> str:
        """What its counts are kept under: they go on after a reload that changes no more than how high it is."""
        by = ",".join(self.by)
        return f"{self.name}|{self.unit.name}|{self.window.name}|{self.window.time_zone}|{by}"

    @property
    def label(self) -> str:
        """What it counts and for how long, for people."""
        return f"{self.unit.word}/{self.window.name}" if self.window.name else self.unit.word


class Line:
    """One limit as it holds for a caller: with the bucket that the caller shares with whoever has the same values."""

    __slots__ = ("bucket", "limit", "marks", "most", "told", "unit")

    def __init__(self, limit: Limit, bucket: Bucket) -> None:
        self.limit = limit
        self.bucket = bucket
        self.unit = int(limit.unit)
        self.most = limit.most if limit.hard else None
        self.marks = limit.marks
        self.told = (limit.name, limit.unit.word, limit.window.name, limit.most)
        """What it is called, what it counts, for how long, and how much there is of it."""

    @property
    def scope(self) -> dict[str, str]:
        """Whose it is."""
        return dict(zip(self.limit.by, self.bucket.key[1], strict=True))

    @property
    def subject(self) -> str:
        """The bucket, for people: `per-user[user=ann] tokens/minute`."""
        scope = ",".join(f"{name}={value}" for name, value in self.scope.items())
        return f"{self.limit.name}[{scope}] {self.limit.label}" if scope else f"{self.limit.name} {self.limit.label}"


class Group(msgspec.Struct, frozen=True, eq=False):
    """A quota or budget: whom it holds for, and its limits."""

    by: tuple[int, ...]
    match: tuple[tuple[int, Names], ...]
    limits: tuple[Limit, ...]

    def holds(self, subject: Sequence[str]) -> bool:
        """Whether it is for such calls."""
        return all(subject[place] and subject[place] in names for place, names in self.match)

    def key(self, subject: Sequence[str]) -> tuple[str, ...]:
        """Whose bucket it is."""
        return tuple(subject[place] for place in self.by)


class Resolved(msgspec.Struct, frozen=True, eq=False):
    """The lines of a caller that asks for a model."""

    lines: tuple[Line, ...]
    epoch: int
    """Since when they hold; see `Counters.epoch`."""
    units: frozenset[int]
    """What they count."""
    hard_money: Line | None
    """A hard limit in money. None: there is none, and the call's cost needs no bound."""
    overhead: tuple[Line, ...]
    """What second attempts are limited by; no call takes of it when it starts."""
    budgets: Mapping[str, Line]
    """By name."""
    max_output_tokens: int | None
    """The longest output that the budgets count with."""
    least_tokens: int | None
    """The lowest limit of tokens."""


class Opening(Protocol):
    """Who has the buckets."""

    epoch: int

    def bucket(self, key: BucketKey, window: Window) -> Bucket:
        """The bucket of a key, new where there is none."""


def groups(quotas: Iterable[QuotaSection], budgets: Iterable[BudgetSection]) -> tuple[Group, ...]:
    """The sections, compiled. Budgets come last, so that an error names the narrower thing first."""
    found = [_group(one, tuple(_limit(one, limit) for limit in one.limits)) for one in quotas]
    found += [_group(one, (_budget(one),)) for one in budgets]
    return tuple(found)


def _group(section: Scope, limits: tuple[Limit, ...]) -> Group:
    fields = Subject._fields
    match = tuple((fields.index(name), Names(patterns)) for name, patterns in section.match.items())
    return Group(tuple(map(fields.index, section.by)), match, limits)


def _limit(section: QuotaSection, one: LimitSection) -> Limit:
    unit, most = next(
        (unit, amount)
        for unit, amount in (
            (Unit.REQUESTS, one.requests),
            (Unit.TOKENS, one.tokens),
            (Unit.CONCURRENCY, one.concurrency),
            (Unit.MONEY, picos(one.usd) if one.usd is not None else None),
        )
        if amount is not None
    )
    span = window(one.per, section.time_zone) if one.per is not None else Always("")
    return Limit(
        name=section.name, unit=unit, most=most, window=span, by=section.by, match=_told(section), budget=False
    )


def _told(section: Scope) -> dict[str, str]:
    return {name: ",".join(patterns) for name, patterns in section.match.items()}


def _budget(section: BudgetSection) -> Limit:
    most, percents = picos(section.usd), tuple(sorted(set(section.alert_percent)))
    return Limit(
        name=section.name,
        unit=Unit.MONEY if section.account == "charged" else Unit.OVERHEAD,
        most=most,
        window=window(section.per, section.time_zone),
        by=section.by,
        match=_told(section),
        budget=True,
        hard=section.mode == "hard",
        marks=tuple(_share(most, percent) for percent in percents),
        percents=percents,
        max_output_tokens=section.max_output_tokens,
    )


def _share(most: int, percent: float) -> int:
    """So many percent, rounded up."""
    parts = Fraction(str(percent)) / _PERCENT * most
    return -(-parts.numerator // parts.denominator)


def resolve(groups: Sequence[Group], subject: Subject, opening: Opening) -> Resolved:
    """The lines that hold for a subject."""
    epoch = opening.epoch
    lines = [
        Line(limit, opening.bucket((limit.id, group.key(subject)), limit.window))
        for group in groups
        if group.holds(subject)
        for limit in group.limits
    ]
    taken = [one for one in lines if one.unit != Unit.OVERHEAD]
    hard = [one for one in taken if one.unit == Unit.MONEY and one.limit.hard]
    outputs = [one.limit.max_output_tokens for one in hard if one.limit.max_output_tokens is not None]
    return Resolved(
        lines=tuple(taken),
        epoch=epoch,
        units=frozenset(one.unit for one in taken),
        hard_money=min(hard, key=lambda one: one.limit.most, default=None),
        overhead=tuple(one for one in lines if one.unit == Unit.OVERHEAD),
        budgets={one.limit.name: one for one in lines if one.limit.budget},
        max_output_tokens=min(outputs, default=None),
        least_tokens=min((one.limit.most for one in taken if one.unit == Unit.TOKENS), default=None),
    )
