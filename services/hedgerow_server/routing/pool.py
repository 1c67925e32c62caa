"""What a provider lets one of our keys do in a minute, shared fairly between the tenants that want it.

Calls wait here rather than run into the provider's own limit, or go to another candidate. Where several tenants have
asked lately, one that stays within its share (nine tenths of the limit, divided by those who have asked in the last
minute) is let through whatever the others do. Beyond its share a tenant gets what the others leave, spread over the
minute: what is taken in a burst would be missing for a minute.

Before the first answer of a provider nobody knows what it allows: only a few calls are sent then, for a second at most.
"""

import asyncio
import math
import time
from bisect import insort
from collections import deque

import msgspec

from hedgerow_server.core.admin import PoolFacts
from hedgerow_server.core.port import RateLimits
from hedgerow_server.routing.gauge import GRAIN_S, Gauge

_LATELY_S = 600.0
"""How long a tenant that asked is reckoned with."""
_AGAIN_S = 0.5
_SOON_S = 0.005
_SOON_EACH_S = 2e-5
"""How long to wait, for each tenant that waits, before looking again who may: looking takes a twentieth of that."""
_BLIND = 8
"""How many are sent to a provider that nobody has heard of yet."""
_BLIND_TICKS, _TICK_S = 4, 0.25
"""For how long: counted by the event loop, which sees an answer that is there before it has counted to the end, however
busy it is."""


class PoolPolicy(msgspec.Struct, frozen=True):
    """The limits of one key for one model. None: none is known."""

    requests: int | None = None
    """Requests in a minute."""
    tokens: int | None = None
    """Tokens in a minute."""
    learn: bool = True
    """Whether what the provider's answers tell of limits counts as well."""
    several: bool = False
    """Whether callers of several tenants may come. Then one that is alone leaves the tenth part for the next, and is
    taken for that only after ten minutes without another.
    """


class Turn(msgspec.Struct, frozen=True):
    """What an attempt has taken of a pool."""

    tenant: str
    tokens: int
    counted: bool = True
    """False: nothing was known that it could be taken of."""


class _Waiter:
    __slots__ = ("future", "tenant", "tokens")

    def __init__(self, tenant: str, tokens: int, future: "asyncio.Future[None]") -> None:
        self.tenant = tenant
        self.tokens = tokens
        self.future = future


class Pool:
    """The pool of one key for one model."""

    __slots__ = (
        "_blind",
        "_first_s",
        "_requests",
        "_seen",
        "_soon",
        "_timer",
        "_tokens",
        "_unheard",
        "_waiting",
        "counts",
        "policy",
    )

    def __init__(self, policy: PoolPolicy) -> None:
        self.policy = policy
        self._requests = Gauge(policy.requests)
        self._tokens = Gauge(policy.tokens, resync=policy.tokens is None)
        self._waiting: dict[str, deque[_Waiter]] = {}
        self._seen: dict[str, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._soon = False
        self._unheard = 0
        self._blind = _BLIND_TICKS if policy.learn and policy.requests is None else 0
        self._first_s = math.inf
        self.counts = True
        """Whether turns are counted at all: not for a provider that has told nothing and of which nothing is known."""
        self._reckon()

    def _reckon(self) -> None:
        self.counts = bool(self._blind) or self._requests.known or self._tokens.known

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return sum(map(len, self._waiting.values()))

    def facts(self) -> PoolFacts | None:
        """How it stands; None while nothing is known of any limit."""
        if not (self._requests.known or self._tokens.known):
            return None
        now_s, units = time.monotonic(), (self._requests, self._tokens)
        (requests, tokens) = [None if (free := one.free(now_s)) is None else max(0, free) for one in units]
        return PoolFacts(self._requests.per_minute(), requests, self._tokens.per_minute(), tokens, self.waiting)

    def adopt(self, policy: PoolPolicy) -> None:
        """Other limits, from now on."""
        if policy == self.policy:
            return
        before, self.policy = self.policy, policy
        if policy.requests != before.requests:
            self._requests.configure(policy.requests)
        if policy.tokens != before.tokens:
            self._tokens.configure(policy.tokens)
        self._blind = self._blind if policy.learn and policy.requests is None else 0
        self._reckon()

    def take(self, tenant: str, tokens: int) -> Turn | None:
        """A turn at once; None where there is none, or others have waited longer for it and have had less."""
        if not self.counts:
            self._unheard += 1
            return Turn(tenant, 0, counted=False)
        now_s = time.monotonic()
        self._note(tenant, now_s)
        if not self._allows(tenant, tokens, now_s):
            return None
        if self._waiting:
            mine = self._requests.of(tenant)
            if any(self._requests.of(one) <= mine for one in self._waiting):
                return None
        self._took(tenant, tokens, now_s)
        return Turn(tenant, tokens)

    async def turn(self, tenant: str, tokens: int, within_s: float) -> Turn | None:
        """A turn once there is one; None if that takes longer than `within_s`."""
        waiter = _Waiter(tenant, tokens, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(tenant, deque()).append(waiter)
        self._nudge()
        try:
            async with asyncio.timeout(within_s):
                await waiter.future
        except TimeoutError:
            if not waiter.future.done() or waiter.future.cancelled():
                return None
        except asyncio.CancelledError:
            if waiter.future.done() and not waiter.future.cancelled():
                self.back(Turn(tenant, tokens))
            raise
        finally:
            self._leave(waiter)
        return Turn(tenant, tokens)

    def _leave(self, waiter: _Waiter) -> None:
        queue = self._waiting.get(waiter.tenant)
        if queue is not None and waiter in queue:
            queue.remove(waiter)
            if not queue:
                del self._waiting[waiter.tenant]

    def wait_s(self, tenant: str) -> float:
        """How long until there may be more for a tenant to take."""
        now_s = time.monotonic()
        units = (self._requests, self._tokens)
        return self._blind * _TICK_S or min(one.next_s(tenant, now_s) for one in units)

    def back(self, turn: Turn) -> None:
        """Nothing was sent after all."""
        self._heard()
        if turn.counted:
            now_s = time.monotonic()
            self._requests.undo(turn.tenant, 1, now_s)
            self._tokens.undo(turn.tenant, turn.tokens, now_s)
            self._nudge()

    def over(self, turn: Turn, tokens: int | None, *, heard: bool = True) -> None:
        """An attempt has ended, and has come to so many tokens (None: nobody knows). `heard`: whether anything was
        answered, of which `answered` was told.
        """
        if not heard:
            self._heard()
        if tokens is not None and tokens != turn.tokens and self._tokens.known:
            self._tokens.correct(turn.tenant, tokens - turn.tokens, time.monotonic())
            if tokens < turn.tokens:
                self._nudge()

    def _heard(self) -> None:
        self._unheard = max(0, self._unheard - 1)

    def answered(self, limits: RateLimits | None) -> None:
        """The head of an answer has come: takes note of what it tells of limits, if it does."""
        self._heard()
        if limits is not None and self.policy.learn:
            now_s, policy = time.monotonic(), self.policy
            if limits.requests is not None:
                configured = policy.requests is not None
                self._requests.learn(limits.requests, self._unheard, now_s, configured=configured)
            if limits.tokens is not None:
                self._tokens.learn(limits.tokens, 0, now_s, configured=policy.tokens is not None)
        elif not self._blind:
            return
        if self._blind or not self.counts:
            self._blind = 0
            self._reckon()
        self._nudge()

    def _note(self, tenant: str, now_s: float) -> None:
        """A tenant asks."""
        self._seen.pop(tenant, None)
        self._seen[tenant] = now_s
        while (oldest := next(iter(self._seen))) != tenant and now_s - self._seen[oldest] > _LATELY_S:
            del self._seen[oldest]

    def _allows(self, tenant: str, tokens: int, now_s: float) -> bool:
        if self._blind and self._unheard >= _BLIND:
            # Whoever has had nothing need not wait for those who have.
            return self._unheard < 2 * _BLIND and not self._requests.of(tenant)
        spare = self.policy.several
        # Whoever comes first is not the only one for that.
        known_s = _LATELY_S if spare else 0.0
        alone = len(self._seen) < 2 and now_s - self._first_s >= known_s
        return self._requests.allows(tenant, 1, now_s, alone=alone, spare=spare) and self._tokens.allows(
            tenant, tokens, now_s, alone=alone, spare=spare
        )

    def _tick(self) -> None:
        """Nobody has answered yet."""
        if not self._blind:
            return
        self._blind -= 1
        if self._blind:
            asyncio.get_running_loop().call_later(_TICK_S, self._tick)
        else:
            self._reckon()
            self._nudge()

    def _took(self, tenant: str, tokens: int, now_s: float) -> None:
        self._requests.take(tenant, 1, now_s)
        self._tokens.take(tenant, tokens, now_s)
        self._unheard += 1
        if self._first_s == math.inf:
            self._first_s = now_s
            if self._blind:
                asyncio.get_running_loop().call_later(_TICK_S, self._tick)

    def _nudge(self) -> None:
        """Sees to it that those who wait are looked at again soon, once for all that happens until then."""
        if not self._waiting or self._soon:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._soon = True
        soon_s = 0.0 if len(self._waiting) == 1 else max(_SOON_S, len(self._waiting) * _SOON_EACH_S)
        self._timer = asyncio.get_running_loop().call_later(soon_s, self._go_on)

    def _go_on(self) -> None:
        """Lets in whoever may; those first who have had the least, and of one tenant those who have waited longest."""
        self._timer, self._soon = None, False
        now_s = time.monotonic()
        tenants = sorted(self._waiting, key=self._requests.of)
        while tenants:
            tenant = tenants.pop(0)
            waiter = self._waiting[tenant][0]
            if not waiter.future.done():
                if not self._allows(tenant, waiter.tokens, now_s):
                    continue
                self._took(tenant, waiter.tokens, now_s)
                waiter.future.set_result(None)
            self._leave(waiter)
            if tenant in self._waiting:
                insort(tenants, tenant, key=self._requests.of)
        if self._waiting:
            # The burst of any of them may be over before anything is forgotten.
            first = next(iter(self._waiting))
            wait_s = min(self.wait_s(first), _AGAIN_S if len(self._waiting) > 1 else math.inf)
            self._timer = asyncio.get_running_loop().call_later(max(wait_s, GRAIN_S / 8), self._go_on)
