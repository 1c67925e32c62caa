"""What the page about spend and budgets shows."""

import datetime as dt
import time
from collections.abc import Callable, Mapping

from hedgerow_server.console.access import LIST_BUDGETS, QUERY_SPEND, allowed
from hedgerow_server.console.asking import Asking
from hedgerow_server.console.shown import BudgetShown, Spend, SpendPoint, SpendShare
from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import Forbidden, HedgerowError
from hedgerow_server.core.spend import By, Dimension, ListBudgetsRequest, Span, SpendRequest
from hedgerow_server.ledger.answers import SpendSummed, Sum
from hedgerow_server.limits.listed import BudgetsListed
from hedgerow_server.limits.view import LimitView

_HOUR_S, _DAY_S = 3600, 86_400
_SPANS = {
    "day": (Dimension.HOUR, _HOUR_S, 24),
    "week": (Dimension.DAY, _DAY_S, 7),
    "month": (Dimension.DAY, _DAY_S, 30),
}
"""By what time is divided, into what, and how many of them."""
_BY = {one: Dimension(one) for one in ("tenant", "team", "route", "provider", "model")}
_MOST_SHARES = 20
_MOST_BUDGETS = 200


class SpendFacts:
    """Gathers them, for whoever looks."""

    def __init__(self, asking: Asking, clock: Callable[[], float] = time.time) -> None:
        self._asking = asking
        self._clock = clock

    async def spend(self, who: Principal, query: Mapping[str, str]) -> Spend:
        """What was spent, as the ledger knows it, and what is left of budgets."""
        if not allowed(who, QUERY_SPEND):
            raise Forbidden("Your roles do not allow this page.", metadata={"method": QUERY_SPEND})
        span = query["span"] if query.get("span") in _SPANS else "day"
        by = query["by"] if query.get("by") in _BY else "tenant"
        budgets = await self._budgets(who)
        dimension, step_s, steps = _SPANS[span]
        start = (int(self._clock()) // step_s - steps + 1) * step_s
        within = Span(start, start + steps * step_s)
        try:
            over_time = await self._summed(who, SpendRequest(span=within, group_by=(By(dimension),)))
            parts = await self._summed(who, SpendRequest(span=within, group_by=(By(_BY[by]),), max_rows=_MOST_SHARES))
        except HedgerowError as error:
            return Spend(unavailable=error.message, span=span, by=by, budgets=budgets)
        at = {_moment(row.keys[0]): row.sum for row in over_time.rows}
        points = [(start + place * step_s, at.get(start + place * step_s, Sum())) for place in range(steps)]
        shares = [_share(row.keys[0] or "(none)", row.sum) for row in parts.rows]
        if parts.other is not None:
            shares.append(_share("(others)", parts.other))
        return Spend(
            span=span,
            by=by,
            points=tuple(SpendPoint(moment, one.cost_picos, one.calls) for moment, one in points),
            shares=tuple(shares),
            total=_share("total", parts.total),
            unpriced_attempts=parts.total.unpriced_attempts,
            budgets=budgets,
        )

    async def _summed(self, who: Principal, request: SpendRequest) -> SpendSummed:
        return await self._asking.answer(who, QUERY_SPEND, request, SpendSummed)

    async def _budgets(self, who: Principal) -> tuple[BudgetShown, ...]:
        if not allowed(who, LIST_BUDGETS):
            return ()
        found = await self._asking.answer(who, LIST_BUDGETS, ListBudgetsRequest(_MOST_BUDGETS, ""), BudgetsListed)
        return tuple(map(_budget, found.found))


def _moment(key: str) -> float:
    """When a row's hour or day begins, in UTC."""
    found = dt.datetime.fromisoformat(key)
    return (found if found.tzinfo is not None else found.replace(tzinfo=dt.UTC)).timestamp()


def _share(name: str, one: Sum) -> SpendShare:
    return SpendShare(name, one.cost_picos, one.calls, one.failed_calls, sum(one.tokens))


def _budget(one: LimitView) -> BudgetShown:
    return BudgetShown(
        name=f"{one.name} (overhead)" if one.overhead else one.name,
        budget=one.budget,
        scope=tuple(sorted(one.scope.items())),
        unit=one.unit,
        window=one.window,
        hard=one.hard,
        limit=one.limit,
        used=one.used,
        held=one.held,
        reset_unix_s=one.reset_unix_s,
    )
