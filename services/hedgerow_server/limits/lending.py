"""Lends parts of limits to the workers of one machine: what `lend.lua` does in Redis, in the supervisor's memory.

Workers tell absolute numbers, one after the other on a connection of their own; one that is gone is known to be gone at
once. What it had used stays counted. What it was lent and had not used is free again, once somebody has told how much
that is, or nobody has for long.
"""

import time
from collections.abc import Callable, Sequence

import msgspec

from hedgerow_server.limits.lender import Answer, Lent, Loan
from hedgerow_server.limits.supervised import BURY, FIRST, First, Told

_NO_LIMIT = (1 << 63) - 1
_SWEEP_S = 60.0


class _Share(msgspec.Struct, gc=False):
    """What one worker has of a count."""

    used: int = 0
    lent: int = 0
    held: int = 0
    doubt_s: float = 0.0
    """How long what it is lent stays counted once it is gone."""
    until_s: float | None = None
    """Of one that is gone: until when that is. None: it is there."""


class _Count(msgspec.Struct):
    slot: int = -1
    """-1: nothing was told of it yet."""
    before: int = 0
    """Used in the slot before."""
    gone: int = 0
    """Used in the slot by workers that are gone."""
    shares: dict[str, _Share] = {}
    until_s: float | None = None
    """When it may be forgotten; None: never."""


class _Reading(msgspec.Struct):
    """One count as a request finds it."""

    count: _Count
    loan: Loan
    used: int
    lent: int
    held: int
    theirs: int = 0
    lent_theirs: int = 0
    idle_theirs: int = 0
    free: int = 0


class Lending:
    """All counts."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix time in seconds."""
        self._clock = clock
        self._counts: dict[str, _Count] = {}
        self._said: dict[str, float] = {}
        self._since_us = round(clock() * 1e6)
        self._sweep_s = clock() + _SWEEP_S

    def lend(self, who: str, loans: Sequence[Loan]) -> Answer:
        """Takes note of what a worker has used, and lends what it asks for: of all counts or of none."""
        now_s = self._clock()
        now_us = round(now_s * 1e6)
        if now_s >= self._sweep_s:
            self._sweep(now_s)
        found = [self._read(who, one, now_s) for one in loans]
        short = next((at for at, one in enumerate(found) if one.loan.need > one.free), None)
        counts = tuple(self._settle(who, one, now_s, grants=short is None) for one in found)
        return Answer(now_us, short, counts, self._since_us)

    def leave(self, who: str) -> None:
        """A worker is gone."""
        now_s = self._clock()
        for count in self._counts.values():
            share = count.shares.get(who)
            if share is not None:
                share.until_s = now_s + (share.doubt_s if share.lent else 0.0)

    def bury(self, who: str, loans: Sequence[Loan]) -> None:
        """Takes note of what a worker that is gone had used, where it has said anything of it."""
        now_s = self._clock()
        for loan in loans:
            count = self._counts.get(loan.key)
            if count is None or who not in count.shares:
                continue
            if loan.slot == count.slot:
                count.shares[who].used = loan.used
            self._turn_on(count, loan, round(now_s * 1e6))
            share = count.shares.pop(who, None)
            if share is not None:
                count.gone += share.used

    def first(self, key: str, keep_s: float) -> bool:
        """Whether nobody has said the same before, within so many seconds."""
        now_s = self._clock()
        until_s = self._said.get(key)
        if until_s is not None and now_s < until_s:
            return False
        self._said[key] = now_s + keep_s
        return True

    def _read(self, who: str, loan: Loan, now_s: float) -> _Reading:
        count = self._counts.get(loan.key)
        if count is None:
            count = self._counts[loan.key] = _Count(shares={})
        known, now_us = count.slot >= 0, round(now_s * 1e6)
        turned = self._turn_on(count, loan, now_us)
        # What is said of a slot that is over counts no more.
        current = loan.slot == count.slot
        one = _Reading(
            count,
            loan,
            used=loan.used if current else 0,
            lent=loan.lent if current else 0,
            held=loan.held if current else 0,
        )
        for whose, share in tuple(count.shares.items()):
            if whose == who:
                continue
            if share.until_s is not None and share.until_s <= now_s:
                count.gone += count.shares.pop(whose).used
                continue
            one.theirs += share.used
            one.lent_theirs += share.lent
            # Nobody gives back what one is lent that is gone.
            one.idle_theirs += max(0, share.lent - share.held) if share.until_s is None else 0
        if current and (not known or (loan.from_here and not turned)):
            count.gone = max(count.gone, loan.base)
        counted = count.gone + one.theirs + one.used
        one.free = (
            _NO_LIMIT
            if loan.most is None
            else loan.most - counted - _faded(count.before, loan.length_us, now_us) - one.lent_theirs - one.lent
        )
        return one

    def _turn_on(self, count: _Count, loan: Loan, now_us: int) -> bool:
        """Goes on to the slot of now, as far as is known; tells whether that is another one."""
        slot = now_us // loan.length_us if loan.length_us else loan.slot
        # A clock that is behind does not bring a slot back.
        if slot <= count.slot:
            return False
        # Of what one was lent that is gone, all may have been used.
        used = sum(one.used if one.until_s is None else one.used + one.lent for one in count.shares.values())
        follows = bool(loan.length_us) and count.slot >= 0 and slot == count.slot + 1
        count.before = count.gone + used if follows else 0
        count.slot, count.gone = slot, 0
        count.shares = {who: one for who, one in count.shares.items() if one.until_s is None}
        for share in count.shares.values():
            share.used = share.lent = share.held = 0
        return True

    def _settle(self, who: str, one: _Reading, now_s: float, *, grants: bool) -> Lent:
        count, loan, grant = one.count, one.loan, 0
        if grants and one.free > 0:
            ahead = min(loan.due + loan.want, one.free // loan.part)
            grant = max(loan.need, min(loan.due, one.free), ahead)
        count.shares[who] = _Share(one.used, one.lent + grant, one.held, loan.doubt_ms / 1000)
        count.until_s = now_s + loan.keep_ms / 1000 if loan.keep_ms else None
        counted = count.gone + one.theirs + one.used
        return Lent(grant, count.slot, counted, count.before, one.idle_theirs, count.gone, one.lent_theirs)

    def _sweep(self, now_s: float) -> None:
        """Forgets what nobody has asked for in its time."""
        self._sweep_s = now_s + _SWEEP_S
        for name in [name for name, one in self._counts.items() if one.until_s is not None and one.until_s < now_s]:
            del self._counts[name]
        for key in [key for key, until_s in self._said.items() if until_s < now_s]:
            del self._said[key]


class LendingDesk:
    """The supervisor's side: what workers ask of limits. Asks nobody itself."""

    def __init__(self) -> None:
        self._counts = Lending()
        self._routers: dict[int, str] = {}
        """What whoever is at a connection calls itself."""
        self._encoder = msgspec.msgpack.Encoder()
        self._told = msgspec.msgpack.Decoder(Told)
        self._first = msgspec.msgpack.Decoder(First)

    def asked(self, who: int, name: str, content: bytes) -> bytes:
        """The answer to LEND, BURY and FIRST, on a connection with this number."""
        if name == FIRST:
            one = self._first.decode(content)
            return b"1" if self._counts.first(one.key, one.keep_s) else b""
        told = self._told.decode(content)
        if name == BURY:
            self._counts.bury(told.router, told.loans)
            return b""
        self._routers[who] = told.router
        return self._encoder.encode(self._counts.lend(told.router, told.loans))

    def left(self, who: int) -> None:
        """Whoever was at a connection is gone."""
        router = self._routers.pop(who, None)
        if router is not None:
            self._counts.leave(router)


def _faded(before: int, length_us: int, now_us: int) -> int:
    """What still counts of the slot before a sliding one."""
    return -(-before * (length_us - now_us % length_us) // length_us) if before and length_us else 0
