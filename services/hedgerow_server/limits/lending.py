"""Lends parts of limits to the workers of one machine: what `lend.lua` does in Redis, in the supervisor's memory.

Workers tell absolute numbers, one after the other on a connection of their own; one that is gone is known to be gone at
once. What it had used stays counted, what it was lent and had not used is free again.
"""

import time
from collections.abc import Callable, Sequence

import msgspec

from hedgerow_server.limits.lender import Answer, Lent, Loan
from hedgerow_server.limits.supervised import LEND, First

_NO_LIMIT = (1 << 63) - 1
_SWEEP_S = 60.0


class _Share(msgspec.Struct, gc=False):
    """What one worker has of a count."""

    used: int = 0
    lent: int = 0
    held: int = 0


class _Count(msgspec.Struct):
    slot: int = -1
    """-1: nothing was told of it yet."""
    before: int = 0
    """Used in the slot before."""
    gone: int = 0
    """Used in the slot by workers that are gone."""
    shares: dict[int, _Share] = {}
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

    def lend(self, who: int, loans: Sequence[Loan]) -> Answer:
        """Takes note of what a worker has used, and lends what it asks for: of all counts or of none."""
        now_s = self._clock()
        now_us = round(now_s * 1e6)
        if now_s >= self._sweep_s:
            self._sweep(now_s)
        found = [self._read(who, one, now_us) for one in loans]
        short = next((at for at, one in enumerate(found) if one.loan.need > one.free), None)
        counts = tuple(self._settle(who, one, now_s, grants=short is None) for one in found)
        return Answer(now_us, short, counts, self._since_us)

    def leave(self, who: int) -> None:
        """A worker is gone."""
        for count in self._counts.values():
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

    def _read(self, who: int, loan: Loan, now_us: int) -> _Reading:
        count = self._counts.get(loan.key)
        if count is None:
            count = self._counts[loan.key] = _Count(shares={})
        slot = now_us // loan.length_us if loan.length_us else loan.slot
        # A clock that is behind does not bring a slot back.
        slot, known = max(slot, count.slot), count.slot >= 0
        turned = slot != count.slot
        if turned:
            self._turn(count, slot, sliding=bool(loan.length_us))
        # What is said of a slot that is over counts no more.
        current = loan.slot == slot
        one = _Reading(
            count,
            loan,
            used=loan.used if current else 0,
            lent=loan.lent if current else 0,
            held=loan.held if current else 0,
        )
        for whose, share in count.shares.items():
            if whose != who:
                one.theirs += share.used
                one.lent_theirs += share.lent
                one.idle_theirs += max(0, share.lent - share.held)
        if current and (not known or (loan.from_here and not turned)):
            count.gone = max(count.gone, loan.base)
        counted = count.gone + one.theirs + one.used
        one.free = (
            _NO_LIMIT
            if loan.most is None
            else loan.most - counted - _faded(count.before, loan.length_us, now_us) - one.lent_theirs - one.lent
        )
        return one

    def _turn(self, count: _Count, slot: int, *, sliding: bool) -> None:
        used = count.gone + sum(share.used for share in count.shares.values())
        count.before = used if sliding and count.slot >= 0 and slot == count.slot + 1 else 0
        count.slot, count.gone = slot, 0
        for share in count.shares.values():
            share.used = share.lent = share.held = 0

    def _settle(self, who: int, one: _Reading, now_s: float, *, grants: bool) -> Lent:
        count, loan, grant = one.count, one.loan, 0
        if grants and one.free > 0:
            ahead = min(loan.due + loan.want, one.free // loan.part)
            grant = max(loan.need, min(loan.due, one.free), ahead)
        count.shares[who] = _Share(one.used, one.lent + grant, one.held)
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
        self.counts = Lending()
        self._encoder = msgspec.msgpack.Encoder()
        self._loans = msgspec.msgpack.Decoder(list[Loan])
        self._first = msgspec.msgpack.Decoder(First)

    def asked(self, who: int, name: str, content: bytes) -> bytes:
        """The answer to LEND and FIRST."""
        if name == LEND:
            return self._encoder.encode(self.counts.lend(who, self._loans.decode(content)))
        one = self._first.decode(content)
        return b"1" if self.counts.first(one.key, one.keep_s) else b""


def _faded(before: int, length_us: int, now_us: int) -> int:
    """What still counts of the slot before a sliding one."""
    return -(-before * (length_us - now_us % length_us) // length_us) if before and length_us else 0
