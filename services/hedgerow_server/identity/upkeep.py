"""Looks after the API keys in the store: notes when they are used, and forgets those that ended long ago."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence

import msgspec

from hedgerow_server.identity.book import KeyBook
from hedgerow_server.store.port import KeyStore, StoreUnavailable
from hedgerow_server.store.record import AuditEntry

_log = logging.getLogger(__name__)
_NOTE_S = 60.0
"""How often uses are written down: at most one write for each key in that time, however often it is used."""
_PURGE_S = 3600.0
"""How often keys are looked for that ended long ago. Every router does, and finds what is left."""
_BATCH = 500
"""Keys that are noted or forgotten at once."""
_PURGE = "PurgeKeys"


class KeyUpkeep:
    """Works beside the calls. What cannot be written is tried again later, and does no harm if it is lost."""

    def __init__(self, store: KeyStore, book: KeyBook, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._book = book
        self._clock = clock
        self.keep_ended_s = float("inf")
        """How long keys stay in the store after their end."""
        self._unwritten: dict[str, float] = {}
        """Uses that the store has still to be told."""
        self._purge_at_s = 0.0

    async def keep(self) -> None:
        """Works for ever."""
        self._purge_at_s = time.monotonic() + _PURGE_S * random.uniform(0.05, 0.2)  # noqa: S311  # no secret
        while True:
            await asyncio.sleep(_NOTE_S)
            try:
                await self._work()
            except Exception:
                _log.exception("looking after the API keys failed by a fault of the gateway")

    async def _work(self) -> None:
        await self.note()
        if time.monotonic() >= self._purge_at_s:
            self._purge_at_s = time.monotonic() + _PURGE_S
            await self.purge()

    async def note(self) -> None:
        """Writes down which keys were used since it last did."""
        uses, self._book.uses = self._book.uses, {}
        self._unwritten = self._unwritten | uses if self._unwritten else uses
        while self._unwritten:
            some = min(_BATCH, len(self._unwritten))
            batch = dict(self._unwritten.popitem() for _ in range(some))
            try:
                await self._store.note_uses(batch)
            except StoreUnavailable:
                # The book tells of a store that is away. There are at most as many uses as keys.
                self._unwritten |= batch
                return

    async def purge(self) -> int:
        """Forgets keys that ended long ago, here and in the store; tells how many it took out of the store."""
        before_unix_s, count = self._clock() - self.keep_ended_s, 0
        if before_unix_s == float("-inf"):
            return 0
        try:
            while found := await self._store.purge(before_unix_s, _BATCH, self._entry):
                count += found
        except StoreUnavailable as error:
            _log.warning("keys that ended long ago could not be forgotten: %s", error)
        else:
            self._book.forget_ended(before_unix_s)
        if count:
            _log.info("%d API keys were forgotten that had ended more than %g s ago", count, self.keep_ended_s)
        return count

    def last_used(self, key_id: str, stored_unix_s: float | None) -> float | None:
        """When a key was last used, as far as it is known here."""
        known = (stored_unix_s, self._unwritten.get(key_id), self._book.uses.get(key_id))
        return max((one for one in known if one is not None), default=None)

    def _entry(self, gone: Sequence[str]) -> AuditEntry:
        detail = {"keys": list(gone), "ended_more_than_s_ago": self.keep_ended_s}
        return AuditEntry(
            at_unix_s=self._clock(), who="retention", action=_PURGE, detail=msgspec.json.encode(detail).decode()
        )
