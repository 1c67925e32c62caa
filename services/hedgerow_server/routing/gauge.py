"""One limit of a provider: how much of it is left, and for whom."""

from collections import deque

from hedgerow_server.core.port import RateLimit

_MINUTE_S = 60.0
_MARGIN_S = 0.5
"""The provider counts when a request arrives, a little after we count it."""
GRAIN_S = 0.25
_SPARE = 10
"""The tenth part is kept for whoever comes next."""
_BURST_SHARE = 0.25
_BURST = 4
"""Within a quarter of the window a tenant takes at most the fourth part of what there is."""
_LONGEST_S = 300.0
"""How long it is believed that nothing is left, whatever an answer says: as long as a rate limit rests at most."""
_UNKNOWN_RESET_S = 1.0
_LOOK_S = 1e-4
"""Who has used how much is summed up so seldom that it costs a hundredth of the time, at a microsecond a tenant."""
_NEARLY_S, _HARDLY_S = 50.0, 70.0
"""What is taken for a minute."""


class Taken:
    """What was taken lately, in quarters of a second."""

    __slots__ = ("_slots", "total")

    def __init__(self) -> None:
        self._slots: deque[list[float]] | None = None
        self.total = 0

    def add(self, amount: int, now_s: float) -> None:
        """Takes it now; below 0 gives back."""
        self.total += amount
        slots = self._slots
        if slots and now_s - slots[-1][0] < GRAIN_S:
            slots[-1][1] += amount
        elif slots is None:
            self._slots = deque(([now_s, amount],))
        else:
            slots.append([now_s, amount])

    def since(self, moment_s: float) -> int:
        """What was taken from a moment on."""
        found = 0.0
        for began_s, amount in reversed(self._slots or ()):
            if began_s < moment_s:
                break
            found += amount
        return int(found)

    def first_s(self, moment_s: float) -> float | None:
        """When the first of what was taken from a moment on was taken; None: nothing was."""
        return next((began_s for began_s, _ in self._slots or () if began_s >= moment_s), None)

    def pass_on(self, now_s: float, window_s: float) -> None:
        """Forgets what is older than the window."""
        slots = self._slots
        until_s = now_s - window_s - GRAIN_S - _MARGIN_S
        while slots and slots[0][0] <= until_s:
            self.total -= int(slots.popleft()[1])

    def next_s(self, now_s: float, window_s: float) -> float | None:
        """How long until something is forgotten; None: there is nothing."""
        if not self._slots:
            return None
        return max(0.0, self._slots[0][0] + window_s + GRAIN_S + _MARGIN_S - now_s)


class Gauge:
    """The limit of one thing, and what was taken of it by whom. Times are those of a monotonic clock in seconds."""

    __slots__ = (
        "_flow",
        "_look_again_s",
        "_owed",
        "_remaining",
        "_resync",
        "_since_told",
        "_told",
        "_told_s",
        "_until_s",
        "_users",
        "_window_s",
        "all",
        "by",
        "most",
    )

    def __init__(self, most: int | None, *, resync: bool = False) -> None:
        """`most` in a minute; None: not known. `resync`: our own count of it is a guess, so that what an answer tells
        counts instead of what was taken before.
        """
        self.most = most
        self._window_s = _MINUTE_S
        self.all = Taken()
        self.by: dict[str, Taken] = {}
        self._resync = resync
        self._told = False
        self._remaining = 0
        self._since_told = 0
        self._until_s = self._told_s = 0.0
        self._flow = 0.0
        self._users = self._owed = 0
        self._look_again_s = 0.0

    @property
    def known(self) -> bool:
        """Whether there is anything to count for."""
        return self._told or self.most is not None

    def configure(self, most: int | None) -> None:
        """Another limit in a minute."""
        self.most, self._window_s = most, _MINUTE_S

    def learn(self, told: RateLimit, unheard: int, now_s: float, *, configured: bool) -> None:
        """Takes note of what an answer tells. `unheard`: taken by those whose answers have not come."""
        if told.limit is not None and not configured:
            window_s = _window_s(told)
            if window_s is not None and window_s <= _MINUTE_S:
                self.most, self._window_s = told.limit, window_s
        # Of a refusal that only says that nothing is left, the rest that it asks for is what counts.
        if told.remaining is not None and (told.remaining or told.reset_s is not None):
            reset_s = told.reset_s if told.reset_s is not None else _UNKNOWN_RESET_S
            self._told_s, self._flow = now_s, _flow(told)
            self._told = True
            self._remaining = told.remaining - unheard
            self._since_told = unheard
            self._until_s = now_s + min(reset_s, _LONGEST_S)

    def free(self, now_s: float) -> int | None:
        """What is left; None: whatever one likes."""
        self.all.pass_on(now_s, self._window_s)
        own = None
        if self.most is not None:
            used = min(self.all.total, self._since_told) if self._resync and self._told else self.all.total
            own = self.most - used
        if now_s < self._until_s:
            left = self._remaining + int((now_s - self._told_s) * self._flow)
            own = left if own is None else min(own, left)
        return own

    def allows(self, tenant: str, amount: int, now_s: float, *, alone: bool, spare: bool) -> bool:
        """Whether a tenant may take so much now. `alone`: nobody else has asked lately; `spare`: somebody may yet."""
        free, most = self.free(now_s), self.most
        kept = most // _SPARE if most is not None and (spare or not alone) else 0
        if now_s >= self._look_again_s:
            self._look(kept, now_s)
        if free is None:
            return True
        if most is None:
            return free >= amount
        if amount > most - kept and not self.all.total:
            # What is more than there ever is for one goes while nobody else does.
            return True
        if free < amount:
            return False
        if self.all.total + amount <= kept <= free - amount:
            # All together have had less than is kept.
            return True
        return free - amount >= kept if alone else self._fair(tenant, amount, free, most - kept, now_s)

    def _fair(self, tenant: str, amount: int, free: int, most: int, now_s: float) -> bool:
        """Whether others have what is theirs even so."""
        own = self.by.get(tenant)
        mine = 0
        if own is not None:
            own.pass_on(now_s, self._window_s)
            mine = own.total
        share = most // max(1, self._users + (own is None))
        if own is not None and mine + amount > (burst := max(1, most // _BURST)):
            lately = own.since(now_s - self._window_s * _BURST_SHARE)
            if lately and lately + amount > burst:
                return False
        if mine + amount <= share:
            return True
        owed = max(0, self._owed - max(0, share - mine))
        assert self.most is not None
        return free - amount >= owed + self.most - most

    def _look(self, kept: int, now_s: float) -> None:
        """Sums up who has used something, and what of their shares those have left."""
        used = []
        for tenant, taken in tuple(self.by.items()):
            taken.pass_on(now_s, self._window_s)
            if taken.total > 0:
                used.append(taken.total)
            elif taken.next_s(now_s, self._window_s) is None:
                del self.by[tenant]
        self._users = len(self.by)
        share = ((self.most or 0) - kept) // max(1, self._users)
        self._owed = sum(max(0, share - theirs) for theirs in used)
        self._look_again_s = now_s + max(GRAIN_S, len(used) * _LOOK_S)

    def take(self, tenant: str, amount: int, now_s: float) -> None:
        """Takes it."""
        self._add(tenant, amount, now_s)
        self._remaining -= amount
        self._since_told += amount

    def undo(self, tenant: str, amount: int, now_s: float) -> None:
        """It was never sent."""
        self.take(tenant, -amount, now_s)

    def correct(self, tenant: str, difference: int, now_s: float) -> None:
        """What was taken has come to so much more, or less. What an answer told of it may say that already, so that
        what was told is only ever made less.
        """
        self._add(tenant, difference, now_s)
        if difference > 0:
            self._remaining -= difference
            self._since_told += difference

    def _add(self, tenant: str, amount: int, now_s: float) -> None:
        self.all.add(amount, now_s)
        own = self.by.get(tenant)
        if own is None:
            own = self.by[tenant] = Taken()
            self._users += 1
        own.add(amount, now_s)

    def of(self, tenant: str) -> int:
        """What a tenant has taken lately."""
        taken = self.by.get(tenant)
        return taken.total if taken is not None else 0

    def next_s(self, tenant: str, now_s: float) -> float:
        """How long until more may be left for a tenant."""
        found = [one for one in (self.all.next_s(now_s, self._window_s),) if one is not None]
        if now_s < self._until_s:
            found.append(min(self._until_s - now_s, 1 / self._flow if self._flow else _LONGEST_S))
        if tenant in self.by and (self.free(now_s) or 0) > 0:
            burst_s = self._window_s * _BURST_SHARE
            began_s = self.by[tenant].first_s(now_s - burst_s)
            if began_s is not None:
                found.append(began_s + burst_s - now_s)
        return min(found, default=GRAIN_S)

    def per_minute(self) -> int | None:
        """The limit as so much in a minute; None: not known."""
        return None if self.most is None else round(self.most * _MINUTE_S / self._window_s)


def _flow(told: RateLimit) -> float:
    """How much of a limit flows back in a second; 0 where the reset does not look like that of a bucket that refills
    within a minute. A window that has only begun looks the same: then the provider refuses, and says for how long.
    """
    if told.limit is None or told.remaining is None or not told.reset_s or told.remaining >= told.limit:
        return 0.0
    used = told.limit - told.remaining
    slack_s, found_s = told.limit / used, told.reset_s * told.limit / used
    return used / told.reset_s if _NEARLY_S - slack_s <= found_s <= _HARDLY_S + slack_s else 0.0


def _window_s(told: RateLimit) -> float | None:
    """For how long a limit is told; None where it may be for less than a minute. Several vendors do not say, and mean
    anything from a second to a day (Together, Groq). A bucket that refills steadily is full again when what was used
    has flowed back, which tells how long that takes for all of it. Of what is for longer the rest bounds enough.
    """
    if told.window_s is not None:
        return told.window_s
    if told.reset_s is None:
        # Those that tell no reset (xAI, Fireworks, old APIs of Azure) document limits in a minute.
        return _MINUTE_S
    if told.limit is None or told.remaining is None or told.remaining >= told.limit:
        return None
    # Some tell whole seconds.
    found_s = (told.reset_s + 1) * told.limit / (told.limit - told.remaining)
    return _MINUTE_S if found_s >= _NEARLY_S else None
