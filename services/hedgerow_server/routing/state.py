"""How candidates have been doing. It outlives a configuration: a reload forgets nothing that was learned."""

import asyncio
import random
import time
from collections import OrderedDict
from itertools import islice

import msgspec

from hedgerow_server.core.error import (
    Failure,
    HedgerowError,
    ProviderAuth,
    ProviderModelUnavailable,
    ProviderUnavailable,
)
from hedgerow_server.core.event import AttemptRecord
from hedgerow_server.core.port import RateLimits
from hedgerow_server.core.slices import Work
from hedgerow_server.routing.allowance import Allowance
from hedgerow_server.routing.breaker import Breaker, BreakerPolicy, Permit
from hedgerow_server.routing.hedge import Share
from hedgerow_server.routing.latency import Latency
from hedgerow_server.routing.pace import Pace
from hedgerow_server.routing.pool import Pool, PoolPolicy
from hedgerow_server.routing.refusal import Refusal, Watcher
from hedgerow_server.routing.rest import Rest

_FORBIDDEN = 403
_OVERLOADED = 529
_RETRY_SHARE = 0.2
_RETRY_BURST = 10.0
_REMEMBERED = 20_000
"""States that are kept: names behind a star come from callers."""
_LOOKED_AT = 32
_ANSWERS = 64
"""How many answers tell of rate limits."""


class Times:
    """How long a candidate took to its first content: all that matter, aged, and the newest."""

    __slots__ = ("all", "newest")

    def __init__(self) -> None:
        self.all = Latency()
        self.newest = Pace()

    def observe(self, seconds: float, now_s: float) -> None:
        """A first content came after so many seconds."""
        self.all.observe(seconds, now_s)
        self.newest.observe(seconds, now_s)


class Shared(msgspec.Struct):
    """What all models of a provider share."""

    rest: Rest
    """An overloaded provider rests as a whole, as does one to which the configuration allows no connection."""
    retries: Allowance
    """How many attempts may be repeated at it."""


class CandidateState:
    """The state of one model at one provider with one credential."""

    def __init__(self, breaker: Breaker, shared: Shared, key: Rest, refusal: Refusal | None = None) -> None:
        self.breaker = breaker
        self.shared = shared
        self.key = key
        """The rest of the credential."""
        self.refusal = refusal or Refusal()
        """The newest refusal of the credential."""
        self.times = (Times(), Times())
        """Times to the first content: of attempts that are answered in one piece, and of streamed ones."""
        self.rate_limited = Share(_ANSWERS)
        """The share of the latest answers that were rate limits."""
        self.limits: tuple[RateLimits, float] | None = None
        """What the provider last told of the credential's limits, and when."""
        self.pool: Pool | None = None
        """What the credential may do with the model in a minute, where that is known. None: nobody counts it."""
        self.running = 0
        """Attempts that are under way."""
        self.closing: set[asyncio.Future[None]] = set()
        """Attempts that lost a race and are being closed."""
        self.last_error: HedgerowError | None = None
        """The newest failure, for whoever asks why it rests."""

    def resting_s(self) -> float:
        """How much longer it rests for a rate limit, an overload or a refused credential; 0 when it does not."""
        until_s = max(self.breaker.rest.until_s, self.shared.rest.until_s, self.key.until_s)
        return max(0.0, until_s - time.monotonic()) if until_s else 0.0

    def limited_s(self) -> float:
        """How much longer it rests for a rate limit or an overload alone; 0 when it rests for another reason too."""
        rest, shared, key = self.breaker.rest, self.shared.rest, self.key
        until_s = max(rest.cooling_until_s, shared.cooling_until_s)
        if max(rest.until_s, shared.until_s, key.until_s) > until_s:
            return 0.0
        return max(0.0, until_s - time.monotonic())

    def back_in_s(self) -> float:
        """How long until it may be asked again."""
        now_s = time.monotonic()
        return max(self.resting_s(), self.breaker.until_s - now_s, 0.0)

    def why(self) -> str:
        """Why it cannot be asked now, for people."""
        rests = (self.breaker.rest, self.shared.rest, self.key)
        resting = max(rests, key=lambda rest: rest.until_s)
        if resting.until_s > max(time.monotonic(), self.breaker.until_s):
            return resting.reason if resting.set_aside_until_s >= resting.cooling_until_s else "rate limit"
        return self.breaker.reason

    def quickest_s(self, quantile: float, *, stream: bool) -> float:
        """A low quantile of its times; 0 while too few are known."""
        return self.latency(stream=stream).quantile(quantile, time.monotonic(), slack=0.1) or 0.0

    def admit(self, *, forced: bool = False) -> Permit | None:
        """A permit for one attempt, to be given back; None while it rests or is ejected, unless `forced`: then only
        while it rests.
        """
        now_s = time.monotonic()
        if now_s < self.shared.rest.until_s or now_s < self.key.until_s:
            return None
        return self.breaker.admit(now_s, forced=forced)

    def open(self) -> bool:
        """Whether it may be asked like any other."""
        return not self.resting_s() and not self.breaker.ejected

    def latency(self, *, stream: bool) -> Latency:
        """The distribution of the times of attempts of this shape."""
        return self.times[stream].all

    def pace(self, *, stream: bool) -> Pace:
        """The newest times of attempts of this shape."""
        return self.times[stream].newest

    def limited(self, limits: RateLimits | None) -> None:
        """Takes note of what an answer tells of limits."""
        if limits is not None:
            self.limits = limits, time.time()
        if self.pool is not None:
            self.pool.answered(limits)

    def succeeded(self, admitted_s: float) -> None:
        """It has answered a call that began then: credential and model are good."""
        self.rate_limited.note(False)
        if self.breaker.rest.success(admitted_s) | self.key.success(admitted_s):
            self.refusal.over()

    def refused(self) -> bool:
        """Whether it rests since its credential was refused."""
        now_s = time.monotonic()
        return any(rest.resting(now_s) and rest.reason == ProviderAuth.reason for rest in (self.key, self.breaker.rest))

    def renewed(self) -> None:
        """The credential has another secret: what was said of the old one is forgotten."""
        self.key.renewed()
        self.breaker.rest.renewed()

    def failed(self, error: HedgerowError, record: AttemptRecord | None, *, superseded: bool = False) -> None:
        """Learns from a failure what the breaker does not count: who must rest, and how long. `superseded`: the secret
        that failed is not the one that holds any more.
        """
        now_s = time.monotonic()
        self.last_error = error
        status = record.upstream_status if record is not None else 0
        match error.failure:
            case Failure.RATE:
                self.rate_limited.note(True)
                self.breaker.rest.cool_down(now_s, error.retry_delay_s)
            case Failure.KEY if error.reason == ProviderUnavailable.reason:
                # The configuration allows no connection to it, with whichever key.
                self.shared.rest.set_aside(now_s, error.reason)
            case Failure.KEY if superseded:
                pass
            case Failure.KEY if isinstance(error, ProviderModelUnavailable) or status == _FORBIDDEN:
                # A key may be good for other models.
                self.breaker.rest.set_aside(now_s, error.reason)
            case Failure.KEY:
                self.key.set_aside(now_s, error.reason)
            case Failure.TRANSIENT if status == _OVERLOADED:
                self.shared.rest.cool_down(now_s, error.retry_delay_s)


class States:
    """The states of all candidates there are or have been."""

    def __init__(self, policy: BreakerPolicy = BreakerPolicy(), watcher: Watcher | None = None) -> None:  # noqa: B008  (frozen)
        """`watcher` is told of credentials that providers do not take."""
        self.policy = policy
        """The rules of breakers that are made from now on."""
        self._random = random.Random()  # noqa: S311  (jitter, no secret)
        self._candidates: OrderedDict[tuple[str, str, str, str], CandidateState] = OrderedDict()
        self._shared: dict[str, Shared] = {}
        self._pools: dict[tuple[str, str, str], Pool] = {}
        self._keys: dict[tuple[str, str], Rest] = {}
        self._refusals: dict[tuple[str, str], Refusal] = {}
        self._watcher = watcher

    def adopt(self, policy: BreakerPolicy) -> Work[None]:
        """Other rules, for breakers that there are as well, a few at a time."""
        if policy == self.policy:
            return
        self.policy = policy
        for shared in self._shared.values():
            shared.rest.adopt(policy.rest)
        for key in self._keys.values():
            key.adopt(policy.rest)
        for state in tuple(self._candidates.values()):
            state.breaker.adopt(policy)
            yield 1

    def renewed(self, credential: str) -> None:
        """The secret of a credential has changed: what was said of the old one is forgotten."""
        for (_, name), rest in self._keys.items():
            if name == credential:
                rest.renewed()
        for (_, name, _, _), state in self._candidates.items():
            if name == credential:
                state.breaker.rest.renewed()
        for (_, name), refusal in self._refusals.items():
            if name == credential:
                refusal.over()

    def set_aside(self) -> Work[dict[str, Rest]]:
        """Of each credential that is set aside, for a provider or for a model, the rest that ends last."""
        now_s = time.monotonic()
        found: dict[str, Rest] = {}
        rests = [(name, rest) for (_, name), rest in self._keys.items()]
        rests += [(name, state.breaker.rest) for (_, name, _, _), state in self._candidates.items()]
        for index, (name, rest) in enumerate(rests):
            before = found.get(name)
            if rest.set_aside_until_s > max(now_s, before.set_aside_until_s if before is not None else 0.0):
                found[name] = rest
            if index % _LOOKED_AT == 0:
                yield 1
        return found

    def reconfigured(self, provider: str) -> None:
        """The provider's entry of the configuration has changed: what was wrong with the old one is forgotten."""
        if provider in self._shared:
            self._shared[provider].rest.renewed()

    def of(self, provider: str, credential: str, model: str, region: str) -> CandidateState:
        """The state of a candidate, fresh where it is new."""
        key = (provider, credential, model, region)
        state = self._candidates.get(key)
        if state is None:
            shared = self._shared.get(provider)
            if shared is None:
                shared = self._shared[provider] = Shared(Rest(self._random, self.policy.rest), _full_allowance())
            rest = self._keys.setdefault((provider, credential), Rest(self._random, self.policy.rest))
            breaker = Breaker(self.policy, self._random)
            named = (provider, credential)
            refusal = self._refusals.setdefault(named, Refusal(*named, self._watcher))
            state = self._candidates[key] = CandidateState(breaker, shared, rest, refusal)
            if len(self._candidates) > _REMEMBERED:
                self._forget()
        else:
            self._candidates.move_to_end(key)
        return state

    def pool(self, provider: str, credential: str, model: str, policy: PoolPolicy | None) -> Pool | None:
        """The pool of a credential for a model, with what it has counted so far; None without a policy."""
        if policy is None:
            self._pools.pop((provider, credential, model), None)
            return None
        found = self._pools.get((provider, credential, model))
        if found is None:
            if len(self._pools) >= _REMEMBERED:
                del self._pools[next(iter(self._pools))]
            found = self._pools[provider, credential, model] = Pool(policy)
        found.adopt(policy)
        return found

    def _forget(self) -> None:
        """Lets go of the state that was not asked for the longest, of those that nobody would miss."""
        for key, state in islice(self._candidates.items(), _LOOKED_AT):
            if not state.running and state.open():
                del self._candidates[key]
                return


def _full_allowance() -> Allowance:
    """Retries are there from the start: the first call may be the one that needs one."""
    allowance = Allowance(_RETRY_SHARE, _RETRY_BURST)
    allowance.correct(_RETRY_BURST)
    return allowance
