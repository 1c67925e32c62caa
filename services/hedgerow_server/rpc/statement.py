"""GetStatement: a month, by team."""

import asyncio
import time
from collections import defaultdict

import msgspec

from hedgerow_server.core.event import Usage
from hedgerow_server.core.spend import By, Dimension, Filter, Span, StatementRequest
from hedgerow_server.ledger.answers import Stated, StatementLine, usage_of
from hedgerow_server.ledger.query import LedgerReader, condition, sum_of
from hedgerow_server.pricing.classes import uncached
from hedgerow_server.pricing.price import Price, rounded
from hedgerow_server.pricing.quotes import Quotes
from hedgerow_server.store.spend import Pair, Where

_PACE_S = 7 * 86_400.0
"""The newest time, whose pace the forecast goes by."""
_MOST_LINES = 4_000
"""More would be more than clients take."""
_OWN = "+"
"""In a price version: some prices were the configuration's; see PriceBook.version."""

Lines = dict[tuple[str, str], StatementLine]


async def statement(
    ledger: LedgerReader, quotes: Quotes, request: StatementRequest, tenant: str | None, now_unix_s: float | None = None
) -> Stated:
    """The month, of one tenant unless that is None. `now_unix_s`: None for the machine's clock. Raises
    LedgerUnavailable.
    """
    start, end = request.span.start_unix_s, request.span.end_unix_s
    as_of = min(max(time.time() if now_unix_s is None else now_unix_s, start), end)
    filters = () if request.team is None else (Filter(By(Dimension.TEAM), (request.team,)),)
    where = condition(Span(start, as_of), filters, tenant)
    lines: Lines = {}
    for group in await ledger.sums(where, "tenant", "team"):
        name, team = group.keys
        lines.setdefault((name, team), StatementLine(tenant=name, team=team)).sum.add(sum_of(group))
    await _add_cached(ledger, where, lines)
    savings = _Savings(quotes, lines)
    async for found in ledger.pages(msgspec.structs.replace(where, saving=True)):
        await asyncio.to_thread(savings.add, found)
    await _forecast(ledger, where, lines, end)
    total = StatementLine()
    for line in lines.values():
        total.add(line)
    ordered = sorted(lines.values(), key=lambda line: (-line.sum.cost_picos, line.tenant, line.team))
    return Stated(
        lines=tuple(ordered[:_MOST_LINES]),
        total=total,
        start_unix_s=start,
        end_unix_s=end,
        as_of_unix_s=as_of,
        price_version=quotes.version,
    )


async def _add_cached(ledger: LedgerReader, where: Where, lines: Lines) -> None:
    """What the gateway's own cache has saved: what its answers had cost, and where that is not known the average charge
    of the route's other answers.
    """
    charged: dict[tuple[str, str, str], int] = defaultdict(int)
    answers: dict[tuple[str, str, str], int] = defaultdict(int)
    for group in await ledger.sums(where, "tenant", "team", "route"):
        name, team, route = group.keys
        charged[name, team, route] += group.charged_picos
        answers[name, team, route] += group.calls - group.failed_calls - group.cached_calls
    for saved in await ledger.saved(where, "tenant", "team", "route"):
        name, team, route = saved.keys
        line, others = lines.get((name, team)), answers[name, team, route]
        if line is None:
            continue  # its first call came after the sums were made: it waits for the next statement
        line.response_cache_picos += saved.picos
        if saved.unknown and others > 0:
            line.response_cache_picos += rounded(saved.unknown * charged[name, team, route], others) or 0


async def _forecast(ledger: LedgerReader, where: Where, lines: Lines, end_unix_s: float) -> None:
    """What the whole month will cost at the pace of its newest days."""
    as_of, left_s = where.end_unix_s, round(end_unix_s - where.end_unix_s)
    begin = max(where.start_unix_s, as_of - _PACE_S)
    pace_s = round(as_of - begin)
    for line in lines.values():
        line.forecast_picos = line.sum.cost_picos
    if left_s <= 0 or pace_s <= 0:
        return
    for group in await ledger.sums(msgspec.structs.replace(where, start_unix_s=begin), "tenant", "team"):
        line_of = lines.get((group.keys[0], group.keys[1]))
        if line_of is not None:
            line_of.forecast_picos += rounded(group.cost_picos * left_s, pace_s) or 0


class _Savings:
    """Adds up what attempts would have cost otherwise."""

    def __init__(self, quotes: Quotes, lines: Lines) -> None:
        self._quotes = quotes
        self._lines = lines

    def add(self, pairs: list[Pair]) -> None:
        """Adds a page. Rows of teams that came after the sums were made wait for the next statement."""
        for pair in pairs:
            call = pair.call
            line = self._lines.get((call.tenant, call.team) if call is not None else ("", ""))
            cost = pair.attempt.cost_picos
            if line is not None and cost is not None:
                self._add(pair, line, cost)

    def _add(self, pair: Pair, line: StatementLine, cost: int) -> None:
        row, usage = pair.attempt, usage_of(pair.attempt)
        if _OWN in row.price_version:
            listed = _cost(self._quotes.listed(row.provider, row.model, row.region), usage, row.started_unix_s)
            line.discount_picos += 0 if listed is None else listed - cost
        if cost and (usage.input_cache_read_tokens or usage.input_cache_writes):
            price = self._quotes.price(row.provider, row.model, row.region)
            without = _cost(price, uncached(usage), row.started_unix_s)
            with_cache = _cost(price, usage, row.started_unix_s)
            line.prompt_cache_picos += 0 if without is None or with_cache is None else without - with_cache
        if pair.call is not None and pair.call.downgraded_from and row.account == "charged":
            first = self._first(pair.call.downgraded_from, row.provider, row.region)
            dearer = _cost(first, usage, row.started_unix_s)
            line.downgrade_picos += 0 if dearer is None else dearer - cost

    def _first(self, name: str, provider: str, region: str) -> Price | None:
        """The price of the model that was turned away from: at the same provider, or as provider/model."""
        other, _, model = name.partition("/")
        if model and self._quotes.knows(other):
            return self._quotes.price(other, model, region)
        return self._quotes.price(provider, name, region)


def _cost(price: Price | None, usage: Usage, at_unix_s: float) -> int | None:
    return price.cost(usage, at_unix_s) if price is not None else None
