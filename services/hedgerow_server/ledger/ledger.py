"""The ledger of a router: its spool, and the two threads behind it."""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from hedgerow_server.core.call import Call
from hedgerow_server.core.request import ChatRequest, EmbedRequest
from hedgerow_server.ledger.books import CallBooks
from hedgerow_server.ledger.drain import OwnDrain, adopt
from hedgerow_server.ledger.keeping import Keeper, Stopped
from hedgerow_server.ledger.rows import Estimate
from hedgerow_server.ledger.section import LedgerSection
from hedgerow_server.ledger.spool import Spool
from hedgerow_server.store.port import LedgerStore, StoreUnavailable

_log = logging.getLogger(__name__)
_TEND_S = 0.01
"""How often the disk is to take what was written."""
_POLL_S = 0.1
"""How often is looked for something to store. Nobody wakes the thread: that costs more than to write the records."""
_BUSY, _BUSY_S = 64, 0.25
"""After a round of so many records, the next one is so much later."""
_ADOPT_S = 30.0
"""How often is looked for what dead routers have left."""
_FORGET_S = 600.0
_FORGOTTEN_AT_ONCE = 500
_LAST_S = 10.0
"""How long the end waits for the store."""
_DAY_S = 86_400


class Ledger:
    """Writes down what calls cost. Made once for the life of a router, within its event loop."""

    def __init__(
        self,
        section: LedgerSection,
        root: Path,
        store: LedgerStore,
        estimate: Estimate,
        *,
        at_last: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`root` is the folder of the spools; `at_last` closes what only the ledger needs. Touches nothing yet."""
        self._section = section
        self._root = root
        self._loop = asyncio.get_running_loop()
        self._estimate = estimate
        self._at_last = at_last
        self._spool = Spool(root, segment_bytes=section.segment_bytes, max_bytes=section.max_bytes)
        self._keeper = Keeper(store, self._loop, root)
        self._drain = OwnDrain(self._spool, self._keeper)
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []
        self._adopted = asyncio.Event()
        self._trouble = ""

    @property
    def admitting(self) -> bool:
        """Whether a further call can be written down."""
        return self._spool.admitting

    @property
    def fsync(self) -> bool:
        """Whether answers wait for the disk."""
        return self._section.durability == "fsync"

    @property
    def rejected(self) -> int:
        """Frames that the store would not take."""
        return self._keeper.rejected

    @property
    def used_bytes(self) -> int:
        """How much of the disk the spool takes."""
        return self._spool.used_bytes

    @property
    def max_bytes(self) -> int:
        """How much it may take."""
        return self._section.max_bytes

    @property
    def behind_s(self) -> float:
        """What has ended before so many seconds is in the store: below 1, unless that is slow or away."""
        return time.monotonic() - self._drain.stored_until_s

    def problems(self) -> list[str]:
        """Why calls should not come here."""
        problem = self._spool.problem
        return [f"ledger: {problem}"] if problem else []

    def books(self, call: Call, request: ChatRequest | EmbedRequest) -> CallBooks:
        """The books of a call."""
        return CallBooks(call, self._spool, request)

    async def synced(self, number: int) -> None:
        """Returns once the disk has what `CallBooks.settle` wrote."""
        await self._spool.synced(number)

    async def start(self) -> None:
        """Makes room on the disk, or has it made as soon as that works, and begins to store."""
        await asyncio.to_thread(self._spool.tend)
        for name, run in (("ledger-sync", self._tend), ("ledger-store", self._store)):
            thread = threading.Thread(target=run, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    async def settled(self) -> None:
        """Returns once what routers had left before this one started is in the store. It may be away for long."""
        await self._adopted.wait()

    async def stored(self) -> None:
        """Returns once everything that has ended by now is in the store. It may be away for long."""
        while not self._drain.idle:  # noqa: ASYNC110  (a thread would have to wake the loop for each batch)
            await asyncio.sleep(_POLL_S / 4)

    async def close(self) -> None:
        """Stores the rest, if the store takes it within a few seconds; what is left the next router finds."""
        self._ending.set()
        late = self._loop.call_later(_LAST_S, self._keeper.stopping.set)
        await asyncio.gather(*(asyncio.to_thread(thread.join) for thread in self._threads))
        late.cancel()
        empty = self._drain.idle
        self._drain.close()
        await asyncio.to_thread(self._spool.close, empty=empty)
        if self._at_last is not None:
            await self._at_last()

    def _tend(self) -> None:
        while not self._ending.is_set():
            time.sleep(_TEND_S)  # a hundred times a second: to wait for the event costs a multiple of it
            try:
                self._spool.tend()
            except Exception:
                _log.exception("the ledger's spool is not tended")
            if self._spool.waited_for:
                self._loop.call_soon_threadsafe(self._spool.wake)

    def _store(self) -> None:
        adopt_s = forget_s = 0.0
        try:
            while not self._ending.is_set():
                now_s = time.monotonic()
                if now_s >= adopt_s:
                    self._attempt(self._adopt)
                    adopt_s = time.monotonic() + _ADOPT_S
                if now_s >= forget_s:
                    self._attempt(self._forget)
                    forget_s = now_s + _FORGET_S
                frames = self._attempt(self._drain.run)
                if not (frames and self._drain.behind):
                    # A round costs as much as many rows: where there are many, it waits until there are more.
                    self._ending.wait(_BUSY_S if frames >= _BUSY else _POLL_S)
            while self._attempt(self._drain.run):
                pass
        except Stopped:
            _log.warning("the ledger's rows are not all stored: the next router finds them in the spool")

    def _attempt(self, work: Callable[[], int]) -> int:
        """Does a piece of work, and returns what it does; what ails the disk is told once. Raises Stopped."""
        try:
            return work()
        except Stopped:
            raise
        except Exception as error:
            if str(error) != self._trouble:
                _log.error("the ledger's spool is not read", exc_info=error)
                self._trouble = str(error)
            return 0

    def _adopt(self) -> bool:
        adopt(self._root, self._spool.folder, self._keeper, self._estimate)
        self._loop.call_soon_threadsafe(self._adopted.set)
        return False

    def _forget(self) -> bool:
        days = self._section.retention_days
        if days is None:
            return False
        try:
            while self._keeper.forget(time.time() - days * _DAY_S, _FORGOTTEN_AT_ONCE) == _FORGOTTEN_AT_ONCE:
                pass
        except StoreUnavailable as error:
            _log.warning("old rows of the ledger are not deleted: %s", error)
        return False
