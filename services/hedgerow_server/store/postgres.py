"""PostgreSQL: a few connections, opened when they are needed."""

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any, TypeVar

import asyncpg

from hedgerow_server.core.error import CredentialUnavailable
from hedgerow_server.core.secret import Reveal
from hedgerow_server.store.dialect import lock_numbers, numbered, schema
from hedgerow_server.store.migrations import STATE, VERSION, SchemaTooNew, migrate, usable
from hedgerow_server.store.port import StoreUnavailable
from hedgerow_server.store.script import Do, Lock, Many, Rows, Script
from hedgerow_server.store.section import PostgresSection

_log = logging.getLogger(__name__)
T = TypeVar("T")
Connection = Any
"""asyncpg's; the library is an extra."""
_FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""How asyncpg says that the server or the way to it has failed. What comes once the server has ended a connection it
takes for a fault of its own.
"""
_CHECK_S = 0.5
"""A connection that was idle for longer is asked whether it still is one: the server may have been restarted."""
_IDLE_S = 30.0
"""A connection that was idle for longer is not used again: something on the way may have forgotten it."""
_MIGRATION_S = 600.0
_VALUE_ERRORS = ("22", "23")
"""Classes of SQLSTATE whose texts may have values in them."""


class Postgres:
    """The Database on a server. After a failure all connections are new, and the schema is looked at again."""

    def __init__(self, section: PostgresSection, password: Reveal | None = None) -> None:
        """`password` is asked for each new connection. Raises CredentialUnavailable."""
        self._section = section
        self._password = password
        self._place = f"PostgreSQL {section.host}:{section.port}/{section.database}"
        self._slots = asyncio.Semaphore(section.pool_size)
        self._idle: list[tuple[float, Connection]] = []
        self._ready: asyncio.Task[None] | None = None
        """The look at the schema, which all wait for."""

    async def ask(self, script: Script[T]) -> T:
        """Runs a script that only reads. Raises StoreUnavailable and what the script raises."""
        return await self.read(lambda connection: _play(connection, script))

    async def change(self, script: Script[T]) -> T:
        """Runs a script in a transaction, all or nothing. Raises StoreUnavailable and what the script raises."""
        return await self.write(lambda connection: _play(connection, script))

    async def read(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Does something with a connection. Raises StoreUnavailable, at the latest after `timeout_seconds`."""
        try:
            async with asyncio.timeout(self._section.timeout_seconds), self._slots:
                await self._brought_up()
                return await self._worked(work)
        except TimeoutError:
            self._forget()
            raise self._away(f"no answer within {self._section.timeout_seconds:g} s") from None
        except (*_FAILURES, SchemaTooNew, CredentialUnavailable) as error:
            self._forget()
            raise self._away(_told(error)) from None

    async def write(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """The same in a transaction, which is undone where `work` fails."""

        async def whole(connection: Connection) -> T:
            async with connection.transaction():
                return await work(connection)

        return await self.read(whole)

    async def scrub(self) -> None:
        """Nothing: the server's own VACUUM clears old rows away, as it is configured there."""

    async def close(self) -> None:
        """Closes the connections, after all that was begun, which takes no longer than it may."""
        for _ in range(self._section.pool_size):
            await self._slots.acquire()
        if self._ready is not None:
            self._ready.cancel()
            await asyncio.wait({self._ready})
        idle, self._idle = self._idle, []
        for _, connection in idle:
            try:
                await connection.close(timeout=self._section.timeout_seconds)
            except _FAILURES:
                connection.terminate()

    async def _worked(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        connection = await self._taken()
        done = False
        try:
            result = await work(connection)
            done = True
        except (*_FAILURES, asyncio.CancelledError):
            raise
        except Exception:
            # Something of ours, and the transaction was undone in good order.
            done = True
            raise
        finally:
            if done and not connection.is_closed() and not connection.is_in_transaction():
                self._idle.append((time.monotonic(), connection))
            else:
                connection.terminate()
        return result

    async def _taken(self) -> Connection:
        while self._idle:
            since_s, connection = self._idle.pop()
            alive = False
            try:
                alive = await _alive(connection, time.monotonic() - since_s)
            finally:
                if not alive:
                    connection.terminate()
            if alive:
                return connection
        return await self._opened(self._section.timeout_seconds)

    async def _opened(self, longest_s: float) -> Connection:
        """A new connection. The server itself ends what takes longer: a router that stands still holds up no other."""
        section = self._section
        longest_ms = str(round(longest_s * 1000))
        return await asyncpg.connect(
            host=section.host,
            port=section.port,
            user=section.user,
            # Never one of the environment's.
            password=self._password().reveal() if self._password is not None else "",
            database=section.database,
            ssl=await asyncio.to_thread(_tls, section),
            timeout=section.timeout_seconds,
            target_session_attrs="any",
            server_settings={
                "application_name": "hedgerow",
                "statement_timeout": longest_ms,
                "idle_in_transaction_session_timeout": longest_ms,
            },
        )

    def _forget(self) -> None:
        """Uses nothing again that was there before."""
        idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.terminate()
        if self._ready is not None and self._ready.done():
            self._ready = None

    async def _brought_up(self) -> None:
        """Waits until the schema is one that this router works with. A migration may take longer than its callers have
        time: it goes on without them.
        """
        if self._ready is None:
            self._ready = asyncio.create_task(self._bring_up())
            # Whoever asked may have left.
            self._ready.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(self._ready)

    async def _bring_up(self) -> None:
        connection = await self._opened(_MIGRATION_S)
        try:
            async with asyncio.timeout(self._section.timeout_seconds):
                if usable(*await _state(connection)):
                    return
            async with asyncio.timeout(_MIGRATION_S):
                await _migrated(connection)
        finally:
            connection.terminate()

    def _away(self, why: str) -> StoreUnavailable:
        return StoreUnavailable(f"{self._place}: {why}")


async def _alive(connection: Connection, idle_s: float) -> bool:
    """Whether a connection can be used again."""
    if connection.is_closed() or idle_s > _IDLE_S:
        return False
    try:
        return idle_s < _CHECK_S or await connection.fetchval("SELECT TRUE") is True
    except _FAILURES:
        return False


async def _migrated(connection: Connection) -> None:
    async with connection.transaction():
        await _done(connection, Lock("schema"), numbered)
        # Another router may have done it meanwhile.
        found, least_reader = await _state(connection)
        if usable(found, least_reader):
            return
        await _play(connection, migrate(found), lambda sql: numbered(schema(sql)))
    _log.info("the schema of the store is now version %d (it was %d)", VERSION, found)


async def _state(connection: Connection) -> tuple[int, int]:
    """The version, 0 where there is no schema yet, and the oldest router for it."""
    # Asked of the table: to_regclass would answer from a cache that another router's migration has not reached yet.
    if not await connection.fetch(
        "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = current_schema AND tablename = 'schema_state'"
    ):
        return 0, 1
    version, least_reader = await connection.fetchrow(STATE.sql)
    return version, least_reader


async def _play(connection: Connection, script: Script[T], translate: Callable[[str], str] = numbered) -> T:
    """Runs a script. Raises what asyncpg and the script raise."""
    with closing(script):
        try:
            step = next(script)
            while True:
                step = script.send(await _done(connection, step, translate))
        except StopIteration as end:
            result: T = end.value
            return result


async def _done(connection: Connection, step: Do | Many | Lock, translate: Callable[[str], str]) -> Rows:
    match step:
        case Do(sql, values):
            rows: Rows = await connection.fetch(translate(sql), *values)
            return rows
        case Many(sql, values):
            await connection.executemany(translate(sql), values)
        case Lock(name):
            await connection.execute("SELECT pg_advisory_xact_lock($1, $2)", *lock_numbers(name))
    return ()


def _tls(section: PostgresSection) -> ssl.SSLContext | bool:
    """Blocks on files. Raises OSError."""
    if section.plaintext or (section.tls is None and section.is_local):
        return False
    files = section.tls
    context = ssl.create_default_context(cafile=files.ca_file if files is not None else None)
    if files is not None and files.certificate is not None:
        context.load_cert_chain(files.certificate, files.key)
    return context


def _told(error: Exception) -> str:
    """What is wrong, without a value."""
    if isinstance(error, asyncpg.PostgresError):
        # Not its text, which has the detail and the hint in it.
        code = str(error.sqlstate or "")
        words = "" if code.startswith(_VALUE_ERRORS) else str(error.args[0] if error.args else "")
        return f"{words.splitlines()[0][:200]} ({code})" if words else f"{type(error).__name__} ({code})"
    if isinstance(error, CredentialUnavailable):
        return "its password is not available"
    return str(error)
