"""The limiter: which limits hold for a call, and what it takes of them."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence

from hedgerow_server.core.call import Principal
from hedgerow_server.core.error import BudgetSpent, HedgerowError, LimitsUnavailable, QuotaExceeded
from hedgerow_server.limits.alert import Alert, alert, usd
from hedgerow_server.limits.bucket import Bucket
from hedgerow_server.limits.counters import Amounts, Counters, LocalCounters, Reservation, Short
from hedgerow_server.limits.rules import Group, Limit, Line, Resolved, Subject, Unit, resolve
from hedgerow_server.limits.spent import SpentBefore, Sums
from hedgerow_server.limits.usual import Usual
from hedgerow_server.limits.view import LimitView, view_of
from hedgerow_server.limits.window import Moment

_log = logging.getLogger(__name__)
_REMEMBERED = 131_072
"""Callers whose lines are remembered, twice."""
_NOBODY = Principal(tenant="")
_KEPT_S = 400 * 86_400.0
"""How long it is known that something was told: longer than any window that ends."""


class LimitMemory:
    """What outlives a configuration: the counts, and what calls usually come to."""

    def __init__(self, counters: LocalCounters | None = None) -> None:
        self.counters = counters or LocalCounters()
        self.usual = Usual()
        self.loaded: set[str] = set()
        """Limits whose use before this process is part of the counts."""


class Limiter:
    """The limits of one configuration."""

    def __init__(
        self,
        groups: Sequence[Group],
        memory: LimitMemory,
        tell: Callable[[Alert], None] | None = None,
    ) -> None:
        """`tell` is told of budgets that reach their marks; it must not wait."""
        self._groups = tuple(groups)
        self._memory = memory
        self._counters: Counters = memory.counters
        self._counters.watch = lambda line: self._watch((line,))
        self._tell = tell
        self.usual = memory.usual
        self.limits = any(groups)
        """Whether there are any."""
        self.by_route = any(Subject._fields.index("route") in one.by for one in groups) or any(
            place == Subject._fields.index("route") for one in groups for place, _ in one.match
        )
        self._began_unix_s = memory.counters.now().unix_s
        self._missing: set[str] = set()
        self._newer: dict[tuple[str, ...], Resolved] = {}
        self._older: dict[tuple[str, ...], Resolved] = {}

    def of(self, principal: Principal | None, model: str, route: str) -> Resolved:
        """What holds for a caller that asks for a model."""
        who = principal or _NOBODY
        key = (who.tenant, who.team, who.user, who.service, who.key_id, model, route)
        found = self._newer.get(key)
        if found is not None and found.epoch == self._counters.epoch:
            return found
        found = self._older.get(key)
        if found is None or found.epoch != self._counters.epoch:
            found = resolve(self._groups, Subject(*key), self._counters)
        if len(self._newer) >= _REMEMBERED:
            self._older, self._newer = self._newer, {}
        self._newer[key] = found
        return found

    async def reserve(
        self, found: Resolved, again: Callable[[], Resolved], amounts: Amounts, expires_s: float
    ) -> Reservation:
        """Takes the amounts of all of a call's limits, which `again` looks up anew. Raises QuotaExceeded and
        BudgetSpent, and then nothing was taken.
        """
        taken = self.take(found, amounts, expires_s)
        if not isinstance(taken, Reservation):
            taken = await self.wait(taken, again, amounts, expires_s)
        if not isinstance(taken, Reservation):
            raise self.refusal(taken, amounts)
        return taken

    def take(self, found: Resolved, amounts: Amounts, expires_s: float) -> Reservation | Short:
        """The first half of `reserve`, which nobody waits for; what is short goes on with `wait`."""
        return self._counters.reserve(found.lines, amounts, expires_s)

    async def wait(
        self, short: Short, again: Callable[[], Resolved], amounts: Amounts, expires_s: float
    ) -> Reservation | Short:
        """The second half of `reserve`, for a call that has too little at first. What is short in any case is returned,
        for its `refusal`.
        """
        while True:
            refused = await self._counters.more(short)
            if refused is not None:
                return refused
            # Buckets may have been let go meanwhile.
            taken = self._counters.reserve(again().lines, amounts, expires_s)
            if isinstance(taken, Reservation):
                return taken
            short = taken

    def reserve_overhead(self, lines: tuple[Line, ...], picos: int, expires_s: float) -> Reservation | HedgerowError:
        """Takes of what attempts may cost that nobody is charged for."""
        amounts = _amounts(overhead=picos)
        taken = self._counters.reserve(lines, amounts, expires_s)
        if isinstance(taken, Reservation):
            return taken
        self._counters.wish(taken)
        return self.refusal(taken, amounts)

    def overdraw(self, lines: tuple[Line, ...], expires_s: float) -> Reservation:
        """A reservation of nothing, for what was spent already."""
        taken = self._counters.reserve(lines, _amounts(overhead=0), expires_s, forced=True)
        assert isinstance(taken, Reservation)
        return taken

    def extend(self, reservation: Reservation, more: Amounts) -> HedgerowError | None:
        """Takes more, of all limits or of none; returns why not."""
        short = self._counters.extend(reservation, more)
        if short is None:
            return None
        self._counters.wish(short)
        return self.refusal(short, more)

    def settle(self, reservation: Reservation, actual: Amounts) -> Moment:
        """The call has come to that. Returns when that was."""
        now = self._counters.settle(reservation, actual)
        self._watch(reservation.lines)
        return now

    def correct(self, reservation: Reservation, more: Amounts) -> None:
        """A settled call has come to more, or less."""
        self._counters.correct(reservation, more)
        self._watch(reservation.lines)

    def _watch(self, lines: tuple[Line, ...]) -> None:
        for line in lines:
            if line.marks:
                for place in line.bucket.tell(line.marks):
                    self._alert(line, line.limit.percents[place])

    def refusal(self, short: Short, amounts: Amounts) -> HedgerowError:
        """Why a call is refused that would need so much."""
        line, limit = short.line, short.line.limit
        if limit.budget and not line.bucket.refusing:
            line.bucket.refusing = True
            self._alert(line, None)
        need, used = amounts[line.unit], short.counts
        most = _shown(limit.unit, limit.most)
        metadata = {
            "budget" if limit.budget else "quota": limit.name,
            "unit": limit.unit.word,
            "window": limit.window.name,
            "limit": most,
            "used": _shown(limit.unit, used),
            "needed": _shown(limit.unit, need),
        }
        kind = "budget" if limit.budget else "quota"
        text = f"The {kind} {line.subject} of {most} leaves {_shown(limit.unit, max(0, limit.most - used))}"
        text += f"; the call needs {_shown(limit.unit, need)}." if need else "."
        error = BudgetSpent if limit.budget else QuotaExceeded
        return error(text, metadata=metadata, subject=line.subject, retry_delay_s=short.wait_s)

    def _alert(self, line: Line, percent: float | None) -> None:
        told = alert(line, percent, self._counters.now())
        self._counters.once(told.id, _KEPT_S, lambda: self._say(told, refusing=percent is None))

    def _say(self, told: Alert, *, refusing: bool) -> None:
        whose = ",".join(f"{name}={value}" for name, value in told.scope.items())
        what = "refuses calls" if refusing else f"has reached {told.percent:g} %"
        _log.warning(
            "budget %s%s %s: %s of %s USD are spent", told.budget, f"[{whose}]" if whose else "", what,
            told.spent_usd, told.limit_usd,
        )  # fmt: skip
        if self._tell is not None:
            self._tell(told)

    def now(self) -> Moment:
        """This moment, by the clocks of the counts."""
        return self._counters.now()

    def view(self, keep: Callable[[Mapping[str, str]], bool] | None = None) -> Iterator[LimitView]:
        """All limits with whatever was taken of them, by name: those whose scope `keep` lets through (None: all). A
        limit that is everybody's, of which nothing was taken yet, is there as well.
        """
        limits = {limit.id: limit for group in self._groups for limit in group.limits}
        now = self._counters.now()
        for limit in limits.values():
            if not limit.by:
                self._counters.bucket((limit.id, ()), limit.window)
        found = [
            view_of(limits[bucket.key[0]], bucket, now) for bucket in self._memory.counters if bucket.key[0] in limits
        ]
        kept = [one for one in found if keep is None or keep(one.scope)]
        yield from sorted(kept, key=lambda one: (one.name, one.unit, one.window, *one.scope.values()))

    def budgets(self) -> list[Limit]:
        """The limits of budgets, in the order of the configuration."""
        return [limit for group in self._groups for limit in group.limits if limit.budget]

    def buckets(self) -> Iterator[Bucket]:
        """What was taken of any limit, whosever it is, as of now; those of earlier configurations among them."""
        return iter(self._memory.counters)

    def expect(self) -> None:
        """Until it is loaded what was used before, calls under hard limits in money are refused."""
        self._missing = {
            limit.id
            for group in self._groups
            for limit in group.limits
            if limit.hard and limit.unit is Unit.MONEY and limit.id not in self._memory.loaded and _lasts(limit)
        }

    def check(self, found: Resolved) -> None:
        """Raises LimitsUnavailable for a call that needs to know what was used before."""
        line = next((one for one in found.lines if one.limit.id in self._missing), None) if self._missing else None
        if line is not None:
            raise LimitsUnavailable(
                f"What was spent of {line.subject} before the gateway started is not known yet.",
                metadata={"budget" if line.limit.budget else "quota": line.limit.name},
                retry_delay_s=1.0,
            )

    async def load(self, books: SpentBefore, route_of: Callable[[str], str]) -> None:
        """Takes over what was used before there was this limiter, for each limit that does not know it yet. Raises what
        the books raise. `route_of` names the route of a model name.
        """
        for group in self._groups:
            await self._load(group, books, route_of)
        self._missing = set()

    async def _load(self, group: Group, books: SpentBefore, route_of: Callable[[str], str]) -> None:
        fields = Subject._fields
        places = {*group.by, *(place for place, _ in group.match)}
        by = sorted({"model" if fields[place] == "route" else fields[place] for place in places})
        now = self._counters.now()
        for limit in group.limits:
            window = limit.window
            if limit.id in self._memory.loaded or not _lasts(limit):
                continue
            for sums in await books.spent(window.starts_unix_s(now) or 0.0, self._began_unix_s, by):
                values = dict(zip(by, sums.values, strict=True))
                subject = Subject(**values, route=route_of(values["model"]) if "model" in values else "")
                if group.holds(subject):
                    bucket = self._counters.bucket((limit.id, group.key(subject)), window)
                    bucket.turn(now)
                    bucket.load(_of(sums, limit.unit))
                    if limit.marks:
                        bucket.tell(limit.marks)
            self._memory.loaded.add(limit.id)


def _lasts(limit: Limit) -> bool:
    """Whether what was used before a start still counts: not of the last minute or hour, or of what runs at once."""
    return bool(limit.window.name) and not limit.window.slides


def _of(sums: Sums, unit: Unit) -> int:
    found = {
        Unit.REQUESTS: sums.requests,
        Unit.TOKENS: sums.tokens,
        Unit.MONEY: sums.charged_picos,
        Unit.OVERHEAD: sums.overhead_picos,
    }
    return found.get(unit, 0)


def _amounts(*, overhead: int) -> list[int]:
    return [0, 0, 0, 0, overhead]


def _shown(unit: Unit, amount: int) -> str:
    return f"{usd(amount)} USD" if unit >= Unit.MONEY else f"{amount} {unit.word}"
