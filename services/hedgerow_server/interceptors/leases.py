"""What keeps idempotency keys with those that have them, and wakes those that wait for them."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from hedgerow_server.store.kept import Claim
from hedgerow_server.store.port import AnswerStore, StoreUnavailable

_log = logging.getLogger(__name__)
_RENEWALS = 3
"""In the time of one lease: two may fail."""
_LOOK_S = 0.2
"""How often the store is asked for keys that other routers have."""

Begin = Callable[[Coroutine[Any, Any, None]], object]
"""Has work done by a task that is seen through."""


class Lease:
    """Tells the store that this router lives, while calls of it have keys: one statement, however many they are."""

    def __init__(self, store: AnswerStore, begin: Begin) -> None:
        self._store = store
        self._begin = begin
        self._held: set[bytes] = set()
        self._lease_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._failed = False
        self._under_way = False

    def hold(self, claim: Claim) -> None:
        """A call has a key."""
        self._held.add(claim.token)
        self._lease_s = claim.lease_s
        loop = asyncio.get_running_loop()
        # A configuration that was loaded meanwhile may have made leases shorter.
        if self._timer is None or self._timer.when() > loop.time() + claim.lease_s / _RENEWALS:
            self.close()
            self._timer = loop.call_later(claim.lease_s / _RENEWALS, self._beat)

    def drop(self, claim: Claim) -> None:
        """A call has its key no more."""
        self._held.discard(claim.token)

    def close(self) -> None:
        """Renews nothing any more, until a call has a key."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self) -> None:
        self._timer = None
        if not self._held:
            return
        self._timer = asyncio.get_running_loop().call_later(self._lease_s / _RENEWALS, self._beat)
        if not self._under_way:
            self._under_way = True
            self._begin(self._renew())

    async def _renew(self) -> None:
        try:
            await self._store.renew(self._lease_s)
            self._failed = False
        except StoreUnavailable as error:
            if not self._failed:
                text = "%d calls may lose their idempotency keys to repetitions at other routers: %s"
                _log.warning(text, len(self._held), error)
            self._failed = True
        finally:
            self._under_way = False


class Waiting:
    """Calls that wait for keys that other calls have. One question to the store is for all of them."""

    def __init__(self, store: AnswerStore, begin: Begin) -> None:
        self._store = store
        self._begin = begin
        self._waiting: dict[bytes, set[asyncio.Future[None]]] = {}
        self._looking = False

    async def wait(self, slot: bytes, within_s: float) -> bool:
        """Waits until it is worth asking again who has a key, at most so long. False where the time is over."""
        woken = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(slot, set()).add(woken)
        self._look_soon()
        try:
            done, _ = await asyncio.wait({woken}, timeout=max(0.0, within_s))
        finally:
            if (others := self._waiting.get(slot)) is not None:
                others.discard(woken)
                if not others:
                    del self._waiting[slot]
        return bool(done)

    def wake(self, slot: bytes) -> None:
        """A key is free, or has its answer."""
        for one in self._waiting.pop(slot, ()):
            if not one.done():
                one.set_result(None)

    def _look_soon(self) -> None:
        if not self._looking and self._waiting:
            self._looking = True
            asyncio.get_running_loop().call_later(_LOOK_S, self._due)

    def _due(self) -> None:
        if self._waiting:
            self._begin(self._look())
        else:
            self._looking = False

    async def _look(self) -> None:
        slots = list(self._waiting)
        try:
            taken = await self._store.taken(slots)
        except StoreUnavailable:
            # They ask, and are told so.
            taken = ()
        finally:
            self._looking = False
        for slot in slots:
            if slot not in taken:
                self.wake(slot)
        self._look_soon()
