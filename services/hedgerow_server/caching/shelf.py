"""What a configuration keeps. Whatever ails the store, or what is in it, at worst a look-up finds nothing."""

import asyncio
import importlib
import logging
import secrets
import time
from collections.abc import Callable, Coroutine, Sequence
from hashlib import sha256
from importlib.util import find_spec
from typing import Any

import msgspec

from hedgerow_server.caching.flight import Flights
from hedgerow_server.caching.kept import Kept, Poisoned, opened, sealed
from hedgerow_server.caching.key import Asked, slot_of
from hedgerow_server.caching.memory import MemoryCache
from hedgerow_server.caching.port import CacheAway, CacheStore, Entry
from hedgerow_server.caching.section import CacheRedisSection, CacheSection
from hedgerow_server.core.erasure import Barred, Gone, person_of
from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.secret import RevealNamed, later
from hedgerow_server.core.slices import Work
from hedgerow_server.store.port import StoreUnavailable

_log = logging.getLogger(__name__)
_LEAST_TTL_S = 0.001
_AT_ONCE = 128
_LEAST_KEY = 16
"""Characters."""
Now = Callable[[], float]


class Counts(msgspec.Struct):
    """What the cache has done since the start."""

    exact: int = 0
    """Chats that got the answer of an equal one."""
    semantic: int = 0
    """Chats that got the answer of one like them."""
    shared: int = 0
    """Chats that got the answer of an equal one that was under way."""
    embeddings: int = 0
    """Inputs of embedding calls whose vectors were there."""
    missed: int = 0
    """Chats for which a provider was asked."""
    missed_embeddings: int = 0
    """Inputs for which one was."""
    writes: int = 0
    written_bytes: int = 0
    unanswered: int = 0
    """Look-ups that the store did not answer."""
    alarms: dict[str, int] = msgspec.field(default_factory=lambda: {"format": 0, "mac": 0, "content": 0})
    """Values that were not what was kept, by what gave them away."""


class Shelf:
    """Looks answers up, and keeps them, as one configuration says."""

    def __init__(self, caches: "Caches", section: CacheSection) -> None:
        self._caches = caches
        self._mac_key = section.mac_key
        self.max_bytes = section.max_answer_bytes
        """The largest value."""
        self.counts = caches.counts
        self.now = caches.now

    @property
    def store(self) -> CacheStore:
        """Where answers are kept now."""
        return self._caches.store

    def slot(self, asked: Asked) -> bytes | None:
        """Where the answer to a question is. None: nothing can be kept now."""
        secret = self._caches.secret(self._mac_key)
        return slot_of(asked, secret) if secret is not None else None

    async def find(self, asked: Sequence[Asked], slots: Sequence[bytes]) -> Sequence[Kept | None]:
        """What is kept at slots, each for what was asked there. What is not as it was kept is not there, and alarms."""
        try:
            values = await self.store.get(slots)
        except CacheAway:
            self.counts.unanswered += 1
            return [None] * len(slots)
        return [
            self._opened(value, one, slot) if value is not None else None
            for value, one, slot in zip(values, asked, slots, strict=True)
        ]

    def keep(self, answers: Sequence[tuple[Asked, bytes, Kept]], owner: bytes) -> int:
        """Keeps answers at slots; `owner` has caused them. Tells how many were not too large: none of somebody who was
        erased of late. Waits for nothing.
        """
        secret, now_s = self._caches.secret(self._mac_key), self.now()
        if secret is None or self._caches.barred.has(owner):
            return 0
        entries: list[Entry] = []
        for asked, slot, kept in answers:
            value = sealed(kept, secret, asked.scope, slot)
            if len(value) <= self.max_bytes:
                entries.append(Entry(slot, value, max(_LEAST_TTL_S, kept.until_unix_s - now_s), owner))
                self.counts.written_bytes += len(value)
        self.counts.writes += len(entries)
        self.store.put(entries)
        return len(entries)

    def keep_in_slices(self, answers: list[tuple[Asked, bytes, Kept]], owner: bytes) -> None:
        """As `keep`, for many: on the side, and so that calls go on meanwhile."""
        if len(answers) <= _AT_ONCE:
            self.keep(answers, owner)
        else:
            self._caches.begin(self._keep_some(answers, owner))

    async def _keep_some(self, answers: list[tuple[Asked, bytes, Kept]], owner: bytes) -> None:
        for at in range(0, len(answers), _AT_ONCE):
            self.keep(answers[at : at + _AT_ONCE], owner)
            await asyncio.sleep(0)

    def alarm(self, reason: str, slot: bytes) -> None:
        """What is kept at a slot is not what was kept there: somebody else writes to the store, or it is broken."""
        self.counts.alarms[reason] += 1
        # Not what it is: it may be somebody's. Nor more than once: it is let go.
        _log.error(
            "alarm event=cache_poisoned reason=%s slot=%s: a kept answer is not as it was kept", reason, slot.hex()
        )
        self.store.drop([slot])

    def _opened(self, value: bytes, asked: Asked, slot: bytes) -> Kept | None:
        secret = self._caches.secret(self._mac_key)
        if secret is None:
            return None
        try:
            return opened(value, secret, asked.scope, slot)
        except Poisoned as error:
            self.alarm(error.reason, slot)
            return None


def lacking(section: CacheSection) -> str:
    """What the machine lacks for a configuration; empty: nothing."""
    return "needs the extra `redis`" if section.redis is not None and find_spec("redis") is None else ""


class Caches:
    """What is kept, whatever the configuration. Outlives the configurations. Made within the event loop."""

    def __init__(self, reveal: RevealNamed | None = None, now: Now = time.time) -> None:
        """`reveal` gives the secrets of the configuration in force; None: there are none."""
        self.counts = Counts()
        self.barred = Barred(now=now)
        """Of whom nothing is kept: what comes of calls that were under way when they were erased."""
        self.flights = Flights()
        self._reveal = reveal
        self.now = now
        self._memory = MemoryCache(now=now)
        self._redis: tuple[CacheRedisSection, CacheStore] | None = None
        self._own = secrets.token_bytes(32)
        self._derived: tuple[str, bytes | None] = ("", None)
        self._working: set[asyncio.Task[Any]] = set()

    @property
    def store(self) -> CacheStore:
        """Where answers are kept now."""
        return self._memory if self._redis is None else self._redis[1]

    def secret(self, name: str | None) -> bytes | None:
        """What authenticates values: out of an entry of `credentials`, or without a name this router's own. None: there
        is none now.
        """
        if name is None or self._reveal is None:
            return self._own
        try:
            text = self._reveal(name).reveal()
        except CredentialUnavailable:
            return None
        if text != self._derived[0]:
            if len(text) < _LEAST_KEY:
                _log.error("cache.mac_key has less than %d characters: nothing is kept", _LEAST_KEY)
            # For this purpose alone, should the same key be used for another one too.
            key = sha256(b"hedgerow cache\n" + text.encode("utf-8", "surrogatepass")).digest()
            self._derived = (text, key if len(text) >= _LEAST_KEY else None)
        return self._derived[1]

    def serve(self, section: CacheSection) -> None:
        """A configuration is in force, which lacks nothing."""
        old, redis = self._redis, section.redis
        self._memory.allow(section.max_memory_bytes if redis is None else 0)
        if old is not None and old[0] == redis:
            return
        self._redis = None if redis is None else (redis, self._connected(redis, section.max_answer_bytes))
        if old is not None:
            self.begin(old[1].close())

    def begin(self, work: Coroutine[Any, Any, Any]) -> None:
        """Does something nobody waits for."""
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def erase(self, tenant: str, user: str) -> int:
        """Lets go of all that a user has caused to be kept. Raises StoreUnavailable."""
        owner = person_of(tenant, user)
        self.barred.bar(owner)
        erased = await self._memory.erase(owner)
        if self._redis is None:
            return erased
        try:
            return erased + await self._redis[1].erase(owner)
        except CacheAway as error:
            raise StoreUnavailable(str(error)) from None

    def forget(self, gone: Gone) -> Work[int]:
        """Lets go of what is in memory of users who are gone."""
        return self._memory.forget(gone)

    async def close(self) -> None:
        """Ends what was begun."""
        while self._working:
            await asyncio.wait(self._working)
        if self._redis is not None:
            await self._redis[1].close()

    def _connected(self, section: CacheRedisSection, max_bytes: int) -> CacheStore:
        redis = importlib.import_module("hedgerow_server.caching.redis")
        password = None if self._reveal is None else later(self._reveal, section.password)
        store: CacheStore = redis.RedisCache(section, max_bytes, password)
        return store
