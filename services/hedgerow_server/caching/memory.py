"""Answers in the memory of one router. They end with the process."""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

import msgspec

from hedgerow_server.caching.port import Entry
from hedgerow_server.core.erasure import Gone
from hedgerow_server.core.slices import Work

_OVERHEAD_BYTES = 400
"""What an entry takes beside its value, rounded up."""
_LOOKED_AT = 2
"""Entries that are looked at with each new one, whether their time is over: more than come in."""
_OWNERS_A_UNIT = 16
"""Users that are looked at, or values that go, in a unit of work."""


class _Held(msgspec.Struct, frozen=True):
    value: bytes
    owner: bytes
    until_s: float

    @property
    def size(self) -> int:
        return len(self.value) + _OVERHEAD_BYTES


class MemoryCache:
    """The CacheStore without a server. Where there is no room, what was not given for the longest time goes first."""

    away: str | None = None

    def __init__(self, max_bytes: int = 0, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._held: OrderedDict[bytes, _Held] = OrderedDict()
        self._owned: dict[bytes, set[bytes]] = {}
        self._bytes = 0
        self._max_bytes = max_bytes

    def allow(self, max_bytes: int) -> None:
        """Sets how much is kept at most."""
        self._max_bytes = max_bytes
        self._make_room()

    async def get(self, slots: Sequence[bytes]) -> Sequence[bytes | None]:
        """The values of slots."""
        return [self._find(slot) for slot in slots]

    def put(self, entries: Sequence[Entry]) -> None:
        """Keeps values, where there is room for them at all."""
        now_s = self._now()
        for one in entries:
            self._drop(one.slot)
            held = self._held[one.slot] = _Held(one.value, one.owner, now_s + one.ttl_s)
            self._bytes += held.size
            if one.owner:
                self._owned.setdefault(one.owner, set()).add(one.slot)
            self._sweep(now_s)
        self._make_room()

    def drop(self, slots: Sequence[bytes]) -> None:
        """Lets go of values."""
        for slot in slots:
            self._drop(slot)

    async def erase(self, owner: bytes) -> int:
        """Lets go of a user's."""
        found = list(self._owned.get(owner, ()))
        self.drop(found)
        return len(found)

    def forget(self, gone: Gone) -> Work[int]:
        """Lets go of what users have caused who are gone; tells how many values that were."""
        forgotten = 0
        for looked, owner in enumerate(list(self._owned), 1):
            if looked % _OWNERS_A_UNIT == 0:
                yield 1
            if gone(owner):
                for slot in list(self._owned.get(owner, ())):
                    self._drop(slot)
                    forgotten += 1
                    if forgotten % _OWNERS_A_UNIT == 0:
                        yield 1
        return forgotten

    def size(self) -> tuple[int, int] | None:
        """How many values, and how much memory they take."""
        return len(self._held), self._bytes

    async def close(self) -> None:
        """Nothing to do."""

    def _find(self, slot: bytes) -> bytes | None:
        held = self._held.get(slot)
        if held is None:
            return None
        if held.until_s <= self._now():
            self._drop(slot)
            return None
        self._held.move_to_end(slot)
        return held.value

    def _sweep(self, now_s: float) -> None:
        # The ones that were given last stand behind; what is long forgotten is found in front.
        for _ in range(min(_LOOKED_AT, len(self._held) - 1)):
            slot, held = next(iter(self._held.items()))
            if held.until_s > now_s:
                return
            self._drop(slot)

    def _make_room(self) -> None:
        while self._held and self._bytes > self._max_bytes:
            self._drop(next(iter(self._held)))

    def _drop(self, slot: bytes) -> None:
        held = self._held.pop(slot, None)
        if held is None:
            return
        self._bytes -= held.size
        owned = self._owned.get(held.owner)
        if owned is not None:
            owned.discard(slot)
            if not owned:
                del self._owned[held.owner]
