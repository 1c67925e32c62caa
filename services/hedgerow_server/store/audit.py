"""The audit log in a database."""

from collections.abc import Sequence
from typing import Any

import msgspec

from hedgerow_server.store.chain import START, digest, new_seal
from hedgerow_server.store.port import Database
from hedgerow_server.store.record import AuditEntry, AuditRow
from hedgerow_server.store.script import Do, Lock, Many, Script

_FIELDS = tuple(field.name for field in msgspec.structs.fields(AuditEntry))
_COLUMNS = ", ".join(("number", *_FIELDS, "digest", "seal"))
_INSERT = f"INSERT INTO audit ({_COLUMNS}) VALUES ({', '.join('?' * (len(_FIELDS) + 3))})"  # noqa: S608  # names of our own
_SELECT = f"SELECT {_COLUMNS} FROM audit WHERE"  # noqa: S608  # as above
_OVERWRITE = "UPDATE audit SET who = ?, subject = ?, detail = ?, seal = ? WHERE number = ?"


class StoredAudit:
    """The AuditStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, entry: AuditEntry) -> AuditRow:
        """Adds an entry."""
        return await self._database.change(insert(entry))

    async def rows(self, after: int, limit: int) -> Sequence[AuditRow]:
        """Rows in order."""
        return await self._database.ask(rows(after, limit))


def insert(entry: AuditEntry) -> Script[AuditRow]:
    """Adds an entry, in a transaction."""
    # However many routers write: one after the other, each on top of the row before.
    yield Lock("audit")
    last = yield Do("SELECT number, digest FROM audit ORDER BY number DESC LIMIT 1")
    number, before = (last[0][0] + 1, bytes(last[0][1])) if last else (1, START)
    entry = _writable(entry)
    seal = new_seal(entry)
    row = AuditRow(number=number, entry=entry, digest=digest(before, number, entry, seal), seal=seal)
    yield Do(_INSERT, (number, *msgspec.structs.astuple(entry), row.digest, seal))
    return row


def rows(after: int, limit: int) -> Script[list[AuditRow]]:
    """Rows with numbers above one, in order."""
    return (yield from _asked(Do(f"{_SELECT} number > ? ORDER BY number LIMIT ?", (after, limit))))


def between(after: int, last: int) -> Script[list[AuditRow]]:
    """Rows with numbers above one and up to another, in order."""
    return (yield from _asked(Do(f"{_SELECT} number > ? AND number <= ? ORDER BY number", (after, last))))


def numbered_rows(found: Sequence[int]) -> Script[list[AuditRow]]:
    """Rows with these numbers, in order."""
    if not found:
        return []
    marks = ", ".join("?" * len(found))
    return (yield from _asked(Do(f"{_SELECT} number IN ({marks}) ORDER BY number", found)))


def last_number() -> Script[int]:
    """The number of the last row; 0 where there is none."""
    found = yield Do("SELECT number FROM audit ORDER BY number DESC LIMIT 1")
    return int(found[0][0]) if found else 0


def overwrite(changed: Sequence[AuditRow]) -> Script[None]:
    """Puts rows of which something was erased in their place, in a transaction that holds the lock "audit"."""
    values = [(one.entry.who, one.entry.subject, one.entry.detail, one.seal, one.number) for one in changed]
    if values:
        yield Many(_OVERWRITE, values)


def _asked(query: Do) -> Script[list[AuditRow]]:
    return [_row(values) for values in (yield query)]


def _writable(entry: AuditEntry) -> AuditEntry:
    # PostgreSQL takes no NUL within a text, and callers may name what they like.
    changed = {name: value.replace("\0", "\ufffd") for name, value in _texts(entry) if "\0" in value}
    return msgspec.structs.replace(entry, **changed) if changed else entry


def _texts(entry: AuditEntry) -> list[tuple[str, str]]:
    return [(name, value) for name, value in msgspec.structs.asdict(entry).items() if isinstance(value, str)]


def _row(values: Sequence[Any]) -> AuditRow:
    number, *entry, told, seal = values
    return AuditRow(
        number=number,
        entry=AuditEntry(**dict(zip(_FIELDS, entry, strict=True))),
        digest=bytes(told),
        seal=bytes(seal) if seal is not None else None,
    )
