"""Connections for long questions, beside those that write: nobody waits for them."""

import asyncio
import contextlib
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from urllib.parse import quote

import msgspec

from hedgerow_server.core.secret import RevealNamed
from hedgerow_server.store.opened import opened
from hedgerow_server.store.port import Database, StoreUnavailable
from hedgerow_server.store.script import Script, play
from hedgerow_server.store.section import PostgresStoreSection, StoreSection

T = TypeVar("T")
LONGEST_S = 60.0
"""How long a question may take. As long as one is read, SQLite's log and PostgreSQL's old rows are not freed."""
_SERVER_CONNECTIONS = 2
_LOOK_EVERY = 10_000
"""Steps of SQLite's machine, about 100 µs."""


class SqliteReader:
    """A Database that is only asked: a connection of its own, in a thread of its own. In WAL mode it holds up no write,
    and sees what was written before its question began. The file must be there.
    """

    def __init__(self, section: StoreSection) -> None:
        self._section = section
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-read")
        self._connection: sqlite3.Connection | None = None
        self._end_s = 0.0

    async def ask(self, script: Script[T]) -> T:
        """Runs a script that only reads. Raises StoreUnavailable, at the latest after LONGEST_S, and what the script
        raises.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._asked, script)

    async def change(self, script: Script[T]) -> T:
        """Raises StoreUnavailable: nothing is changed here."""
        script.close()
        raise StoreUnavailable("this connection only reads")

    async def scrub(self) -> None:
        """Nothing: whoever writes does."""

    async def close(self) -> None:
        """Closes the file; a question under way ends at once."""
        self._end_s = 0.0
        await asyncio.get_running_loop().run_in_executor(self._thread, self._drop)
        self._thread.shutdown(wait=False)

    def _asked(self, script: Script[T]) -> T:
        self._end_s = time.monotonic() + LONGEST_S
        try:
            if self._connection is None:
                self._connection = self._open()
            return play(self._connection, script)
        except (sqlite3.Error, OSError) as error:
            self._drop()
            # Its text names the file and what is wrong with it, never a value.
            raise StoreUnavailable(f"{self._section.path}: {error}") from None

    def _open(self) -> sqlite3.Connection:
        # Read-only as a file it could not make the shared memory of the log, which the first one to come makes.
        path = f"file:{quote(str(self._section.path))}?mode=rw"
        connection = sqlite3.connect(
            path, uri=True, timeout=self._section.busy_timeout_seconds, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA query_only = ON")
            connection.create_function("label", 2, _label, deterministic=True)
            connection.set_progress_handler(lambda: time.monotonic() > self._end_s, _LOOK_EVERY)
            _floor(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()


def reader(section: StoreSection | PostgresStoreSection, reveal: RevealNamed) -> Database:
    """The database for questions, not asked yet. Raises ModuleNotFoundError without the extra that it needs."""
    if isinstance(section, StoreSection):
        return SqliteReader(section)
    server = section.postgres.model_copy(update={"pool_size": _SERVER_CONNECTIONS, "timeout_seconds": LONGEST_S})
    return opened(section.model_copy(update={"postgres": server}), reveal)


def _label(labels: str | None, name: str) -> str | None:
    """A label of a JSON text; None where there is none."""
    if not labels:
        return None
    found: str | None = msgspec.json.decode(labels, type=dict[str, str]).get(name)
    return found


def _floor(connection: sqlite3.Connection) -> None:
    """SQLite has it only where it was built with its mathematical functions."""
    try:
        connection.execute("SELECT floor(0.5)").fetchone()
    except sqlite3.OperationalError:
        connection.create_function("floor", 1, lambda value: None if value is None else value // 1, deterministic=True)
