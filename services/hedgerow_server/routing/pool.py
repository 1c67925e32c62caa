"""What a provider lets one of our keys do in a minute, shared fairly between the tenants that want it.

Calls wait here rather than run into the provider's own limit, or go to another candidate. Where several tenants have
asked lately, one that stays within its share (nine tenths of the limit, divided by those who have asked in the last
minute) is let through whatever the others do. Beyond its share a tenant gets what the others leave, spread over the
minute: what is taken in a burst would be missing for a minute.
"""

import asyncio
import time
from bisect import insort
from collections import deque

import msgspec

from hedgerow_server.core.port import RateLimit, RateLimits

_WINDOW_S = 60.0
_MARGIN_S = 0.5
"""The provider counts when a request arrives, a little after we count it."""
_GRAIN_S = 0.25
_SPARE = 10
"""The tenth part is kept for whoever comes next."""
_BURST_S, _BURST = 15.0, 4
"""Within so many seconds a tenant takes at most the fourth part of what there is."""
_LATELY_S = 600.0
"""How long a tenant that asked is reckoned with."""
_LONGEST_S = 3600.0
_AGAIN_S = 0.5
_UNKNOWN_RESET_S = 1.0


class PoolPolicy(msgspec.Struct, frozen=True):
    """The limits of one key for one model. None: none is known."""

    requests: int | None = None
    """Requests in a minute."""
    tokens: int | None = None
    """Tokens in a minute."""
    learn: bool = True
    """Whether what the provider's answers tell of limits counts as well."""


class _Minute:
    """What was taken in the last minute, in quarters of a second."""

    __slots__ = ("_slots", "total")

    def __init__(self) -> None:
        self._slots: deque[list[float]] = deque()
        self.total = 0

    def add(self, amount: int, now_s: float) -> None:
        """Takes it now; below 0 gives back."""
        slots = self._slots
        if slots and now_s - slots[-1][0] < _GRAIN_S:
            slots[-1][1] += amount
        else:
            slots.append([now_s, amount])
        self.total += amount

    def since(self, moment_s: float) -> int:
        """What was taken from a moment on."""
        found = 0.0
        for began_s, amount in reversed(self._slots):
            if began_s < moment_s:
                break
            found += amount
        return int(found)

    def pass_on(self, now_s: float) -> None:
        """Forgets what is older than a minute."""
        slots = self._slots
        until_s = now_s - _WINDOW_S - _GRAIN_S - _MARGIN_S
        while slots and slots[0][0] <= until_s:
            self.total -= int(slots.popleft()[1])

    def next_s(self, now_s: float) -> float | None:
        """How long until something is forgotten; None: there is nothing."""
        if not self._slots:
            return None
        return max(0.0, self._slots[0][0] + _WINDOW_S + _GRAIN_S + _MARGIN_S - now_s)


class _Unit:
    """The limit of one thing, and what was taken of it by whom."""

    __slots__ = ("_remaining", "_until_s", "all", "by", "most")

    def __init__(self, most: int | None) -> None:
        self.most = most
        self.all = _Minute()
        self.by: dict[str, _Minute] = {}
        self._remaining = 0
        self._until_s = 0.0

    def learn(self, told: RateLimit | None, under_way: int, now_s: float, *, configured: bool) -> None:
        """Takes note of what an answer tells. `under_way`: taken by those whose answers have not come."""
        if told is None:
            return
        by_the_minute = told.window_s is None or told.window_s <= _WINDOW_S
        if told.limit is not None and by_the_minute and not configured:
            self.most = told.limit
        if told.remaining is not None:
            reset_s = told.reset_s if told.reset_s is not None else _UNKNOWN_RESET_S
            self._remaining = told.remaining - under_way
            self._until_s = now_s + min(reset_s, _LONGEST_S)

    def free(self, now_s: float) -> int | None:
        """What is left; None: whatever one likes."""
        self.all.pass_on(now_s)
        own = None if self.most is None else self.most - self.all.total
        if now_s < self._until_s:
            own = self._remaining if own is None else min(own, self._remaining)
        return own

    def allows(self, tenant: str, amount: int, now_s: float, *, alone: bool) -> bool:
        """Whether a tenant may take so much now. `alone`: nobody else has asked lately."""
        free = self.free(now_s)
        if free is None:
            return True
        if free < amount:
            # What is more than all there is goes alone.
            return self.most is not None and amount > self.most and not self.all.total
        if self.most is None or alone:
            return True
        used, spare = self._used(now_s), self.most // _SPARE
        share = (self.most - spare) // len(used.keys() | {tenant})
        mine = used.get(tenant, 0)
        burst = self.by[tenant].since(now_s - _BURST_S) if mine else 0
        if mine and burst + amount > max(1, (self.most - spare) // _BURST):
            return False
        if mine + amount <= share:
            return True
        owed = sum(max(0, share - theirs) for one, theirs in used.items() if one != tenant)
        return free - amount >= owed + spare

    def _used(self, now_s: float) -> dict[str, int]:
        found: dict[str, int] = {}
        for tenant, minute in tuple(self.by.items()):
            minute.pass_on(now_s)
            if minute.total > 0:
                found[tenant] = minute.total
            elif minute.next_s(now_s) is None:
                del self.by[tenant]
        return found

    def take(self, tenant: str, amount: int, now_s: float) -> None:
        """Takes it, or below 0 gives it back."""
        self.all.add(amount, now_s)
        if self.most is not None:
            self.by.setdefault(tenant, _Minute()).add(amount, now_s)
        self._remaining -= amount

    def of(self, tenant: str) -> int:
        """What a tenant has taken in the last minute."""
        minute = self.by.get(tenant)
        return minute.total if minute is not None else 0

    def next_s(self, now_s: float) -> float:
        """How long until more may be left."""
        found = [one for one in (self.all.next_s(now_s),) if one is not None]
        if now_s < self._until_s:
            found.append(self._until_s - now_s)
        return min(found, default=_GRAIN_S)


class Turn(msgspec.Struct, frozen=True):
    """What an attempt has taken of a pool."""

    tenant: str
    tokens: int


class _Waiter:
    __slots__ = ("future", "tenant", "tokens")

    def __init__(self, tenant: str, tokens: int, future: "asyncio.Future[None]") -> None:
        self.tenant = tenant
        self.tokens = tokens
        self.future = future


class Pool:
    """The pool of one key for one model."""

    def __init__(self, policy: PoolPolicy) -> None:
        self.policy = policy
        self._requests = _Unit(policy.requests)
        self._tokens = _Unit(policy.tokens)
        self._waiting: dict[str, deque[_Waiter]] = {}
        self._seen: dict[str, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._under_way = 0
        self._tokens_under_way = 0

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return sum(map(len, self._waiting.values()))

    def adopt(self, policy: PoolPolicy) -> None:
        """Other limits, from now on."""
        if policy != self.policy:
            self.policy = policy
            self._requests.most, self._tokens.most = policy.requests, policy.tokens

    def take(self, tenant: str, tokens: int) -> Turn | None:
        """A turn at once; None where there is none, or others have waited longer for it and have had less."""
        now_s = time.monotonic()
        self._note(tenant, now_s)
        if not self._allows(tenant, tokens, now_s):
            return None
        mine = self._requests.of(tenant)
        if any(self._requests.of(one) <= mine for one in self._waiting):
            return None
        return self._took(tenant, tokens, now_s)

    async def turn(self, tenant: str, tokens: int, within_s: float) -> Turn | None:
        """A turn once there is one; None if that takes longer than `within_s`."""
        waiter = _Waiter(tenant, tokens, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(tenant, deque()).append(waiter)
        self._go_on()
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

    def wait_s(self) -> float:
        """How long until there may be more to take."""
        now_s = time.monotonic()
        return min(self._requests.next_s(now_s), self._tokens.next_s(now_s))

    def back(self, turn: Turn) -> None:
        """Nothing was sent after all."""
        now_s = time.monotonic()
        self._requests.take(turn.tenant, -1, now_s)
        self._tokens.take(turn.tenant, -turn.tokens, now_s)
        self._answered(turn)

    def over(self, turn: Turn, tokens: int | None) -> None:
        """An attempt has ended, and has come to so many tokens (None: nobody knows)."""
        if tokens is not None and tokens != turn.tokens:
            self._tokens.take(turn.tenant, tokens - turn.tokens, time.monotonic())
        self._answered(turn)

    def _answered(self, turn: Turn) -> None:
        self._under_way -= 1
        self._tokens_under_way -= turn.tokens
        if self._waiting:
            self._go_on()

    def learn(self, limits: RateLimits) -> None:
        """Takes note of what an answer tells of limits; the call that it is for is still under way."""
        if not self.policy.learn:
            return
        now_s = time.monotonic()
        others = max(0, self._under_way - 1)
        self._requests.learn(limits.requests, others, now_s, configured=self.policy.requests is not None)
        self._tokens.learn(limits.tokens, 0, now_s, configured=self.policy.tokens is not None)

    def _note(self, tenant: str, now_s: float) -> None:
        """A tenant asks."""
        self._seen.pop(tenant, None)
        self._seen[tenant] = now_s
        while (oldest := next(iter(self._seen))) != tenant and now_s - self._seen[oldest] > _LATELY_S:
            del self._seen[oldest]

    def _allows(self, tenant: str, tokens: int, now_s: float) -> bool:
        alone = len(self._seen) < 2
        return self._requests.allows(tenant, 1, now_s, alone=alone) and self._tokens.allows(
            tenant, tokens, now_s, alone=alone
        )

    def _took(self, tenant: str, tokens: int, now_s: float) -> Turn:
        self._requests.take(tenant, 1, now_s)
        self._tokens.take(tenant, tokens, now_s)
        self._under_way += 1
        self._tokens_under_way += tokens
        return Turn(tenant, tokens)

    def _go_on(self) -> None:
        """Lets in whoever may; those first who have had the least, and of one tenant those who have waited longest."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
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
            # A burst is over before anything is forgotten.
            wait_s = min(self.wait_s(), _AGAIN_S) if len(self._seen) > 1 else self.wait_s()
            self._timer = asyncio.get_running_loop().call_later(max(wait_s, _GRAIN_S / 8), self._go_on)
