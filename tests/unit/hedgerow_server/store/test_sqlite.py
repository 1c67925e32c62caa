"""The SQLite store: its file, its schema, its transactions, and what the audit log notices."""

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hedgerow_server.store.audit import SqliteAudit
from hedgerow_server.store.chain import broken_at
from hedgerow_server.store.keys import SqliteKeys
from hedgerow_server.store.migrations import VERSION
from hedgerow_server.store.port import StoreUnavailable
from hedgerow_server.store.record import AuditEntry, KeyRecord
from hedgerow_server.store.section import StoreSection
from hedgerow_server.store.sqlite import Sqlite

ENTRY = AuditEntry(at_unix_s=1.5, who="x", action="CreateKey")


def record(key_id: str, **more: object) -> KeyRecord:
    """A key of nobody's."""
    given = {"digest": b"\x00\xff", "pepper_id": "p", "tenant": "acme", "created_unix_s": 1.0, **more}
    return KeyRecord(key_id=key_id, **given)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hedgerow.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Sqlite]:
    found = Sqlite(StoreSection(path=path, busy_timeout_seconds=0.2))
    yield found
    await found.close()


async def test_a_key_comes_back_as_it_was_kept(database: Sqlite) -> None:
    keys = SqliteKeys(database)
    full = record(
        "a", roles=("x", "y"), models=('"', "é*"), expires_unix_s=5.5, description="'; DROP TABLE api_key; --"
    )
    kept = await keys.add_key(full, ENTRY)
    assert kept == msgspec.structs.replace(full, change=1)
    assert await keys.key("a") == kept
    assert await keys.key("' OR 1=1 --") is None


async def test_every_change_has_a_higher_number_than_those_before(database: Sqlite) -> None:
    keys = SqliteKeys(database)
    for name in "abc":
        await keys.add_key(record(name), ENTRY)
    await keys.change_key("a", lambda old: (msgspec.structs.replace(old, revoked_unix_s=2.0), None), ENTRY)
    assert [(one.key_id, one.change) for one in await keys.keys_after(0, 10)] == [("b", 2), ("c", 3), ("a", 4)]
    assert [one.key_id for one in await keys.keys_after(3, 10)] == ["a"]
    assert [one.key_id for one in await keys.keys_after(0, 2)] == ["b", "c"]


async def test_keys_come_in_pages(database: Sqlite) -> None:
    keys = SqliteKeys(database)
    for name, tenant in (("c", "acme"), ("a", "acme"), ("b", "globex")):
        await keys.add_key(record(name, tenant=tenant), ENTRY)
    assert [one.key_id for one in await keys.keys("", "", 2)] == ["a", "b"]
    assert [one.key_id for one in await keys.keys("acme", "a", 2)] == ["c"]


async def test_a_change_that_fails_leaves_nothing_behind(database: Sqlite) -> None:
    keys, audit = SqliteKeys(database), SqliteAudit(database)
    await keys.add_key(record("a"), ENTRY)

    def fail(old: KeyRecord) -> tuple[KeyRecord, KeyRecord | None]:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await keys.change_key("a", fail, ENTRY)
    with pytest.raises(StoreUnavailable):  # the further key is there already
        await keys.change_key("a", lambda old: (msgspec.structs.replace(old, tenant="x"), record("a")), ENTRY)
    assert (await keys.key("a"), len(await audit.rows(0, 10))) == (msgspec.structs.replace(record("a"), change=1), 1)


async def test_two_processes_write_in_turn(database: Sqlite, path: Path) -> None:
    other = Sqlite(StoreSection(path=path))
    stores = SqliteKeys(database), SqliteKeys(other)
    await asyncio.gather(*(stores[n % 2].add_key(record(f"{n:03}"), ENTRY) for n in range(40)))
    rows = await SqliteAudit(other).rows(0, 100)
    await other.close()
    assert [one.change for one in await stores[0].keys_after(0, 100)] == list(range(1, 41))
    assert broken_at(rows) is None


async def test_the_file_is_its_owners_alone(database: Sqlite, path: Path) -> None:
    await SqliteKeys(database).key("a")
    assert stat.S_IMODE((await asyncio.to_thread(path.stat)).st_mode) == 0o600


async def test_a_schema_of_a_newer_router_is_left_alone(database: Sqlite, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StoreUnavailable, match=f"version {VERSION + 1}"):
        await SqliteKeys(database).key("a")


async def test_a_store_that_was_of_no_use_is_opened_again(database: Sqlite, path: Path) -> None:
    keys = SqliteKeys(database)
    await asyncio.to_thread(path.write_bytes, b"this is no database" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await keys.key("a")
    await asyncio.to_thread(path.unlink)
    assert await keys.key("a") is None


async def test_a_lock_of_another_process_is_waited_for_no_longer_than_configured(database: Sqlite, path: Path) -> None:
    """Reading goes on meanwhile."""
    keys = SqliteKeys(database)
    await keys.add_key(record("a"), ENTRY)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await keys.add_key(record("b"), ENTRY)
        assert await keys.key("a") is not None
    await keys.add_key(record("b"), ENTRY)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ("UPDATE audit SET who = 'eve' WHERE number = 3", 3),
        ("UPDATE audit SET at_unix_s = at_unix_s + 1 WHERE number = 1", 1),
        ("UPDATE audit SET digest = zeroblob(32) WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 1", 1),
        ("UPDATE audit SET number = number + 1 WHERE number = 5", 5),
        ("UPDATE audit SET subject = who, who = subject WHERE number = 4", 4),
    ],
)
async def test_the_first_row_that_is_not_what_was_written_is_found(
    database: Sqlite, path: Path, damage: str, expected: int
) -> None:
    audit = SqliteAudit(database)
    for number in range(5):
        await audit.append(msgspec.structs.replace(ENTRY, subject=f"key-{number}"))
    rows = await audit.rows(0, 10)
    assert broken_at(rows) is None
    assert broken_at(rows[2:], rows[1].digest, 2) is None
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(damage)
        connection.commit()
    assert broken_at(await audit.rows(0, 10)) == expected
