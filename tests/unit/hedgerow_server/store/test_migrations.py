"""Routers of different versions on one store, of either kind."""

import asyncio
import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hedgerow_server.store import migrations
from hedgerow_server.store.audit import StoredAudit
from hedgerow_server.store.chain import START, broken_at
from hedgerow_server.store.keys import StoredKeys
from hedgerow_server.store.migrations import STEPS, VERSION
from hedgerow_server.store.port import Database, StoreUnavailable
from hedgerow_server.store.section import StoreSection
from hedgerow_server.store.sqlite import Sqlite
from unit.hedgerow_server.store.conftest import Ground
from unit.hedgerow_server.store.test_stores import ENTRY, record


def old_row(number: int, before: bytes, who: str) -> tuple[str, bytes]:
    """The statement with which a router of the first version adds a row, and the row's digest."""
    covered = (number, (1.5, who, "CreateKey", "k", "{}", "OK", ""))
    digest = hashlib.sha256(before + msgspec.json.encode(covered)).digest()
    columns = "number, at_unix_s, who, action, subject, detail, outcome, request_id, digest"
    values = f"{number}, 1.5, '{who}', 'CreateKey', 'k', '{{}}', 'OK', ''"
    return f"INSERT INTO audit ({columns}) VALUES ({values}, '{digest.hex()}')", digest


def as_blob(ground: Ground, statement: str, digest: bytes) -> str:
    """The statement with the digest as bytes, in the words of the database."""
    blob = f"'\\x{digest.hex()}'" if ground.server is not None else f"x'{digest.hex()}'"
    return statement.replace(f"'{digest.hex()}'", blob)


@pytest.fixture
def first_version(tmp_path: Path) -> Path:
    """A SQLite file as a router of the first version left it, with two rows in its log."""
    path = tmp_path / "hedgerow.db"
    with closing(sqlite3.connect(path)) as connection:
        for statement in STEPS[0].statements:
            connection.execute(statement)
        before = START
        for number in (1, 2):
            statement, digest = old_row(number, before, "ann")
            connection.execute(statement.replace(f"'{digest.hex()}'", f"x'{digest.hex()}'"))
            before = digest
        connection.execute("PRAGMA user_version = 1")
        connection.commit()
    return path


async def test_a_store_of_the_first_version_is_brought_up_and_its_log_still_verifies(first_version: Path) -> None:
    database = Sqlite(StoreSection(path=first_version))
    await StoredKeys(database).add_key(record("a"), ENTRY)
    rows = await StoredAudit(database).rows(0, 10)
    await database.close()
    assert ([row.seal is None for row in rows], broken_at(rows)) == ([True, True, False], None)
    damaged = [rows[0], msgspec.structs.replace(rows[1], entry=msgspec.structs.replace(rows[1].entry, who="eve"))]
    assert broken_at(damaged) == 2


async def test_a_router_of_the_first_version_writes_into_the_log_of_a_newer_one(
    ground: Ground, database: Database
) -> None:
    audit = StoredAudit(database)
    first = await audit.append(ENTRY)
    statement, digest = old_row(2, first.digest, "ann")
    await ground.execute(as_blob(ground, statement, digest))
    await audit.append(ENTRY)
    assert broken_at(await audit.rows(0, 10)) is None


async def test_a_schema_that_is_newer_by_what_was_added_is_used_as_it_is(ground: Ground) -> None:
    """And not taken back to this version: the newer router still finds what it made."""
    await StoredKeys(ground.open()).add_key(record("a"), ENTRY)
    await ground.execute(f"UPDATE schema_state SET version = {VERSION + 3}, least_reader = {VERSION}")
    assert await StoredKeys(ground.open()).key("a") is not None
    assert await ground.execute("SELECT version FROM schema_state") == [(str(VERSION + 3),)]


async def test_a_schema_that_is_too_new_is_left_alone(ground: Ground) -> None:
    await StoredKeys(ground.open()).key("a")
    await ground.execute(f"UPDATE schema_state SET version = {VERSION + 1}, least_reader = {VERSION + 1}")
    late = StoredKeys(ground.open())
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=f"version {VERSION + 1}, for routers that know"):
            await late.key("a")
    await ground.execute(f"UPDATE schema_state SET least_reader = {VERSION}")
    assert await late.key("a") is None


async def test_routers_that_start_together_make_the_schema_once(ground: Ground) -> None:
    """Each step would fail the second time."""
    routers = [StoredKeys(ground.open()) for _ in range(5)]
    assert await asyncio.gather(*(one.key("a") for one in routers)) == [None] * 5
    assert await ground.execute("SELECT version, least_reader FROM schema_state") == [(str(VERSION), "1")]


async def test_a_step_that_fails_leaves_the_schema_as_it_was(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = migrations.Step(("CREATE TABLE half (one INTEGER)", "CREATE TABLE half (one INTEGER)"))
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", (*STEPS, bad))
        with pytest.raises(StoreUnavailable, match="half"):
            await StoredKeys(ground.open()).key("a")
    assert await StoredKeys(ground.open()).key("a") is None
