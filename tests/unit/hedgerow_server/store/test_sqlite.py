"""The SQLite store: its file, and what other processes do to it."""

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from hedgerow_server.store.keys import StoredKeys
from hedgerow_server.store.port import StoreUnavailable
from hedgerow_server.store.section import StoreSection
from hedgerow_server.store.sqlite import Sqlite
from unit.hedgerow_server.store.test_stores import ENTRY, record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hedgerow.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Sqlite]:
    found = Sqlite(StoreSection(path=path, busy_timeout_seconds=0.2))
    yield found
    await found.close()


async def test_the_file_is_its_owners_alone(database: Sqlite, path: Path) -> None:
    await StoredKeys(database).key("a")
    assert stat.S_IMODE((await asyncio.to_thread(path.stat)).st_mode) == 0o600


async def test_a_store_that_was_of_no_use_is_opened_again(database: Sqlite, path: Path) -> None:
    keys = StoredKeys(database)
    await asyncio.to_thread(path.write_bytes, b"this is no database" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await keys.key("a")
    await asyncio.to_thread(path.unlink)
    assert await keys.key("a") is None


async def test_a_lock_of_another_process_is_waited_for_no_longer_than_configured(database: Sqlite, path: Path) -> None:
    """Reading goes on meanwhile."""
    keys = StoredKeys(database)
    await keys.add_key(record("a"), ENTRY)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await keys.add_key(record("b"), ENTRY)
        assert await keys.key("a") is not None
    await keys.add_key(record("b"), ENTRY)
