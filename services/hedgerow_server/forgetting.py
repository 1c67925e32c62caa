"""Follows in the store who was erased, and lets go of what this process holds of them in memory.

Erasing begins at one router. Those that share its store hear of it as they hear of revoked keys: each asks what has
come since it last did, also after it was away, however long. No call waits for that, nor asks anything.
"""

import asyncio
import logging
import time
from collections.abc import Sequence

from hedgerow_server.core.erasure import Barred, Forgetter, Gone, Heard
from hedgerow_server.core.slices import in_slices
from hedgerow_server.identity.section import IdentitySection
from hedgerow_server.store.erasures import StoredErasures
from hedgerow_server.store.port import StoreUnavailable

_log = logging.getLogger(__name__)
_EVERY_S = 1.0
"""How often the store is asked where no configuration says it: as often as for keys."""
_SWEEP_S = 300.0
"""How often it is looked for marks that have had their time. Every router does, and finds what is left."""


class Forgetting:
    """Of one process. On the event loop."""

    def __init__(self, erasures: StoredErasures, barred: Barred, forgetters: Sequence[Forgetter]) -> None:
        """`barred` is told of whom nothing is to be kept for a while."""
        self._erasures = erasures
        self._barred = barred
        self._forgetters = forgetters
        self._number: int | None = None
        self._following: asyncio.Task[None] | None = None
        self._sweep_at_s = time.monotonic() + _SWEEP_S
        self.every_s = _EVERY_S
        self.problem = ""
        """Why nobody can tell now who was erased; empty: somebody can."""

    def serve(self, section: IdentitySection) -> None:
        """A configuration is in force: asks as often as for keys from now on."""
        self.every_s = section.api_keys.refresh_seconds if section.api_keys is not None else _EVERY_S
        if self._following is None:
            self._following = asyncio.create_task(self._follow())

    async def look(self) -> None:
        """Lets go of what is held of those who were erased since the last look. Without a last one, or where it was too
        long ago, of all that is held of any user.
        """
        try:
            heard = await self._erasures.since(self._number)
            await self._forget(heard)
        except StoreUnavailable as error:
            self._note(str(error))
        except Exception as error:
            if not self.problem:
                _log.exception("looking for erased users failed by a fault of the gateway")
            self._note(f"a fault of the gateway ({type(error).__name__})")
        else:
            self._number = heard.number
            self._note("")

    async def close(self) -> None:
        """Nothing will be asked any more."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait({self._following})

    async def _follow(self) -> None:
        while True:
            await self.look()
            await self._sweep_at_times()
            await asyncio.sleep(self.every_s)

    async def _forget(self, heard: Heard) -> None:
        if heard.marks:
            # Before anything goes: what is about to be kept must not come after.
            self._barred.add(heard.marks)
        if heard.missed:
            if self._number is not None:
                _log.warning("erased users were missed while the store was away: what users have caused is not kept")
            await self._each(bool)
        elif heard.marks:
            await self._each(self._barred.has)

    async def _each(self, gone: Gone) -> None:
        for one in self._forgetters:
            await in_slices(one.forget(gone))

    async def _sweep_at_times(self) -> None:
        if time.monotonic() < self._sweep_at_s:
            return
        self._sweep_at_s = time.monotonic() + _SWEEP_S
        self._barred.sweep()
        try:
            await self._erasures.sweep()
        except StoreUnavailable as error:
            _log.warning("marks of erased users that have had their time stay for a while: %s", error)

    def _note(self, problem: str) -> None:
        if problem and not self.problem:
            _log.error("erased users: the store is away, what is kept of them here stays until it is back: %s", problem)
        elif self.problem and not problem:
            _log.info("erased users: the store can be asked again")
        self.problem = problem
