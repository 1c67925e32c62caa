"""SQLite: one connection, in a thread of its own."""

import asyncio
import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from hedgerow_server.store.migrations import STEPS, VERSION
from hedgerow_server.store.port import StoreUnavailable
from hedgerow_server.store.section import StoreSection

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Sqlite:
    """A database file. It is opened when it is first needed, and anew after a failure."""

    def __init__(self, section: StoreSection) -> None:
        self._section = section
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._connection: sqlite3.Connection | None = None

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs `work` in the thread. Raises StoreUnavailable."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._guarded, work)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The same in a transaction, which is undone where `work` fails."""

        def whole(connection: sqlite3.Connection) -> T:
            with _transaction(connection):
                return work(connection)

        return await self.read(whole)

    async def close(self) -> None:
        """Closes the file, after all that was begun."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._drop)
        self._thread.shutdown(wait=False)

    def _guarded(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._connection is None:
                self._connection = self._open()
            return work(self._connection)
        except (sqlite3.Error, OSError) as error:
            self._drop()
            # Its text names the file and what is wrong with it, never a value.
            raise StoreUnavailable(f"{self._section.path}: {error}") from None

    def _open(self) -> sqlite3.Connection:
        path = self._section.path
        with contextlib.suppress(FileExistsError):
            # Digests of keys are nobody else's business.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        connection = sqlite3.connect(path, timeout=self._section.busy_timeout_seconds, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # In WAL mode only FULL keeps what was acknowledged when the machine loses power.
            connection.execute("PRAGMA synchronous = FULL")
            _migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _migrate(connection: sqlite3.Connection) -> None:
    """Brings the schema to the version that this router knows."""
    if _version(connection) == VERSION:
        return
    with _transaction(connection):
        # Another process may have done it meanwhile.
        found = _version(connection)
        if found > VERSION:
            raise sqlite3.DatabaseError(f"its schema is version {found}, this router knows {VERSION} and older ones")
        for step in STEPS[found:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    if found < VERSION:
        _log.info("the schema of the store is now version %d (it was %d)", VERSION, found)


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
