"""All API keys, in memory: what a call is checked against. The store is asked for changes all the time."""

import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable

import msgspec

from hedgerow_server.core.call import Principal
from hedgerow_server.store.port import KeyStore, StoreUnavailable
from hedgerow_server.store.record import KeyRecord

_log = logging.getLogger(__name__)
_BATCH = 1000
_ANSWER_S = 5.0
"""How long an answer of the store may take before it counts as away."""
_BETWEEN_LOOKS_S = 0.2
"""How often keys that nobody knows make the store be asked out of turn, at most."""


class Held(msgspec.Struct, gc=False):
    """A key as it is checked. What a check needs stands in here: each further object is memory that is not at hand."""

    digest: bytes
    pepper_id: str
    ends_unix_s: float | None
    """From when on it is refused; None where that is not known."""
    record: KeyRecord
    principal: Principal | None = None
    """Who its callers are, once one has come."""
    made_by: object = None
    """Whose roles made the principal."""


def held(record: KeyRecord) -> Held:
    """A key of the store, to be checked against."""
    return Held(record.digest, sys.intern(record.pepper_id), record.ends_unix_s, record)


class KeyBook:
    """Keys as the store last told. What it has told once stays good while it is away."""

    def __init__(self, store: KeyStore, refresh_s: float = 1.0) -> None:
        self._store = store
        self.refresh_s = refresh_s
        self.problem = "the keys were not read yet"
        """Why the store's last answer is none; empty when it is one."""
        self.spread: Callable[[], Awaitable[None]] | None = None
        """Has the books of other processes of this router read the store. None: there are none."""
        self.uses: dict[str, float] = {}
        """When keys were last used, as Unix times by id, since somebody took the last ones away."""
        self._held: dict[str, Held] = {}
        self._change = 0
        self._reading: asyncio.Task[None] | None = None
        self._began_s = float("-inf")
        self._out_of_turn_s = float("-inf")

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key_id: str) -> Held | None:
        """A key, whatever has become of it."""
        return self._held.get(key_id)

    def forget_ended(self, before_unix_s: float) -> None:
        """Forgets keys that ended before a time: the store has none of them any more, and is asked if one comes."""
        ends = [(one, key.ends_unix_s) for one, key in self._held.items()]
        for one in (one for one, ends_unix_s in ends if ends_unix_s is not None and ends_unix_s < before_unix_s):
            del self._held[one]

    async def keep_fresh(self) -> None:
        """Asks the store for changes for ever."""
        while True:
            await self.refresh()
            await asyncio.sleep(self.refresh_s)

    async def refresh(self) -> bool:
        """Takes up what has changed until now, or until what was asked a moment ago; tells whether the store answered.
        Goes on when whoever waits for it leaves.
        """
        if self._reading is None or self._reading.done():
            self._began_s = time.monotonic()
            self._reading = asyncio.create_task(self._read())
        # Somebody else may ask anew before this one goes on.
        reading = self._reading
        await asyncio.wait({reading}, timeout=_ANSWER_S)
        if not reading.done():
            self._note(f"the store has not answered for {_ANSWER_S:g} s")
        return not self.problem

    async def changed(self) -> None:
        """Takes up what this router has just changed in the store, in all of its processes."""
        await self.refresh()
        if self.spread is not None:
            await self.spread()

    async def look_for(self, key_id: str) -> Held | None:
        """A key that may have been made a moment ago, perhaps at another router. Raises StoreUnavailable where nobody
        can tell.
        """
        asked_s = time.monotonic()
        while self._began_s < asked_s and not self.problem:
            wait_s = self._out_of_turn_s + _BETWEEN_LOOKS_S - time.monotonic()
            if self._reading is not None and not self._reading.done():
                await self.refresh()
            elif wait_s > 0:
                await asyncio.sleep(wait_s)
            else:
                self._out_of_turn_s = time.monotonic()
                await self.refresh()
        found = self._held.get(key_id)
        if found is None and self.problem:
            raise StoreUnavailable(self.problem)
        return found

    async def close(self) -> None:
        """Nothing will be asked any more."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})

    async def _read(self) -> None:
        try:
            while records := await self._store.keys_after(self._change, _BATCH):
                for record in records:
                    self._held[record.key_id] = held(record)
                self._change = records[-1].change
        except StoreUnavailable as error:
            self._note(str(error))
        except Exception as error:
            _log.exception("reading the API keys failed by a fault of the gateway")
            self._note(f"a fault of the gateway ({type(error).__name__})")
        else:
            if self.problem:
                _log.info("%d API keys are known", len(self._held))
            self.problem = ""

    def _note(self, problem: str) -> None:
        if problem != self.problem:
            _log.error("API keys: the store is away, the keys that are known stay good: %s", problem)
        self.problem = problem
