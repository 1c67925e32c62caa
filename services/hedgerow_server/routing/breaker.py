"""Who has been failing, and is not asked for a while.

    CLOSED ──── failures in a row, a share of failures, a share of slow answers ───▶ OPEN: asked by nobody
       ▲                                                                              │ the ejection is over
       └──── enough trials answered ──── HALF_OPEN: a few trials at a time ◀──────────┘
                                             └── a trial failed: OPEN again, for twice as long

A breaker learns across calls, from failures of the class TRANSIENT alone. A rate limit or a refused credential is no
fault of the candidate: it makes it rest (`rest.py`). What the caller asked wrongly says nothing at all.

Everything here is synchronous and takes constant time. Times are those of a monotonic clock in seconds.
"""

import enum
import math
import random

import msgspec

from hedgerow_server.core.error import Failure
from hedgerow_server.routing.rest import Rest, RestPolicy
from hedgerow_server.routing.window import Window

_JITTER = 0.2
_OVERDUE = 0.125


class BreakerPolicy(msgspec.Struct, frozen=True):
    """When a candidate is ejected, and for how long. Times in seconds, above 0; shares above 0, at most 1."""

    window_s: float = 30.0
    """How far back outcomes count. A candidate that stays in for so long has one of its past ejections forgiven."""
    min_calls: int = 20
    """Shares say nothing of fewer calls. So many failures in a row prove an outage."""
    failure_share: float = 0.25
    """Ejects when so many of the window's outcomes are failures."""
    consecutive: int = 5
    """Ejects after so many failures in a row, however few calls there were."""
    slow_after_s: float | None = None
    """A first token after this, or none at all, is slow. None: nothing is."""
    slow_share: float = 0.5
    """Ejects when so many of the window's outcomes are slow."""
    base_s: float = 2.0
    """The length of a first ejection. It is cut by up to a fifth at random, as are all the others."""
    max_s: float = 30.0
    """The length of the longest."""
    half_open_permits: int = 1
    """How many trials may run at once."""
    trial_successes: int = 2
    """So many answered trials close the breaker."""
    rest: RestPolicy = RestPolicy()
    """How long the candidate rests for reasons other than its health."""


class State(enum.Enum):
    """Where a breaker stands."""

    CLOSED = "closed"
    """Asked like any other."""
    OPEN = "open"
    """Ejected: not asked."""
    HALF_OPEN = "half_open"
    """The ejection is over; trials must show that the fault is, too."""


class BreakerView(msgspec.Struct, frozen=True):
    """A breaker at one moment, for operators. Times are of the monotonic clock; 0: does not apply."""

    state: State
    reason: str
    """Why it was ejected; empty while it is closed."""
    total: bool
    """Whether it is ejected and nothing speaks for it."""
    until_s: float
    """When the ejection is over."""
    ejections: int
    """How often it was ejected, ever."""
    calls: int
    """Outcomes in the window."""
    failures: dict[str, int]
    """Failures in the window, by ErrorReason."""
    slow: int
    """Slow outcomes in the window."""
    trials: int
    """Trials that are under way."""
    cooling_until_s: float
    """When the cool-down after a rate limit ends."""
    set_aside_until_s: float
    """When it is asked again after a failure of its credential, account or model."""
    set_aside_reason: str
    """Why it was set aside, as ErrorReason."""


class Permit:
    """Leave to ask a candidate once. To be given back with one of `success`, `failure`, `outrun` and `void`.

    The first of them counts and later ones do nothing, so that a last `void` in a `finally` is always right.
    """

    __slots__ = ("_breaker", "_given_back", "admitted_s", "answering", "epoch", "holding", "trial")

    def __init__(self, breaker: "Breaker", admitted_s: float, epoch: int, *, trial: bool) -> None:
        self._breaker = breaker
        self._given_back = False
        self.admitted_s = admitted_s
        self.epoch = epoch
        """How many ejections there had been."""
        self.trial = trial
        """Whether its outcome decides if the breaker closes."""
        self.holding = trial
        """Whether it takes the place of another trial."""
        self.answering = False

    def answered(self, now_s: float, first_token_s: float | None = None) -> None:
        """The first token has come, `first_token_s` after the call began. Optional.

        It counts as the call's success at once, for an answer may take minutes; a later `success` then adds nothing,
        and a later `failure` is one more outcome.
        """
        if not self._given_back and not self.answering:
            self.answering = True
            self._breaker.on_answer(self, now_s, first_token_s)

    def success(self, now_s: float, first_token_s: float | None = None) -> None:
        """The call was served. `first_token_s` is None where it cannot be told, as for an answer in one piece."""
        if not self._given_back:
            self._given_back = True
            if not self.answering:
                self._breaker.on_answer(self, now_s, first_token_s)

    def failure(self, now_s: float, failure: Failure, reason: str = "") -> None:
        """The call failed with this class of failure; `reason` is its ErrorReason. Only TRANSIENT is held against the
        candidate, anything else is as `void`: who must rest is for the caller to say.
        """
        if not self._given_back:
            self._given_back = True
            if failure is Failure.TRANSIENT:
                self._breaker.on_failure(self, now_s, reason or failure.name)
            else:
                self._breaker.on_release(self)

    def outrun(self, now_s: float) -> None:
        """Another attempt answered first and this one was given up. It is held against the candidate if it had been
        slow already: one that hangs, and is always rescued by a hedge, must be found out nevertheless.
        """
        if not self._given_back:
            self._given_back = True
            self._breaker.on_outrun(self, now_s)

    def void(self) -> None:
        """The call ended in a way that says nothing of the candidate, such as a caller who left."""
        if not self._given_back:
            self._given_back = True
            self._breaker.on_release(self)


class Breaker:
    """The health of one candidate, across calls."""

    __slots__ = (
        "_answered_s", "_closed_s", "_ejected", "_epoch", "_last_failure_s", "_last_trial_s", "_level", "_level_max",
        "_no_life", "_policy", "_random", "_streak", "_trial_successes", "_trials", "_window", "ejections", "reason",
        "rest", "tried_s", "until_s",
    )  # fmt: skip

    def __init__(self, policy: BreakerPolicy, random: random.Random) -> None:
        """`random` draws the jitter of ejections and rests."""
        self._policy = policy
        self._random = random
        self._window = Window(policy.window_s)
        self._epoch = 0
        self._answered_s = 0.0
        self._ejected = False
        self._closed_s = 0.0
        self._level = 0  # past ejections that count for the length of the next
        self._level_max = _highest(policy)
        self._streak = 0
        self._last_failure_s = 0.0
        self._no_life = False
        self._trials = 0
        self._trial_successes = 0
        self._last_trial_s = 0.0
        self.ejections = 0
        """How often it was ejected, ever."""
        self.tried_s = 0.0
        """When it was ejected, or asked since."""
        self.until_s = 0.0
        """When the ejection is over and trials begin; 0 while it is closed."""
        self.reason = ""
        """Why it was ejected, such as "5 failures in a row, PROVIDER_UNAVAILABLE"; empty while it is closed."""
        self.rest = Rest(random, policy.rest)
        """Its cool-down after rate limits, and whether it is set aside."""

    def adopt(self, policy: BreakerPolicy) -> None:
        """Other rules from now on. An ejection that has begun ends when it was to end."""
        if policy.window_s != self._policy.window_s:
            self._window = Window(policy.window_s)
        self._policy = policy
        self._level_max = _highest(policy)
        self._level = min(self._level, self._level_max)
        self.rest.adopt(policy.rest)

    def state(self, now_s: float) -> State:
        """Where it stands."""
        if not self._ejected:
            return State.CLOSED
        return State.OPEN if now_s < self.until_s else State.HALF_OPEN

    @property
    def ejected(self) -> bool:
        """Whether it is not closed."""
        return self._ejected

    @property
    def total(self) -> bool:
        """Whether it is ejected and nothing speaks for it: when it last failed the window held failures only, or the
        newest `min_calls` outcomes were failures, and no call has been answered since.
        """
        return self._ejected and self._no_life

    @property
    def weight_of_evidence(self) -> tuple[int, float]:
        """How much speaks against it: failures in a row, then their share of the window."""
        return self._streak, self._window.failures / max(1, self._window.calls)

    def admit(self, now_s: float, *, forced: bool = False) -> Permit | None:
        """Leave for one call; None while it rests, is ejected or has no trial left.

        `forced` asks it although it is ejected (see `admission.py`), never while it rests.
        """
        if now_s < self.rest.until_s:
            return None
        if not self._ejected:
            return Permit(self, now_s, self._epoch, trial=False)
        trial = self.trial_left(now_s)
        if not trial and not forced:
            return None
        self.tried_s = now_s
        if trial:
            self._trials += 1
            self._last_trial_s = now_s
        return Permit(self, now_s, self._epoch, trial=trial)

    def trial_left(self, now_s: float) -> bool:
        """Whether it is half open and a trial may begin. A trial that is undecided after a whole window does not hold
        back the next one.
        """
        if not self._ejected or now_s < self.until_s:
            return False
        policy = self._policy
        return self._trials < policy.half_open_permits or now_s - self._last_trial_s >= policy.window_s

    def overdue(self, now_s: float) -> bool:
        """Whether it should be asked in spite of all where there is nobody else: when it was left alone for more than
        an eighth of the time since it last answered, or for longer than a first ejection lasts.
        """
        return now_s - self.tried_s > min(self._policy.base_s, _OVERDUE * (now_s - self._answered_s))

    def snapshot(self, now_s: float) -> BreakerView:
        """Everything an operator may ask."""
        window, rest = self._window, self.rest
        window.advance(now_s)
        return BreakerView(
            state=self.state(now_s),
            reason=self.reason,
            total=self.total,
            until_s=self.until_s,
            ejections=self.ejections,
            calls=window.calls,
            failures=window.reasons(),
            slow=window.slow,
            trials=self._trials,
            cooling_until_s=rest.cooling_until_s if now_s < rest.cooling_until_s else 0.0,
            set_aside_until_s=rest.set_aside_until_s if now_s < rest.set_aside_until_s else 0.0,
            set_aside_reason=rest.reason,
        )

    # For permits: what became of a call. What was admitted before the last ejection is no news of what came after it.

    def on_answer(self, permit: Permit, now_s: float, first_token_s: float | None) -> None:
        """The call is served, or about to be."""
        self.rest.success(permit.admitted_s)
        self.on_release(permit)
        if permit.epoch != self._epoch:
            return
        slow_after_s = self._policy.slow_after_s
        slow = slow_after_s is not None and first_token_s is not None and first_token_s > slow_after_s
        self._streak = 0
        self._no_life = False
        self._answered_s = now_s
        self._window.succeeded(now_s, slow=slow)
        if self._ejected:
            self._tried(permit, now_s, slow=slow)
        elif slow:
            self._judge_pace(now_s)

    def on_failure(self, permit: Permit, now_s: float, reason: str) -> None:
        """The call failed, and the candidate is at fault."""
        self.on_release(permit)
        if permit.epoch != self._epoch:
            return
        policy, window = self._policy, self._window
        slow = policy.slow_after_s is not None and not permit.answering
        if now_s - self._last_failure_s > policy.window_s:
            self._streak = 0
        self._streak += 1
        self._last_failure_s = now_s
        window.failed(now_s, reason, slow=slow)
        self._no_life = not window.successes or self._streak >= policy.min_calls
        if self._ejected:
            if permit.trial:
                self._eject(now_s, f"a trial failed, {reason}")
        elif self._streak >= policy.consecutive:
            self._eject(now_s, f"{self._streak} failures in a row, {reason}")
        elif self._many(window.failures, policy.failure_share):
            self._eject(now_s, f"{window.failures} of {window.calls} calls failed, {reason}")
        elif slow:
            self._judge_pace(now_s)

    def on_outrun(self, permit: Permit, now_s: float) -> None:
        """The call was given up for a faster one."""
        slow_after_s = self._policy.slow_after_s
        slow = slow_after_s is not None and not permit.answering and now_s - permit.admitted_s >= slow_after_s
        self.on_release(permit)
        if not slow or permit.epoch != self._epoch:
            return
        self._window.given_up(now_s)
        if not self._ejected:
            self._judge_pace(now_s)
        elif permit.trial:
            self._tried(permit, now_s, slow=True)

    def on_release(self, permit: Permit) -> None:
        """The call is over, or no longer in the way of another trial."""
        if permit.holding:
            permit.holding = False
            if permit.epoch == self._epoch:
                self._trials -= 1

    def _tried(self, permit: Permit, now_s: float, *, slow: bool) -> None:
        if not permit.trial:
            return
        if slow:
            self._eject(now_s, f"a trial's first token took longer than {self._policy.slow_after_s:g} s")
            return
        self._trial_successes += 1
        if self._trial_successes >= self._policy.trial_successes:
            self._close(now_s)

    def _judge_pace(self, now_s: float) -> None:
        slow, calls = self._window.slow, self._window.calls
        if self._many(slow, self._policy.slow_share):
            limit = f"{self._policy.slow_after_s:g}"
            self._eject(now_s, f"the first tokens of {slow} of {calls} calls took longer than {limit} s")

    def _many(self, part: int, share: float) -> bool:
        calls = self._window.calls
        return calls >= self._policy.min_calls and part >= share * calls

    def _eject(self, now_s: float, reason: str) -> None:
        policy = self._policy
        if not self._ejected:
            forgiven = int((now_s - self._closed_s) // policy.window_s)
            self._level = max(0, self._level - forgiven)
        length_s = min(policy.max_s, math.ldexp(policy.base_s, self._level))
        self._level = min(self._level + 1, self._level_max)
        self.until_s = now_s + length_s * (1 - _JITTER * self._random.random())
        self.tried_s = now_s
        self._ejected = True
        self._epoch += 1
        self._trials = self._trial_successes = 0
        self.ejections += 1
        self.reason = reason

    def _close(self, now_s: float) -> None:
        self._ejected = False
        self.until_s = 0.0
        self._closed_s = now_s
        self._streak = 0
        self._window.clear()
        self.reason = ""


def _highest(policy: BreakerPolicy) -> int:
    """How often an ejection may double."""
    return max(0, math.ceil(math.log2(policy.max_s / policy.base_s)))
