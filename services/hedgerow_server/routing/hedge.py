"""When a second attempt may race the first: the delay, the budgets, and when hedging would do harm.

Pure policy: it starts nothing and reads no clock. The executor asks `plan` when a call starts, `start` when the delay
is over without a first token, and tells what came of it. "The Tail at Scale" (Dean and Barroso, CACM 2013) has the idea
of waiting for a high percentile, gRFC A6 that of pausing when the other side pushes back.
"""

import enum
import math

import msgspec

from hedgerow_server.routing.allowance import Allowance
from hedgerow_server.routing.latency import Latency

_YOUNG = 5.0
_SAVED = 0.05
"""What a young budget should save: so many second attempts and this share of what it has earned."""
_COMFORT = 0.5
"""Savings, as a share of the burst, at which just what is earned is spent."""
_SLACK = 1 / 16
"""How much may have been observed since a delay was computed, as a share of all observations."""
_LEVELS = (0.9, 0.95, 1.0, 1.15, 1.3)
"""Shares of calls to hedge, as multiples of the allowed one, for savings from none to all that may be kept."""
_ALL_SLOW = 0.6
_WELL_AGAIN = 0.45
"""Of the last calls more than this share was not answered within the delay: not a tail but a brown-out. It ends when
fewer than the second share take longer than that delay."""
_BROWN_OUT_S = 3600.0
"""What is slow for so long is no brown-out any more; savings of the time before have lapsed by then."""
_CALLS_REMEMBERED = 32
_WORTHLESS = 0.05
"""Of the last second attempts fewer than this share came first: they are load without a use."""
_HEDGES_REMEMBERED = 32
_TRIAL = 16
"""While hedging is worthless one in so many tries whether it still is."""


class HedgePolicy(msgspec.Struct, frozen=True):
    """What a route's configuration says of hedging."""

    max_extra: float = 0.05
    """At most this share of calls, and of money, is spent on second attempts; 0 to 1."""
    min_delay_s: float = 0.05
    """No second attempt starts sooner."""
    max_delay_s: float = 30.0
    """A second attempt starts by then, budget permitting."""
    min_samples: float = 50.0
    """First tokens that must be known of a candidate, counted by their age, before its calls are hedged."""
    max_rate_share: float = 0.02
    """No second attempt goes where more than this share of the last answers was a 429."""
    burst_calls: float = 2000.0
    """Second attempts that may be saved up while all is well, for a spell that is not."""


class Start(enum.Enum):
    """Whether a second attempt may start, or why not. Only YES is true."""

    YES = "yes"
    BREAKER = "breaker"
    """The target's breaker is open."""
    RATE = "rate"
    """The target answers too often with 429."""
    BROWN_OUT = "brown_out"
    """Most calls are slow, and the share of them that may be hedged is."""
    WORTHLESS = "worthless"
    """Second attempts hardly ever come first here."""
    CALLS = "calls"
    """No budget of calls is left in the route, the upstream or the whole."""
    MONEY = "money"
    """No budget of money is left."""

    def __bool__(self) -> bool:
        return self is Start.YES


class Share:
    """The share of the last answers to a question that was yes, each counting less than the one after it."""

    __slots__ = ("_step", "value")

    def __init__(self, remembered: int, value: float = 0.0) -> None:
        """About so many answers count; `value` is what is assumed before there are any."""
        self._step = 1 / remembered
        self.value = value

    def note(self, yes: bool) -> None:
        """One more answer."""
        self.value += self._step * (yes - self.value)


class Budget:
    """What may be spent on second attempts in one scope: a route, an upstream, or the whole router."""

    __slots__ = ("_called", "_mean_picos", "calls", "money")

    def __init__(self, max_extra: float, burst_calls: float) -> None:
        """Shares and burst as in HedgePolicy; as much money may be saved up as `burst_calls` average calls cost."""
        self.calls = Allowance(max_extra, burst_calls)
        self.money = Allowance(max_extra, 0.0)
        self._called = 0
        self._mean_picos = 0.0

    def earn_call(self) -> None:
        """One more ordinary call."""
        self._called += 1
        self.calls.earn()

    def kept(self) -> float:
        """How much is saved up, 0 to 1. A young budget is not judged by what an old one has saved."""
        calls = self.calls
        return max(calls.available(), 0.0) / min(calls.burst, _YOUNG + self._called * calls.share * _SAVED)

    def earn_money(self, picos: int) -> None:
        """An ordinary call cost so much."""
        first = not self._mean_picos
        self._mean_picos += (picos - self._mean_picos) * (1.0 if first else 1 / 64)
        self.money.burst = self._mean_picos * self.calls.burst
        self.money.earn(picos)


class HedgeCounts(msgspec.Struct):
    """What has happened so far. Times are sums in seconds; divided by `due` they are means."""

    planned: int = 0
    """Calls that had a delay."""
    due: int = 0
    """Of these, calls without a first token when the delay was over."""
    started: int = 0
    """Of these, calls that got a second attempt."""
    won: int = 0
    """Second attempts whose first token came first."""
    lost: int = 0
    """Second attempts that were outrun, or failed while the first one answered."""
    planned_s: float = 0.0
    """The delays as planned, of due calls."""
    real_s: float = 0.0
    """How long due calls had really waited when the question was put."""
    held: dict[str, int] = msgspec.field(default_factory=dict)
    """Due calls without a second attempt, by the value of Start."""

    def add(self, other: "HedgeCounts") -> None:
        """Adds what has happened elsewhere."""
        self.planned += other.planned
        self.due += other.due
        self.started += other.started
        self.won += other.won
        self.lost += other.lost
        self.planned_s += other.planned_s
        self.real_s += other.real_s
        for why, count in other.held.items():
            self.held[why] = self.held.get(why, 0) + count


class Hedging:
    """The hedging of one route's calls that start at one upstream candidate.

    Extra calls never exceed `max_extra` of the calls planned, in any of the budgets and counted from the start; within
    a stretch they may exceed its share by the saved-up burst, but not in a brown-out, which pays for its own.
    """

    def __init__(self, policy: HedgePolicy, *shared: Budget) -> None:
        """`shared` are the budgets besides the route's own part: of the route, the primary's upstream, the whole."""
        self.policy = policy
        self.counts = HedgeCounts()
        self._budgets = (Budget(policy.max_extra, policy.burst_calls), *shared)
        # What a brown-out may spend: it has no savings, and what was spent before it was noticed is paid back first.
        self._spell = Allowance(policy.max_extra, 1.0)
        self._usual_s = 0.0
        self._brown_out_until_s: float | None = None
        self._slow = Share(_CALLS_REMEMBERED)
        self._useful = Share(_HEDGES_REMEMBERED, 0.5)
        self._trials = 0
        # Rising, as the delays are to fall with what is saved up.
        self._quantiles = tuple(1 - policy.max_extra * level for level in reversed(_LEVELS))

    def plan(self, primary: Latency, now_s: float) -> float | None:
        """The delay in seconds after which a second attempt of this call starts, if it may; None: not hedged.

        `primary` has the first-token times of the candidate asked first. To be asked once for each call that could be
        hedged: budgets live by it.
        """
        for budget in self._budgets:
            budget.earn_call()
        self._spell.earn()
        policy = self.policy
        if primary.samples(now_s) < policy.min_samples:
            return None
        delays = primary.quantiles(self._quantiles, now_s, _SLACK)
        if delays is None:
            return None
        self.counts.planned += 1
        return min(max(self._between(delays), policy.min_delay_s), policy.max_delay_s)

    def _between(self, delays: tuple[float, ...]) -> float:
        """The delay for what is saved up: longer when little is left, shorter when savings would be lost."""
        away = min(1.0, *(budget.kept() for budget in self._budgets)) - _COMFORT
        # Flat in the middle: there the percentile that spends just what is earned is the right one.
        place = (away / (_COMFORT if away < 0 else 1 - _COMFORT)) ** 3
        position = (1 - place) / 2 * (len(delays) - 1)
        lower = min(int(position), len(delays) - 2)
        below, above = delays[lower], delays[lower + 1]
        return below * math.exp((position - lower) * math.log(above / below))

    def in_time(self, now_s: float, seconds: float) -> None:
        """A call with a delay got its first token, or failed, after so many seconds: before the delay was over."""
        self._note(now_s, seconds, due=False)

    def start(
        self,
        now_s: float,
        cost_picos: int | None,
        *,
        planned_s: float,
        real_s: float,
        breaker_open: bool = False,
        rate_share: float = 0.0,
    ) -> Start:
        """Whether a second attempt may start now that the delay is over; it is paid for if so.

        `cost_picos` is what it is expected to cost in picodollars, None where prices are unknown; `planned_s` is the
        delay that `plan` gave and `real_s` how long the call has waited; the last two are of the target.
        """
        counts = self.counts
        counts.due += 1
        counts.planned_s += planned_s
        counts.real_s += real_s
        self._note(now_s, planned_s, due=True)
        found = self._may(cost_picos or 0, breaker_open=breaker_open, rate_share=rate_share)
        if found:
            if self._brown_out_until_s is not None or self._spell.available() > -_CALLS_REMEMBERED:
                self._spell.correct(-1.0)
            for budget in self._budgets:
                budget.calls.take()
                budget.money.correct(-(cost_picos or 0))
            counts.started += 1
        else:
            counts.held[found.value] = counts.held.get(found.value, 0) + 1
        return found

    def _may(self, picos: int, *, breaker_open: bool, rate_share: float) -> Start:
        if breaker_open:
            return Start.BREAKER
        if rate_share > self.policy.max_rate_share:
            return Start.RATE
        if any(budget.calls.available() < 1.0 for budget in self._budgets):
            return Start.CALLS
        if picos and any(budget.money.available() < picos for budget in self._budgets):
            return Start.MONEY
        if self._brown_out_until_s is not None and self._spell.available() < 1.0:
            return Start.BROWN_OUT
        if self._useful.value < _WORTHLESS:
            self._trials += 1
            if self._trials % _TRIAL:
                return Start.WORTHLESS
        return Start.YES

    def _note(self, now_s: float, seconds: float, *, due: bool) -> None:
        """Follows whether most calls are slow. In a brown-out delays grow with the times, so slow stays what it was."""
        if self._brown_out_until_s is None:
            self._slow.note(due)
            if self._slow.value > _ALL_SLOW:
                self._usual_s, self._brown_out_until_s = seconds, now_s + _BROWN_OUT_S
        else:
            self._slow.note(due or seconds > self._usual_s)
            if now_s > self._brown_out_until_s:
                self._slow = Share(_CALLS_REMEMBERED)
                # What was saved before is not for what has become usual.
                own = self._budgets[0].calls
                own.correct(-max(own.available(), 0.0))
            if self._slow.value < _WELL_AGAIN:
                self._brown_out_until_s = None

    def settled(self, *, won: bool) -> None:
        """A race is decided: whether the second attempt's first token came first. Not for races that nobody won."""
        self._useful.note(won)
        if won:
            self.counts.won += 1
        else:
            self.counts.lost += 1

    def booked(self, ordinary_picos: int, extra_picos: int = 0, expected_picos: int | None = None) -> None:
        """A call is over: what it cost without its second attempt and what that added, in picodollars; `expected_picos`
        is what `start` was told.
        """
        for budget in self._budgets:
            budget.earn_money(ordinary_picos)
            if expected_picos is not None:
                budget.money.correct(expected_picos - extra_picos)
