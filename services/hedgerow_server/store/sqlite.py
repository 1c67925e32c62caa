"""SQLite: one connection, in a thread of its own."""

import asyncio
import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from hedgerow_server.store.migrations import STATE, VERSION, SchemaTooNew, migrate, usable
from hedgerow_server.store.port import StoreUnavailable
from hedgerow_server.store.script import Script, play
from hedgerow_server.store.section import StoreSection

_log = logging.getLogger(__name__)
T = TypeVar("T")
_AGAIN_S = 0.01


class Sqlite:
    """The Database in a file. It is opened when it is first needed, and anew after a failure."""

    def __init__(self, section: StoreSection) -> None:
        self._section = section
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._connection: sqlite3.Connection | None = None

    async def ask(self, script: Script[T]) -> T:
        """Runs a script that only reads. Raises StoreUnavailable and what the script raises."""
        return await self.read(lambda connection: play(connection, script))

    async def change(self, script: Script[T]) -> T:
        """Runs a script in a transaction, all or nothing. Raises StoreUnavailable and what the script raises."""
        return await self.write(lambda connection: play(connection, script))

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs `work` in the thread. Raises StoreUnavailable."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._guarded, work)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The same in a transaction, which is undone where `work` fails."""

        def whole(connection: sqlite3.Connection) -> T:
            with _transaction(connection):
                return work(connection)

        return await self.read(whole)

    async def scrub(self) -> None:
        """Empties the write-ahead log, which has old pages in it, unless somebody reads them just now."""
        await self.read(lambda connection: connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())

    async def close(self) -> None:
        """Closes the file, after all that was begun."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._drop)
        self._thread.shutdown(wait=False)

    def _guarded(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._connection is None:
                self._connection = self._open()
            return work(self._connection)
        except (sqlite3.Error, OSError, SchemaTooNew) as error:
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
            self._to_wal(connection)
            # In WAL mode only FULL keeps what was acknowledged when the machine loses power.
            connection.execute("PRAGMA synchronous = FULL")
            connection.create_function("unix_now", 0, time.time)
            # What is deleted or replaced is overwritten: a user may have wanted to be forgotten.
            connection.execute("PRAGMA secure_delete = ON")
            _bring_up(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _to_wal(self, connection: sqlite3.Connection) -> None:
        """Changes to the write-ahead log. SQLite does not wait for others here as it does elsewhere."""
        until_s = time.monotonic() + self._section.busy_timeout_seconds
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until_s:
                    raise
                time.sleep(_AGAIN_S)
            else:
                return

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


def _bring_up(connection: sqlite3.Connection) -> None:
    """Brings the schema to the version that this router knows, unless it is there already or beyond."""
    if usable(*_state(connection)):
        return
    with _transaction(connection):
        # Another process may have done it meanwhile.
        found, least_reader = _state(connection)
        if usable(found, least_reader):
            return
        play(connection, migrate(found))
        # Routers that know no schema_state look here.
        connection.execute(f"PRAGMA user_version = {VERSION}")
    _log.info("the schema of the store is now version %d (it was %d)", VERSION, found)


def _state(connection: sqlite3.Connection) -> tuple[int, int]:
    """The version, 0 where there is no schema yet, and the oldest router for it."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_state'").fetchone():
        return int(version), 1
    version, least_reader = connection.execute(STATE.sql).fetchone()
    return int(version), int(least_reader)
