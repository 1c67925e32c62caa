"""What one call holds: its reservation, and what its attempts have come to so far."""

from collections.abc import Callable, Sequence
from operator import itemgetter

from hedgerow_server.core.error import CostUnbounded, HedgerowError, PriceUnknown
from hedgerow_server.core.hold import Left, Spent
from hedgerow_server.limits.counters import Reservation, Short
from hedgerow_server.limits.limiter import Limiter
from hedgerow_server.limits.rules import Line, Resolved, Unit
from hedgerow_server.limits.window import Moment

_NOTHING = Spent()
_SHARE = itemgetter(0)


class CallHold:
    """The hold of a call. Without a reservation it only tells: of calls that ask a route and send nothing."""

    __slots__ = (
        "_asked",
        "_ended",
        "_expires_s",
        "_found",
        "_limiter",
        "_model",
        "_overhead",
        "_requests",
        "_reservation",
        "_short",
        "_spent",
        "bounded",
        "covered",
    )

    def __init__(self, limiter: Limiter, found: Resolved, model: str) -> None:
        self._limiter = limiter
        self._found = found
        self._model = model
        self._reservation: Reservation | None = None
        self._short: Short | None = None  # why it was turned away
        self._overhead: list[Reservation] = []
        self._expires_s = 0.0
        self._spent = _NOTHING
        self._ended: Moment | None = None  # when it was settled
        self._requests = 1
        self._asked: list[int] = []
        self.bounded = found.hard_money is not None
        """Whether nothing may be sent whose cost has no bound."""
        self.covered = False
        """Whether the first attempt at any candidate of the plan is paid for."""

    def take(self, picos: int, tokens: int, expires_s: float, *, covers: bool, requests: int = 1) -> Short | None:
        """Takes a call's request, its place among those at once, and what it may come to. Returns what there is too
        little of: then nothing is taken, and `wait` goes on. `covers`: whether that is enough for the first attempt,
        wherever it goes. `requests` 0: it is a part of another call, which has its request and its place. By the
        monotonic clock all of it is given back at `expires_s`, settled or not.
        """
        self._expires_s, self._requests, self.covered = expires_s, requests, covers
        amounts = self._asked = [requests, tokens, requests, picos, 0]
        taken = self._limiter.take(self._found, amounts, expires_s)
        if not isinstance(taken, Reservation):
            return taken
        self._reservation = taken
        return None

    async def wait(self, short: Short, again: Callable[[], Resolved]) -> None:
        """Takes what `take` could not. Raises QuotaExceeded and BudgetSpent. `again` looks up anew what holds for the
        call.
        """
        taken = await self._limiter.wait(short, again, self._asked, self._expires_s)
        if not isinstance(taken, Reservation):
            self._short = taken
            raise self._limiter.refusal(taken, self._asked)
        self._reservation = taken

    def share(self, budget: str) -> float:
        """How much of a budget is spent, 1 being all; 0 of one that does not hold for the call."""
        line = self._found.budgets.get(budget)
        if line is None:
            return 0.0
        now = self._limiter.now()
        line.bucket.turn(now)
        return line.bucket.spent(now) / line.limit.most

    def unbounded(self, model: str, *, priced: bool, field: str) -> HedgerowError:
        """Why an attempt at a model is not made: its price is not known, or `field` leaves its cost without a bound."""
        line = self._found.hard_money
        assert line is not None
        kind = "budget" if line.limit.budget else "quota"
        if not priced:
            return PriceUnknown(
                f"The price of {model} is not known, and the {kind} {line.limit.name} allows no unknown cost.",
                metadata={kind: line.limit.name, "model": model},
                subject=line.subject,
            )
        return CostUnbounded(
            f"Nothing bounds the cost of the call, and the {kind} {line.limit.name} needs a bound: see {field}.",
            metadata={kind: line.limit.name, "model": model, "field": field},
            subject=line.subject,
        )

    def cover(self, picos: int, tokens: int) -> HedgerowError | None:
        """Sees to it that the attempts of a part of the call may come to so much, together with the parts before.
        Returns why not.
        """
        reservation = self._reservation
        if reservation is None:
            return None
        more_picos = self._spent.charged_picos + picos - reservation.amounts[Unit.MONEY]
        more_tokens = self._spent.tokens + tokens - reservation.amounts[Unit.TOKENS]
        if more_picos <= 0 and more_tokens <= 0:
            return None
        return self._limiter.extend(reservation, [0, max(0, more_tokens), 0, max(0, more_picos), 0])

    def cover_overhead(self, picos: int) -> HedgerowError | None:
        """Sees to it that so much may be spent that nobody is charged for. Returns why not."""
        lines = self._found.overhead
        if not lines or self._reservation is None:
            return None
        taken = self._limiter.reserve_overhead(lines, picos, self._expires_s)
        if isinstance(taken, HedgerowError):
            return taken
        self._overhead.append(taken)
        return None

    def book(self, spent: Spent) -> None:
        """A part of the call has come to so much; what was booked earlier is corrected by a difference."""
        self.covered = False
        self._spent = spent if self._spent is _NOTHING else self._spent + spent
        if self._ended is not None and self._reservation is not None:
            self._limiter.correct(self._reservation, [0, spent.tokens, 0, spent.charged_picos, 0])
            for one in self._overhead[:1]:
                self._limiter.correct(one, [0, 0, 0, 0, spent.overhead_picos])

    def settle(self, *, served: bool) -> None:
        """The call is over. `served`: whether it came to anything; one that was turned away has taken nothing."""
        reservation = self._reservation
        if reservation is None or self._ended is not None:
            return
        spent = self._spent
        amounts = [self._requests if served else 0, spent.tokens, 0, spent.charged_picos, 0]
        self._ended = self._limiter.settle(reservation, amounts)
        if spent.overhead_picos and not self._overhead and (lines := self._found.overhead):
            # An answer was replaced: nobody had taken anything for it.
            self._overhead.append(self._limiter.overdraw(lines, self._expires_s))
        for place, one in enumerate(self._overhead):
            self._limiter.settle(one, [0, 0, 0, 0, 0 if place else spent.overhead_picos])
        if spent.output_tokens:
            self._limiter.usual.note(self._model, spent.output_tokens)

    def tightest(self, most: int) -> Sequence[Left]:
        """The limits of which the smallest shares are left."""
        reservation, now = self._reservation, self._ended
        if reservation is None:
            return ()
        if now is None:
            now = self._limiter.now()
            for line in reservation.lines:
                line.bucket.turn(now)
        # Its report is made when the call is over: then all buckets have just been looked at.
        return _tightest(reservation.lines, now, most)

    def refused(self, most: int) -> Sequence[Left]:
        """Of a call that one of its limits has turned away: that limit, whose reset is when there may be enough of it
        for the call (None: that is not known), then the others of which the smallest shares are left. Empty for any
        other call.
        """
        short = self._short
        if short is None:
            return ()
        now, line = self._limiter.now(), short.line
        # What was looked up anew meanwhile may have lines of its own.
        others = [one for one in self._found.lines if one.limit is not line.limit]
        for one in others:
            one.bucket.turn(now)
        reset_unix_s = now.unix_s + short.wait_s if short.wait_s is not None else None
        first = Left(*line.told, max(0, line.limit.most - short.counts), reset_unix_s)
        return [first, *_tightest(others, now, most - 1)]


def _tightest(lines: Sequence[Line], now: Moment, most: int) -> list[Left]:
    found: list[tuple[float, int, Line]] = []
    for line in lines:
        bucket, most_of_it = line.bucket, line.told[3]
        left = most_of_it - bucket.counts(now)
        found.append((left / most_of_it, left, line))
    if len(found) > 1:
        found.sort(key=_SHARE)
    return [Left(*line.told, max(0, left), line.bucket.ends_unix_s) for _, left, line in found[:most]]
