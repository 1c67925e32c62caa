"""The search for an answer: whom to ask next, and what a failure means for it.

What the classes of failures mean is core.error.Failure's; here it becomes the next attempt, a pause, or the end.
"""

import asyncio
import random
import time

from hedgerow_server.core.call import Call
from hedgerow_server.core.error import (
    ContextTooLong,
    CredentialUnavailable,
    DeadlineExceeded,
    Failure,
    HedgerowError,
    ProviderAuth,
    ProviderRejectedRequest,
    SwitchedOff,
)
from hedgerow_server.core.event import AttemptKind, AttemptOutcome
from hedgerow_server.core.request import ChatSpec, EmbedSpec
from hedgerow_server.routing.admission import Admission, admissible
from hedgerow_server.routing.attempt import Attempt
from hedgerow_server.routing.candidate import Candidate, Keyring
from hedgerow_server.routing.exhausted import exhausted
from hedgerow_server.routing.leg import Leg
from hedgerow_server.routing.limits import Limits
from hedgerow_server.routing.plan import Plan
from hedgerow_server.routing.purse import Purse
from hedgerow_server.routing.queue import Queue
from hedgerow_server.routing.race import Race, repeatable, streams_upstream

_ELSEWHERE = (Failure.TRANSIENT, Failure.RATE, Failure.KEY)
"""Failures that another candidate, or another moment, may not have."""
_OF_THE_KEY = (Failure.RATE, Failure.KEY)
"""Failures that the same candidate may not have with another of its keys: limits are a key's own, too."""
_LEAST_S = 0.005
"""No provider gives a first token in less."""
_QUICKEST = 0.05
"""The quantile of a candidate's first-token times below which an attempt has no point."""
_AMPLE_S = 60.0
"""With so much time left nobody is asked whether it is enough."""
_BACKOFF_S = 0.1
"""The mean pause before the same candidate is asked again after a transient failure."""
_LATER_S = 0.001
"""How long after the end of a rate limit is asked again: timers may go off early by less than this."""


class Search:
    """The search for an answer to one call."""

    def __init__(
        self, call: Call, plan: Plan, spec: ChatSpec | EmbedSpec, *, stream: bool, again: bool = False
    ) -> None:
        """`again`: the call has had an answer already, which will not do."""
        self._call = call
        self._plan = plan
        self._spec = spec
        self._stream = stream
        self._again = again
        self._upstream_stream = streams_upstream(plan, spec, stream=stream)
        self._left = list(plan.candidates)
        self._resting: list[Candidate] = []
        self._tried: list[Candidate] = []
        self._momentary: list[Candidate] = []  # failed for a reason that passes
        self._refused: list[Candidate] = []  # whose credential is not accepted
        self._keyrings: list[Keyring] = []  # of which all keys are among those to ask
        self._most = min(plan.policy.max_attempts or plan.bounds.max_attempts, plan.bounds.max_attempts)
        self._waited_s = 0.0
        self._error: HedgerowError | None = None
        self._late: DeadlineExceeded | None = None
        self._unfit: HedgerowError | None = None
        races = self._most > 1 and repeatable(plan, spec)
        self._race = Race(plan, spec, self._beside, self._hedge, self._judge) if races else None
        self._legs: list[Leg] = []
        self._purse = Purse(call.hold, spec) if call.hold is not None else None
        self._queue = Queue(call, spec)

    async def answer(self) -> Leg:
        """An attempt whose answer is committed. Raises the HedgerowError that the caller shall see."""
        while True:
            # The last one: a candidate that was to be asked again may not take calls any more, but with another key.
            leg = self._next() or await self._with_another_secret() or await self._once_more() or self._next()
            leg = leg or await self._in_turn()
            if leg is None:
                raise self._nobody()
            found = leg if self._race is None else await self._race.run(leg)
            if found is None:
                continue
            try:
                await found.read(whole=not self._stream)
            except HedgerowError as error:
                self._judge(found, error)
            else:
                return found

    async def replacement(self, leg: Leg, error: HedgerowError) -> Leg:
        """Another committed answer in the place of one that broke. Raises the error where there is none."""
        if not (self._stream and self._plan.policy.allow_route_change and error.failure in _ELSEWHERE):
            raise error
        self._judge(leg, error)
        try:
            found = await self.answer()
        except HedgerowError:
            raise error from None
        leg.attempt.replaced()
        return found

    def close(self, answered: Leg | None) -> None:
        """The call is over, with this answer or with none."""
        if answered is not None and answered.finished is None:
            answered.attempt.close()
            answered.stop(AttemptOutcome.CANCELLED)
        told = answered or next((leg for leg in reversed(self._legs) if leg.usage is not None), None)
        usage = told.usage if told is not None else None
        if usage is not None:
            self._call.usage = usage
        if self._race is not None:
            self._race.book(self._legs)
            # It knows the search: as a circle the two, and with them all of the call, would wait for the collector.
            self._race = None
        if self._purse is not None:
            self._purse.book(self._legs)
        self._queue.over(self._legs)

    def _judge(self, leg: Leg, error: HedgerowError) -> None:
        """Raises what goes back to the caller at once; otherwise the search goes on."""
        before = self._error
        if error.failure in _ELSEWHERE:
            self._error = error
            if error.failure is not Failure.KEY:
                self._momentary.append(leg.candidate)
            elif isinstance(error, ProviderAuth):
                self._refused.append(leg.candidate)
            self._keys_after(leg.candidate, error.failure)
            return
        if isinstance(error, ContextTooLong) and self._plan.bounds.larger_context:
            limit = _context(leg.candidate)
            self._left = [one for one in self._left if _context(one) > limit]
            if self._left:
                self._error = before or error
                return
        rejected = isinstance(error, ProviderRejectedRequest | ContextTooLong)
        if rejected and before is not None and before.failure in _ELSEWHERE:
            # The first choice may have taken it: one that does not is passed over like one that is down.
            return
        raise error

    def _keys_after(self, candidate: Candidate, failure: Failure) -> None:
        """What a failure means for the other keys of its candidate: they come next where it is the key's, and are not
        asked where the provider itself has failed.
        """
        if candidate.keyring is None:
            return
        if failure in _OF_THE_KEY:
            self._other_keys(candidate)
        else:
            self._left = [one for one in self._left if not one.same(candidate)]

    def _other_keys(self, candidate: Candidate) -> None:
        """Puts the other keys of a candidate before all that are left, once a call."""
        keyring = candidate.keyring
        if keyring is not None and keyring not in self._keyrings:
            self._keyrings.append(keyring)
            self._left[:0] = keyring.others(candidate)

    def _nobody(self) -> HedgerowError:
        """Why there is no attempt left to make."""
        if self._error is not None:
            return self._error
        if self._late is not None:
            return self._late
        if self._queue.paced:
            return self._queue.full()
        if self._resting or self._unfit is None:
            return exhausted(self._resting)
        return self._unfit

    def _next(self) -> Leg | None:
        """An attempt at the next candidate that may be asked."""
        while self._left and self._more():
            candidate = self._left.pop(0)
            if self._in_time(candidate):
                leg = self._start(candidate, self._kind(candidate))
                if leg is not None:
                    return leg
        return self._passed_over() if self._resting and self._more() else None

    def _passed_over(self) -> Leg | None:
        """An attempt at a candidate that may be asked by now, or is ejected on partial evidence where too many are."""
        waiting = [one for one in self._resting if one not in self._tried and not one.state.resting_s()]
        breakers = [one.state.breaker for one in waiting]
        admissions = admissible(breakers, self._plan.bounds.max_ejected_share, time.monotonic())
        for one, admission in zip(waiting, admissions, strict=True):
            if admission is not Admission.NO and self._in_time(one):
                self._resting.remove(one)
                leg = self._start(one, self._kind(one), forced=admission is Admission.FORCED)
                if leg is not None:
                    return leg
        return None

    def _beside(self) -> Candidate | None:
        """Who would be asked beside the first: the next candidate that may be, or the first one once more."""
        if not self._more():
            return None
        first = self._tried[0]
        others = (one for one in self._left if not one.same(first) and one.state.open() and self._in_time(one))
        found = next(others, first)
        return found if self._in_time(found) else None

    def _hedge(self, candidate: Candidate) -> Leg | None:
        if candidate in self._left:
            self._left.remove(candidate)
        return self._start(candidate, AttemptKind.HEDGE)

    async def _with_another_secret(self) -> Leg | None:
        """A candidate whose credential was refused, in this call or in another, as soon as it has another secret."""
        resting = [one for one in self._resting if one.state.refused()]
        for candidate in dict.fromkeys((*self._refused, *resting)):
            if self._tried.count(candidate) > 1 or not self._more() or not self._in_time(candidate):
                continue
            remaining_s = self._call.remaining_s()
            if await candidate.state.refusal.overcome(None if remaining_s is None else remaining_s - _LEAST_S):
                candidate.state.renewed()
                leg = self._start(candidate, self._kind(candidate))
                if leg is not None:
                    return leg
        return None

    async def _once_more(self) -> Leg | None:
        """A candidate that failed for the moment, again; or the first one whose rate limit is over in time."""
        for candidate in [one for one in self._momentary if self._tried.count(one) == 1]:
            if not (self._more() and candidate.state.open()):
                continue
            pause_s = random.uniform(0.5, 1.5) * _BACKOFF_S  # noqa: S311  (jitter, no secret)
            if self._affords(pause_s) and self._in_time(candidate) and candidate.state.shared.retries.take():
                await asyncio.sleep(pause_s)
                leg = self._start(candidate, AttemptKind.RETRY)
                if leg is not None:
                    return leg
        return await self._after_rest()

    async def _after_rest(self) -> Leg | None:
        """The candidate whose rate limit is over first, when it is."""
        paid: set[Candidate] = set()
        while self._more():
            limited = [one for one in (*self._resting, *self._momentary) if one.state.limited_s() > 0]
            soonest = min(limited, key=lambda one: one.state.limited_s(), default=None)
            if soonest is None or not self._in_time(soonest):
                return None
            wait_s = soonest.state.limited_s() + _LATER_S
            if self._waited_s + wait_s > self._plan.bounds.max_wait_s or not self._affords(wait_s):
                return None
            if soonest not in paid and not soonest.state.shared.retries.take():
                return None
            paid.add(soonest)
            self._waited_s += wait_s
            await asyncio.sleep(wait_s)
            # Meanwhile another call may have been told to wait for longer.
            if not soonest.state.limited_s():
                return self._start(soonest, self._kind(soonest))
        return None

    async def _in_turn(self) -> Leg | None:
        """A candidate whose provider would refuse one more call of ours now, once it is this call's turn."""
        while self._queue.paced and self._more():
            remaining_s = self._call.remaining_s()
            within_s = self._plan.bounds.max_wait_s - self._waited_s
            if remaining_s is not None:
                within_s = min(within_s, remaining_s - _LEAST_S)
            candidate, waited_s = await self._queue.wait(within_s)
            self._waited_s += waited_s
            if candidate is None:
                return None
            leg = self._start(candidate, self._kind(candidate))
            if leg is not None:
                return leg
            self._queue.back(candidate)
        return None

    def _start(self, candidate: Candidate, kind: AttemptKind, *, forced: bool = False) -> Leg | None:
        kills = self._plan.bounds.kills
        if kills is not None and kills.off(candidate.upstream.name, candidate.model):
            # Since the plan was made.
            self._unfit = self._unfit or SwitchedOff(
                f"The operator has switched {candidate.label} off.", metadata={"scope": "provider"}
            )
            return None
        permit = candidate.state.admit(forced=forced)
        if permit is None:
            if candidate not in self._resting:
                self._resting.append(candidate)
            self._other_keys(candidate)
            return None
        if self._purse is not None and not self._within_budget(self._purse, candidate, kind):
            permit.void()
            return None
        pool = candidate.state.pool
        if pool is not None and not self._queue.enter(candidate, pool):
            permit.void()
            self._other_keys(candidate)
            return None
        limits = self._limits(candidate)
        try:
            attempt = Attempt(
                self._call,
                candidate,
                self._spec if self._purse is None else self._purse.spec(candidate),
                self._plan.policy,
                stream=self._upstream_stream,
                kind=kind,
                limits=limits,
            )
        except HedgerowError as error:
            permit.void()
            self._queue.back(candidate)
            self._unfit = self._unfit or error
            if isinstance(error, CredentialUnavailable):
                self._other_keys(candidate)
            return None
        except BaseException:
            permit.void()
            self._queue.back(candidate)
            raise
        self._tried.append(candidate)
        if kind is AttemptKind.PRIMARY:
            candidate.state.shared.retries.earn()
        leg = Leg(attempt, candidate, permit, stream=self._upstream_stream, hurried=limits.hurried)
        self._legs.append(leg)
        return leg

    def _within_budget(self, purse: Purse, candidate: Candidate, kind: AttemptKind) -> bool:
        """Whether the caller's limits have room for one more attempt, of which they take what it can come to."""
        error = purse.allows(candidate, self._legs, hedge=kind is AttemptKind.HEDGE)
        self._unfit = self._unfit or error
        return error is None

    def _limits(self, candidate: Candidate) -> Limits:
        left = self._left if len(self._tried) + 1 < self._most else []
        others = left and any(one.state.open() and not one.same(candidate) for one in left)
        shared_s = self._call.remaining_s() if others else None
        return Limits.of(self._plan, candidate, shared_s, whole=not self._stream)

    def _kind(self, candidate: Candidate) -> AttemptKind:
        if not self._tried:
            return AttemptKind.RETRY if self._again else AttemptKind.PRIMARY
        # With another key it is the same candidate again.
        again = any(one.same(candidate) for one in self._tried)
        return AttemptKind.RETRY if again else AttemptKind.FAILOVER

    def _more(self) -> bool:
        """Whether one more attempt may be made."""
        return len(self._tried) < self._most

    def _in_time(self, candidate: Candidate) -> bool:
        """Whether an attempt has a point before the deadline."""
        remaining_s = self._call.remaining_s()
        if remaining_s is None or remaining_s > _AMPLE_S:
            return True
        needed_s = max(_LEAST_S, candidate.state.quickest_s(_QUICKEST, stream=self._upstream_stream))
        if remaining_s >= needed_s:
            return True
        if self._late is None or needed_s < float(self._late.metadata["neededSeconds"]):
            self._late = _too_late(self._call, candidate, remaining_s, needed_s)
        return False

    def _affords(self, pause_s: float) -> bool:
        remaining_s = self._call.remaining_s()
        return remaining_s is None or remaining_s > pause_s + _LEAST_S


def _too_late(call: Call, candidate: Candidate, remaining_s: float, needed_s: float) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"The deadline leaves {max(0.0, remaining_s):.3f} s; {candidate.label} needs {needed_s:.3f} s at its best, "
        "so nothing was sent.",
        metadata={
            "deadlineSeconds": f"{call.timeout_s or 0:g}",
            "neededSeconds": f"{needed_s:.3f}",
            "provider": candidate.upstream.name,
        },
    )


def _context(candidate: Candidate) -> int:
    return (candidate.facts.context_tokens or 0) if candidate.facts is not None else 0
