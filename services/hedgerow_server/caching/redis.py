"""Answers in a Redis or Valkey that routers share.

What is kept of a user is listed beside it, by when its time is over, so that it can be erased with him. Keys are
digests: they tell neither who nor what.
"""

import time
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from hedgerow_server.caching.link import RedisLink
from hedgerow_server.caching.port import Entry
from hedgerow_server.caching.section import CacheRedisSection
from hedgerow_server.core.erasure import BARRED_S
from hedgerow_server.core.secret import Reveal
from hedgerow_server.store.redis import Client

_AT_ONCE = 500
_ERASING_S = 5.0
"""How long the list of a user is kept beyond the last thing on it, since clocks differ."""
_BARRED = b"barred"
"""Stands on the list of a user who was erased, by when something may be kept of him again. No slot is so short."""


class RedisCache:
    """The CacheStore."""

    def __init__(self, section: CacheRedisSection, max_bytes: int, password: Reveal | None = None) -> None:
        """`max_bytes`: larger values are taken neither in nor out."""
        self.section = section
        self._max_bytes = max_bytes
        self.link = RedisLink(section, section.timeout_seconds, "kept answers", password)
        self._prefix = section.prefix.encode()
        self._writing: dict[bytes, bytes] = {}

    @property
    def away(self) -> str | None:
        """Why it cannot be asked now."""
        return self.link.away

    async def get(self, slots: Sequence[bytes]) -> Sequence[bytes | None]:
        """The values of slots; also of those that are just being written: whoever comes right after finds them."""
        found = {slot: self._writing[slot] for slot in slots if slot in self._writing}
        lacking = [slot for slot in slots if slot not in found]
        if lacking:
            names = [self._name(slot) for slot in lacking]
            told = await self.link.ask(lambda client: _all(client, names, cluster=self.section.cluster))
            found |= {slot: self._bounded(one) for slot, one in zip(lacking, told, strict=True) if one is not None}
        return [found.get(slot) for slot in slots]

    def put(self, entries: Sequence[Entry]) -> None:
        """Keeps values."""
        for at in range(0, len(entries), _AT_ONCE):
            some = [one for one in entries[at : at + _AT_ONCE] if len(one.value) <= self._max_bytes]
            writing = self.link.begin(lambda client, some=some: self._keep(client, some)) if some else None  # type: ignore[misc]
            if writing is not None:
                self._writing.update((one.slot, one.value) for one in some)
                writing.add_done_callback(lambda _, some=some: self._written(some))  # type: ignore[misc]

    def _written(self, entries: Sequence[Entry]) -> None:
        for one in entries:
            if self._writing.get(one.slot) is one.value:
                del self._writing[one.slot]

    def drop(self, slots: Sequence[bytes]) -> None:
        """Lets go of values."""
        names = [self._name(slot) for slot in slots]
        for slot in slots:
            self._writing.pop(slot, None)
        self.link.begin(lambda client: _forget(client, names))

    async def erase(self, owner: bytes) -> int:
        """Lets go of a user's values, some at a time. His list says from then on, for a while, that nothing is kept of
        him: other routers may be about to.
        """
        erased, list_ = 0, self._list(owner)
        await self.link.ask(lambda client: _bar(client, list_))
        while True:
            page: list[bytes] = await self.link.ask(lambda client: client.zrange(list_, 0, _AT_ONCE - 1))
            slots = [one for one in page if one != _BARRED]
            if not slots:
                return erased
            names = [self._name(slot) for slot in slots]
            erased += sum(await self.link.ask(lambda client, names=names: _forget(client, names)))  # type: ignore[misc]
            await self.link.ask(lambda client, slots=slots: client.zrem(list_, *slots))  # type: ignore[misc]

    def size(self) -> tuple[int, int] | None:
        """Redis tells that by itself."""
        return None

    async def close(self) -> None:
        """Closes the connections."""
        await self.link.close()

    def _name(self, slot: bytes) -> bytes:
        return self._prefix + b":v:" + slot.hex().encode()

    def _list(self, owner: bytes) -> bytes:
        return self._prefix + b":u:" + sha256(owner).hexdigest().encode()

    def _bounded(self, value: bytes) -> bytes:
        return value if len(value) <= self._max_bytes else b""

    async def _keep(self, client: Client, entries: Sequence[Entry]) -> None:
        by_list: dict[bytes, dict[bytes, float]] = {}
        now_s = time.time()
        async with client.pipeline(transaction=False) as pipe:
            for one in entries:
                pipe.set(self._name(one.slot), one.value, px=max(1, round(one.ttl_s * 1000)))
                if one.owner:
                    by_list.setdefault(self._list(one.owner), {})[one.slot] = now_s + one.ttl_s
            if self.section.cluster:
                # Its nodes are asked at once: a value that came after its list would not be seen by whoever erases.
                await pipe.execute()
            for list_, slots in by_list.items():
                pipe.zremrangebyscore(list_, "-inf", now_s - _ERASING_S)
                pipe.zadd(list_, slots)
                _keep_until(pipe, list_, max(slots.values()) + _ERASING_S)
            for list_ in by_list:
                pipe.zscore(list_, _BARRED)
            told = await pipe.execute()
        for (list_, slots), until_s in zip(by_list.items(), told[-len(by_list) :], strict=False):
            if until_s is not None and until_s > now_s:
                await _forget(client, [self._name(one) for one in slots])
                await client.zrem(list_, *slots)


def _keep_until(pipe: Any, list_: bytes, until_s: float) -> None:
    """Keeps a list until then, never shorter than before."""
    # The first says nothing where there is a time, the second nothing where there is none.
    pipe.expireat(list_, int(until_s) + 1, nx=True)
    pipe.expireat(list_, int(until_s) + 1, gt=True)


async def _bar(client: Client, list_: bytes) -> None:
    """Has nothing kept of the user of a list for a while."""
    until_s = time.time() + BARRED_S
    async with client.pipeline(transaction=False) as pipe:
        pipe.zadd(list_, {_BARRED: until_s})
        _keep_until(pipe, list_, until_s)
        await pipe.execute()


async def _all(client: Client, names: Sequence[bytes], *, cluster: bool) -> list[bytes | None]:
    if len(names) == 1:
        one: Any = await client.get(names[0])
        return [one]
    if not cluster:
        found: Any = await client.mget(names)
        return list(found)
    async with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.get(name)
        return list(await pipe.execute())


async def _forget(client: Client, names: Sequence[bytes]) -> list[Any]:
    # One by one: of a cluster they are in different slots.
    async with client.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.unlink(name)
        return list(await pipe.execute())
