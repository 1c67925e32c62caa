"""Keys and the audit log, in SQLite and in PostgreSQL alike."""

import asyncio

import msgspec
import pytest
from hedgerow_server.store.audit import StoredAudit
from hedgerow_server.store.chain import broken_at
from hedgerow_server.store.keys import StoredKeys
from hedgerow_server.store.port import Database, StoreUnavailable
from hedgerow_server.store.record import AuditEntry, KeyRecord
from unit.hedgerow_server.store.conftest import Ground

ENTRY = AuditEntry(at_unix_s=1.5, who="x", action="CreateKey")


def record(key_id: str, **more: object) -> KeyRecord:
    """A key of nobody's."""
    given = {"digest": b"\x00\xff", "pepper_id": "p", "tenant": "acme", "created_unix_s": 1.0, **more}
    return KeyRecord(key_id=key_id, **given)  # type: ignore[arg-type]


def purged(gone: object) -> AuditEntry:
    """The row of a purge."""
    return msgspec.structs.replace(ENTRY, action="PurgeKeys", detail=repr(gone))


async def test_a_key_comes_back_as_it_was_kept(database: Database) -> None:
    keys = StoredKeys(database)
    full = record(
        "a", roles=("x", "y"), models=('"', "é*"), expires_unix_s=5.5, description="'; DROP TABLE api_key; --"
    )
    kept = await keys.add_key(full, ENTRY)
    assert kept == msgspec.structs.replace(full, change=1)
    assert await keys.key("a") == kept
    assert await keys.key("' OR 1=1 --") is None


async def test_every_change_has_a_higher_number_than_those_before(database: Database) -> None:
    keys = StoredKeys(database)
    for name in "abc":
        await keys.add_key(record(name), ENTRY)
    await keys.change_key("a", lambda old: (msgspec.structs.replace(old, revoked_unix_s=2.0), None), ENTRY)
    assert [(one.key_id, one.change) for one in await keys.keys_after(0, 10)] == [("b", 2), ("c", 3), ("a", 4)]
    assert [one.key_id for one in await keys.keys_after(3, 10)] == ["a"]
    assert [one.key_id for one in await keys.keys_after(0, 2)] == ["b", "c"]


async def test_keys_come_in_pages(database: Database) -> None:
    keys = StoredKeys(database)
    for name, tenant in (("c", "acme"), ("a", "acme"), ("b", "globex")):
        await keys.add_key(record(name, tenant=tenant), ENTRY)
    assert [one.key_id for one in await keys.keys("", "", 2)] == ["a", "b"]
    assert [one.key_id for one in await keys.keys("acme", "a", 2)] == ["c"]


async def test_a_change_that_fails_leaves_nothing_behind(database: Database) -> None:
    keys, audit = StoredKeys(database), StoredAudit(database)
    await keys.add_key(record("a"), ENTRY)

    def fail(old: KeyRecord) -> tuple[KeyRecord, KeyRecord | None]:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await keys.change_key("a", fail, ENTRY)
    with pytest.raises(StoreUnavailable):  # the further key is there already
        await keys.change_key("a", lambda old: (msgspec.structs.replace(old, tenant="x"), record("a")), ENTRY)
    assert (await keys.key("a"), len(await audit.rows(0, 10))) == (msgspec.structs.replace(record("a"), change=1), 1)


async def test_two_routers_write_in_turn(ground: Ground) -> None:
    """They also make the schema at the same time."""
    one, other = ground.open(), ground.open()
    stores = StoredKeys(one), StoredKeys(other)
    await asyncio.gather(*(stores[n % 2].add_key(record(f"{n:03}"), ENTRY) for n in range(40)))
    rows = await StoredAudit(other).rows(0, 100)
    assert [one.change for one in await stores[0].keys_after(0, 100)] == list(range(1, 41))
    assert (len(rows), broken_at(rows)) == (40, None)


async def test_whoever_follows_the_changes_misses_none(ground: Ground) -> None:
    """A number that becomes visible after a higher one would be one that nobody asks for any more."""
    writers, follower = [StoredKeys(ground.open()) for _ in range(2)], StoredKeys(ground.open())
    await follower.key("a")
    writing = asyncio.gather(*(writers[n % 2].add_key(record(f"{n:03}"), ENTRY) for n in range(60)))
    seen: list[int] = []
    while len(seen) < 60:
        done = writing.done()
        fresh = [one.change for one in await follower.keys_after(seen[-1] if seen else 0, 100)]
        seen += fresh
        if done and not fresh:
            break
    await writing
    assert seen == list(range(1, 61))


async def test_text_that_a_database_would_not_take_is_kept_nearly_as_it_is(database: Database) -> None:
    keys, audit = StoredKeys(database), StoredAudit(database)
    await keys.add_key(record("a", description="a\0b"), msgspec.structs.replace(ENTRY, subject="a\0b", who="\0"))
    rows = await audit.rows(0, 10)
    found = await keys.key("a")
    assert found is not None
    assert (found.description, rows[0].entry.subject, rows[0].entry.who) == ("a\ufffdb", "a\ufffdb", "\ufffd")
    assert broken_at(rows) is None


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ("UPDATE audit SET who = 'eve' WHERE number = 3", 3),
        ("UPDATE audit SET who = '' WHERE number = 3", 3),
        ("UPDATE audit SET detail = '{}' WHERE number = 5", 5),
        ("UPDATE audit SET outcome = 'OK!' WHERE number = 5", 5),
        ("UPDATE audit SET at_unix_s = at_unix_s + 1 WHERE number = 1", 1),
        ("UPDATE audit SET digest = (SELECT digest FROM audit WHERE number = 1) WHERE number = 2", 2),
        ("UPDATE audit SET seal = (SELECT seal FROM audit WHERE number = 1) WHERE number = 2", 2),
        ("UPDATE audit SET seal = NULL WHERE number = 4", 4),
        ("DELETE FROM audit WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 1", 1),
        ("UPDATE audit SET number = number + 1 WHERE number = 5", 5),
        ("UPDATE audit SET subject = who, who = subject WHERE number = 4", 4),
    ],
)
async def test_the_first_row_that_is_not_what_was_written_is_found(
    ground: Ground, database: Database, damage: str, expected: int
) -> None:
    audit = StoredAudit(database)
    for number in range(5):
        await audit.append(msgspec.structs.replace(ENTRY, subject=f"key-{number}"))
    assert broken_at(await audit.rows(0, 10)) is None
    await ground.execute(damage)
    assert broken_at(await audit.rows(0, 10)) == expected


async def test_the_last_use_of_a_key_is_the_latest_that_any_router_noted(database: Database) -> None:
    """A use is no change of the key."""
    keys = StoredKeys(database)
    for name in "ab":
        await keys.add_key(record(name), ENTRY)
    for uses in ({"a": 50.0, "unknown": 60.0}, {"a": 70.0}, {"a": 60.5, "b": 40.0}):
        await keys.note_uses(uses)
    assert [(one.key_id, one.last_used_unix_s) for one in await keys.keys("", "", 10)] == [("a", 70.0), ("b", 40.0)]
    assert [one.change for one in await keys.keys_after(0, 10)] == [1, 2]


async def test_keys_that_ended_long_ago_are_forgotten_with_a_row_that_names_them(database: Database) -> None:
    keys, audit = StoredKeys(database), StoredAudit(database)
    ends = {"a": {"expires_unix_s": 5.0}, "b": {"revoked_unix_s": 9.0}, "c": {"expires_unix_s": 11.0}, "d": {}}
    for name, end in ends.items():
        await keys.add_key(record(name, **end), ENTRY)
    await keys.note_uses({"a": 1.0})
    assert await keys.purge(10.0, 1, purged) == 1
    assert await keys.purge(10.0, 10, purged) == 1
    assert await keys.purge(10.0, 10, purged) == 0
    assert [one.key_id for one in await keys.keys("", "", 10)] == ["c", "d"]
    rows = await audit.rows(4, 10)
    assert [(row.entry.action, row.entry.detail) for row in rows] == [("PurgeKeys", "['a']"), ("PurgeKeys", "['b']")]
    assert broken_at(await audit.rows(0, 10)) is None
