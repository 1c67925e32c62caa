"""Kept answers in the memory of one router: for routers that share no store. They end with the process."""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection

import msgspec

from hedgerow_server.core.erasure import Gone, person_of
from hedgerow_server.core.slices import Work
from hedgerow_server.store.kept import Claim, Kept

_OVERHEAD_BYTES = 500
"""What an entry takes beside its answer, rounded up."""

_AT_ONCE = 8
"""Answers that are looked at in a unit of work."""


class _Entry(msgspec.Struct, frozen=True):
    claim: Claim
    answer: bytes
    until_unix_s: float

    @property
    def size(self) -> int:
        return len(self.answer) + _OVERHEAD_BYTES


class MemoryAnswers:
    """The AnswerStore without a database. Where there is no room the oldest answers go first; claims always stay, for
    each belongs to an open call.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._claims: dict[bytes, Claim] = {}
        self._kept: OrderedDict[bytes, _Entry] = OrderedDict()
        self._bytes = 0
        self._max_bytes = 0
        self._max_answers = 0

    def allow(self, max_bytes: int, max_answers: int) -> None:
        """Sets how much is kept at most."""
        self._max_bytes, self._max_answers = max_bytes, max_answers
        self._make_room()

    async def claim(self, claim: Claim) -> Kept | None:
        """Takes a key, or tells who has it."""
        holder = self._claims.get(claim.slot)
        if holder is not None:
            return Kept(holder.fingerprint, holder.request_id, None)
        entry = self._kept.get(claim.slot)
        if entry is not None and entry.until_unix_s > self._now():
            return Kept(entry.claim.fingerprint, entry.claim.request_id, entry.answer)
        if entry is not None:
            self._drop(claim.slot)
        self._claims[claim.slot] = claim
        return None

    async def renew(self, lease_s: float) -> None:
        """Nothing: there are no calls of other routers, and this one lives."""

    async def taken(self, slots: Collection[bytes]) -> Collection[bytes]:
        """Those of the keys that a call has."""
        return {slot for slot in slots if slot in self._claims}

    async def keep(self, claim: Claim, answer: bytes, until_unix_s: float) -> bool:
        """Keeps an answer, where there is room for it at all."""
        if not self._freed(claim):
            return False
        self._kept[claim.slot] = entry = _Entry(claim, answer, until_unix_s)
        self._bytes += entry.size
        self._make_room()
        return claim.slot in self._kept

    async def free(self, claim: Claim) -> None:
        """Gives a key back."""
        self._freed(claim)

    async def erase(self, tenant: str, user: str) -> int:
        """Drops a user's answers."""
        found = [slot for slot, entry in self._kept.items() if (entry.claim.tenant, entry.claim.user) == (tenant, user)]
        for slot in found:
            self._drop(slot)
        return len(found)

    def forget(self, gone: Gone) -> Work[int]:
        """Drops the answers of users who are gone; tells how many."""
        forgotten = 0
        for looked, (slot, entry) in enumerate(list(self._kept.items()), 1):
            if looked % _AT_ONCE == 0:
                yield 1
            if gone(person_of(entry.claim.tenant, entry.claim.user)) and self._kept.get(slot) is entry:
                self._drop(slot)
                forgotten += 1
        return forgotten

    async def sweep(self) -> None:
        """Drops what is too old."""
        now_unix_s = self._now()
        # Nearly always in this order; what a reload has given less time than its neighbours waits for them.
        while self._kept and next(iter(self._kept.values())).until_unix_s <= now_unix_s:
            self._drop(next(iter(self._kept)))

    def _freed(self, claim: Claim) -> bool:
        if self._claims.get(claim.slot) != claim:
            return False
        del self._claims[claim.slot]
        return True

    def _make_room(self) -> None:
        while self._kept and (self._bytes > self._max_bytes or len(self._kept) > self._max_answers):
            self._drop(next(iter(self._kept)))

    def _drop(self, slot: bytes) -> None:
        self._bytes -= self._kept.pop(slot).size
