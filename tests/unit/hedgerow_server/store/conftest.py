"""Databases for the tests of the store, of either kind."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hedgerow_server.store.port import Database
from hedgerow_server.store.section import StoreSection
from hedgerow_server.store.sqlite import Sqlite
from postgres import PostgresServer


class Ground:
    """An empty database, and the ways to it."""

    def __init__(self, file: Path | None, server: PostgresServer | None) -> None:
        self.file = file
        self.server = server
        self.name = server.database() if server is not None else ""
        self._opened: list[Database] = []

    def open(self, timeout_s: float = 10.0) -> Database:
        """One router's connection to it."""
        if self.server is not None:
            database: Database = self.server.opened(self.name, timeout_seconds=timeout_s)
        else:
            assert self.file is not None
            database = Sqlite(StoreSection(path=self.file, busy_timeout_seconds=timeout_s))
        self._opened.append(database)
        return database

    async def execute(self, *statements: str) -> list[Any]:
        """What an intruder or another program does to it, all or nothing; the rows of the last statement."""
        return await asyncio.to_thread(self._execute, statements)

    def _execute(self, statements: tuple[str, ...]) -> list[Any]:
        if self.server is not None:
            printed = self.server.execute("; ".join(statements), self.name)
            return [tuple(line.split("|")) for line in printed.splitlines()]
        assert self.file is not None
        with closing(sqlite3.connect(self.file)) as connection:
            rows: list[Any] = []
            for statement in statements:
                rows = connection.execute(statement).fetchall()
            connection.commit()
        return [tuple(map(str, row)) for row in rows]

    async def close(self) -> None:
        """Closes what was opened."""
        for one in self._opened:
            await one.close()


@pytest.fixture(params=["sqlite", "postgres"])
async def ground(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ground]:
    """A database of each kind, one after the other."""
    if request.param == "sqlite":
        found = Ground(tmp_path / "hedgerow.db", None)
    else:
        found = Ground(None, request.getfixturevalue("postgres_server"))
    yield found
    await found.close()


@pytest.fixture
def database(ground: Ground) -> Database:
    """A router's connection to it."""
    return ground.open()
