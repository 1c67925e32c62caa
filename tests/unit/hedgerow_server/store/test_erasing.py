"""Users who are taken out of keys and the audit log, in SQLite and in PostgreSQL alike."""

import asyncio

import msgspec
import pytest
from hedgerow_server.store import erasing
from hedgerow_server.store.audit import StoredAudit, overwrite
from hedgerow_server.store.chain import OLD_ERASED, START, blanked, broken_at, erased_fields, numbers, ranges
from hedgerow_server.store.erasing import Done, StoredPeople, User
from hedgerow_server.store.keys import StoredKeys
from hedgerow_server.store.port import Database
from hedgerow_server.store.record import AuditEntry, AuditRow
from unit.hedgerow_server.store.conftest import Ground
from unit.hedgerow_server.store.test_migrations import as_blob, old_row
from unit.hedgerow_server.store.test_stores import ENTRY, record

ANN = User("acme", "ann")


def entry(action: str, who: str = "admin_token:operator", subject: str = "", **detail: object) -> AuditEntry:
    """Something that was done."""
    told = msgspec.json.encode(detail).decode()
    return AuditEntry(at_unix_s=1.5, who=who, action=action, subject=subject, detail=told)


def told(done: Done) -> AuditEntry:
    """The row of an erasure."""
    return entry("EraseUser", subject="erased-1", erased=msgspec.structs.asdict(done.erased))


async def log(database: Database) -> list[AuditRow]:
    """All rows, which must be what was written."""
    rows = list(await StoredAudit(database).rows(0, 10_000))
    assert broken_at(rows) is None
    return rows


async def test_the_keys_of_a_user_end_and_say_nothing_of_him(database: Database) -> None:
    keys = StoredKeys(database)
    for one in (
        record("a", user="ann", description="Ann's laptop", created_by="acme/ann"),
        record("b", user="ann", revoked_unix_s=3.0),
        record("c", user="ann", tenant="globex", created_by="globex/ann"),
        record("d", user="bob", description="Bob's", created_by="acme/search/ann"),
        record("e", user="hann", created_by="acme/hann"),
    ):
        await keys.add_key(one, ENTRY)
    done = await StoredPeople(database).erase(ANN, 9.0, told)
    found = {one.key_id: one for one in await keys.keys("", "", 10)}
    assert {name: (one.user, one.description, one.created_by, one.revoked_unix_s) for name, one in found.items()} == {
        "a": ("", "", "", 9.0),
        "b": ("", "", "", 3.0),
        "c": ("ann", "", "globex/ann", None),
        "d": ("bob", "Bob's", "", None),
        "e": ("hann", "", "acme/hann", None),
    }
    assert done.keys == 3
    # Every router hears of it.
    assert {one.key_id for one in await keys.keys_after(5, 10)} == {"a", "b", "d"}


@pytest.mark.parametrize(
    ("about", "expected"),
    [
        (entry("Reload", "api_key:acme/ann", request={}), {"who"}),
        (entry("Reload", "jwt:acme/search/web/ann"), {"who"}),
        (entry("CreateKey", subject="k", tenant="acme", user="ann", description="of Ann"), {"detail"}),
        (entry("CreateKey", request={"tenant": "acme", "user": "ann"}), {"detail"}),
        (entry("RevokeKey", subject="hers", reason="Ann has left"), {"detail"}),
        (entry("RevokeKey", "mtls:acme/ann", subject="hers", reason="lost"), {"who", "detail"}),
        (entry("Reload", "api_key:acme/hann"), set()),
        (entry("Reload", "api_key:acme/ann/bob"), set()),
        (entry("Reload", "api_key:globex/ann"), set()),
        (entry("CreateKey", subject="k", tenant="globex", user="ann"), set()),
        (entry("RevokeKey", subject="others", reason="ann"), set()),
    ],
)
async def test_a_row_loses_what_names_the_user_and_nothing_else(
    database: Database, about: AuditEntry, expected: set[str]
) -> None:
    audit = StoredAudit(database)
    await StoredKeys(database).add_key(record("hers", user="ann"), ENTRY)
    await audit.append(about)
    done = await StoredPeople(database).erase(ANN, 9.0, told)
    first, second, erasure = await log(database)
    assert set(erased_fields(second)) == expected
    assert second.entry == msgspec.structs.replace(about, **dict.fromkeys(expected, ""))
    assert done.rows == bool(expected) + bool(erased_fields(first))
    assert "ann" not in repr(erasure)


async def test_rows_about_a_key_that_is_forgotten_long_since_are_found_by_the_row_that_made_it(
    database: Database,
) -> None:
    audit = StoredAudit(database)
    await audit.append(entry("CreateKey", subject="k1", tenant="acme", user="ann"))
    await audit.append(entry("RotateKey", subject="k1", new="k2", overlap_s=5))
    await audit.append(entry("RevokeKey", subject="k2", reason="Ann has left"))
    await StoredPeople(database).erase(ANN, 9.0, told)
    assert [row.entry.detail for row in (await log(database))[:3]] == ["", "", ""]


async def test_nothing_is_left_to_find_the_user_with(ground: Ground, database: Database) -> None:
    """Not even by trying names: the salts of what was erased are gone."""
    row = await StoredAudit(database).append(entry("Reload", "api_key:acme/ann"))
    await StoredPeople(database).erase(ANN, 9.0, told)
    (left, _) = await log(database)
    assert row.seal is not None
    assert left.seal is not None
    # The commitments stay, the salt of "who" goes, the others stay.
    assert left.seal[:96] == row.seal[:96]
    assert (left.seal[96:112], left.seal[112:]) == (b"\0" * 16, row.seal[112:])


async def test_rows_of_the_first_version_are_erased_whole_and_keep_their_place(
    ground: Ground, database: Database
) -> None:
    await StoredKeys(database).key("a")
    before = START
    for number, who in ((1, "api_key:acme/ann"), (2, "api_key:acme/bob")):
        statement, digest = old_row(number, before, who)
        await ground.execute(as_blob(ground, statement, digest))
        before = digest
    done = await StoredPeople(database).erase(ANN, 9.0, told)
    rows = await log(database)
    assert [row.entry.who for row in rows] == ["", "api_key:acme/bob", "admin_token:operator"]
    assert (done.rows, numbers(msgspec.json.decode(rows[2].entry.detail)["erased"]["old_rows"])) == (1, [range(1, 2)])


async def test_to_erase_again_finds_what_has_come_since(database: Database) -> None:
    audit, people = StoredAudit(database), StoredPeople(database)
    await audit.append(entry("Reload", "api_key:acme/ann"))
    assert (await people.erase(ANN, 9.0, told)).rows == 1
    assert (await people.erase(ANN, 9.0, told)).rows == 0
    await audit.append(entry("Reload", "api_key:acme/ann"))
    assert (await people.erase(ANN, 9.0, told)).rows == 1
    assert [row.entry.action for row in await log(database)].count("EraseUser") == 3


async def test_two_users_of_one_row_are_erased_at_once(ground: Ground) -> None:
    audit = StoredAudit(ground.open())
    for _ in range(20):
        await audit.append(entry("CreateKey", "api_key:acme/ann", subject="k", tenant="acme", user="bob"))
    people = [StoredPeople(ground.open()) for _ in range(2)]
    bob = User("acme", "bob")
    await asyncio.gather(people[0].erase(ANN, 9.0, told), people[1].erase(bob, 9.0, told))
    rows = await log(ground.open())
    assert {(row.entry.who, row.entry.detail) for row in rows[:20]} == {("", "")}


async def test_many_rows_are_erased_in_several_transactions_that_each_leave_a_row(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "_BATCH", 3)
    monkeypatch.setattr(erasing, "_WINDOW", 2)
    audit = StoredAudit(database)
    for number in range(10):
        await audit.append(entry("Reload", "api_key:acme/ann" if number != 4 else "api_key:acme/bob"))
    done = await StoredPeople(database).erase(ANN, 9.0, told)
    rows = await log(database)
    assert (done.rows, len(rows)) == (9, 13)
    assert [msgspec.json.decode(row.entry.detail)["erased"]["rows"] for row in rows[10:]] == ["1-3", "4, 6-7", "8-10"]


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        # Emptied by somebody, as if a user had been erased.
        ("UPDATE audit SET who = '' WHERE number = 2", 2),
        ("UPDATE audit SET who = '', seal = (SELECT seal FROM audit WHERE number = 1) WHERE number = 2", 2),
        # What is left of an erased row, and what was erased.
        ("UPDATE audit SET subject = 'x' WHERE number = 1", 1),
        ("UPDATE audit SET who = 'eve' WHERE number = 1", 1),
        ("UPDATE audit SET outcome = 'no' WHERE number = 1", 1),
    ],
)
async def test_an_erased_row_cannot_be_altered_and_no_other_one_emptied(
    ground: Ground, database: Database, damage: str, expected: int
) -> None:
    audit = StoredAudit(database)
    for who in ("api_key:acme/ann", "api_key:acme/bob"):
        await audit.append(entry("Reload", who))
    await StoredPeople(database).erase(ANN, 9.0, told)
    await log(database)
    await ground.execute(damage)
    assert broken_at(await audit.rows(0, 10)) == expected


@pytest.mark.parametrize("seal", ["keep the salts", "drop all"])
async def test_a_row_that_was_emptied_by_the_book_but_that_no_erasure_names_is_found(
    database: Database, seal: str
) -> None:
    audit = StoredAudit(database)
    first = await audit.append(entry("Reload", "api_key:acme/bob"))
    emptied = blanked(first, ("who", "subject", "detail"))
    if seal == "drop all":
        emptied = msgspec.structs.replace(emptied, seal=OLD_ERASED)
    await database.change(overwrite([emptied]))
    await StoredPeople(database).erase(ANN, 9.0, told)
    assert broken_at(await audit.rows(0, 10)) == 1


def test_numbers_are_told_as_ranges() -> None:
    assert ranges([1, 2, 3, 7, 9, 10]) == "1-3, 7, 9-10"
    assert numbers("1-3, 7, 9-10") == [range(1, 4), range(7, 8), range(9, 11)]
    assert (ranges([]), numbers("")) == ("", [])
