"""Questions to the ledger, on connections of their own: they hold up no write, and no call waits for them."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from functools import cache
from typing import TypeVar
from zoneinfo import ZoneInfo

from hedgerow_server.core.error import FieldViolation, LedgerUnavailable, RequestInvalid
from hedgerow_server.core.spend import TIMES, By, Dimension, Filter, Span, SpendRequest
from hedgerow_server.ledger.answers import CallTold, Row, SpendSummed, Sum
from hedgerow_server.store import spend
from hedgerow_server.store.port import Database, StoreUnavailable
from hedgerow_server.store.script import Script
from hedgerow_server.store.spend import Grouped, Pair, Saved, Times, Where

T = TypeVar("T")
_AGAIN_S = 1.0
_QUARTER_S, _HOUR_S, _DAY_S = 900, 3600, 86_400
"""Every time zone in use is whole quarters of an hour from UTC."""
_SAME_REQUEST = 101
_PAGE = 5_000
ANSWER_BYTES = 3_500_000
"""What an answer may take: clients refuse more than 4 MiB unless they are told otherwise."""
_ROW_BYTES = 350
"""A row of sums, without its keys."""
_FORMATS = {Dimension.MONTH: "%Y-%m", Dimension.DAY: "%Y-%m-%d"}

Place = tuple[float, str, int]
"""Where an attempt stands among all: its start, its call and its number."""


class LedgerReader:
    """Reads the ledger."""

    def __init__(self, database: Database) -> None:
        """`database` is one for reading."""
        self._database = database

    async def spend(self, request: SpendRequest, tenant: str | None) -> SpendSummed:
        """Sums, of one tenant unless that is None. Raises LedgerUnavailable, RequestInvalid for too many groups."""
        keys = [(by.dimension.value, by.label) for by in request.group_by if by.dimension not in TIMES]
        where = condition(request.span, request.filters, tenant)
        groups = await self._ask(spend.sums(where, keys, _bucket(request)))
        if len(groups) > spend.MOST_GROUPS:
            violation = FieldViolation("group_by", f"must make at most {spend.MOST_GROUPS:,} rows")
            raise RequestInvalid(
                "The division makes too many rows: ask for a shorter time, or by less.",
                metadata={"field": "group_by"},
                violations=(violation,),
            )
        return await asyncio.to_thread(_summed, request, groups)

    async def spent(self, span: Span, by: tuple[Dimension, ...]) -> list[Grouped]:
        """Sums of all tenants. Raises LedgerUnavailable."""
        return await self._ask(spend.sums(condition(span, (), None), [(one.value, "") for one in by], 0))

    async def call(self, call_id: str, request_id: str, tenant: str | None) -> CallTold | None:
        """A call by one of its ids; None where the tenant has none like it. Raises LedgerUnavailable."""
        if call_id:
            found = await self._ask(spend.call_by_id(call_id))
            calls = [found] if found is not None and tenant in (None, found.tenant) else []
        else:
            calls = await self._ask(spend.calls_by_request(request_id, tenant, _SAME_REQUEST))
        if not calls:
            return None
        first, *others = calls
        attempts = await self._ask(spend.attempts_of(first.call_id))
        return CallTold(first, tuple(attempts), tuple(one.call_id for one in others))

    async def page(
        self, span: Span, filters: tuple[Filter, ...], tenant: str | None, after: Place | None, limit: int
    ) -> list[Pair]:
        """Attempts with their calls, in order. Raises LedgerUnavailable."""
        return await self._ask(spend.page(condition(span, filters, tenant), after, limit))

    async def pages(self, where: Where) -> AsyncIterator[list[Pair]]:
        """All attempts that are meant, a page at a time. Raises LedgerUnavailable."""
        after: Place | None = None
        while found := await self._ask(spend.page(where, after, _PAGE)):
            yield found
            after = place(found[-1])

    async def sums(self, where: Where, *names: str) -> list[Grouped]:
        """Sums by dimensions that are no labels and no times. Raises LedgerUnavailable."""
        return await self._ask(spend.sums(where, [(name, "") for name in names], 0))

    async def saved(self, where: Where, *names: str) -> list[Saved]:
        """What kept answers have saved, by such dimensions. Raises LedgerUnavailable."""
        return await self._ask(spend.saved(where, names))

    async def times(self, where: Where) -> Times:
        """How attempts went. Raises LedgerUnavailable."""
        return await self._ask(spend.times(where))

    async def close(self) -> None:
        """Ends the connections."""
        await self._database.close()

    async def _ask(self, script: Script[T]) -> T:
        try:
            return await self._database.ask(script)
        except StoreUnavailable:
            raise LedgerUnavailable("The ledger cannot be read now.", retry_delay_s=_AGAIN_S) from None


def place(pair: Pair) -> Place:
    """Where an attempt stands among all."""
    return pair.attempt.started_unix_s, pair.attempt.call_id, pair.attempt.number


def condition(span: Span, filters: tuple[Filter, ...], tenant: str | None) -> Where:
    """Which rows; of one tenant unless that is None."""
    among = [((one.by.dimension.value, one.by.label), one.values) for one in filters]
    if tenant is not None:
        among.append(((Dimension.TENANT.value, ""), (tenant,)))
    return Where(start_unix_s=span.start_unix_s, end_unix_s=span.end_unix_s, among=tuple(among))


def _bucket(request: SpendRequest) -> int:
    """How finely the database divides time, in seconds; 0: not at all."""
    asked = {by.dimension for by in request.group_by} & TIMES
    if not asked:
        return 0
    if request.time_zone != "UTC":
        return _QUARTER_S
    return _HOUR_S if Dimension.HOUR in asked else _DAY_S


def _summed(request: SpendRequest, groups: list[Grouped]) -> SpendSummed:
    namer = _Namer(request)
    found: dict[tuple[str, ...], Sum] = {}
    total = Sum()
    for group in groups:
        one = sum_of(group)
        total.add(one)
        found.setdefault(namer.keys(group), Sum()).add(one)
    # By time first, then by falling cost: two stable sorts.
    rows = sorted((Row(keys, one) for keys, one in found.items()), key=lambda row: (-row.sum.cost_picos, row.keys))
    most = min(request.max_rows, _fitting(rows))
    other = Sum() if len(rows) > most else None
    if other is not None:
        for row in rows[most:]:
            other.add(row.sum)
    times = [at for at, by in enumerate(request.group_by) if by.dimension in TIMES]
    kept = sorted(rows[:most], key=lambda row: [row.keys[at] for at in times])
    span = request.span
    return SpendSummed(tuple(kept), other, total, span.start_unix_s, span.end_unix_s)


def _fitting(rows: list[Row]) -> int:
    """How many rows an answer has room for."""
    left = ANSWER_BYTES
    for place, row in enumerate(rows):
        left -= _ROW_BYTES + sum(len(key.encode()) for key in row.keys)
        if left < 0:
            return place
    return len(rows)


def sum_of(group: Grouped) -> Sum:
    """A group's sums."""
    names = (name for name in Sum.__struct_fields__ if name != "tokens")
    return Sum(**{name: getattr(group, name) for name in names}, tokens=list(group.tokens))


class _Namer:
    """Makes the keys of rows from those of groups."""

    def __init__(self, request: SpendRequest) -> None:
        self._group_by = request.group_by
        self._bucket_s = _bucket(request)
        self._zone = ZoneInfo(request.time_zone)
        self._time = cache(self._told)

    def keys(self, group: Grouped) -> tuple[str, ...]:
        """The value of each division, in order."""
        told = iter(group.keys)
        return tuple(self._time(by, group.bucket) if by.dimension in TIMES else next(told) for by in self._group_by)

    def _told(self, by: By, bucket: int) -> str:
        moment = dt.datetime.fromtimestamp(bucket * self._bucket_s, self._zone)
        form = _FORMATS.get(by.dimension)
        # Twice the same hour when the clock goes back: the offset tells them apart.
        return moment.strftime(form) if form is not None else moment.replace(minute=0).isoformat(timespec="minutes")
