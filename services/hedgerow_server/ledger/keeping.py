"""Brings records into the store, whatever ails it."""

import asyncio
import logging
import threading
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from hedgerow_server.ledger.segment import framed
from hedgerow_server.ledger.trail import Rows
from hedgerow_server.store.port import LedgerStore, StoreUnavailable

_log = logging.getLogger(__name__)
T = TypeVar("T")
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
_TRIES = 3
"""After so many failures the store is asked whether it takes anything at all."""
REJECTED = "rejected"
"""The file, beside the routers' folders, for records that the store takes from nobody."""


class Stopped(Exception):
    """There is no more time."""


class Batch(msgspec.Struct):
    """Frames on their way into the store."""

    payloads: list[bytes] = []
    rows: list[Rows] = []

    def add(self, payload: bytes, rows: Rows) -> None:
        """One more frame."""
        self.payloads.append(payload)
        self.rows.append(rows)


class Keeper:
    """Stores rows from a thread; the store itself lives on the event loop. Nothing is given up: what the store does not
    take while it takes other things goes to a file.
    """

    def __init__(self, store: LedgerStore, loop: asyncio.AbstractEventLoop, root: Path) -> None:
        self._store = store
        self._loop = loop
        self._root = root
        self._problem = ""
        self.stopping = threading.Event()
        """Set: nothing is waited for any more."""
        self.rejected = 0
        """Frames that went to the file."""

    @property
    def problem(self) -> str:
        """What ails the store; empty where nothing does."""
        return self._problem

    def keep(self, batch: Batch) -> None:
        """Stores the rows of a batch, however long that takes. Raises Stopped."""
        if not batch.payloads:
            return
        failures = 0
        while not self._kept(batch.rows):
            failures += 1
            if failures >= _TRIES and self._takes_anything():
                self._one_by_one(batch)
                return
            self._pause(failures)

    def add_lost(self, rows: Rows) -> None:
        """Stores the rows of what never ended, however long that takes. Raises Stopped."""
        failures = 0
        while not self._tried(self._store.add_lost(*rows)):
            failures += 1
            self._pause(failures)

    def forget(self, before_unix_s: float, limit: int) -> int:
        """Deletes the oldest calls; tells how many. Raises StoreUnavailable."""
        return self._run(self._store.forget(before_unix_s, limit))

    def _kept(self, rows: Sequence[Rows]) -> bool:
        attempts = [row for some, _ in rows for row in some]
        calls = [row for _, some in rows for row in some]
        return not (attempts or calls) or self._tried(self._store.keep(attempts, calls))

    def _takes_anything(self) -> bool:
        return self._tried(self._store.keep((), ()))

    def _one_by_one(self, batch: Batch) -> None:
        for payload, rows in zip(batch.payloads, batch.rows, strict=True):
            failures = 0
            while not self._kept([rows]):
                failures += 1
                if failures >= _TRIES and self._takes_anything():
                    self.reject(payload)
                    break
                self._pause(failures)

    def reject(self, payload: bytes) -> None:
        """Puts a frame aside that cannot be stored. Raises OSError."""
        self.rejected += 1
        with (self._root / REJECTED).open("ab") as file:
            file.write(framed(payload))
        _log.error("a frame of the ledger cannot be stored, while others can: it is in %s now", self._root / REJECTED)

    def _tried(self, work: Coroutine[object, object, None]) -> bool:
        """Whether the store has done it."""
        try:
            self._run(work)
        except Exception as error:  # a driver may raise anything at values that it does not take
            if not self._problem:
                _log.error("the ledger's rows wait: %s", error if isinstance(error, StoreUnavailable) else type(error))
            self._problem = str(error) or type(error).__name__
            return False
        if self._problem:
            _log.warning("the ledger's rows are stored again")
            self._problem = ""
        return True

    def _run(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _pause(self, failures: int) -> None:
        if self.stopping.wait(min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** (failures - 1))):
            raise Stopped
