"""Claims idempotency keys at a store and gives them back, whatever becomes of the caller meanwhile."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from hedgerow_server.core.erasure import Gone
from hedgerow_server.core.slices import Work
from hedgerow_server.interceptors.leases import Lease, Waiting
from hedgerow_server.interceptors.section import IdempotencySection
from hedgerow_server.store.kept import Claim, Kept
from hedgerow_server.store.memory import MemoryAnswers
from hedgerow_server.store.port import AnswerStore, StoreUnavailable

_log = logging.getLogger(__name__)
_SWEEP_S = 60.0
T = TypeVar("T")


class Keeper:
    """An AnswerStore whose every write is seen through: a caller that leaves in the middle of one leaves no key behind
    that nobody has. Calls have their keys for as long as this router lives. Outlives the configurations.
    """

    def __init__(self, store: AnswerStore) -> None:
        self.store = store
        self._working: set[asyncio.Task[Any]] = set()
        self._freeing: dict[bytes, asyncio.Task[None]] = {}
        self._swept_s = time.monotonic()
        self._lease = Lease(store, self._begin)
        self._waiting = Waiting(store, self._begin)

    async def claim(self, claim: Claim) -> Kept | None:
        """Takes a key, or tells who has it. Raises StoreUnavailable."""
        freeing = self._freeing.get(claim.slot)
        if freeing is not None:
            # Whoever was told of a failure, or has left, may come again sooner than the store has taken note.
            await asyncio.wait({freeing})
        self._sweep_at_times()
        asking = self._begin(self._claim(claim))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            self._give_back(claim.slot, self._undo(claim, asking))
            raise

    async def wait(self, claim: Claim, within_s: float) -> bool:
        """Waits while another call has the key, at most so long. False where it still has it then; otherwise it is
        worth claiming again.
        """
        return await self._waiting.wait(claim.slot, within_s)

    async def keep(self, claim: Claim, answer: bytes, until_unix_s: float) -> bool:
        """Keeps an answer, also where nobody waits for that any more. Raises StoreUnavailable."""
        return await asyncio.shield(self._begin(self._keep(claim, answer, until_unix_s)))

    def free_soon(self, claim: Claim) -> None:
        """Gives a key back. One that a store cannot be told of is free once its time is over."""
        self._give_back(claim.slot, self._free(claim))

    async def close(self) -> None:
        """Waits for what was begun: for as long as the store takes to say that it is away."""
        self._lease.close()
        while self._working:
            await asyncio.wait(self._working)

    def _begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._working.discard(task)
        # Taken note of here, or asyncio complains of those that nobody waited for.
        if not task.cancelled():
            task.exception()

    def _give_back(self, slot: bytes, work: Coroutine[Any, Any, None]) -> None:
        task = self._freeing[slot] = self._begin(work)
        task.add_done_callback(lambda done: self._freed(slot, done))

    def _freed(self, slot: bytes, task: asyncio.Task[None]) -> None:
        if self._freeing.get(slot) is task:
            del self._freeing[slot]

    async def _undo(self, claim: Claim, asking: asyncio.Task[Kept | None]) -> None:
        """Gives the key back that a call has asked for and not waited for."""
        await asyncio.wait({asking})
        if asking.exception() is None and asking.result() is None:
            await self._free(claim)

    async def _claim(self, claim: Claim) -> Kept | None:
        found = await self.store.claim(claim)
        if found is None:
            self._lease.hold(claim)
        return found

    async def _keep(self, claim: Claim, answer: bytes, until_unix_s: float) -> bool:
        try:
            return await self.store.keep(claim, answer, until_unix_s)
        finally:
            self._lease.drop(claim)
            self._waiting.wake(claim.slot)

    async def _free(self, claim: Claim) -> None:
        try:
            await self.store.free(claim)
        except StoreUnavailable as error:
            left_s = claim.until_unix_s - time.time()
            _log.warning("the key of call %s stays taken for up to %.0f s: %s", claim.request_id, left_s, error)
        finally:
            self._lease.drop(claim)
            self._waiting.wake(claim.slot)

    def _sweep_at_times(self) -> None:
        now_s = time.monotonic()
        if now_s - self._swept_s >= _SWEEP_S:
            self._swept_s = now_s
            self._begin(self._sweep())

    async def _sweep(self) -> None:
        try:
            await self.store.sweep()
        except StoreUnavailable as error:
            _log.warning("answers that have had their time stay for a while: %s", error)


class Keepers:
    """The places where answers may be kept. Outlives the configurations, and what is in memory with it."""

    def __init__(self, store: AnswerStore | None) -> None:
        """`store` None: there is no database."""
        self._room = MemoryAnswers()
        self._memory = Keeper(self._room)
        self._store = Keeper(store) if store is not None else None

    def of(self, section: IdempotencySection) -> Keeper | None:
        """Where a configuration has answers kept; None where it has none kept."""
        if not section.enabled:
            return None
        if section.kept_in == "memory":
            return self._memory
        return self._store or (self._memory if section.kept_in is None else None)

    def apart(self, section: IdempotencySection) -> bool:
        """Whether answers are kept where other processes of this router cannot find them."""
        return self.of(section) is self._memory

    def allow(self, section: IdempotencySection) -> None:
        """Sets how much memory answers may take. What a configuration keeps elsewhere, or not at all, takes none."""
        in_memory = self.of(section) is self._memory
        self._room.allow(section.max_memory_bytes if in_memory else 0, section.max_memory_answers)

    async def erase(self, tenant: str, user: str) -> int:
        """Drops the answers that a user was given, wherever they are. Raises StoreUnavailable."""
        erased = await self._room.erase(tenant, user)
        return erased + (await self._store.store.erase(tenant, user) if self._store is not None else 0)

    def forget(self, gone: Gone) -> Work[int]:
        """Drops what is in memory of users who are gone."""
        return self._room.forget(gone)

    async def close(self) -> None:
        """Waits for what was begun."""
        for keeper in (self._memory, self._store):
            if keeper is not None:
                await keeper.close()
